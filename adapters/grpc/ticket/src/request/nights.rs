//! Requests about nights: which they are, what of them is to change, how many units there shall be.

use grpc_server::wire::Check;
use kernel::{Invalid, OrganizerId, TicketId};
use prost::Message;
use proto::boxoffice::ticket::v1 as pb;
use proto::google::r#type::Date;
use ticket::{
    CALENDAR_NIGHTS_MAX, CALENDAR_TICKETS_MAX, CalendarOf, GetCalendar, NIGHTS_AHEAD_MAX,
    NIGHTS_MAX, NightChange, NightPrice, Nights, SetCapacity, SetNights,
};

const START: &str = "start_date";
const END: &str = "end_date";
const REQUIRED: &str = "must be given";

/// Which capacity to set. Whether nights belong to it, the ticket's kind decides.
pub(crate) fn set_capacity(request: &pb::SetCapacityRequest) -> Result<SetCapacity, Invalid> {
    let mut check = Check::new();
    let ticket_id = check.id("ticket_id", &request.ticket_id);
    let dates = (request.start_date.as_ref(), request.end_date.as_ref());
    let nights = optional_nights(&mut check, dates, NIGHTS_AHEAD_MAX);
    if request.capacity.is_none() {
        check.violate("capacity", REQUIRED);
    }
    let read = ticket_id.zip(request.capacity);
    check.read(read.map(|(ticket_id, capacity)| SetCapacity { ticket_id, capacity, nights }))
}

/// What to change of which nights.
pub(crate) fn set_nights(request: &pb::SetNightsRequest) -> Result<SetNights, Invalid> {
    let mut check = Check::new();
    let ticket_id = check.id("ticket_id", &request.ticket_id);
    let dates = (request.start_date.as_ref(), request.end_date.as_ref());
    let nights = nights(&mut check, dates, NIGHTS_AHEAD_MAX);
    let own = check.optional_money("unit_price", request.unit_price.as_ref());
    if request.reset_unit_price && request.unit_price.is_some() {
        check.violate("reset_unit_price", "must not be given together with unit_price");
    }
    let back = request.reset_unit_price.then_some(NightPrice::TheTickets);
    let (closed_to_arrival, closed_to_departure) =
        (request.closed_to_arrival, request.closed_to_departure);
    check.read(ticket_id.zip(nights).map(|(ticket_id, nights)| {
        let unit_price = own.map(NightPrice::Own).or(back);
        let change = NightChange { nights, unit_price, closed_to_arrival, closed_to_departure };
        SetNights { ticket_id, change }
    }))
}

/// Of which ticket, and of which of its nights, to read what is left.
pub(crate) fn availability(
    id: &str,
    dates: (Option<&Date>, Option<&Date>),
) -> Result<(TicketId, Option<Nights>), Invalid> {
    let mut check = Check::new();
    let ticket_id = check.id("ticket_id", id);
    let nights = optional_nights(&mut check, dates, NIGHTS_MAX);
    check.read(ticket_id.map(|ticket_id| (ticket_id, nights)))
}

/// Which calendar, and the conditions that its pages' tokens are bound to.
pub(crate) fn calendar(request: pb::GetCalendarRequest) -> Result<(GetCalendar, Vec<u8>), Invalid> {
    let (page_size, page_token) = (request.page_size, request.page_token.clone());
    let request = pb::GetCalendarRequest { page_size: 0, page_token: String::new(), ..request };
    let conditions = request.encode_to_vec();
    let mut check = Check::new();
    let page = check.page(page_size, &page_token, &conditions);
    let dates = (request.start_date.as_ref(), request.end_date.as_ref());
    let nights = nights(&mut check, dates, CALENDAR_NIGHTS_MAX);
    let of = if request.ticket_ids.is_empty() {
        let organizer = OrganizerId::new(request.organizer_id);
        let id = check.take("organizer_id", organizer);
        page.zip(id).map(|((page_size, after), id)| CalendarOf::Organizer { id, page_size, after })
    } else {
        if !request.organizer_id.is_empty() {
            check.violate("organizer_id", "must not be given where tickets are named");
        }
        tickets(&mut check, &request.ticket_ids).map(CalendarOf::Tickets)
    };
    let read = of.zip(nights).map(|(of, nights)| GetCalendar { of, nights });
    Ok((check.read(read)?, conditions))
}

fn tickets(check: &mut Check, ids: &[String]) -> Option<Vec<TicketId>> {
    if ids.len() > CALENDAR_TICKETS_MAX {
        check.violate("ticket_ids", format_args!("must be at most {CALENDAR_TICKETS_MAX}"));
        return None;
    }
    let read = |(place, id): (usize, &String)| check.id(&format!("ticket_ids[{place}]"), id);
    ids.iter().enumerate().map(read).collect()
}

/// Nights that may be left out, both dates together.
fn optional_nights(
    check: &mut Check,
    dates: (Option<&Date>, Option<&Date>),
    most: u32,
) -> Option<Nights> {
    if dates == (None, None) { None } else { nights(check, dates, most) }
}

fn nights(check: &mut Check, dates: (Option<&Date>, Option<&Date>), most: u32) -> Option<Nights> {
    for (field, date) in [(START, dates.0), (END, dates.1)] {
        if date.is_none() {
            check.violate(field, REQUIRED);
        }
    }
    let from = check.optional_date(START, dates.0);
    let until = check.optional_date(END, dates.1);
    check.take(END, Nights::new(from?, until?, most))
}
