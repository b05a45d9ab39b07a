//! The turnstile before bookings: so many are made at once as the servers make best, and the others wait in line for a
//! moment. A hot sale leaves room to other tickets, a crowd that stays is refused soon, and who comes for what is sold
//! out is told so without waiting.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grpc_server::Overloaded;
use kernel::TicketId;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

/// While others are wanted a ticket may hold one part in so many of the places.
const PARTS: usize = 4;
/// One part in so many of a group are stragglers: the next one does not wait for them.
const STRAGGLERS: usize = 8;
/// While others are wanted a ticket's groups are as large as pass in this time: who comes of another ticket finds as much
/// before it. Some times what a booking takes that is alone.
const GROUP: Duration = Duration::from_millis(60);
/// How long a ticket counts as wanted after a booking of it was begun.
const WANTED: Duration = Duration::from_secs(1);
/// How long one waits for a place.
const PATIENCE: Duration = Duration::from_millis(500);
/// The same where a crowd has stayed for longer than that: a longer line would serve nobody better, only later.
const PATIENCE_IN_A_CROWD: Duration = Duration::from_millis(50);
/// A crowd has gone when its line is empty and nobody was refused for so long, or nobody of its ticket is there at all.
/// Bookings end many at a time: a line that one such batch has emptied is as long as before a moment later.
const CROWD_GONE: Duration = Duration::from_millis(500);
/// How long a ticket counts as sold out after a booking was refused for it; as long as the ticket context remembers it.
const SOLD_OUT: Duration = Duration::from_millis(200);
/// What takes longer waits for somebody outside, such as a payment's provider: several times what a server needs that
/// is well. Then the place is another one's meanwhile.
const OUTSIDE: Duration = Duration::from_millis(10);
/// So many times the places may be outside at once; then who waits there keeps its place.
const OUTSIDE_MAX: usize = 8;

/// Lets so many bookings be made at once. Clones are the same turnstile.
#[derive(Debug, Clone)]
pub struct Turnstile(Arc<Mutex<Hall>>);

/// A booking that is being made. It keeps its place until it is dropped, but for while it waits [`outside`]: whoever does
/// the work holds it.
#[derive(Debug)]
pub(crate) struct Inside {
    turnstile: Turnstile,
    ticket: TicketId,
    pass: Cell<Pass>,
}

/// As what somebody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// With one of the places, as one of its ticket's group.
    Place,
    /// The same after it was outside: its group has gone on without it.
    Again,
    /// Without one: to be told that nothing is left, which costs next to nothing.
    Beyond,
}

/// What becomes of somebody who comes.
enum Arrival {
    In(Pass),
    Waits { number: u64, patience_ends: Instant, told: oneshot::Receiver<Pass> },
}

/// Somebody in line, who leaves it however the waiting ends.
struct Waiter<'a> {
    turnstile: &'a Turnstile,
    ticket: TicketId,
    number: u64,
    told: oneshot::Receiver<Pass>,
    waits: bool,
}

/// Who is inside and who waits. It has no clock: it is told what time it is.
#[derive(Debug)]
struct Hall {
    max: usize,
    inside: usize,
    /// Those without a place for a while.
    outside: usize,
    /// How many have had to wait so far: their numbers.
    numbers: u64,
    /// Of each ticket of which somebody is inside or waits, or that was sold out a moment ago.
    queues: HashMap<TicketId, Queue>,
    /// Each ticket of which somebody waits, once, in the order of their turns.
    turns: VecDeque<TicketId>,
    /// What was sold out a moment ago, each ticket once, and when to look whether that is over.
    sold_out: VecDeque<(Instant, TicketId)>,
    wanted: Wanted,
}

/// Those of one ticket.
#[derive(Debug, Default)]
struct Queue {
    inside: usize,
    /// See [`Group`].
    group: Option<Group>,
    /// By their numbers, which rise. Each listens as long as it is in here.
    line: VecDeque<(u64, oneshot::Sender<Pass>)>,
    /// When somebody was refused who had waited its time; nothing where no crowd stays.
    crowd: Option<Instant>,
    sold_out_until: Option<Instant>,
}

/// How a ticket goes while others are wanted: once as many are inside as its groups have, nobody enters until nearly all
/// have left. Those who enter together share transactions all the way, which costs each of them a fraction of what it
/// would alone, and between the groups the way is free. How large they are is learned anew once nobody of the ticket is
/// there any more.
#[derive(Debug)]
struct Group {
    /// How many it has; never none.
    size: usize,
    /// Since when as many are inside, until they have left.
    complete: Option<Instant>,
}

/// The two tickets that were wanted last, which tells of each ticket whether others are wanted.
#[derive(Debug, Default)]
struct Wanted {
    latest: Option<(TicketId, Instant)>,
    before: Option<(TicketId, Instant)>,
}

impl Turnstile {
    /// With so many places.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self(Arc::new(Mutex::new(Hall {
            max,
            inside: 0,
            outside: 0,
            numbers: 0,
            queues: HashMap::new(),
            turns: VecDeque::new(),
            sold_out: VecDeque::new(),
            wanted: Wanted::default(),
        })))
    }

    /// Waits for a place for a booking of this ticket, never beyond `until`. A caller that goes away leaves the line.
    ///
    /// # Errors
    /// [`Overloaded`] when there is none in time. As many wait as calls may be under way at all.
    pub(crate) async fn enter(
        &self,
        ticket: TicketId,
        until: Instant,
    ) -> Result<Inside, Overloaded> {
        let arrival = self.hall().come(ticket, Instant::now());
        match arrival {
            Arrival::In(pass) => Ok(self.inside(ticket, pass)),
            Arrival::Waits { number, patience_ends, told } => {
                let waiter = Waiter { turnstile: self, ticket, number, told, waits: true };
                waiter.wait(patience_ends, until).await
            }
        }
    }

    /// Hears that nothing is left of a ticket: all who wait for it are let in, and so is who comes in a moment.
    pub(crate) fn sold_out(&self, ticket: TicketId) {
        self.hall().sold_out(ticket, Instant::now());
    }

    /// Hears that a booking of a ticket was begun: from then on other tickets go in groups for a while.
    pub(crate) fn wanted(&self, ticket: TicketId) {
        self.hall().wanted.note(ticket, Instant::now());
    }

    fn inside(&self, ticket: TicketId, pass: Pass) -> Inside {
        Inside { turnstile: self.clone(), ticket, pass: Cell::new(pass) }
    }

    fn hall(&self) -> MutexGuard<'_, Hall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tokio::task_local! {
    /// The place of the booking that this task makes.
    static HERE: Inside;
}

/// Awaits something that may be waiting for somebody outside. If it takes long, the booking that this task makes has no
/// place until it has ended; then it has one again at once, also where there is none.
pub(crate) async fn outside<T>(waiting: impl Future<Output = T>) -> T {
    let mut waiting = std::pin::pin!(waiting);
    if let Ok(soon) = timeout(OUTSIDE, &mut waiting).await {
        return soon;
    }
    let _outside = HERE.try_with(Inside::step_out).ok();
    waiting.await
}

/// Hears that nothing is left for the booking that this task makes.
pub(crate) fn heard_sold_out() {
    let _ = HERE.try_with(|inside| inside.turnstile.sold_out(inside.ticket));
}

/// Without its place for a while, until this is dropped.
struct Outside(Turnstile);

impl Drop for Outside {
    fn drop(&mut self) {
        let mut hall = self.0.hall();
        hall.outside = hall.outside.saturating_sub(1);
        hall.inside += 1;
    }
}

impl Inside {
    /// Makes a booking, and has the place meanwhile, but for while it waits [`outside`].
    pub(crate) async fn make<T>(self, making: impl Future<Output = T>) -> T {
        HERE.scope(self, making).await
    }

    fn step_out(&self) -> Option<Outside> {
        let mut hall = self.turnstile.hall();
        if self.pass.get() == Pass::Beyond || hall.outside >= OUTSIDE_MAX * hall.max {
            return None;
        }
        hall.leave(self.ticket, self.pass.replace(Pass::Again), Instant::now());
        hall.outside += 1;
        Some(Outside(self.turnstile.clone()))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.turnstile.hall().leave(self.ticket, self.pass.get(), Instant::now());
    }
}

impl Waiter<'_> {
    async fn wait(mut self, patience_ends: Instant, until: Instant) -> Result<Inside, Overloaded> {
        let told = timeout_at(patience_ends.min(until), &mut self.told).await;
        self.waits = false;
        let pass = match told {
            Ok(Ok(pass)) => Some(pass),
            // Who has no more time itself says nothing of how long the line is.
            Ok(Err(_)) | Err(_) => self.give_up(patience_ends <= until),
        };
        pass.map(|pass| self.turnstile.inside(self.ticket, pass)).ok_or(Overloaded)
    }

    /// Leaves the line, or learns that it was let in meanwhile.
    fn give_up(&mut self, waited_its_time: bool) -> Option<Pass> {
        let mut hall = self.turnstile.hall();
        if hall.leave_line(self.ticket, self.number) {
            if waited_its_time {
                hall.crowd_stays(self.ticket, Instant::now());
            }
            return None;
        }
        self.told.try_recv().ok()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if !self.waits {
            return;
        }
        if let Some(pass) = self.give_up(false) {
            // It was let in and never knew: the place is the next one's.
            drop(self.turnstile.inside(self.ticket, pass));
        }
    }
}

impl Hall {
    fn come(&mut self, ticket: TicketId, now: Instant) -> Arrival {
        self.forget_what_was_sold_out(now);
        let sold_out_until = self.queues.get(&ticket).and_then(|queue| queue.sold_out_until);
        if sold_out_until.is_some_and(|until| until > now) {
            return Arrival::In(Pass::Beyond);
        }
        // Nobody is overtaken: where there is still room then, nobody waits who may have it.
        self.let_in(now);
        if self.has_room(ticket, now) {
            self.take_place(ticket, now);
            return Arrival::In(Pass::Place);
        }
        let queue = self.queues.entry(ticket).or_default();
        let patience_ends = now + queue.patience(now);
        if queue.line.is_empty() {
            self.turns.push_back(ticket);
        }
        let (tell, told) = oneshot::channel();
        let number = self.numbers;
        queue.line.push_back((number, tell));
        self.numbers += 1;
        Arrival::Waits { number, patience_ends, told }
    }

    /// Gives a place back, to whoever's turn it is.
    fn leave(&mut self, ticket: TicketId, pass: Pass, now: Instant) {
        if pass == Pass::Beyond {
            return;
        }
        self.inside = self.inside.saturating_sub(1);
        let part = self.part();
        if let Some(queue) = self.queues.get_mut(&ticket).filter(|_| pass == Pass::Place) {
            queue.inside = queue.inside.saturating_sub(1);
            queue.group_passes(part, now);
        }
        self.forget_if_idle(ticket);
        self.let_in(now);
    }

    /// Says whether it was still in line.
    fn leave_line(&mut self, ticket: TicketId, number: u64) -> bool {
        let Some(queue) = self.queues.get_mut(&ticket) else { return false };
        let Ok(at) = queue.line.binary_search_by_key(&number, |(number, _)| *number) else {
            return false;
        };
        let left = queue.line.remove(at).is_some();
        if queue.line.is_empty() {
            self.turns.retain(|waits| *waits != ticket);
            self.forget_if_idle(ticket);
        }
        left
    }

    fn crowd_stays(&mut self, ticket: TicketId, now: Instant) {
        if let Some(queue) = self.queues.get_mut(&ticket) {
            queue.crowd = Some(now);
        }
    }

    fn sold_out(&mut self, ticket: TicketId, now: Instant) {
        let until = now + SOLD_OUT;
        let queue = self.queues.entry(ticket).or_default();
        if queue.sold_out_until.replace(until).is_none() {
            self.sold_out.push_back((until, ticket));
        }
        queue.crowd = None;
        let line = std::mem::take(&mut queue.line);
        if line.is_empty() {
            return;
        }
        self.turns.retain(|waits| *waits != ticket);
        for (_, tell) in line {
            let _ = tell.send(Pass::Beyond);
        }
    }

    /// Lets in who waits and may, ticket by ticket. A ticket that holds as much as it may keeps its turn.
    fn let_in(&mut self, now: Instant) {
        let mut turn = 0;
        while let Some(ticket) = self.turns.get(turn).copied() {
            if self.inside >= self.max {
                return;
            }
            if !self.has_room(ticket, now) {
                turn += 1;
                continue;
            }
            let of_turn = self.turns.remove(turn);
            let queue = of_turn.and_then(|ticket| self.queues.get_mut(&ticket));
            let Some(queue) = queue else { continue };
            let Some((_, tell)) = queue.line.pop_front() else { continue };
            if !queue.line.is_empty() {
                self.turns.push_back(ticket);
            }
            self.take_place(ticket, now);
            let _ = tell.send(Pass::Place);
        }
    }

    fn has_room(&self, ticket: TicketId, now: Instant) -> bool {
        let queue = self.queues.get(&ticket);
        let group = queue.and_then(|queue| queue.group.as_ref());
        let is_complete = group.is_some_and(|group| group.complete.is_some());
        self.inside < self.max && !(is_complete && self.wanted.others(ticket, now))
    }

    /// What one ticket may hold at most while others are wanted.
    fn part(&self) -> usize {
        (self.max / PARTS).max(1)
    }

    fn take_place(&mut self, ticket: TicketId, now: Instant) {
        self.inside += 1;
        let part = self.part();
        let queue = self.queues.entry(ticket).or_default();
        queue.inside += 1;
        let group = queue.group.get_or_insert(Group { size: part, complete: None });
        if queue.inside >= group.size {
            group.complete.get_or_insert(now);
        }
    }

    fn forget_what_was_sold_out(&mut self, now: Instant) {
        while let Some((look_at, ticket)) = self.sold_out.front().copied() {
            if look_at > now {
                return;
            }
            self.sold_out.pop_front();
            let Some(queue) = self.queues.get_mut(&ticket) else { continue };
            queue.sold_out_until = queue.sold_out_until.filter(|until| *until > now);
            match queue.sold_out_until {
                Some(until) => self.sold_out.push_back((until, ticket)),
                None => self.forget_if_idle(ticket),
            }
        }
    }

    fn forget_if_idle(&mut self, ticket: TicketId) {
        if self.queues.get(&ticket).is_some_and(Queue::is_idle) {
            self.queues.remove(&ticket);
        }
    }
}

impl Queue {
    /// How long one waits who comes now.
    fn patience(&mut self, now: Instant) -> Duration {
        let stays = |refused: &Instant| now.saturating_duration_since(*refused) < CROWD_GONE;
        if self.line.is_empty() {
            self.crowd = self.crowd.filter(stays);
        }
        if self.crowd.is_some() { PATIENCE_IN_A_CROWD } else { PATIENCE }
    }

    /// Once nearly all of a group have left the next one may enter: a smaller one if this one took long, else a larger.
    fn group_passes(&mut self, part: usize, now: Instant) {
        let Some(group) = &mut self.group else { return };
        if self.inside > group.size / STRAGGLERS {
            return;
        }
        let Some(complete) = group.complete.take() else { return };
        let took = now.saturating_duration_since(complete);
        let smaller = (group.size - group.size.div_ceil(4)).max(part / STRAGGLERS).max(1);
        group.size = if took > GROUP { smaller } else { part.min(group.size + 1) };
    }

    fn is_idle(&self) -> bool {
        self.inside == 0 && self.line.is_empty() && self.sold_out_until.is_none()
    }
}

impl Wanted {
    fn note(&mut self, ticket: TicketId, now: Instant) {
        if self.latest.is_some_and(|(latest, _)| latest != ticket) {
            self.before = self.latest;
        }
        self.latest = Some((ticket, now));
    }

    /// Whether another ticket than this one is wanted.
    fn others(&self, ticket: TicketId, now: Instant) -> bool {
        let is_other = |(wanted, at): (TicketId, Instant)| {
            wanted != ticket && now.saturating_duration_since(at) < WANTED
        };
        [self.latest, self.before].into_iter().flatten().any(is_other)
    }
}

#[cfg(test)]
mod tests;
