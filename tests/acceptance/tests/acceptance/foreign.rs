//! Who asks for what belongs to somebody else learns no more than that there is nothing (row 23). Every field of every
//! public rpc that names something is tried over gRPC and REST; one that is new in the contract has no rule here and
//! fails.

use serde_json::{Value, json};
use testkit::Platform;

use crate::rpcs::{self, Rpc, Seen};
use crate::world::{book_confirmed, register, until};

const UNKNOWN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// What becomes of somebody else's identifier in a field.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    /// It is not found, as one that there never was.
    Hidden,
    /// Anyone may read tickets, so that this one exists is known: only its organizer may change it.
    Owned,
    /// Anyone may name it; one that there never was is not found.
    Open,
    /// It narrows a list of what is the caller's own: nothing is left.
    Narrows,
    /// It narrows a list that anyone may read, or is passed over as output only.
    Anyones,
}
use Rule::{Anyones, Hidden, Narrows, Open, Owned};

/// The rule of every field that names something. `mine` stands for the caller's own ticket.
const RULES: [(&str, &str, Rule); 28] = [
    ("TicketService/RegisterTicket", "ticket.ticket_id", Anyones),
    ("TicketService/RegisterTicket", "ticket.organizer_id", Anyones),
    ("TicketService/GetTicket", "ticket_id", Open),
    ("TicketService/SearchTickets", "organizer_id", Anyones),
    ("TicketService/UpdateTicket", "ticket.ticket_id", Owned),
    ("TicketService/UpdateTicket", "ticket.organizer_id", Anyones),
    ("TicketService/SetCapacity", "ticket_id", Owned),
    ("TicketService/SetNights", "ticket_id", Owned),
    ("TicketService/DeleteTicket", "ticket_id", Owned),
    ("TicketService/GetAvailability", "ticket_id", Open),
    ("TicketService/WatchAvailability", "ticket_id", Open),
    ("TicketService/GetCalendar", "ticket_ids", Anyones),
    ("TicketService/GetCalendar", "organizer_id", Anyones),
    ("TicketService/CreateHouseHold", "ticket_id", Owned),
    ("TicketService/ReleaseHouseHold", "ticket_id", Owned),
    ("TicketService/ReleaseHouseHold", "hold_id", Hidden),
    ("TicketService/ListHouseHolds", "ticket_id", Owned),
    ("BookingService/CreateBooking", "ticket_id", Open),
    ("BookingService/GetBooking", "booking_id", Hidden),
    ("BookingService/ListBookings", "ticket_id", Narrows),
    ("BookingService/PayBooking", "booking_id", Hidden),
    ("BookingService/CancelBooking", "booking_id", Hidden),
    ("BookingService/GetRetirementProgress", "ticket_id", Hidden),
    ("PaymentService/GetPayment", "payment_id", Hidden),
    ("PaymentService/ListPayments", "booking_id", Narrows),
    ("NotificationService/ListNotifications", "booking_id", Narrows),
    ("NotificationService/ListNotifications", "ticket_id", Narrows),
    ("MyPageService/GetMyBooking", "booking_id", Hidden),
];
const OF_SALES: [(&str, &str, Rule); 2] = [
    ("MyPageService/ListMySales", "ticket_id", Narrows),
    ("MyPageService/GetSalesSummary", "ticket_id", Narrows),
];

fn rules() -> impl Iterator<Item = &'static (&'static str, &'static str, Rule)> {
    RULES.iter().chain(&OF_SALES)
}

/// What a request says beside the identifier that is tried.
fn beside(rpc: &str, field: &str, own_ticket: &str) -> Value {
    match (rpc, field) {
        ("TicketService/UpdateTicket", _) => {
            json!({"ticket": {"name": "Mine now"}, "update_mask": "name"})
        }
        ("TicketService/SetCapacity", _) => json!({"capacity": "1"}),
        ("TicketService/SetNights", _) => json!({
            "start_date": {"year": 2031, "month": 1, "day": 1},
            "end_date": {"year": 2031, "month": 1, "day": 2},
            "closed_to_arrival": true,
        }),
        ("TicketService/CreateHouseHold" | "BookingService/CreateBooking", _) => {
            json!({"quantity": 1})
        }
        ("TicketService/ReleaseHouseHold", "ticket_id") => json!({"hold_id": UNKNOWN}),
        ("TicketService/ReleaseHouseHold", _) => json!({"ticket_id": own_ticket}),
        ("BookingService/PayBooking", _) => json!({"payment_method": "ok"}),
        _ => json!({}),
    }
}

fn with(mut request: Value, field: &str, id: &str) -> Value {
    let pointer = field.split('.').fold(&mut request, |object, name| &mut object[name]);
    *pointer = json!(id);
    request
}

/// Who stands outside: another buyer, another organizer with a ticket, and what belongs to alice and acme.
struct World {
    platform: Platform,
    mallory: String,
    rival: String,
    rivals_ticket: String,
    ticket: String,
    booking: String,
    payment: String,
    hold: String,
}

impl World {
    async fn start() -> Self {
        let platform = Platform::start().await;
        let ticket = register(&platform, "Private", 9).await;
        let booking = book_confirmed(&platform, "alice", &ticket, 1).await;
        let (mallory, rival) = (platform.buyer("mallory"), platform.organizer("rival"));
        let (alice, acme) = (platform.buyer("alice"), platform.organizer("acme"));
        let mine = format!("/v1/mypage/bookings/{booking}");
        let row = until(&platform.http, &mine, &alice, |row| {
            row["paymentStatus"] == "PAYMENT_STATUS_APPROVED"
        });
        row.await;
        let sales = format!("/v1/mypage/sales?ticketId={ticket}");
        until(&platform.http, &sales, &acme, |page| page["sales"][0].is_object()).await;
        let inbox = format!("/v1/notifications?bookingId={booking}");
        until(&platform.http, &inbox, &alice, |page| page["notifications"][0].is_object()).await;
        let payments = format!("/v1/payments?bookingId={booking}");
        let paid = platform.http.get(payments).token(&alice).send().await.unwrap();
        let payment = paid.json["payments"][0]["paymentId"].as_str().unwrap().to_owned();
        let holds = platform.http.post(format!("/v1/tickets/{ticket}/houseHolds"));
        let hold = holds.token(&acme).json(json!({"quantity": 1})).send().await.unwrap();
        let hold = hold.text("holdId").to_owned();
        let own = json!({
            "kind": "TICKET_KIND_ADMISSION", "name": "Rival", "capacity": "1",
            "unitPrice": {"currencyCode": "KRW", "units": "1"},
        });
        let own = platform.http.post("/v1/tickets").token(&rival).json(own).send().await.unwrap();
        let rivals_ticket = own.text("ticketId").to_owned();
        Self { platform, mallory, rival, rivals_ticket, ticket, booking, payment, hold }
    }

    /// Something of that kind that is not the caller's.
    fn foreign(&self, field: &str) -> &str {
        match field.rsplit('.').next() {
            Some("ticket_id") => &self.ticket,
            Some("booking_id") => &self.booking,
            Some("payment_id") => &self.payment,
            Some("hold_id") => &self.hold,
            _ => panic!("{field}: nothing of this kind in the test"),
        }
    }

    /// The one whose role the rpc takes, and who may not touch what it is asked for.
    fn outsider(&self, rpc: &str, rule: Rule) -> String {
        let organizers =
            ["GetRetirementProgress", "ReleaseHouseHold", "ListMySales", "GetSalesSummary"];
        match rule {
            // Who books what anyone may book has a booking then.
            Open => self.platform.buyer("anyone"),
            Owned => self.rival.clone(),
            Hidden | Narrows | Anyones if organizers.iter().any(|name| rpc.ends_with(name)) => {
                self.rival.clone()
            }
            Hidden | Narrows | Anyones => self.mallory.clone(),
        }
    }

    /// What is seen of `id`, over gRPC and over REST.
    async fn ask(&self, rpc: &Rpc, field: &str, token: &str, id: &str) -> [Seen; 2] {
        let request = with(beside(&rpc.name(), field, &self.rivals_ticket), field, id);
        let grpc = rpc.over_grpc(&self.platform, token, &request).await;
        [grpc.of(id), rpc.over_rest(&self.platform, token, &request).await.of(id)]
    }

    async fn follows(&self, rpc: &Rpc, field: &str, rule: Rule) {
        let token = self.outsider(&rpc.name(), rule);
        let foreign = self.ask(rpc, field, &token, self.foreign(field)).await;
        let unknown = self.ask(rpc, field, &token, UNKNOWN).await;
        let codes = |seen: &[Seen; 2]| seen.each_ref().map(|seen| seen.code);
        let what = format!("{} by {field}: {foreign:#?}\n{unknown:#?}", rpc.name());
        match rule {
            Hidden => {
                assert_eq!(codes(&foreign), [5, 404], "{what}");
                assert_eq!(foreign, unknown, "{what}");
            }
            Owned => {
                assert_eq!((codes(&foreign), codes(&unknown)), ([7, 403], [5, 404]), "{what}");
                let buyer = self.ask(rpc, field, &self.mallory, self.foreign(field)).await;
                assert_eq!(codes(&buyer), [7, 403], "{what}\na buyer: {buyer:#?}");
            }
            // What is made answers 201.
            Open => assert!(
                matches!((codes(&foreign), codes(&unknown)), ([0, 200 | 201], [5, 404])),
                "{what}"
            ),
            Narrows => {
                assert_eq!((codes(&foreign), codes(&unknown)), ([0, 200], [0, 200]), "{what}");
                assert_eq!(foreign, unknown, "{what}");
            }
            Anyones => {}
        }
    }
}

#[test]
fn row23_every_field_that_names_something_has_a_rule() {
    let public = rpcs::all().into_iter().filter(Rpc::is_public);
    let mut fields: Vec<_> =
        public.flat_map(|rpc| rpc.ids().into_iter().map(move |id| (rpc.name(), id))).collect();
    let mut ruled: Vec<_> =
        rules().map(|(rpc, id, _)| ((*rpc).to_owned(), (*id).to_owned())).collect();
    fields.sort();
    ruled.sort();
    assert_eq!(fields, ruled, "what the contract has, what this test knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn row23_what_is_anothers_is_as_if_it_were_not_there() {
    let world = World::start().await;
    let rpcs = rpcs::all();
    for (name, field, rule) in rules().filter(|(.., rule)| *rule != Anyones) {
        let rpc = rpcs.iter().find(|rpc| rpc.name() == *name).expect("in the contract");
        world.follows(rpc, field, *rule).await;
    }
    // Nothing has happened to what was tried.
    let alice = world.platform.buyer("alice");
    let kept = format!("/v1/bookings/{}", world.booking);
    let kept = world.platform.http.get(kept).token(&alice).send().await.unwrap();
    assert_eq!(kept.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", kept.json);
    let ticket = format!("/v1/tickets/{}", world.ticket);
    let ticket = world.platform.http.get(ticket).send().await.unwrap();
    let as_it_was = (ticket.text("name"), ticket.text("capacity"), ticket.text("status"));
    assert_eq!(as_it_was, ("Private", "9", "TICKET_STATUS_ON_SALE"));
    world.platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row23_an_organizer_cannot_name_another_as_the_owner() {
    let world = World::start().await;
    let stolen = json!({"ticket": {
        "organizer_id": "acme", "ticket_id": world.ticket, "kind": "TICKET_KIND_ADMISSION",
        "name": "Stolen", "capacity": "1", "unit_price": {"currency_code": "KRW", "units": "1"},
    }});
    let change = json!({
        "ticket": {"ticket_id": world.rivals_ticket, "organizer_id": "acme", "name": "Given away"},
        "update_mask": "name,organizerId",
    });
    for (name, request) in
        [("TicketService/RegisterTicket", stolen), ("TicketService/UpdateTicket", change)]
    {
        let rpc = rpcs::all().into_iter().find(|rpc| rpc.name() == name).expect("in the contract");
        let seen = rpc.over_grpc(&world.platform, &world.rival, &request).await;
        let refused = seen.code == 3;
        let stays =
            seen.said.contains(r#""organizerId":"rival""#) && !seen.said.contains(&world.ticket);
        assert!(refused || (seen.code == 0 && stays), "{name}: {seen:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row23_no_client_calls_what_is_for_our_own_servers() {
    let world = World::start().await;
    for rpc in rpcs::all().into_iter().filter(|rpc| !rpc.is_public()) {
        for token in [&world.mallory, &world.rival] {
            let seen = rpc.over_grpc(&world.platform, token, &rpc.sound(UNKNOWN)).await;
            // Of a batch each has its own verdict.
            let each = r#"{"verdicts":[{"refusal":{"code":7,"#;
            let refused = seen.code == 7 || (seen.code == 0 && seen.said.starts_with(each));
            assert!(refused, "{}: {seen:#?}", rpc.name());
        }
    }
}
