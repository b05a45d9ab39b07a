//! How much choosing of seats one transaction does. Who asks for the best seats does not say of what kind the ticket
//! is: that is known once the ticket is locked, and too late to weigh it where orders wait. What does not fit then is
//! put off. Its caller has it decided again, and then it goes first.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::TicketId;
use sea_orm_database::Job;
use ticket::{StockCommand, StockOrder, Wanted};

/// Halls whose free seats are read, of which each has 10,000 at most. All who choose in one hall share its map.
const MAPS_AT_ONCE: usize = 4;
/// Seats that are chosen: each is a line, an entry and a counter to be written. As many as 256 buyers of four.
const CHOSEN_AT_ONCE: usize = 1_024;
/// How often the same orders are put off; then there is too much to do.
pub(super) const PUT_OFF_MAX: u32 = 32;

/// Orders that one caller has decided together.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(super) orders: Arc<[StockOrder]>,
    /// How often they were put off before.
    pub(super) put_off: u32,
}

impl Work {
    /// The halls in which seats are to be chosen, and how many seats.
    fn choices(&self, seated: &BTreeSet<TicketId>) -> (BTreeSet<TicketId>, usize) {
        let (mut halls, mut seats) = (BTreeSet::new(), 0_usize);
        for order in self.orders.iter() {
            match &order.command {
                StockCommand::Hold(request) if seated.contains(&request.ticket_id) => {
                    match request.wanted {
                        Wanted::Units(quantity) => {
                            halls.insert(request.ticket_id);
                            seats = seats.saturating_add(quantity.get() as usize);
                        }
                        Wanted::Seats(_) | Wanted::Nights { .. } => {}
                    }
                }
                StockCommand::Hold(_) | StockCommand::Step(..) | StockCommand::Reduce(..) => {}
            }
        }
        (halls, seats)
    }
}

/// Which of these jobs must wait for another transaction, given the halls among the tickets they ask for. One always
/// fits.
pub(super) fn put_off(jobs: &[Job<Work>], seated: &BTreeSet<TicketId>) -> BTreeSet<usize> {
    let mut in_turn: Vec<_> = jobs.iter().enumerate().collect();
    in_turn.sort_by_key(|(_, job)| Reverse(job.work.put_off));
    let (mut maps, mut chosen) = (BTreeSet::new(), 0_usize);
    let mut put_off = BTreeSet::new();
    for (place, job) in in_turn {
        let (halls, seats) = job.work.choices(seated);
        if halls.is_empty() {
            continue;
        }
        let more = maps.union(&halls).count();
        let is_first = maps.is_empty();
        if is_first || (more <= MAPS_AT_ONCE && chosen.saturating_add(seats) <= CHOSEN_AT_ONCE) {
            maps.extend(halls);
            chosen = chosen.saturating_add(seats);
        } else {
            put_off.insert(place);
        }
    }
    put_off
}

#[cfg(test)]
mod tests {
    use kernel::{BuyerId, EventId, HoldId, Quantity, Uuid};
    use ticket::{HoldOwner, HoldRequest};

    use super::*;

    fn hall(number: u128) -> TicketId {
        TicketId::new(Uuid::from_u128(number))
    }

    fn job(ticket_id: TicketId, seats: i64, put_off: u32) -> Job<Work> {
        let request = HoldRequest {
            hold_id: HoldId::new(Uuid::nil()),
            ticket_id,
            owner: HoldOwner::Buyer(BuyerId::new("alice").expect("a name")),
            wanted: Wanted::Units(Quantity::new(seats).expect("some")),
            expected_total: None,
            pinned: false,
            surely_new: true,
            check_only: false,
        };
        let command = StockCommand::Hold(request);
        let event_id = EventId::new(Uuid::nil());
        let order = StockOrder { command, event_id, causation_id: None, key: None };
        Job { work: Work { orders: Arc::from([order]), put_off }, traceparent: None }
    }

    #[test]
    fn a_transaction_reads_so_many_maps_and_who_was_put_off_goes_first() {
        let halls: BTreeSet<_> = (0..6).map(hall).collect();
        let mut jobs: Vec<_> = (0..6).map(|number| job(hall(number), 2, 0)).collect();
        jobs.push(job(hall(0), 2, 0));
        jobs.push(job(hall(9), 2, 0));
        assert_eq!(put_off(&jobs, &halls), [4, 5].into(), "one more in a hall costs no map");
        jobs[5].work.put_off = 1;
        assert_eq!(put_off(&jobs, &halls), [3, 4].into());
        assert_eq!(put_off(&jobs, &BTreeSet::new()), BTreeSet::new(), "others choose no seats");
    }

    #[test]
    fn a_transaction_chooses_so_many_seats() {
        let halls: BTreeSet<_> = [hall(0)].into();
        let fours: Vec<_> = (0..256).map(|_| job(hall(0), 4, 0)).collect();
        assert_eq!(put_off(&fours, &halls), BTreeSet::new(), "a whole batch of the usual");
        let large =
            [job(hall(0), 500, 0), job(hall(0), 500, 0), job(hall(0), 500, 0), job(hall(0), 24, 0)];
        assert_eq!(put_off(&large, &halls), [2].into());
        assert_eq!(put_off(&[job(hall(0), 10_000, 0)], &halls), BTreeSet::new(), "one always fits");
    }
}
