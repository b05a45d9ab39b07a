//! Tickets in memory.

use async_trait::async_trait;
use kernel::{
    Committed, Envelope, KeyedReply, ReplyChange, ReplyKey, StoreError, TicketId, Timestamp,
};
use ticket::{
    HoldRecord, Listing, Slot, SlotCapacity, SlotKey, SlotRecord, SlotTerms, Stock, Ticket,
    TicketChange, TicketPage, TicketSearch, TicketSlots, TicketStatus, TicketStore,
};

use crate::{MemoryTicketStore, Tables};

#[async_trait]
impl TicketStore for MemoryTicketStore {
    async fn find(&self, id: TicketId) -> Result<Option<Listing>, StoreError> {
        let tables = self.tables();
        Ok(tables.tickets.get(&id).map(|ticket| tables.listing(ticket, self.clock.now())))
    }

    async fn search(&self, search: &TicketSearch) -> Result<TicketPage, StoreError> {
        let (tables, now) = (self.tables(), self.clock.now());
        let listings = tables.tickets.values().map(|ticket| tables.listing(ticket, now));
        let mut found: Vec<_> = listings.filter(|listing| is_found(listing, search)).collect();
        let place = |listing: &Listing| {
            let cursor = search.order.cursor(&listing.ticket);
            (cursor.sort, cursor.id)
        };
        found.sort_by_key(place);
        if search.order.descending {
            found.reverse();
        }
        let after = search.after.map(|cursor| (cursor.sort, cursor.id));
        found.retain(|listing| match after {
            Some(after) if search.order.descending => place(listing) < after,
            Some(after) => place(listing) > after,
            None => true,
        });
        Ok(TicketPage::cut(found, search))
    }

    async fn commit(&self, change: TicketChange) -> Result<Committed, StoreError> {
        let mut tables = self.tables();
        let revision = tables.tickets.get(&change.ticket.id).map_or(0, |ticket| ticket.revision);
        if revision != change.expected_revision {
            return Ok(Committed::Stale);
        }
        let Some(slots) = tables.resized(change.ticket.id, &change.capacities) else {
            return Ok(Committed::Stale);
        };
        let cause = change.caused_by.map(|cause| (cause.consumer, cause.event_id));
        if cause.is_some_and(|cause| tables.handled.contains(&cause)) {
            return Ok(Committed::AlreadyHandled);
        }
        if !tables.write_reply(change.reply) {
            return Ok(Committed::KeyTaken);
        }
        tables.handled.extend(cause);
        tables.stocks.extend(slots);
        if let Some(nights) = &change.nights {
            for date in nights.nights.dates() {
                if let Some(night) = tables.stocks.get_mut(&(change.ticket.id, Slot::Night(date))) {
                    night.terms = nights.applied_to(night.terms);
                }
            }
        }
        let ticket_id = change.ticket.id;
        tables.tickets.insert(ticket_id, change.ticket);
        tables.events.extend(change.events);
        drop(tables);
        self.changes.tell(&ticket_id.to_string());
        Ok(Committed::Done)
    }

    async fn find_reply(&self, key: &ReplyKey) -> Result<Option<KeyedReply>, StoreError> {
        Ok(self.tables().replies.get(&(key.scope.clone(), key.key.clone())).cloned())
    }

    async fn find_retirable(&self, limit: u32) -> Result<Vec<TicketId>, StoreError> {
        let tables = self.tables();
        let retiring = |ticket: &&Ticket| ticket.status == TicketStatus::Retiring;
        let ids = tables.tickets.values().filter(retiring).map(|ticket| ticket.id);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(ids.filter(|id| !tables.keeps_stock(*id)).take(limit).collect())
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        _reason: &str,
    ) -> Result<(), StoreError> {
        self.tables().handled.insert((consumer, message.id));
        Ok(())
    }
}

impl Tables {
    pub(crate) fn listing(&self, ticket: &Ticket, now: Timestamp) -> Listing {
        Listing { ticket: ticket.clone(), stock: self.slots_of(ticket, now).stock() }
    }

    pub(crate) fn slots_of(&self, ticket: &Ticket, read_at: Timestamp) -> TicketSlots {
        let of_ticket = self.stocks.iter().filter(|((id, _), _)| *id == ticket.id);
        let slots = of_ticket.map(|((_, slot), record)| (slot.clone(), *record));
        TicketSlots { ticket: ticket.clone(), slots: slots.collect(), read_at }
    }

    /// The slots with new capacities; `None` if one would be too small.
    fn resized(&self, id: TicketId, wishes: &[SlotCapacity]) -> Option<Vec<(SlotKey, SlotRecord)>> {
        let resize = |wish: &SlotCapacity| {
            let key = (id, wish.slot.clone());
            let begun = SlotTerms { position: wish.position, ..SlotTerms::default() };
            let begun = SlotRecord { stock: Stock::default(), terms: begun };
            let SlotRecord { stock, terms } = self.stocks.get(&key).copied().unwrap_or(begun);
            Some((key, SlotRecord { stock: stock.with_capacity(wish.capacity).ok()?, terms }))
        };
        wishes.iter().map(resize).collect()
    }

    fn keeps_stock(&self, id: TicketId) -> bool {
        self.holds.values().any(|record| match record {
            HoldRecord::Hold(hold) => hold.ticket_id == id && hold.state.keeps_stock(),
            HoldRecord::Tombstone(_) => false,
        })
    }

    /// Says whether the key was free.
    fn write_reply(&mut self, reply: ReplyChange) -> bool {
        let (key, resource_id, body) = match reply {
            ReplyChange::None => return true,
            ReplyChange::Complete { resource_id, body } => {
                let open = |reply: &&mut KeyedReply| {
                    reply.resource_id == resource_id && reply.body.is_none()
                };
                self.replies.values_mut().filter(open).for_each(|r| r.body = Some(body.clone()));
                return true;
            }
            ReplyChange::Begin { key, resource_id } => (key, resource_id, None),
            ReplyChange::Record { key, body } => (key, String::new(), Some(body)),
        };
        let name = (key.scope, key.key);
        if self.replies.contains_key(&name) {
            return false;
        }
        let reply = KeyedReply { fingerprint: key.fingerprint, resource_id, body };
        self.replies.insert(name, reply);
        true
    }
}

fn is_found(listing: &Listing, search: &TicketSearch) -> bool {
    let Listing { ticket, stock } = listing;
    let words = ticket.terms.search_words();
    let price = ticket.terms.unit_price;
    !ticket.is_deleted()
        && search.words.iter().all(|word| word.begins_one_of(&words))
        && search.category.as_ref().is_none_or(|category| *category == ticket.terms.category)
        && search.organizer_id.as_ref().is_none_or(|id| *id == ticket.organizer_id)
        && search.kind.is_none_or(|kind| kind == ticket.kind)
        && search.starts_from.is_none_or(|from| ticket.terms.starts_at.is_some_and(|at| at >= from))
        && search.starts_before.is_none_or(|to| ticket.terms.starts_at.is_some_and(|at| at < to))
        && search
            .max_unit_price
            .is_none_or(|max| price.currency() == max.currency() && price.minor() <= max.minor())
        && (!search.available_only || stock.available() > 0)
}
