//! The organizer: puts tickets on sale, changes how much there is and what it costs, keeps some for the house, and
//! deletes tickets at any moment.

use std::time::Duration;

use kernel::{
    Caller, CivilDate, Currency, Fault, IdSource, Money, OrganizerId, Percent, Quantity, ReplyKey,
    Role,
};
use ticket::{
    Allocation, CancelPolicy, CreateHouseHold, DeleteTicket, HoldOwner, HoldRecord, NIGHTS_MAX,
    Nights, RegisterTicket, SetCapacity, TermsChange, Ticket, TicketDraft, TicketKind,
    UpdateTicket, Wanted,
};

use crate::tasks::Server;
use crate::world::World;

/// Nights on sale, in January of the year in which the clock begins.
const LAST_NIGHT: i32 = 4;

fn organizer() -> Caller {
    Caller {
        subject: Some("somebody".to_owned()),
        roles: vec![Role::Organizer],
        organizer_id: OrganizerId::new("acme").ok(),
        ..Caller::default()
    }
}

fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}

fn night(day: i32) -> CivilDate {
    CivilDate::new(1970, 1, day).unwrap()
}

/// What a command of the organizer came to, if it came to an answer.
fn judged<A, E: Fault>(
    world: &World,
    doing: &'static str,
) -> impl FnOnce(Result<A, E>) + use<A, E> {
    let clients = world.clients.clone();
    move |done| {
        if let Err(error) = done {
            clients.judge(doing, &error);
        }
    }
}

impl World {
    /// Up to three tickets of a few units each; a limit per buyer on some, some for nothing, some paid first.
    pub(crate) fn put_on_sale(&self) {
        let kinds = [TicketKind::Admission, TicketKind::Seated, TicketKind::Nightly];
        for kind in kinds {
            if kind != TicketKind::Admission && self.chance.one_in(3) {
                continue;
            }
            let request = self.register(kind);
            let (ticketing, judged) = (self.ticketing.clone(), judged(self, "registering"));
            self.tasks.spawn(Server::Ticket, async move {
                judged(ticketing.register_ticket(&organizer(), request, None).await);
            });
        }
    }

    fn register(&self, kind: TicketKind) -> RegisterTicket {
        let chance = &self.chance;
        let price_minor = if chance.one_in(8) { 0 } else { 1_000 };
        // The whole price now and then, more often a part of it.
        let fee = |percent| CancelPolicy {
            free_before: None,
            fee_percent: Percent::new(percent).unwrap(),
            closed_before: None,
        };
        let draft = TicketDraft {
            name: format!("{kind:?}"),
            unit_price: Some(won(price_minor)),
            max_per_buyer: if chance.one_in(2) { 4 } else { 0 },
            hold_ttl: Some(Duration::from_secs(30 + chance.below(90) as u64)),
            cancel_policy: chance.one_in(3).then(|| fee(if chance.one_in(4) { 100 } else { 30 })),
            ..TicketDraft::default()
        };
        let seats = (1..=3 + chance.below(5)).map(|number| format!("A{number}"));
        let is_seated = kind == TicketKind::Seated;
        let is_nightly = kind == TicketKind::Nightly;
        RegisterTicket {
            kind,
            allocation: if !is_seated && chance.one_in(3) {
                Allocation::PayFirst
            } else {
                Allocation::HoldFirst
            },
            capacity: if is_seated { 0 } else { 2 + chance.below(8) as i64 },
            seats: if is_seated { seats.collect() } else { Vec::new() },
            first_night: is_nightly.then(|| night(1)),
            last_night: is_nightly.then(|| night(LAST_NIGHT)),
            draft,
        }
    }

    /// The organizer does something about one ticket.
    pub(crate) fn organize(&self) {
        if self.tasks.is_away(Server::Ticket) {
            return;
        }
        let Some(ticket) = self.chance.pick(&self.tickets.tickets()) else { return };
        match self.chance.below(20) {
            0 => self.delete(&ticket),
            1..=4 => self.set_capacity(&ticket),
            5..=8 => self.change(&ticket),
            9..=14 => self.keep_for_the_house(&ticket),
            _ => self.give_up_for_the_house(),
        }
    }

    fn delete(&self, ticket: &Ticket) {
        self.chance.tell(|| format!("> delete {}", ticket.id));
        let request = DeleteTicket { ticket_id: ticket.id, etag: String::new() };
        let (ticketing, judged) = (self.ticketing.clone(), judged(self, "deleting"));
        self.tasks.spawn(Server::Ticket, async move {
            judged(ticketing.delete_ticket(&organizer(), request, None).await);
        });
    }

    fn set_capacity(&self, ticket: &Ticket) {
        let first = 1 + self.chance.below(3) as i32;
        let nights = (ticket.kind == TicketKind::Nightly)
            .then(|| Nights::new(night(first), night(LAST_NIGHT + 1), NIGHTS_MAX).unwrap());
        let capacity = self.chance.below(14) as i64;
        self.chance.tell(|| format!("> capacity {capacity} of {}", ticket.id));
        let request = SetCapacity { ticket_id: ticket.id, capacity, nights };
        let (ticketing, judged) = (self.ticketing.clone(), judged(self, "setting the capacity"));
        self.tasks.spawn(Server::Ticket, async move {
            judged(ticketing.set_capacity(&organizer(), request, None).await);
        });
    }

    fn change(&self, ticket: &Ticket) {
        let change = match self.chance.below(4) {
            0 => TermsChange::Paused(true),
            1 => TermsChange::UnitPrice(Some(won(1_000 + self.chance.below(3) as i64 * 100))),
            _ => TermsChange::Paused(false),
        };
        self.chance.tell(|| format!("> {change:?} of {}", ticket.id));
        let ticket_id = ticket.id;
        let request = UpdateTicket { ticket_id, etag: String::new(), changes: vec![change] };
        let (ticketing, judged) = (self.ticketing.clone(), judged(self, "changing a ticket"));
        self.tasks.spawn(Server::Ticket, async move {
            judged(ticketing.update_ticket(&organizer(), request, None).await);
        });
    }

    /// With a key of its own it is asked for twice now and then.
    fn keep_for_the_house(&self, ticket: &Ticket) {
        let quantity = Quantity::new(1 + self.chance.below(2) as i64).unwrap();
        let wanted = match ticket.kind {
            TicketKind::Admission | TicketKind::Seated => Wanted::Units(quantity),
            TicketKind::Nightly => {
                let nights = Nights::new(night(2), night(4), NIGHTS_MAX).unwrap();
                Wanted::Nights { quantity, nights }
            }
        };
        let key = self.chance.one_in(2).then(|| ReplyKey {
            scope: "TicketService/CreateHouseHold acme".to_owned(),
            key: self.ids.next().to_string(),
            fingerprint: vec![1],
        });
        let times = if key.is_some() { 1 + self.chance.below(2) } else { 1 };
        for _ in 0..times {
            let request = CreateHouseHold {
                ticket_id: ticket.id,
                note: "guests".to_owned(),
                wanted: wanted.clone(),
            };
            self.chance.tell(|| format!("> {request:?}"));
            let (ticketing, key) = (self.ticketing.clone(), key.clone());
            let judged = judged(self, "keeping back");
            self.tasks.spawn(Server::Ticket, async move {
                judged(ticketing.create_house_hold(&organizer(), request, key).await);
            });
        }
    }

    fn give_up_for_the_house(&self) {
        let kept = self.tickets.holds().into_iter().filter_map(|record| match record {
            HoldRecord::Hold(hold) if matches!(hold.owner, HoldOwner::House { .. }) => {
                Some((hold.ticket_id, hold.id))
            }
            HoldRecord::Hold(_) | HoldRecord::Tombstone(_) => None,
        });
        let Some(of) = self.chance.pick(&kept.collect::<Vec<_>>()) else { return };
        self.chance.tell(|| format!("> give up {}", of.1));
        let (ticketing, judged) = (self.ticketing.clone(), judged(self, "giving up"));
        self.tasks.spawn(Server::Ticket, async move {
            judged(ticketing.release_house_hold(&organizer(), of, None).await);
        });
    }
}
