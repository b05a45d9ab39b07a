//! The brute-force model: no counters, only holds, gone through every time.

use super::*;

/// What is known of a hold.
#[derive(Debug, Clone)]
struct Known {
    request: Option<HoldRequest>,
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

impl Model {
    pub(super) fn execute(
        &mut self,
        command: &StockCommand,
        tickets: &BTreeMap<TicketId, Ticket>,
        now: Timestamp,
    ) -> String {
        match command {
            StockCommand::Hold(request) => self.hold(request, tickets, now),
            StockCommand::Step(id, step) => self.step(*id, *step, tickets, now),
        }
        .unwrap_or_else(|refusal| refusal.into())
    }

    fn hold(
        &mut self,
        request: &HoldRequest,
        tickets: &BTreeMap<TicketId, Ticket>,
        now: Timestamp,
    ) -> Result<String, &'static str> {
        if let Some(known) = self.holds.get(&request.hold_id) {
            let same = known.request.as_ref().is_some_and(|first| {
                (first.ticket_id, &first.buyer_id, &first.lines)
                    == (request.ticket_id, &request.buyer_id, &request.lines)
            });
            let open = matches!(known.state, "ACTIVE" | "COMMITTED" | "EXPIRED");
            return if same && open { Ok(known.words()) } else { Err("HOLD_CLOSED") };
        }
        let ticket = tickets.get(&request.ticket_id).ok_or("TICKET_NOT_FOUND")?;
        if ticket.status != crate::TicketStatus::OnSale {
            return Err("NOT_ON_SALE");
        }
        let price = ticket.terms.unit_price.minor() * count(request);
        if request.expected_total.is_some_and(|expected| expected.minor() != price) {
            return Err("PRICE_MISMATCH");
        }
        self.check_room(request, ticket)?;
        let known = Known {
            request: Some(request.clone()),
            state: "ACTIVE",
            pinned: request.pinned,
            told: false,
            expires_at: now.plus(Duration::from_secs(TTL_SECS)),
        };
        let words = known.words();
        self.holds.insert(request.hold_id, known);
        Ok(words)
    }

    fn step(
        &mut self,
        id: HoldId,
        step: HoldStep,
        tickets: &BTreeMap<TicketId, Ticket>,
        now: Timestamp,
    ) -> Result<String, &'static str> {
        let gives_back = matches!(step, HoldStep::Release | HoldStep::Return);
        if !self.holds.contains_key(&id) && !gives_back {
            return Err("HOLD_NOT_FOUND");
        }
        let tombstone =
            Known { request: None, state: "RELEASED", pinned: false, told: false, expires_at: now };
        let mut known = self.holds.get(&id).cloned().unwrap_or(tombstone);
        let sells = step == HoldStep::Commit;
        let closed = matches!(known.state, "RELEASED" | "RETURNED");
        let unreleasable = step == HoldStep::Release && known.state == "COMMITTED";
        if unreleasable || (closed && (sells || step == HoldStep::Pin)) {
            return Err("HOLD_CLOSED");
        }
        if let Some(request) = known.request.clone() {
            let ticket = &tickets[&request.ticket_id];
            let retakes = known.state == "EXPIRED" && (sells || step == HoldStep::Pin);
            if (retakes || (sells && known.state == "ACTIVE")) && ticket.is_deleted() {
                return Err("TICKET_RETIRING");
            }
            if retakes {
                self.check_room(&request, ticket)?;
                known.expires_at = now.plus(Duration::from_secs(TTL_SECS));
                known.state = "ACTIVE";
            }
        }
        self.facts += known.settle(step, closed, now);
        let words = known.words();
        self.holds.insert(id, known);
        Ok(words)
    }

    fn check_room(&self, request: &HoldRequest, ticket: &Ticket) -> Result<(), &'static str> {
        let theirs = self.kept().filter(|kept| {
            kept.ticket_id == request.ticket_id && kept.buyer_id == request.buyer_id
        });
        let owned: i64 = theirs.map(count).sum();
        let max = ticket.terms.max_per_buyer.map_or(i64::MAX, |max| i64::from(max.get()));
        if owned + count(request) > max {
            return Err("LIMIT_PER_BUYER");
        }
        let full = request.lines.iter().any(|(slot, quantity)| {
            let capacity = if *slot == Slot::Admission { 5 } else { 1 };
            self.taken(request.ticket_id, slot) + i64::from(quantity.get()) > capacity
        });
        if full { Err("SOLD_OUT") } else { Ok(()) }
    }

    fn kept(&self) -> impl Iterator<Item = &HoldRequest> {
        let keeping = self.holds.values().filter(|k| matches!(k.state, "ACTIVE" | "COMMITTED"));
        keeping.filter_map(|known| known.request.as_ref())
    }

    fn taken(&self, ticket_id: TicketId, slot: &Slot) -> i64 {
        let of_ticket = self.kept().filter(|request| request.ticket_id == ticket_id);
        of_ticket.filter_map(|r| r.lines.get(slot)).map(|q| i64::from(q.get())).sum()
    }

    /// I1 and I2 of the rows, and the counters are what the model counts; I11 where there is a limit.
    pub(super) fn check(&self, rows: &Rows) {
        let folded = fold(&rows.entries);
        for (key, stock) in &rows.stocks {
            let counts = folded.get(key).copied().unwrap_or_default();
            assert_eq!(u64::try_from(counts.held), Ok(stock.held()), "I2 {key:?}");
            assert_eq!(u64::try_from(counts.sold), Ok(stock.sold()), "I2 {key:?}");
            assert!(stock.held() + stock.sold() <= stock.capacity(), "I1 {key:?}");
            let taken = self.taken(key.0, &key.1);
            assert_eq!(u64::try_from(taken), Ok(stock.held() + stock.sold()), "{key:?}");
        }
        for owner in rows.kept().map(|hold| (hold.ticket_id, hold.buyer_id.clone())) {
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
            HoldStep::Expire => {}
        }
        let tells = step == HoldStep::Return && !self.told;
        self.told |= tells;
        usize::from(tells)
    }

    fn words(&self) -> String {
        match self.request {
            Some(_) => format!("{} {}", self.state, self.pinned),
            None => "tombstone".into(),
        }
    }
}

fn count(request: &HoldRequest) -> i64 {
    request.lines.values().map(|quantity| i64::from(quantity.get())).sum()
}
