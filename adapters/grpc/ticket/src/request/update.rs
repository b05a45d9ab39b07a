//! The fields that an update changes, by its mask.

use grpc_server::wire::Check;
use kernel::Invalid;
use proto::boxoffice::ticket::v1 as pb;
use ticket::{TermsChange, UpdateTicket};

use super::{cancel_policy, hold_ttl, paused, sections};

/// All that may change.
const CHANGEABLE: [&str; 17] = [
    "name",
    "description",
    "venue",
    "category",
    "time_zone",
    "unit_price",
    "sale_start_time",
    "sale_end_time",
    "start_time",
    "end_time",
    "max_per_buyer",
    "hold_ttl",
    "sections",
    "min_nights",
    "max_nights",
    "cancel_policy",
    "status",
];

/// What to change of which ticket. Without a mask it is every field that may change and is set.
pub(crate) fn update(request: pb::UpdateTicketRequest) -> Result<UpdateTicket, Invalid> {
    let wire = request.ticket.unwrap_or_default();
    let paths = request.update_mask.map(|mask| mask.paths).unwrap_or_default();
    let mut check = Check::new();
    let ticket_id = check.id("ticket_id", &wire.ticket_id);
    let changes = if paths.is_empty() {
        let set = CHANGEABLE.into_iter().filter(|path| is_set(&wire, path));
        set.filter_map(|path| change(&mut check, &wire, path)).collect()
    } else if paths == ["*"] {
        CHANGEABLE.into_iter().filter_map(|path| change(&mut check, &wire, path)).collect()
    } else {
        paths.iter().filter_map(|path| change(&mut check, &wire, path)).collect()
    };
    let etag = wire.etag;
    check.read(ticket_id.map(|ticket_id| UpdateTicket { ticket_id, etag, changes }))
}

/// The new value of one field; `None` where it is wrong.
fn change(check: &mut Check, wire: &pb::Ticket, path: &str) -> Option<TermsChange> {
    let instant = |check: &mut Check, value: &Option<prost_types::Timestamp>| {
        check.optional_timestamp(path, value.as_ref())
    };
    Some(match path {
        "name" => TermsChange::Name(wire.name.clone()),
        "description" => TermsChange::Description(wire.description.clone()),
        "venue" => TermsChange::Venue(wire.venue.clone()),
        "category" => TermsChange::Category(wire.category.clone()),
        "time_zone" => TermsChange::TimeZone(wire.time_zone.clone()),
        "unit_price" => {
            TermsChange::UnitPrice(check.optional_money(path, wire.unit_price.as_ref()))
        }
        "sale_start_time" => TermsChange::SaleStartsAt(instant(check, &wire.sale_start_time)),
        "sale_end_time" => TermsChange::SaleEndsAt(instant(check, &wire.sale_end_time)),
        "start_time" => TermsChange::StartsAt(instant(check, &wire.start_time)),
        "end_time" => TermsChange::EndsAt(instant(check, &wire.end_time)),
        "max_per_buyer" => TermsChange::MaxPerBuyer(i64::from(wire.max_per_buyer)),
        "hold_ttl" => TermsChange::HoldTtl(hold_ttl(check, wire.hold_ttl.as_ref())),
        "sections" => TermsChange::Sections(sections(check, &wire.sections)),
        "min_nights" => TermsChange::MinNights(i64::from(wire.min_nights)),
        "max_nights" => TermsChange::MaxNights(i64::from(wire.max_nights)),
        "cancel_policy" => {
            TermsChange::CancelPolicy(cancel_policy(check, wire.cancel_policy.as_ref()))
        }
        "status" => TermsChange::Paused(paused(check, wire.status)?),
        other => {
            check.violate("update_mask", format_args!("{other:?} is no field that can be changed"));
            return None;
        }
    })
}

fn is_set(wire: &pb::Ticket, path: &str) -> bool {
    match path {
        "name" => !wire.name.is_empty(),
        "description" => !wire.description.is_empty(),
        "venue" => !wire.venue.is_empty(),
        "category" => !wire.category.is_empty(),
        "time_zone" => !wire.time_zone.is_empty(),
        "unit_price" => wire.unit_price.is_some(),
        "sale_start_time" => wire.sale_start_time.is_some(),
        "sale_end_time" => wire.sale_end_time.is_some(),
        "start_time" => wire.start_time.is_some(),
        "end_time" => wire.end_time.is_some(),
        "max_per_buyer" => wire.max_per_buyer != 0,
        "hold_ttl" => wire.hold_ttl.is_some(),
        "sections" => !wire.sections.is_empty(),
        "min_nights" => wire.min_nights != 0,
        "max_nights" => wire.max_nights != 0,
        "cancel_policy" => wire.cancel_policy.is_some(),
        "status" => wire.status != 0,
        _ => false,
    }
}
