//! The use cases of the ticket context over its memory store, with a clock that stands still.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a scene that cannot be set up is a failed test"
)]

mod damaged;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kernel::{
    Answered, BuyerId, Caller, Cause, CivilDate, Clock, Currency, EventId, Fault, FaultClass,
    HoldId, IdSource, Locale, Money, OrganizerId, PageSize, Quantity, ReplyKey, Role, TicketId,
    Timestamp, Uuid,
};
use memory_ticket::MemoryTicketStore;
use testkit::{ManualClock, NumberedIds};
use ticket::{
    CalendarOf, ChangeTicketError, CreateHouseHold, DeleteTicket, GetCalendar, HoldOwner,
    HoldRequest, HoldState, HoldStep, Listing, NightChange, Nights, RegisterTicket, SetCapacity,
    SetNights, StockCommand, StockOutcome, Sweep, TermsChange, TicketDraft, TicketEvent,
    TicketKind, TicketOrder, TicketSearch, TicketStatus, Ticketing, UpdateTicket, Wanted,
};

struct Scene {
    ticketing: Ticketing,
    store: Arc<MemoryTicketStore>,
    clock: Arc<ManualClock>,
    ids: Arc<NumberedIds>,
    organizer: Caller,
    service: Caller,
}

fn caller(role: Role, organizer: Option<&str>) -> Caller {
    Caller {
        subject: Some("somebody".into()),
        roles: vec![role],
        organizer_id: organizer.map(|name| OrganizerId::new(name).unwrap()),
        locale: Locale::Ko,
    }
}

impl Scene {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000_000_000)));
        let ids = Arc::new(NumberedIds::default());
        let store = Arc::new(MemoryTicketStore::new(clock.clone()));
        let ticketing = Ticketing {
            store: store.clone(),
            stock: store.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            encode_reply: |listing| listing.ticket.id.to_string().into_bytes(),
            encode_hold: |hold| hold.id.to_string().into_bytes(),
        };
        let organizer = caller(Role::Organizer, Some("acme"));
        Self { ticketing, store, clock, ids, organizer, service: caller(Role::Service, None) }
    }

    async fn registered(&self, capacity: i64) -> TicketId {
        let done = self.ticketing.register_ticket(&self.organizer, request(capacity), None).await;
        fresh(done.unwrap()).ticket.id
    }

    async fn hold(&self, ticket_id: TicketId, units: i64, pinned: bool) -> HoldId {
        let hold_id = HoldId::new(self.ids.next());
        let command = StockCommand::Hold(HoldRequest {
            hold_id,
            ticket_id,
            owner: HoldOwner::Buyer(BuyerId::new("alice").unwrap()),
            wanted: Wanted::Units(Quantity::new(units).unwrap()),
            expected_total: None,
            pinned,
            surely_new: true,
            check_only: false,
        });
        self.ticketing.execute_stock(&self.service, command).await.unwrap();
        hold_id
    }

    async fn step(&self, hold_id: HoldId, step: HoldStep) -> StockOutcome {
        let command = StockCommand::Step(hold_id, step);
        self.ticketing.execute_stock(&self.service, command).await.unwrap()
    }

    fn told(&self) -> Vec<&'static str> {
        let name = |event: &TicketEvent| match event {
            TicketEvent::TicketRegistered { .. } => "TicketRegistered",
            TicketEvent::TicketChanged { .. } => "TicketChanged",
            TicketEvent::TicketRetirementStarted { .. } => "TicketRetirementStarted",
            TicketEvent::TicketRetired { .. } => "TicketRetired",
            TicketEvent::HoldExpired { .. } => "HoldExpired",
            TicketEvent::StockReturned { .. } => "StockReturned",
        };
        self.store.events().iter().map(|recorded| name(&recorded.event)).collect()
    }

    async fn delete(&self, ticket_id: TicketId, etag: &str) -> Result<Listing, ChangeTicketError> {
        let request = DeleteTicket { ticket_id, etag: etag.into() };
        self.ticketing.delete_ticket(&self.organizer, request, None).await.map(fresh)
    }

    async fn rename(&self, ticket_id: TicketId, etag: &str) -> Result<Listing, ChangeTicketError> {
        let changes = vec![TermsChange::Name("Other".into())];
        let request = UpdateTicket { ticket_id, etag: etag.into(), changes };
        self.ticketing.update_ticket(&self.organizer, request, None).await.map(fresh)
    }
}

fn request(capacity: i64) -> RegisterTicket {
    let price = Money::from_minor(55_000, Currency::from_code("KRW").unwrap());
    let draft =
        TicketDraft { name: "Concert".into(), unit_price: Some(price), ..TicketDraft::default() };
    RegisterTicket::admission(capacity, draft)
}

fn fresh<T>(answered: Answered<T>) -> T {
    match answered {
        Answered::Fresh(answer) => answer,
        Answered::Replayed(_) => panic!("a replay"),
    }
}

fn key(name: &str, request: u8) -> Option<ReplyKey> {
    Some(ReplyKey { scope: "acme".into(), key: name.into(), fingerprint: vec![request] })
}

fn everything() -> TicketSearch {
    TicketSearch {
        words: Vec::new(),
        category: None,
        organizer_id: None,
        kind: None,
        starts_from: None,
        starts_before: None,
        max_unit_price: None,
        available_only: false,
        order: TicketOrder::NEWEST_FIRST,
        page_size: PageSize::new(0).unwrap(),
        after: None,
    }
}

#[tokio::test]
async fn t01_a_registered_ticket_comes_back_whole_and_is_found() {
    let scene = Scene::new();
    let id = scene.registered(10).await;
    let listing = scene.ticketing.get_ticket(id).await.unwrap();
    assert_eq!(listing.ticket.organizer_id.as_str(), "acme");
    assert_eq!((listing.stock.capacity(), listing.stock.available()), (10, 10));
    let page = scene.ticketing.search_tickets(&everything()).await.unwrap();
    assert_eq!(page.listings, vec![listing.clone()]);
    assert_eq!(scene.told(), ["TicketRegistered"]);
    let event = &scene.store.events()[0];
    assert_eq!((event.version, event.correlation_id.clone()), (1, id.to_string()));
    let told =
        TicketEvent::TicketRegistered { listing: listing.into(), organizer_locale: Locale::Ko };
    assert_eq!(event.event, told);
}

#[tokio::test]
async fn only_its_organizer_changes_a_ticket() {
    let scene = Scene::new();
    let id = scene.registered(10).await;
    let request = || SetCapacity { ticket_id: id, capacity: 5, nights: None };
    let cases = [
        (Caller::anonymous(), FaultClass::Unauthenticated),
        (caller(Role::Buyer, None), FaultClass::Forbidden),
        (caller(Role::Organizer, Some("other")), FaultClass::Forbidden),
    ];
    for (caller, class) in cases {
        let refused = scene.ticketing.set_capacity(&caller, request(), None).await.unwrap_err();
        assert_eq!(refused.class(), class);
    }
    let nobody = TicketId::new(Uuid::nil());
    assert_eq!(scene.rename(nobody, "").await, Err(ChangeTicketError::NotFound));
    let buyer = caller(Role::Buyer, None);
    let stock = scene.ticketing.get_hold(&buyer, HoldId::new(Uuid::nil())).await.unwrap_err();
    assert_eq!(stock.class(), FaultClass::Forbidden);
    assert_eq!(scene.told(), ["TicketRegistered"]);
}

#[tokio::test]
async fn i6_one_key_one_ticket() {
    let scene = Scene::new();
    let register = |fingerprint, name| {
        let key = key(name, fingerprint);
        scene.ticketing.register_ticket(&scene.organizer, request(10), key)
    };
    let both = join_all([register(1, "a"), register(1, "a")]).await;
    let first = both.iter().find_map(|answered| match answered {
        Ok(Answered::Fresh(listing)) => Some(listing.ticket.id),
        Ok(Answered::Replayed(_)) | Err(_) => None,
    });
    let body = first.unwrap().to_string().into_bytes();
    assert_eq!(register(1, "a").await, Ok(Answered::Replayed(body)));
    assert_eq!(register(2, "a").await.unwrap_err().reason(), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(scene.told(), ["TicketRegistered"]);
    assert!(matches!(register(2, "b").await, Ok(Answered::Fresh(_))));
}

#[tokio::test]
async fn an_etag_is_for_one_change() {
    let scene = Scene::new();
    let id = scene.registered(10).await;
    assert_eq!(scene.rename(id, "7").await, Err(ChangeTicketError::EtagMismatch));
    let renamed = scene.rename(id, "1").await.unwrap();
    assert_eq!((renamed.ticket.terms.name.as_str(), renamed.ticket.revision), ("Other", 2));
    assert_eq!(scene.rename(id, "1").await, Err(ChangeTicketError::EtagMismatch));
    assert_eq!(scene.rename(id, "").await.unwrap().ticket.revision, 2, "nothing changed");
    assert_eq!(scene.told(), ["TicketRegistered", "TicketChanged"]);
}

#[tokio::test]
async fn i1_the_capacity_stays_above_what_is_taken() {
    let scene = Scene::new();
    let id = scene.registered(10).await;
    scene.hold(id, 4, true).await;
    let set = |capacity| {
        let request = SetCapacity { ticket_id: id, capacity, nights: None };
        scene.ticketing.set_capacity(&scene.organizer, request, None)
    };
    let refused = set(3).await.unwrap_err();
    assert_eq!((refused.class(), refused.reason()), (FaultClass::Refused, "CAPACITY_BELOW_SOLD"));
    assert_eq!(refused.metadata(), [("taken", "4".to_owned())]);
    assert_eq!(set(-1).await.unwrap_err().violations()[0].field, "capacity");
    assert_eq!(fresh(set(4).await.unwrap()).stock.available(), 0);
    let left = scene.ticketing.get_availability(id, None).await.unwrap();
    assert_eq!((left.total.capacity(), left.total.held()), (4, 4));
    assert_eq!(left.read_at, scene.clock.now());
}

/// It is 1970-01-01 at the place.
fn rooms() -> RegisterTicket {
    let night = |day| CivilDate::new(1970, 1, day).ok();
    let (first_night, last_night) = (night(1), night(3));
    RegisterTicket { kind: TicketKind::Nightly, first_night, last_night, ..request(2) }
}

fn nights(from: i32, until: i32) -> Nights {
    let date = |day| CivilDate::new(1970, 1, day).unwrap();
    Nights::new(date(from), date(until), ticket::NIGHTS_MAX).unwrap()
}

#[tokio::test]
async fn a05_nights_are_set_by_their_organizer_and_read_by_anyone() {
    let scene = Scene::new();
    let done = scene.ticketing.register_ticket(&scene.organizer, rooms(), None).await;
    let id = fresh(done.unwrap()).ticket.id;
    let set = |nights, capacity| {
        let request = SetCapacity { ticket_id: id, capacity, nights };
        scene.ticketing.set_capacity(&scene.organizer, request, None)
    };
    let missing = set(None, 5).await.unwrap_err();
    assert_eq!(missing.violations()[0].field, "start_date");
    let more = fresh(set(Some(nights(3, 5)), 5).await.unwrap());
    assert_eq!((more.stock.capacity(), more.ticket.revision), (5, 2));
    let same = fresh(set(Some(nights(3, 5)), 5).await.unwrap());
    assert_eq!(same.ticket.revision, 2, "it is so already");
    let far = Nights::new(
        CivilDate::new(1973, 1, 1).unwrap(),
        CivilDate::new(1973, 1, 9).unwrap(),
        ticket::NIGHTS_MAX,
    );
    assert_eq!(set(far.ok(), 1).await.unwrap_err().violations()[0].field, "end_date");
    let change = NightChange {
        nights: nights(4, 7),
        unit_price: None,
        closed_to_arrival: None,
        closed_to_departure: Some(true),
    };
    let closed = SetNights { ticket_id: id, change };
    let closed = scene.ticketing.set_nights(&scene.organizer, closed, None).await;
    assert_eq!(fresh(closed.unwrap()).ticket.revision, 3);
    let left = scene.ticketing.get_availability(id, None).await.unwrap();
    let units: Vec<_> = left.slots.iter().map(|slot| slot.stock.available()).collect();
    assert_eq!(units, [2, 2, 5, 5, 0, 0], "those that began with the rule have no room yet");
    assert_eq!(left.available, 0);
    let two = scene.ticketing.get_availability(id, Some(nights(2, 4))).await.unwrap();
    assert_eq!(two.available, 2);
    scene.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    let later = scene.ticketing.get_availability(id, None).await.unwrap();
    assert_eq!(later.slots.len(), 4, "nights that are over are not shown unasked");
    nights_that_are_over_are_left_to_nobody(&scene, id).await;
    let other = scene.registered(5).await;
    let refused = scene.ticketing.get_availability(other, Some(nights(2, 4))).await.unwrap_err();
    assert_eq!((refused.reason(), refused.violations().len()), ("INVALID_FIELD", 2));
    let of = CalendarOf::Tickets(vec![other, id]);
    let calendar = scene.ticketing.get_calendar(GetCalendar { of, nights: nights(3, 5) }).await;
    let shown: Vec<_> = calendar.unwrap().tickets.iter().map(|left| left.ticket_id).collect();
    assert_eq!(shown, [id], "the other has no nights");
}

/// It is 3 January: two rooms each until then, five on the 3rd and the 4th, none afterwards.
async fn nights_that_are_over_are_left_to_nobody(scene: &Scene, id: TicketId) {
    let figures = async || {
        let listing = scene.ticketing.get_ticket(id).await.unwrap();
        let found = TicketSearch { available_only: true, ..everything() };
        let found = scene.ticketing.search_tickets(&found).await.unwrap().listings;
        assert_eq!(found.is_empty(), listing.stock.available() == 0);
        (listing.stock.capacity(), listing.stock.available())
    };
    let days = async |of| {
        let of = GetCalendar { of, nights: nights(2, 5) };
        let shown = scene.ticketing.get_calendar(of).await.unwrap().tickets.pop().unwrap();
        let asked = scene.ticketing.get_availability(id, Some(nights(2, 5))).await.unwrap();
        assert_eq!(shown, asked);
        assert_eq!(asked.available, 0, "nobody can stay on a night that is over");
        shown.slots.iter().map(|left| left.available).collect::<Vec<_>>()
    };
    let page_size = PageSize::new(0).unwrap();
    let mine =
        CalendarOf::Organizer { id: OrganizerId::new("acme").unwrap(), page_size, after: None };
    assert_eq!(figures().await, (5, 5));
    assert_eq!(days(mine.clone()).await, [0, 5, 5]);
    scene.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    assert_eq!(figures().await, (0, 0));
    assert_eq!(days(mine).await, [0, 0, 0]);
    let set = SetCapacity { ticket_id: id, capacity: 1, nights: Some(nights(6, 7)) };
    let set = scene.ticketing.set_capacity(&scene.organizer, set, None).await;
    assert_eq!(fresh(set.unwrap()).stock.capacity(), 1, "the answer of a change as well");
    assert_eq!(figures().await, (1, 1));
}

#[tokio::test]
async fn t02_a_deleted_ticket_ends_when_its_bookings_have() {
    let scene = Scene::new();
    let id = scene.registered(10).await;
    let (open, sold) = (scene.hold(id, 1, false).await, scene.hold(id, 2, true).await);
    scene.step(sold, HoldStep::Commit).await;
    assert_eq!(scene.delete(id, "9").await, Err(ChangeTicketError::EtagMismatch));
    let deleted = scene.delete(id, "1").await.unwrap();
    assert_eq!(deleted.ticket.status, TicketStatus::Retiring);
    for etag in ["", "1"] {
        assert_eq!(scene.delete(id, etag).await, Ok(deleted.clone()), "the same answer");
    }
    assert_eq!(scene.rename(id, "").await, Err(ChangeTicketError::Retiring));
    assert!(scene.ticketing.search_tickets(&everything()).await.unwrap().listings.is_empty());
    assert_eq!(scene.ticketing.finish_retirements(10).await, Ok(0));
    for hold_id in [open, sold] {
        let cause = Cause { consumer: "test", event_id: EventId::new(scene.ids.next()) };
        for _ in 0..3 {
            assert!(scene.ticketing.return_stock(hold_id, &cause).await.is_ok());
        }
        let told = scene.store.events().pop().unwrap();
        assert_eq!(told.correlation_id, hold_id.to_string(), "N08: found by the booking");
        assert_eq!(told.causation_id, Some(cause.event_id.to_string()));
    }
    assert_eq!(scene.ticketing.finish_retirements(10).await, Ok(1));
    assert_eq!(scene.ticketing.finish_retirements(10).await, Ok(0));
    assert_eq!(scene.delete(id, "").await.unwrap().ticket.status, TicketStatus::Retired);
    assert_eq!(
        scene.told(),
        [
            "TicketRegistered",
            "TicketRetirementStarted",
            "StockReturned",
            "StockReturned",
            "TicketRetired"
        ]
    );
    let of_ticket = scene.store.events().into_iter().filter(|e| e.correlation_id == id.to_string());
    assert_eq!(of_ticket.map(|event| event.version).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn r03_a_hold_expires_at_its_time_and_not_a_microsecond_before() {
    let scene = Scene::new();
    let id = scene.registered(10).await;
    let (open, pinned) = (scene.hold(id, 3, false).await, scene.hold(id, 3, true).await);
    let grain = Duration::from_micros(1);
    scene.clock.advance(ticket::HOLD_TTL_DEFAULT - grain);
    assert_eq!(scene.ticketing.expire_holds(10).await, Ok(Sweep::default()));
    scene.clock.advance(grain);
    let sweep = Sweep { expired: 1, ..Sweep::default() };
    assert_eq!(scene.ticketing.expire_holds(10).await, Ok(sweep));
    assert_eq!(scene.ticketing.expire_holds(10).await, Ok(Sweep::default()), "once");
    assert_eq!(scene.told(), ["TicketRegistered", "HoldExpired"]);
    let state = async |id| scene.ticketing.get_hold(&scene.service, id).await.unwrap().state;
    assert_eq!(state(open).await, HoldState::Expired);
    scene.clock.advance(ticket::PIN_MAX + grain);
    let overdue = Sweep { overdue_pins: 1, ..Sweep::default() };
    assert_eq!(scene.ticketing.expire_holds(10).await, Ok(overdue), "reported, not released");
    assert!(state(pinned).await.keeps_stock());
}

#[tokio::test]
async fn a_full_sweep_says_that_there_is_more() {
    let scene = Scene::new();
    let id = scene.registered(10).await;
    for _ in 0..5 {
        scene.hold(id, 1, false).await;
    }
    scene.clock.advance(ticket::HOLD_TTL_DEFAULT);
    let mut expired = Vec::new();
    loop {
        let sweep = scene.ticketing.expire_holds(2).await.unwrap();
        expired.push(sweep.expired);
        if !sweep.more {
            break;
        }
    }
    assert_eq!(expired, [2, 2, 1]);
}

#[tokio::test]
async fn r46_only_its_organizer_keeps_and_gives_up_for_the_house() {
    let scene = Scene::new();
    let ticket_id = scene.registered(5).await;
    let wish = |units| CreateHouseHold {
        ticket_id,
        note: "guests".into(),
        wanted: Wanted::Units(Quantity::new(units).unwrap()),
    };
    let ticketing = &scene.ticketing;
    for other in [caller(Role::Buyer, None), caller(Role::Organizer, Some("other"))] {
        let refused = ticketing.create_house_hold(&other, wish(1), None).await.unwrap_err();
        assert_eq!(refused.class(), FaultClass::Forbidden);
    }
    let refused = ticketing.create_house_hold(&scene.organizer, wish(6), key("k", 6)).await;
    assert_eq!(refused.unwrap_err().reason(), "SOLD_OUT");
    let kept = ticketing.create_house_hold(&scene.organizer, wish(2), key("k", 2)).await;
    let kept = fresh(kept.expect("what was refused has not taken the key"));
    scene.clock.advance(ticket::HOLD_TTL_DEFAULT);
    let again = ticketing.create_house_hold(&scene.organizer, wish(2), key("k", 2)).await;
    let first = kept.id.to_string().into_bytes();
    assert_eq!(again, Ok(Answered::Replayed(first)), "a lost answer is asked for again");
    let reused = ticketing.create_house_hold(&scene.organizer, wish(1), key("k", 1)).await;
    assert_eq!(reused.unwrap_err().reason(), "IDEMPOTENCY_KEY_REUSED");
    let buyers = scene.hold(ticket_id, 1, true).await;
    let refused = ticketing.release_house_hold(&scene.organizer, (ticket_id, buyers), None).await;
    assert_eq!(refused.unwrap_err().reason(), "HOLD_NOT_FOUND");
    assert!(ticketing.get_hold(&scene.service, kept.id).await.is_err(), "booking sees none");
    scene.step(buyers, HoldStep::Release).await;
    scene.delete(ticket_id, "").await.unwrap();
    assert_eq!(ticketing.finish_retirements(10).await, Ok(1), "given up, then retired");
    assert_eq!(ticketing.get_ticket(ticket_id).await.unwrap().stock.held(), 0);
}
