//! Holds of the house, between the wire and the domain.

use grpc_server::wire::{Check, date, timestamp};
use kernel::{HoldId, Invalid, TicketId};
use prost::Message;
use proto::boxoffice::ticket::v1 as pb;
use ticket::{CreateHouseHold, HOUSE_NOTE_CHARS_MAX, Hold, HoldOwner, ListHouseHolds};

use crate::stock_convert::{units, wanted};

/// The answer of CreateHouseHold and ReleaseHouseHold: both hold the hold in field 1 and nothing else, so one encoding
/// serves both.
#[must_use]
pub fn encode_hold(hold: &Hold) -> Vec<u8> {
    pb::CreateHouseHoldResponse { hold: Some(house_hold(hold)) }.encode_to_vec()
}

/// What to set aside.
pub(crate) fn create(wire: &pb::CreateHouseHoldRequest) -> Result<CreateHouseHold, Invalid> {
    let mut check = Check::new();
    let ticket_id = check.id("ticket_id", &wire.ticket_id);
    let note = check.text("note", &wire.note, 0..=HOUSE_NOTE_CHARS_MAX);
    let dates = (wire.check_in.as_ref(), wire.check_out.as_ref());
    let wanted = wanted(&mut check, wire.quantity, &wire.seats, dates);
    let request = || Some(CreateHouseHold { ticket_id: ticket_id?, note: note?, wanted: wanted? });
    check.read(request())
}

/// Which hold of which ticket to give up.
pub(crate) fn release(wire: &pb::ReleaseHouseHoldRequest) -> Result<(TicketId, HoldId), Invalid> {
    let mut check = Check::new();
    let ticket_id = check.id("ticket_id", &wire.ticket_id);
    let hold_id = check.id("hold_id", &wire.hold_id);
    check.read(ticket_id.zip(hold_id))
}

/// Which page, and the conditions that its token is bound to.
pub(crate) fn list(wire: &pb::ListHouseHoldsRequest) -> Result<(ListHouseHolds, Vec<u8>), Invalid> {
    let conditions =
        pb::ListHouseHoldsRequest { page_size: 0, page_token: String::new(), ..wire.clone() };
    let conditions = conditions.encode_to_vec();
    let mut check = Check::new();
    let ticket_id = check.id("ticket_id", &wire.ticket_id);
    let page = check.page(wire.page_size, &wire.page_token, &conditions);
    let (ticket_id, (page_size, after)) = check.read(ticket_id.zip(page))?;
    Ok((ListHouseHolds { ticket_id, page_size, after }, conditions))
}

/// A hold of the house as its organizer sees it.
pub(crate) fn house_hold(hold: &Hold) -> pb::HouseHold {
    let (note, created_at) = match &hold.owner {
        HoldOwner::House { note, created_at } => (note.clone(), Some(timestamp(*created_at))),
        HoldOwner::Buyer(_) => (String::new(), None),
    };
    pb::HouseHold {
        hold_id: hold.id.to_string(),
        ticket_id: hold.ticket_id.to_string(),
        note,
        quantity: units(hold.quantity),
        seats: hold.seats().map(str::to_owned).collect(),
        check_in: hold.nights().map(|nights| date(nights.from())),
        check_out: hold.nights().map(|nights| date(nights.until())),
        create_time: created_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn wrong(read: Result<impl Sized, Invalid>) -> Vec<String> {
        let found = read.err().map(|Invalid(found)| found).unwrap_or_default();
        found.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn r46_all_that_is_wrong_with_a_wish_of_the_house_is_named() {
        let wish = pb::CreateHouseHoldRequest {
            ticket_id: ID.into(),
            quantity: 2,
            note: "가".repeat(HOUSE_NOTE_CHARS_MAX),
            ..Default::default()
        };
        assert_eq!(wrong(create(&wish)), [""; 0]);
        let note = "x".repeat(HOUSE_NOTE_CHARS_MAX + 1);
        let odd = pb::CreateHouseHoldRequest { note, ..Default::default() };
        assert_eq!(wrong(create(&odd)), ["ticket_id", "note", "quantity"]);
        assert_eq!(wrong(release(&Default::default())), ["ticket_id", "hold_id"]);
        let page = pb::ListHouseHoldsRequest { page_size: -1, ..Default::default() };
        assert_eq!(wrong(list(&page)), ["ticket_id", "page_size"]);
    }
}
