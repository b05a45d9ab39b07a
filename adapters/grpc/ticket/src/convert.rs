//! Tickets and what is left of them, from the domain to the wire.

use std::time::Duration;

use grpc_server::wire::{date, money, timestamp};
use proto::boxoffice::ticket::v1 as pb;
use ticket::{
    Allocation, Availability, CancelPolicy, Listing, SectionPrice, Slot, SlotAvailability, Terms,
    Ticket, TicketKind, TicketStatus, row_of, section_of,
};

/// A ticket as callers see it.
pub(crate) fn ticket(Listing { ticket, stock }: &Listing) -> pb::Ticket {
    let Ticket { terms, .. } = ticket;
    pb::Ticket {
        ticket_id: ticket.id.to_string(),
        organizer_id: ticket.organizer_id.to_string(),
        kind: kind(ticket.kind).into(),
        name: terms.name.clone(),
        description: terms.description.clone(),
        venue: terms.venue.clone(),
        category: terms.category.clone(),
        time_zone: terms.time_zone.as_str().to_owned(),
        unit_price: Some(money(terms.unit_price)),
        capacity: count(stock.capacity()),
        available: count(stock.available()),
        sale_start_time: terms.sale_starts_at.map(timestamp),
        sale_end_time: terms.sale_ends_at.map(timestamp),
        start_time: terms.starts_at.map(timestamp),
        end_time: terms.ends_at.map(timestamp),
        max_per_buyer: max_per_buyer(terms),
        hold_ttl: prost_types::Duration::try_from(terms.hold_ttl).ok(),
        allocation: allocation(ticket.allocation).into(),
        status: status(ticket.status).into(),
        etag: ticket.revision.to_string(),
        create_time: Some(timestamp(ticket.created_at)),
        update_time: Some(timestamp(ticket.updated_at)),
        seats: Vec::new(),
        first_night: None,
        last_night: None,
        sections: terms.sections.iter().map(section).collect(),
        min_nights: nights(terms.min_nights),
        max_nights: nights(terms.max_nights),
        cancel_policy: terms.cancel_policy.map(cancel_policy),
    }
}

pub(crate) fn cancel_policy(policy: CancelPolicy) -> pb::CancelPolicy {
    let span = |span: Option<Duration>| prost_types::Duration::try_from(span?).ok();
    pb::CancelPolicy {
        free_before: span(policy.free_before),
        fee_percent: i32::from(policy.fee_percent.get()),
        closed_before: span(policy.closed_before),
    }
}

/// What is left of a ticket.
pub(crate) fn availability(read: &Availability) -> pb::Availability {
    pb::Availability {
        ticket_id: read.ticket_id.to_string(),
        capacity: count(read.total.capacity()),
        held: count(read.total.held()),
        sold: count(read.total.sold()),
        available: count(read.available),
        slots: read.slots.iter().map(slot_availability).collect(),
        read_time: Some(timestamp(read.read_at)),
    }
}

fn slot_availability(left: &SlotAvailability) -> pb::SlotAvailability {
    let (section, row) = match &left.slot {
        Slot::Seat(name) => (section_of(name), row_of(name)),
        Slot::Admission | Slot::Night(_) => ("", ""),
    };
    pb::SlotAvailability {
        slot: slot(&left.slot),
        capacity: count(left.stock.capacity()),
        available: count(left.available),
        held: count(left.stock.held()),
        sold: count(left.stock.sold()),
        unit_price: Some(money(left.unit_price)),
        section: section.to_owned(),
        row: row.to_owned(),
        position: i32::try_from(left.terms.position).unwrap_or(i32::MAX),
        closed_to_arrival: left.terms.closed_to_arrival,
        closed_to_departure: left.terms.closed_to_departure,
    }
}

/// The nights of a ticket.
pub(crate) fn calendar(read: &Availability) -> pb::TicketCalendar {
    let night = |left: &SlotAvailability| match &left.slot {
        Slot::Night(night) => Some(pb::CalendarNight {
            date: Some(date(*night)),
            available: count(left.available),
            unit_price: Some(money(left.unit_price)),
            closed_to_arrival: left.terms.closed_to_arrival,
            closed_to_departure: left.terms.closed_to_departure,
        }),
        Slot::Admission | Slot::Seat(_) => None,
    };
    let nights = read.slots.iter().filter_map(night).collect();
    pb::TicketCalendar { ticket_id: read.ticket_id.to_string(), nights }
}

fn section(section: &SectionPrice) -> pb::Section {
    pb::Section { name: section.name.clone(), unit_price: Some(money(section.unit_price)) }
}

/// At most a year, by the domain's limit.
fn nights(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A slot's name for callers.
pub(crate) fn slot(slot: &Slot) -> String {
    match slot {
        Slot::Seat(name) => name.clone(),
        Slot::Admission | Slot::Night(_) => slot.to_string(),
    }
}

/// Counts fit by the limits of the domain.
fn count(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}

fn max_per_buyer(terms: &Terms) -> i32 {
    terms.max_per_buyer.map_or(0, |max| i32::try_from(max.get()).unwrap_or(i32::MAX))
}

const fn kind(kind: TicketKind) -> pb::TicketKind {
    match kind {
        TicketKind::Admission => pb::TicketKind::Admission,
        TicketKind::Seated => pb::TicketKind::Seated,
        TicketKind::Nightly => pb::TicketKind::Nightly,
    }
}

const fn allocation(allocation: Allocation) -> pb::Allocation {
    match allocation {
        Allocation::HoldFirst => pb::Allocation::HoldFirst,
        Allocation::PayFirst => pb::Allocation::PayFirst,
    }
}

const fn status(status: TicketStatus) -> pb::TicketStatus {
    match status {
        TicketStatus::OnSale => pb::TicketStatus::OnSale,
        TicketStatus::Paused => pb::TicketStatus::Paused,
        TicketStatus::Retiring => pb::TicketStatus::Retiring,
        TicketStatus::Retired => pb::TicketStatus::Retired,
    }
}
