//! Seats and nights from outside: booked, paid, shown, told of, and given back.

use std::collections::BTreeSet;

use boxoffice::http::HttpAnswer;
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::Platform;

use crate::world::{register, told, until, until_status};

async fn register_of_kind(platform: &Platform, name: &str, kind: Value) -> String {
    let mut ticket = json!({
        "name": name,
        "timeZone": "Asia/Seoul",
        "unitPrice": {"currencyCode": "KRW", "units": "55000"},
    });
    ticket.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
    let token = platform.organizer("acme");
    let answer = platform.http.post("/v1/tickets").token(&token).json(ticket).send().await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.json);
    answer.text("ticketId").to_owned()
}

/// A hall of two rows with five seats each.
async fn register_hall(platform: &Platform) -> String {
    let seats: Vec<_> =
        ["A", "B"].iter().flat_map(|row| (1..=5).map(move |n| format!("{row}{n}"))).collect();
    let kind = json!({"kind": "TICKET_KIND_SEATED", "seats": seats});
    register_of_kind(platform, "Chamber music", kind).await
}

/// Three rooms, from 20 December of the coming winter to 9 January.
async fn register_house(platform: &Platform) -> String {
    let kind = json!({
        "kind": "TICKET_KIND_NIGHTLY", "capacity": "3",
        "firstNight": date(winter(), 12, 20), "lastNight": date(winter() + 1, 1, 9),
    });
    register_of_kind(platform, "House by the sea", kind).await
}

fn date(year: i32, month: i32, day: i32) -> Value {
    json!({"year": year, "month": month, "day": day})
}

async fn book(platform: &Platform, buyer: &str, ticket: &str, what: Value) -> HttpAnswer {
    let mut wish = json!({"ticketId": ticket, "paymentMethod": "ok"});
    wish.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    let token = platform.buyer(buyer);
    platform.http.post("/v1/bookings").token(&token).json(wish).send().await.unwrap()
}

async fn confirmed(platform: &Platform, buyer: &str, ticket: &str, what: Value) -> Value {
    let answer = book(platform, buyer, ticket, what).await;
    assert_eq!(answer.text("status"), "BOOKING_STATUS_CONFIRMED", "{}", answer.json);
    answer.json
}

async fn cancel(platform: &Platform, buyer: &str, booking: &Value) -> Value {
    let id = booking["bookingId"].as_str().unwrap();
    let (path, token) = (format!("/v1/bookings/{id}:cancel"), platform.buyer(buyer));
    platform.http.post(path).token(&token).json(json!({})).send().await.unwrap();
    until_status(platform, buyer, id, "BOOKING_STATUS_CANCELLED").await
}

/// The slots of a ticket, by their names, of those that stand in `among`.
async fn slots(platform: &Platform, ticket: &str, query: &str, among: &[&str]) -> Vec<Value> {
    let path = format!("/v1/tickets/{ticket}/availability{query}");
    let answer = platform.http.get(path).send().await.unwrap();
    let all = answer.json["slots"].as_array().unwrap_or_else(|| panic!("{}", answer.json)).clone();
    let named = |slot: &Value| among.iter().any(|name| slot["slot"] == *name);
    all.into_iter().filter(named).collect()
}

/// The coming winter after this one: neither is it over, nor too far ahead.
fn winter() -> i32 {
    i32::from(jiff::Zoned::now().year()) + 1
}

/// From 28 December to 3 January.
async fn around_new_year(platform: &Platform, house: &str) -> Vec<Value> {
    let (old, new) = (winter(), winter() + 1);
    let query = format!(
        "?startDate.year={old}&startDate.month=12&startDate.day=28\
         &endDate.year={new}&endDate.month=1&endDate.day=3"
    );
    let december = [29, 30, 31].map(|day| format!("{old}-12-{day}"));
    let january = [1, 2].map(|day| format!("{new}-01-0{day}"));
    let nights: Vec<_> = december.iter().chain(&january).map(String::as_str).collect();
    slots(platform, house, &query, &nights).await
}

fn left(slots: &[Value]) -> Vec<&str> {
    slots.iter().map(|slot| slot["available"].as_str().unwrap_or("0")).collect()
}

/// R25 as well: the turn of the year is where week-years and instants go wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a01_a05_nights_go_in_and_out_unchanged_and_all_come_back() {
    let platform = Platform::start().await;
    let (alice, acme) = (platform.buyer("alice"), platform.organizer("acme"));
    let house = register_house(&platform).await;
    let before = around_new_year(&platform, &house).await;
    assert_eq!(left(&before), ["3", "3", "3", "3", "3"]);

    let (check_in, check_out) = (date(winter(), 12, 30), date(winter() + 1, 1, 2));
    let wish = json!({"quantity": 2, "checkIn": check_in, "checkOut": check_out});
    let booking = confirmed(&platform, "alice", &house, wish).await;
    let id = booking["bookingId"].as_str().unwrap();
    assert_eq!(booking["total"]["units"], "330000", "three nights, two rooms, 55,000 each");
    let sales = format!("/v1/mypage/sales?ticketId={house}");
    let is_sold = |page: &Value| page["sales"][0]["status"] == "BOOKING_STATUS_CONFIRMED";
    let path = format!("/v1/bookings/{id}");
    let view = format!("/v1/mypage/bookings/{id}");
    let is_confirmed = |row: &Value| row["status"] == "BOOKING_STATUS_CONFIRMED";
    for row in [
        until(&platform.http, &path, &alice, is_confirmed).await,
        until(&platform.http, &view, &alice, is_confirmed).await,
        until(&platform.http, &sales, &acme, is_sold).await["sales"][0].clone(),
    ] {
        assert_eq!((&row["quantity"], &row["total"]), (&json!(2), &booking["total"]), "{row}");
        assert_eq!((&row["checkIn"], &row["checkOut"]), (&check_in, &check_out), "{row}");
    }
    let inbox = format!("/v1/notifications?bookingId={id}&pageSize=100");
    for reader in [&alice, &acme] {
        let is_told = |inbox: &Value| told(inbox).contains(&"BookingConfirmed");
        let letters = until(&platform.http, &inbox, reader, is_told).await.to_string();
        let stay = format!("3 nights, 30 December {} to 2 January {}", winter(), winter() + 1);
        assert!(letters.contains(&stay), "{letters}");
    }
    let during = around_new_year(&platform, &house).await;
    assert_eq!(left(&during), ["3", "1", "1", "1", "3"], "the day of leaving is no night");

    let two = json!({"quantity": 2, "checkIn": date(winter() + 1, 1, 1), "checkOut": date(winter() + 1, 1, 5)});
    let refused = book(&platform, "bob", &house, two).await;
    assert_eq!((refused.status.as_u16(), refused.reason()), (409, "SOLD_OUT"), "{}", refused.json);
    let next = json!({"quantity": 3, "checkIn": check_out, "checkOut": date(winter() + 1, 1, 3)});
    confirmed(&platform, "bob", &house, next).await;

    let cancelled = cancel(&platform, "alice", &booking).await;
    assert_eq!(cancelled["refunded"], booking["total"]);
    assert_eq!((&cancelled["checkIn"], &cancelled["checkOut"]), (&check_in, &check_out));
    let after = around_new_year(&platform, &house).await;
    assert_eq!(left(&after), ["3", "3", "3", "3", "0"], "only Bob's night is taken");
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a05_seats_are_booked_by_their_names_and_all_come_back() {
    let platform = Platform::start().await;
    let alice = platform.buyer("alice");
    let hall = register_hall(&platform).await;
    let two = json!({"seats": ["A3", "B1"]});
    let booking = confirmed(&platform, "alice", &hall, two.clone()).await;
    let id = booking["bookingId"].as_str().unwrap();
    assert_eq!((&booking["quantity"], &booking["seats"]), (&json!(2), &two["seats"]));
    assert_eq!(booking["total"]["units"], "110000");
    let view = format!("/v1/mypage/bookings/{id}");
    let is_confirmed = |row: &Value| row["status"] == "BOOKING_STATUS_CONFIRMED";
    let row = until(&platform.http, &view, &alice, is_confirmed).await;
    assert_eq!(row["seats"], two["seats"]);
    let inbox = format!("/v1/notifications?bookingId={id}&pageSize=100");
    let is_told = |inbox: &Value| told(inbox).contains(&"BookingConfirmed");
    let letters = until(&platform.http, &inbox, &alice, is_told).await.to_string();
    assert!(letters.contains("A3, B1"), "{letters}");

    let one_of_them = json!({"seats": ["A2", "A3"]});
    let refused = book(&platform, "bob", &hall, one_of_them.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.reason()), (409, "SOLD_OUT"), "{}", refused.json);
    let a2 = slots(&platform, &hall, "", &["A2", "A3", "B1"]).await;
    assert_eq!(left(&a2), ["1", "0", "0"], "all or nothing");

    cancel(&platform, "alice", &booking).await;
    let back = slots(&platform, &hall, "", &["A2", "A3", "B1"]).await;
    assert_eq!(left(&back), ["1", "1", "1"]);
    confirmed(&platform, "bob", &hall, one_of_them).await;
    platform.audit_is_clean().await;
}

/// All of them see the same free seats; the hold chooses, not the view.
#[tokio::test(flavor = "multi_thread")]
async fn r31_ten_buyers_who_leave_the_choice_get_ten_seats() {
    let platform = Platform::start().await;
    let hall = register_hall(&platform).await;
    let buyers: Vec<_> = (0..10).map(|n| format!("buyer-{n}")).collect();
    let one = json!({"quantity": 1});
    let wishes = buyers.iter().map(|buyer| book(&platform, buyer, &hall, one.clone()));
    let mut seats = BTreeSet::new();
    for (answer, buyer) in join_all(wishes).await.into_iter().zip(&buyers) {
        assert_eq!(answer.status, 201, "{}", answer.json);
        let id = answer.text("bookingId");
        let row = until_status(&platform, buyer, id, "BOOKING_STATUS_CONFIRMED").await;
        seats.extend(row["seats"].as_array().unwrap().iter().map(Value::to_string));
    }
    assert_eq!(seats.len(), 10, "{seats:?}");
    let late = book(&platform, "late", &hall, one).await;
    assert_eq!((late.status.as_u16(), late.reason()), (409, "SOLD_OUT"), "{}", late.json);
    platform.audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r01_r28_what_does_not_fit_the_ticket_is_refused_and_leaves_nothing_open() {
    let platform = Platform::start().await;
    let (hall, house) = (register_hall(&platform).await, register_house(&platform).await);
    let places = register(&platform, "Standing", 5).await;
    let night = json!({
        "quantity": 1, "checkIn": date(winter(), 12, 24), "checkOut": date(winter(), 12, 25),
    });
    for (ticket, what) in [
        (&places, json!({"seats": ["A1"]})),
        (&places, night.clone()),
        (&hall, night),
        (&house, json!({"quantity": 1})),
        (&house, json!({"seats": ["A1"]})),
        (&hall, json!({"seats": ["A1", "A1"]})),
        (&hall, json!({"seats": ["A1"], "quantity": 2})),
        (&house, json!({"quantity": 1, "checkIn": date(winter(), 12, 24)})),
        (
            &house,
            json!({"quantity": 1, "checkIn": date(winter(), 12, 24), "checkOut": date(winter(), 12, 24)}),
        ),
        (
            &house,
            json!({"quantity": 1, "checkIn": date(winter(), 2, 30), "checkOut": date(winter(), 12, 24)}),
        ),
    ] {
        let refused = book(&platform, "alice", ticket, what.clone()).await;
        let said = (refused.status.as_u16(), refused.reason());
        assert_eq!(said, (400, "INVALID_FIELD"), "{what}: {}", refused.json);
        assert!(refused.json.to_string().contains("fieldViolations"), "{}", refused.json);
    }
    let wrong = json!({"currencyCode": "KRW", "units": "54999"});
    for (ticket, what) in [
        (&hall, json!({"seats": ["A1"], "expectedTotal": wrong})),
        (
            &house,
            json!({
                "quantity": 1, "checkIn": date(winter(), 12, 24), "checkOut": date(winter(), 12, 25),
                "expectedTotal": wrong,
            }),
        ),
    ] {
        let refused = book(&platform, "alice", ticket, what).await;
        let said = (refused.status.as_u16(), refused.reason());
        assert_eq!(said, (409, "PRICE_MISMATCH"), "{}", refused.json);
        assert!(refused.json.to_string().contains("55000"), "tells the price: {}", refused.json);
    }
    for status in ["PENDING", "AWAITING_PAYMENT", "CONFIRMED", "CANCELLING"] {
        let path = format!("/v1/bookings?status=BOOKING_STATUS_{status}");
        let open = platform.http.get(path).token(&platform.buyer("alice")).send().await.unwrap();
        assert_eq!(open.json["bookings"], json!([]), "{status}");
    }
    platform.audit_is_clean().await;
}
