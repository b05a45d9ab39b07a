//! The brute-force model: no counters, only holds, gone through every time. A night is a line of its own. Which seats
//! are the best, it takes from the book, once it has seen that they are free and as many: what makes them the best
//! is tested with them.

use super::*;

/// What is known of a hold.
#[derive(Debug, Clone)]
struct Known {
    request: Option<HoldRequest>,
    lines: BTreeMap<Slot, i64>,
    state: &'static str,
    pinned: bool,
    told: bool,
    expires_at: Timestamp,
}

#[derive(Default)]
pub(super) struct Model {
    holds: BTreeMap<HoldId, Known>,
    pub(super) facts: usize,
}

/// A verdict in the model's words.
pub(super) fn outcome(verdict: &StockVerdict) -> String {
    match verdict {
        Ok(StockOutcome::Tombstone) => "tombstone".into(),
        Ok(StockOutcome::Hold(hold)) => {
            let state = match hold.state {
                HoldState::Active { .. } => "ACTIVE",
                HoldState::Committed => "COMMITTED",
                HoldState::Returned => "RETURNED",
                HoldState::Released { .. } => "RELEASED",
                HoldState::Expired => "EXPIRED",
            };
            format!("{state} {}", hold.is_pinned())
        }
        Err(refusal) => kernel::Fault::reason(refusal).into(),
    }
}

/// The seats that a hold was given.
pub(super) fn chosen(verdict: &StockVerdict) -> Chosen {
    match verdict {
        Ok(StockOutcome::Hold(hold)) => {
            Chosen { seats: hold.seats().map(str::to_owned).collect(), mismatch: None }
        }
        Err(StockRefusal::PriceMismatch { total }) => {
            Chosen { seats: Vec::new(), mismatch: Some(total.minor()) }
        }
        Ok(StockOutcome::Tombstone) | Err(_) => Chosen::default(),
    }
}

/// What the book tells of its choice.
#[derive(Default)]
pub(super) struct Chosen {
    seats: Vec<String>,
    /// What those cost that were refused for their price.
    mismatch: Option<i64>,
}

/// The tickets and their slots before a command.
type Scene<'a> = (&'a BTreeMap<TicketId, Ticket>, &'a BTreeMap<SlotKey, SlotRecord>);

impl Model {
    pub(super) fn execute(
        &mut self,
        command: &StockCommand,
        scene: Scene<'_>,
        chosen: Chosen,
        now: Timestamp,
    ) -> String {
        match command {
            StockCommand::Hold(request) => self.hold(request, scene, &chosen, now),
            StockCommand::Step(id, step) => self.step(*id, *step, scene, now),
            StockCommand::Reduce(id, stays) => self.reduce(*id, *stays),
        }
        .unwrap_or_else(|refusal| refusal.into())
    }

    fn hold(
        &mut self,
        request: &HoldRequest,
        scene: Scene<'_>,
        chosen: &Chosen,
        now: Timestamp,
    ) -> Result<String, &'static str> {
        if let Some(known) = self.holds.get(&request.hold_id) {
            let same = known.request.as_ref().is_some_and(|first| {
                (first.ticket_id, &first.owner) == (request.ticket_id, &request.owner)
                    && asks_for(request, known)
            });
            let open =
                matches!(known.state, "ACTIVE" | "COMMITTED" | "EXPIRED") || known.is_houses();
            return if same && open { Ok(known.words()) } else { Err("HOLD_CLOSED") };
        }
        let ticket = scene.0.get(&request.ticket_id).ok_or("TICKET_NOT_FOUND")?;
        let house = request.owner.buyer_id().is_none();
        if house && ticket.is_deleted() {
            return Err("TICKET_RETIRING");
        }
        if !house && ticket.status != crate::TicketStatus::OnSale {
            return Err("NOT_ON_SALE");
        }
        let lines = self.lines(request, ticket, &chosen.seats, now)?;
        let sum: i64 = lines.iter().map(|(slot, count)| price(slot, ticket) * count).sum();
        let expected = request.expected_total.map(|expected| expected.minor());
        // Of seats that were chosen and refused, only the price is told, where it is the reason.
        let is_told = ticket.kind != TicketKind::Seated
            || !matches!(request.wanted, Wanted::Units(_))
            || !chosen.seats.is_empty();
        let price = if is_told { sum } else { chosen.mismatch.or(expected).unwrap_or(sum) };
        if expected.is_some_and(|expected| expected != price) {
            return Err("PRICE_MISMATCH");
        }
        let known = Known {
            request: Some(request.clone()),
            lines,
            state: "ACTIVE",
            pinned: request.pinned && request.owner.buyer_id().is_some(),
            told: false,
            expires_at: now.plus(Duration::from_secs(TTL_SECS)),
        };
        self.check_room(&known, scene)?;
        let words = known.words();
        self.holds.insert(request.hold_id, known);
        Ok(words)
    }

    /// What is asked for, by what it is of.
    fn lines(
        &self,
        request: &HoldRequest,
        ticket: &Ticket,
        chosen: &[String],
        now: Timestamp,
    ) -> Result<BTreeMap<Slot, i64>, &'static str> {
        let units = count(request);
        match (ticket.kind, &request.wanted) {
            (TicketKind::Admission, Wanted::Units(_)) => Ok([(Slot::Admission, units)].into()),
            (TicketKind::Seated, Wanted::Units(_)) => {
                let seats = SEATS.map(|name| Slot::Seat(name.into()));
                let free = seats.iter().filter(|seat| self.taken(ticket.id, seat) == 0);
                if i64::try_from(free.count()).expect("few") < units {
                    return Err("SOLD_OUT");
                }
                // A hold that is refused for another reason has no seats; any so many will do.
                let any = seats.into_iter().filter(|seat| self.taken(ticket.id, seat) == 0);
                let chosen: Vec<_> = chosen.iter().cloned().map(Slot::Seat).collect();
                let chosen = if chosen.is_empty() { any.collect() } else { chosen };
                let many = usize::try_from(units).expect("few");
                assert!(chosen.len() >= many, "as many as were asked for");
                Ok(chosen.into_iter().take(many).map(|seat| (seat, 1)).collect())
            }
            (TicketKind::Seated, Wanted::Seats(names)) => {
                if names.iter().any(|name| !SEATS.contains(&name.as_str())) {
                    return Err("INVALID_FIELD");
                }
                Ok(names.iter().map(|name| (Slot::Seat(name.clone()), 1)).collect())
            }
            (TicketKind::Nightly, Wanted::Nights { nights, .. }) => {
                let today = ticket.terms.time_zone.date_of(now);
                let closed = [nights.from(), nights.until()].contains(&night(2));
                let house = request.owner.buyer_id().is_none();
                if house {
                    let of_night = |date| (Slot::Night(date), units);
                    return Ok(nights.dates().map(of_night).collect());
                }
                if nights.from() < today || nights.count() > 3 || closed {
                    return Err("STAY_NOT_ALLOWED");
                }
                Ok(nights.dates().map(|date| (Slot::Night(date), units)).collect())
            }
            _ => Err("INVALID_FIELD"),
        }
    }

    fn step(
        &mut self,
        id: HoldId,
        step: HoldStep,
        scene: Scene<'_>,
        now: Timestamp,
    ) -> Result<String, &'static str> {
        let gives_back = matches!(step, HoldStep::Release | HoldStep::Return);
        if !self.holds.contains_key(&id) && !gives_back {
            return Err("HOLD_NOT_FOUND");
        }
        let tombstone = Known {
            request: None,
            lines: BTreeMap::new(),
            state: "RELEASED",
            pinned: false,
            told: false,
            expires_at: now,
        };
        let mut known = self.holds.get(&id).cloned().unwrap_or(tombstone);
        if known.is_houses() {
            match step {
                HoldStep::ReleaseHouse => known.state = "RELEASED",
                HoldStep::Expire => {}
                HoldStep::Pin
                | HoldStep::Unpin
                | HoldStep::Commit
                | HoldStep::Release
                | HoldStep::Return => return Err("HOLD_CLOSED"),
            }
            let words = known.words();
            self.holds.insert(id, known);
            return Ok(words);
        }
        if step == HoldStep::ReleaseHouse {
            return Err("HOLD_CLOSED");
        }
        let sells = step == HoldStep::Commit;
        let closed = matches!(known.state, "RELEASED" | "RETURNED");
        let unreleasable = step == HoldStep::Release && known.state == "COMMITTED";
        if unreleasable || (closed && (sells || step == HoldStep::Pin)) {
            return Err("HOLD_CLOSED");
        }
        if let Some(request) = known.request.clone() {
            let ticket = &scene.0[&request.ticket_id];
            let retakes = known.state == "EXPIRED" && (sells || step == HoldStep::Pin);
            if (retakes || (sells && known.state == "ACTIVE")) && ticket.is_deleted() {
                return Err("TICKET_RETIRING");
            }
            if retakes {
                self.check_room(&known, scene)?;
                known.expires_at = now.plus(Duration::from_secs(TTL_SECS));
                known.state = "ACTIVE";
            }
        }
        self.facts += known.settle(step, closed, now);
        let words = known.words();
        self.holds.insert(id, known);
        Ok(words)
    }

    fn reduce(&mut self, id: HoldId, stays: Quantity) -> Result<String, &'static str> {
        let known = self.holds.get_mut(&id).ok_or("HOLD_NOT_FOUND")?;
        if known.is_houses() {
            return Err("HOLD_CLOSED");
        }
        let request = known.request.as_mut().ok_or("HOLD_CLOSED")?;
        if matches!(known.state, "ACTIVE" | "COMMITTED") {
            let units = known.lines.get_mut(&Slot::Admission).ok_or("INVALID_FIELD")?;
            if *units > i64::from(stays.get()) {
                *units = stays.get().into();
                request.wanted = Wanted::Units(stays);
            }
        }
        Ok(known.words())
    }

    fn check_room(&self, wish: &Known, (tickets, slots): Scene<'_>) -> Result<(), &'static str> {
        let request = wish.request.as_ref().expect("a hold");
        let theirs = self
            .kept()
            .filter_map(|kept| kept.request.as_ref())
            .filter(|kept| kept.ticket_id == request.ticket_id && kept.owner == request.owner);
        let owned: i64 = theirs.map(count).sum();
        let limit = tickets[&request.ticket_id].terms.max_per_buyer;
        let house = request.owner.buyer_id().is_none();
        if !house && owned + count(request) > limit.map_or(i64::MAX, |max| i64::from(max.get())) {
            return Err("LIMIT_PER_BUYER");
        }
        let full = wish.lines.iter().any(|(slot, count)| {
            let record = slots.get(&(request.ticket_id, slot.clone()));
            let capacity = record.map_or(0, |record| record.stock.capacity());
            self.taken(request.ticket_id, slot) + count > i64::try_from(capacity).expect("few")
        });
        if full { Err("SOLD_OUT") } else { Ok(()) }
    }

    fn kept(&self) -> impl Iterator<Item = &Known> {
        self.holds.values().filter(|known| {
            known.request.is_some() && matches!(known.state, "ACTIVE" | "COMMITTED")
        })
    }

    fn taken(&self, ticket_id: TicketId, slot: &Slot) -> i64 {
        let of_ticket = self
            .kept()
            .filter(|kept| kept.request.as_ref().is_some_and(|r| r.ticket_id == ticket_id));
        of_ticket.filter_map(|kept| kept.lines.get(slot)).sum()
    }

    /// I1 and I2 of the rows, and the counters are what the model counts; I11 where there is a limit.
    pub(super) fn check(&self, rows: &Rows) {
        let folded = fold(&rows.entries);
        for (key, SlotRecord { stock, .. }) in &rows.stocks {
            let counts = folded.get(key).copied().unwrap_or_default();
            assert_eq!(u64::try_from(counts.held), Ok(stock.held()), "I2 {key:?}");
            assert_eq!(u64::try_from(counts.sold), Ok(stock.sold()), "I2 {key:?}");
            assert!(stock.held() + stock.sold() <= stock.capacity(), "I1 {key:?}");
            let taken = self.taken(key.0, &key.1);
            assert_eq!(u64::try_from(taken), Ok(stock.held() + stock.sold()), "{key:?}");
        }
        let owner = |hold: &Hold| Some((hold.ticket_id, hold.owner.buyer_id()?.clone()));
        for owner in rows.kept().filter_map(owner) {
            let max = rows.tickets[&owner.0].terms.max_per_buyer;
            assert!(max.is_none_or(|max| rows.owned(&owner) <= u64::from(max.get())), "I11");
        }
    }
}

impl Known {
    /// Takes a step that is allowed; says how many facts it makes.
    fn settle(&mut self, step: HoldStep, closed: bool, now: Timestamp) -> usize {
        let due = self.state == "ACTIVE" && !self.pinned && self.expires_at <= now;
        match step {
            HoldStep::Pin => self.pinned = self.state == "ACTIVE",
            HoldStep::Unpin => self.pinned = false,
            HoldStep::Commit => (self.state, self.pinned) = ("COMMITTED", false),
            HoldStep::Release | HoldStep::Return if !closed => {
                let sold = self.state == "COMMITTED";
                self.state = if sold { "RETURNED" } else { "RELEASED" };
                self.pinned = false;
            }
            HoldStep::Release | HoldStep::Return => {}
            HoldStep::Expire if due => {
                self.state = "EXPIRED";
                return 1;
            }
            HoldStep::Expire | HoldStep::ReleaseHouse => {}
        }
        let tells = step == HoldStep::Return && !self.told;
        self.told |= tells;
        usize::from(tells)
    }

    fn is_houses(&self) -> bool {
        self.request.as_ref().is_some_and(|request| request.owner.buyer_id().is_none())
    }

    fn words(&self) -> String {
        match self.request {
            Some(_) => format!("{} {}", self.state, self.pinned),
            None => "tombstone".into(),
        }
    }
}

fn count(request: &HoldRequest) -> i64 {
    request.wanted.quantity().map_or(0, |quantity| i64::from(quantity.get()))
}

/// What a unit costs, by the prices that the scene begins with.
fn price(slot: &Slot, ticket: &Ticket) -> i64 {
    match slot {
        Slot::Seat(name) if name.starts_with("S/") => 3000,
        Slot::Night(date) if *date == night(2) => 500,
        Slot::Admission | Slot::Seat(_) | Slot::Night(_) => ticket.terms.unit_price.minor(),
    }
}

/// Whether what is asked for is what was given before.
fn asks_for(request: &HoldRequest, known: &Known) -> bool {
    let by_night = known.lines.keys().any(|slot| matches!(slot, Slot::Night(_)));
    match &request.wanted {
        Wanted::Units(_) => known.request.as_ref().map(count) == Some(count(request)) && !by_night,
        Wanted::Seats(names) => {
            let seats: BTreeMap<_, _> =
                names.iter().map(|name| (Slot::Seat(name.clone()), 1)).collect();
            seats == known.lines
        }
        Wanted::Nights { nights, .. } => {
            let lines: BTreeMap<_, _> =
                nights.dates().map(|date| (Slot::Night(date), count(request))).collect();
            lines == known.lines
        }
    }
}
