//! What a ticket's own context says of it, before there is a hold.

use std::time::Duration;

use booking::{CancelPolicy, Offer, TicketTerms, Unanswered};
use grpc_server::wire::Check;
use kernel::{OrganizerId, Percent, Quantity, TimeZoneName};
use proto::boxoffice::ticket::v1 as pb;

/// How long a booking that is paid first may be paid where its ticket does not say.
const PAY_FIRST_WITHIN: Duration = Duration::from_mins(10);

/// The terms of a ticket.
pub(crate) fn terms(ticket: &pb::Ticket) -> Result<TicketTerms, Unanswered> {
    let mut check = Check::new();
    let organizer_id = check.take("organizer_id", OrganizerId::new(&ticket.organizer_id));
    let unit_price = check.money("unit_price", ticket.unit_price.as_ref());
    let sale_starts_at =
        check.optional_timestamp("sale_start_time", ticket.sale_start_time.as_ref());
    let sale_ends_at = check.optional_timestamp("sale_end_time", ticket.sale_end_time.as_ref());
    let policy = ticket.cancel_policy.as_ref();
    let cancel_policy = policy.and_then(|policy| cancel_policy(&mut check, ticket, policy));
    let (Ok(()), Some(organizer_id), Some(unit_price)) = (check.finish(), organizer_id, unit_price)
    else {
        return Err(Unanswered("the ticket is not readable".to_owned()));
    };
    Ok(TicketTerms {
        name: ticket.name.clone(),
        organizer_id,
        unit_price,
        one_price: ticket.kind() == pb::TicketKind::Admission,
        offer: match ticket.status() {
            pb::TicketStatus::OnSale => Offer::OnSale,
            pb::TicketStatus::Paused | pb::TicketStatus::Unspecified => Offer::Paused,
            pb::TicketStatus::Retiring | pb::TicketStatus::Retired => Offer::Deleted,
        },
        sale_starts_at,
        sale_ends_at,
        // Zero, no limit, is no quantity; a limit above the largest quantity is none.
        max_per_buyer: Quantity::new(i64::from(ticket.max_per_buyer)).ok(),
        // Of the other kinds it depends on the seats and nights that are asked for.
        sold_out: ticket.kind() == pb::TicketKind::Admission && ticket.available <= 0,
        pay_first: (ticket.allocation() == pb::Allocation::PayFirst).then(|| {
            let ttl = ticket.hold_ttl.and_then(|ttl| Duration::try_from(ttl).ok());
            ttl.unwrap_or(PAY_FIRST_WITHIN)
        }),
        cancel_policy,
    })
}

fn cancel_policy(
    check: &mut Check,
    ticket: &pb::Ticket,
    policy: &pb::CancelPolicy,
) -> Option<CancelPolicy> {
    let mut span = |field, wire: Option<_>| check.optional_duration(field, wire.as_ref());
    let free_before = span("cancel_policy.free_before", policy.free_before);
    let closed_before = span("cancel_policy.closed_before", policy.closed_before);
    let fee_percent = Percent::new(i64::from(policy.fee_percent));
    let fee_percent = check.take("cancel_policy.fee_percent", fee_percent);
    let starts_at = check.optional_timestamp("start_time", ticket.start_time.as_ref());
    let time_zone = check.take("time_zone", TimeZoneName::new(&ticket.time_zone));
    Some(CancelPolicy {
        free_before,
        fee_percent: fee_percent?,
        closed_before,
        starts_at,
        time_zone: time_zone?,
    })
}

#[cfg(test)]
mod tests {
    use booking::{Booked, BookedFields, CancelTerms};
    use grpc_server::wire;
    use kernel::{Currency, Money, Timestamp};

    use super::*;

    fn ticket(policy: Option<pb::CancelPolicy>) -> pb::Ticket {
        let price = Money::from_minor(5, Currency::from_code("KRW").expect("known"));
        pb::Ticket {
            organizer_id: "acme".into(),
            unit_price: Some(wire::money(price)),
            time_zone: "Asia/Seoul".into(),
            start_time: Some(wire::timestamp(Timestamp::from_micros(10_000_000))),
            cancel_policy: policy,
            ..pb::Ticket::default()
        }
    }

    #[test]
    fn t09_what_a_ticket_says_about_cancelling_becomes_a_bookings_instants() {
        let secs = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        let policy = |free_before, fee_percent| pb::CancelPolicy {
            free_before: secs(free_before),
            fee_percent,
            closed_before: secs(2),
        };
        let read = terms(&ticket(Some(policy(7, 30)))).expect("readable").cancel_policy;
        let places = BookedFields { quantity: 1, ..BookedFields::default() };
        let booked = Booked::read(places).expect("one");
        let at = |secs: i64| Some(Timestamp::from_micros(secs * 1_000_000));
        let fee_percent = Percent::new(30).expect("a part");
        let said = CancelTerms { free_until: at(3), fee_percent, not_after: at(8) };
        assert_eq!(read.map(|policy| policy.terms(&booked)), Some(said));
        assert_eq!(terms(&ticket(None)).expect("readable").cancel_policy, None);
        for broken in [policy(7, 101), policy(-1, 30)] {
            assert!(terms(&ticket(Some(broken))).is_err(), "nobody guesses what is meant");
        }
    }
}
