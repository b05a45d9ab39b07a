//! Whatever the domain can make reads back from its row, and a row it cannot make is refused.

use std::time::Duration;

use ::ticket::{
    Allocation, CancelPolicy, EntryKind, Hold, HoldOwner, HoldRecord, HoldState, Lines,
    SectionPrice, Slot, StockEntry, Terms, Ticket, TicketKind, TicketStatus, Tombstone,
};
use kernel::{
    BuyerId, Currency, HoldId, Locale, Money, OrganizerId, Percent, Quantity, TicketId,
    TimeZoneName, Timestamp, Uuid,
};
use proptest::option;
use proptest::prelude::*;

use super::*;

fn instant() -> impl Strategy<Value = Timestamp> {
    (0..i64::MAX).prop_map(Timestamp::from_micros)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn money() -> impl Strategy<Value = Money> {
    let currency = prop_oneof![Just("KRW"), Just("USD"), Just("KWD")];
    (0..1_000_000_i64, currency).prop_map(|(minor, code)| {
        Money::from_minor(minor, Currency::from_code(code).expect("known"))
    })
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (1..10_000_i64).prop_map(|count| Quantity::new(count).expect("in range"))
}

fn cancel_policy() -> impl Strategy<Value = CancelPolicy> {
    let span = || option::of((0..1_000_000_u64).prop_map(Duration::from_micros));
    (span(), 0..=100_i64, span()).prop_map(|(free_before, percent, closed_before)| CancelPolicy {
        free_before,
        fee_percent: Percent::new(percent).expect("in range"),
        closed_before,
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    let texts = (".{1,9}", ".{0,9}", ".{0,9}", ".{0,9}");
    let windows = [option::of(instant()), option::of(instant())];
    let event = [option::of(instant()), option::of(instant())];
    let zone = prop_oneof![Just("UTC"), Just("Asia/Seoul")];
    let section = proptest::collection::vec("[^/\\x00-\\x1f]{0,9}", 0..3);
    let limits = (option::of(quantity()), 1..1_000_000_u64, 0..9_u32, 0..9_u32, section);
    let policy = option::of(cancel_policy());
    (texts, windows, event, zone, limits, money(), policy).prop_map(
        |((name, description, venue, category), sale, event, zone, limits, unit_price, policy)| {
            Terms {
                name,
                description,
                venue,
                category,
                time_zone: TimeZoneName::new(zone).expect("known"),
                unit_price,
                sale_starts_at: sale[0],
                sale_ends_at: sale[1],
                starts_at: event[0],
                ends_at: event[1],
                max_per_buyer: limits.0,
                hold_ttl: Duration::from_micros(limits.1),
                sections: limits
                    .4
                    .into_iter()
                    .map(|name| SectionPrice { name, unit_price })
                    .collect(),
                min_nights: limits.2,
                max_nights: limits.3,
                cancel_policy: policy,
            }
        },
    )
}

fn tickets() -> impl Strategy<Value = Ticket> {
    let kind = prop_oneof![
        Just(TicketKind::Admission),
        Just(TicketKind::Seated),
        Just(TicketKind::Nightly)
    ];
    let allocation = prop_oneof![Just(Allocation::HoldFirst), Just(Allocation::PayFirst)];
    let status = prop_oneof![
        Just(TicketStatus::OnSale),
        Just(TicketStatus::Paused),
        Just(TicketStatus::Retiring),
        Just(TicketStatus::Retired)
    ];
    let locale = prop_oneof![Just(Locale::En), Just(Locale::Ko)];
    let names = (uuid(), "[!-~]{1,128}", locale);
    (names, kind, allocation, status, terms(), [instant(), instant()], [1..i64::MAX, 1..i64::MAX])
        .prop_map(|(names, kind, allocation, status, terms, times, versions)| Ticket {
            id: TicketId::new(names.0),
            organizer_id: OrganizerId::new(names.1).expect("visible"),
            organizer_locale: names.2,
            kind,
            allocation,
            terms,
            status,
            created_at: times[0],
            updated_at: times[1],
            revision: versions[0],
            event_version: versions[1],
        })
}

fn slot() -> impl Strategy<Value = Slot> {
    prop_oneof![
        Just(Slot::Admission),
        "[A-Z][0-9]{1,3}".prop_map(Slot::Seat),
        (1..13, 1..29).prop_map(|(month, day)| {
            Slot::Night(kernel::CivilDate::new(2030, month, day).expect("exists"))
        }),
    ]
}

fn holds() -> impl Strategy<Value = HoldRecord> {
    let state = prop_oneof![
        option::of(instant()).prop_map(|pinned_since| HoldState::Active { pinned_since }),
        Just(HoldState::Committed),
        Just(HoldState::Returned),
        any::<bool>().prop_map(|told| HoldState::Released { told }),
        Just(HoldState::Expired),
    ];
    let lines = proptest::collection::btree_map(slot(), quantity(), 1..4);
    let buyer = "[!-~]{1,128}".prop_map(|name| BuyerId::new(name).expect("visible"));
    let house = ("[^\\x00-\\x1f]{0,200}", instant());
    let owner = prop_oneof![
        buyer.prop_map(HoldOwner::Buyer),
        house.prop_map(|(note, created_at)| HoldOwner::House { note, created_at }),
    ];
    let what = (quantity(), lines);
    let hold = (uuid(), uuid(), owner, what, money(), state, instant(), 1..i64::MAX).prop_map(
        |(id, ticket_id, owner, (quantity, lines), price, state, expires_at, revision)| {
            HoldRecord::Hold(Hold {
                id: HoldId::new(id),
                ticket_id: TicketId::new(ticket_id),
                owner,
                quantity,
                lines,
                unit_price: price,
                total: price,
                state,
                expires_at,
                revision,
                event_version: revision / 2,
            })
        },
    );
    let tombstone = (uuid(), any::<bool>(), 1..i64::MAX).prop_map(|(id, told, revision)| {
        HoldRecord::Tombstone(Tombstone { id: HoldId::new(id), told, revision })
    });
    prop_oneof![3 => hold, 1 => tombstone]
}

fn lines(record: &HoldRecord) -> Vec<line::Model> {
    let lines = match record {
        HoldRecord::Hold(hold) => hold.lines.clone(),
        HoldRecord::Tombstone(_) => Lines::new(),
    };
    line::rows(record.id(), &lines).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_ticket_reads_back(ticket in tickets()) {
        prop_assert_eq!(Ticket::try_from(ticket::Model::from(&ticket)), Ok(ticket));
    }

    #[test]
    fn every_hold_reads_back(record in holds()) {
        prop_assert_eq!(hold::Model::from(&record).read(&lines(&record)), Ok(record));
    }

    #[test]
    fn a_hold_without_one_of_its_parts_is_refused(record in holds(), part in 0_usize..7) {
        let HoldRecord::Hold(_) = &record else { return Ok(()) };
        let mut row = hold::Model::from(&record);
        let mut rows = lines(&record);
        match part {
            0 => row.ticket_id = None,
            1 => row.buyer_id = None,
            2 => row.currency = Some("???".into()),
            3 => row.total_minor = None,
            4 => row.expires_at_us = None,
            5 => row.state = "SOLD".into(),
            _ => rows.clear(),
        }
        let refused = matches!(row.read(&rows), Err(StoreError::CorruptRow { table: "hold", .. }));
        prop_assert!(refused);
    }
}

#[test]
fn i1_broken_counters_are_refused() {
    let row = |capacity, held, sold| stock::Model {
        ticket_id: Uuid::nil().to_string(),
        slot: "admission".into(),
        capacity,
        held,
        sold,
        position: 0,
        unit_price_minor: None,
        closed_to_arrival: false,
        closed_to_departure: false,
    };
    assert!(row(3, 1, 2).read().is_ok());
    for broken in [row(2, 1, 2), row(3, -1, 2), row(-1, 0, 0)] {
        assert!(matches!(broken.read(), Err(StoreError::CorruptRow { table: "stock", .. })));
    }
}

#[test]
fn every_kind_of_entry_reads_back() {
    for kind in [EntryKind::Hold, EntryKind::Retake, EntryKind::Commit, EntryKind::Return] {
        let entry = StockEntry {
            ticket_id: TicketId::new(Uuid::nil()),
            slot: Slot::Admission,
            hold_id: HoldId::new(Uuid::nil()),
            kind,
            d_held: 1,
            d_sold: -1,
            at: Timestamp::from_micros(1),
        };
        let row = entry::Model {
            seq: 1,
            ticket_id: entry.ticket_id.to_string(),
            slot: "admission".into(),
            hold_id: entry.hold_id.to_string(),
            kind: entry::new(&entry).kind.take().expect("set"),
            d_held: 1,
            d_sold: -1,
            at_us: 1,
        };
        assert_eq!(StockEntry::try_from(row), Ok(entry));
    }
}
