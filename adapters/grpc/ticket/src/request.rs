//! Requests of the ticket service, from the wire to the domain: all violations at once.

mod nights;
mod search;
mod update;

use std::time::Duration;

use grpc_server::wire::Check;
use kernel::{Invalid, Percent, TicketId, Timestamp};
use proto::boxoffice::ticket::v1 as pb;
use ticket::{
    Allocation, CancelPolicy, DeleteTicket, RegisterTicket, SECTIONS_MAX, SectionPrice,
    TicketDraft, TicketKind,
};

pub(crate) use nights::{availability, calendar, set_capacity, set_nights};
pub(crate) use search::search;
pub(crate) use update::update;

/// The ticket to register. What the rules of the domain say is asked here too, so that a caller
/// hears of everything at once.
pub(crate) fn register(
    request: pb::RegisterTicketRequest,
    now: Timestamp,
) -> Result<RegisterTicket, Invalid> {
    let wire = request.ticket.unwrap_or_default();
    let mut check = Check::new();
    let kind = kind(&mut check, wire.kind);
    let request = RegisterTicket {
        kind: kind.unwrap_or(TicketKind::Admission),
        allocation: allocation(&mut check, wire.allocation).unwrap_or(Allocation::HoldFirst),
        capacity: wire.capacity,
        first_night: check.optional_date("first_night", wire.first_night.as_ref()),
        last_night: check.optional_date("last_night", wire.last_night.as_ref()),
        draft: draft(&mut check, &wire),
        seats: wire.seats,
    };
    let mut found = check.finish().err().map(|Invalid(found)| found).unwrap_or_default();
    for violation in request.violations(now) {
        if !found.iter().any(|known| known.field.starts_with(&violation.field)) {
            found.push(violation);
        }
    }
    if found.is_empty() { Ok(request) } else { Err(Invalid(found)) }
}

/// A ticket's identifier alone.
pub(crate) fn ticket_id(text: &str) -> Result<TicketId, Invalid> {
    let mut check = Check::new();
    let id = check.id("ticket_id", text);
    check.read(id)
}

/// Which ticket to delete.
pub(crate) fn delete(request: pb::DeleteTicketRequest) -> Result<DeleteTicket, Invalid> {
    ticket_id(&request.ticket_id).map(|ticket_id| DeleteTicket { ticket_id, etag: request.etag })
}

fn draft(check: &mut Check, wire: &pb::Ticket) -> TicketDraft {
    let status = if wire.status == 0 { Some(false) } else { paused(check, wire.status) };
    TicketDraft {
        name: wire.name.clone(),
        description: wire.description.clone(),
        venue: wire.venue.clone(),
        category: wire.category.clone(),
        time_zone: wire.time_zone.clone(),
        unit_price: check.optional_money("unit_price", wire.unit_price.as_ref()),
        sale_starts_at: check.optional_timestamp("sale_start_time", wire.sale_start_time.as_ref()),
        sale_ends_at: check.optional_timestamp("sale_end_time", wire.sale_end_time.as_ref()),
        starts_at: check.optional_timestamp("start_time", wire.start_time.as_ref()),
        ends_at: check.optional_timestamp("end_time", wire.end_time.as_ref()),
        max_per_buyer: i64::from(wire.max_per_buyer),
        hold_ttl: hold_ttl(check, wire.hold_ttl.as_ref()),
        sections: sections(check, &wire.sections),
        min_nights: i64::from(wire.min_nights),
        max_nights: i64::from(wire.max_nights),
        cancel_policy: cancel_policy(check, wire.cancel_policy.as_ref()),
        paused: status.unwrap_or_default(),
    }
}

fn sections(check: &mut Check, wire: &[pb::Section]) -> Vec<SectionPrice> {
    let section = |(place, section): (usize, &pb::Section)| {
        let field = format!("sections[{place}].unit_price");
        let unit_price = check.money(&field, section.unit_price.as_ref())?;
        Some(SectionPrice { name: section.name.clone(), unit_price })
    };
    wire.iter().take(SECTIONS_MAX + 1).enumerate().filter_map(section).collect()
}

fn hold_ttl(check: &mut Check, wire: Option<&prost_types::Duration>) -> Option<Duration> {
    check.optional_duration("hold_ttl", wire)
}

fn cancel_policy(check: &mut Check, wire: Option<&pb::CancelPolicy>) -> Option<CancelPolicy> {
    let pb::CancelPolicy { free_before, fee_percent, closed_before } = wire?;
    let fee_percent = Percent::new(i64::from(*fee_percent));
    let fee_percent = check.take("cancel_policy.fee_percent", fee_percent);
    Some(CancelPolicy {
        free_before: check.optional_duration("cancel_policy.free_before", free_before.as_ref()),
        fee_percent: fee_percent.unwrap_or_default(),
        closed_before: check
            .optional_duration("cancel_policy.closed_before", closed_before.as_ref()),
    })
}

/// Whether a status that a caller may ask for means paused.
fn paused(check: &mut Check, status: i32) -> Option<bool> {
    match pb::TicketStatus::try_from(status) {
        Ok(pb::TicketStatus::OnSale) => Some(false),
        Ok(pb::TicketStatus::Paused) => Some(true),
        Ok(
            pb::TicketStatus::Unspecified | pb::TicketStatus::Retiring | pb::TicketStatus::Retired,
        )
        | Err(_) => {
            check.violate("status", "must be TICKET_STATUS_ON_SALE or TICKET_STATUS_PAUSED");
            None
        }
    }
}

fn kind(check: &mut Check, kind: i32) -> Option<TicketKind> {
    match pb::TicketKind::try_from(kind) {
        Ok(pb::TicketKind::Admission) => Some(TicketKind::Admission),
        Ok(pb::TicketKind::Seated) => Some(TicketKind::Seated),
        Ok(pb::TicketKind::Nightly) => Some(TicketKind::Nightly),
        Ok(pb::TicketKind::Unspecified) | Err(_) => {
            check.violate("kind", "must be TICKET_KIND_ADMISSION, _SEATED or _NIGHTLY");
            None
        }
    }
}

fn allocation(check: &mut Check, allocation: i32) -> Option<Allocation> {
    match pb::Allocation::try_from(allocation) {
        Ok(pb::Allocation::Unspecified | pb::Allocation::HoldFirst) => Some(Allocation::HoldFirst),
        Ok(pb::Allocation::PayFirst) => Some(Allocation::PayFirst),
        Err(_) => {
            check.violate("allocation", "must be ALLOCATION_HOLD_FIRST");
            None
        }
    }
}

#[cfg(test)]
mod tests;
