//! What a ticket's own context says of it, before there is a hold.

use std::time::Duration;

use booking::{TicketTerms, Unanswered};
use grpc_server::wire::Check;
use kernel::{OrganizerId, Quantity};
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
    let (Ok(()), Some(organizer_id), Some(unit_price)) = (check.finish(), organizer_id, unit_price)
    else {
        return Err(Unanswered("the ticket is not readable".to_owned()));
    };
    Ok(TicketTerms {
        name: ticket.name.clone(),
        organizer_id,
        unit_price,
        one_price: ticket.kind() == pb::TicketKind::Admission,
        on_sale: ticket.status() == pb::TicketStatus::OnSale,
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
    })
}
