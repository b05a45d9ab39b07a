//! Who is inside and who waits: the rules of the turnstile, without a clock and without waiting.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use kernel::TicketId;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// While others are wanted a ticket may hold one part in so many of the places.
const PARTS: usize = 4;
/// One part in so many of a group are stragglers: the next one does not wait for them.
const STRAGGLERS: usize = 8;
/// While others are wanted a ticket's groups are as large as pass in this time: who comes of another ticket finds as much
/// before it. About what a booking takes that is alone: where it takes longer, groups have as few as they may.
pub(super) const GROUP: Duration = Duration::from_millis(25);
/// A group that takes longer has somebody with it who is stuck, for whom the others of the ticket do not wait. Found out
/// when somebody comes or leaves: nothing wakes those in line at that moment.
pub(super) const STUCK: Duration = Duration::from_millis(250);
/// After a group the way is free for a part of the time that it took, and never for longer than a group is to take.
const REST_PART: u32 = 2;
/// How long it is known how large a ticket's groups are, and whatever else of it, once nobody comes for it. In a crowd
/// all may have been told to come again in a second.
pub(super) const KNOWN: Duration = Duration::from_secs(5);
/// How long a ticket counts as wanted after a booking of it was begun.
pub(super) const WANTED: Duration = Duration::from_secs(1);
/// How long one waits for a place.
const PATIENCE: Duration = Duration::from_millis(500);
/// The same where a crowd has stayed for longer than that: a longer line would serve nobody better, only later.
const PATIENCE_IN_A_CROWD: Duration = Duration::from_millis(50);
/// A crowd has gone when its line is empty and nobody was refused for so long, or nobody of its ticket is there at all.
/// Bookings end many at a time: a line that one such batch has emptied is as long as before a moment later.
const CROWD_GONE: Duration = Duration::from_millis(500);
/// How long a ticket counts as sold out after a booking was refused for it; as long as the ticket context remembers it.
pub(super) const SOLD_OUT: Duration = Duration::from_millis(200);
/// So many times the places may be outside at once; then who waits there keeps its place.
pub(super) const OUTSIDE_MAX: usize = 8;

/// As what somebody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// With one of the places, as one of its ticket's group.
    Place,
    /// The same after it was outside: its group has gone on without it.
    Again,
    /// Without one: to be told that nothing is left, which costs next to nothing.
    Beyond,
}

/// What becomes of somebody who comes.
pub(super) enum Arrival {
    In(Pass),
    Waits { number: u64, patience_ends: Instant, told: oneshot::Receiver<Pass> },
}

/// Who is inside and who waits. It has no clock: it is told what time it is.
#[derive(Debug)]
pub(super) struct Hall {
    max: usize,
    inside: usize,
    /// Those without a place for a while.
    outside: usize,
    /// How many have had to wait so far: their numbers.
    numbers: u64,
    /// Of each ticket of which somebody is inside or waits, or came a moment ago.
    queues: HashMap<TicketId, Queue>,
    /// Each of them once, and when to look whether it is still needed.
    looks: VecDeque<(Instant, TicketId)>,
    /// Each ticket of which somebody waits, once, in the order of their turns.
    turns: VecDeque<TicketId>,
    wanted: Wanted,
}

/// Those of one ticket.
#[derive(Debug)]
struct Queue {
    inside: usize,
    /// When somebody came last, or it was heard that nothing is left.
    asked_for: Instant,
    /// See [`Group`].
    group: Option<Group>,
    /// By their numbers, which rise. Each listens as long as it is in here.
    line: VecDeque<(u64, oneshot::Sender<Pass>)>,
    /// When somebody was refused who had waited its time; nothing where no crowd stays.
    crowd: Option<Instant>,
    sold_out_until: Option<Instant>,
}

/// How a ticket goes while others are wanted: once as many are inside as its groups have, nobody enters until nearly all
/// have left and the servers have rested. Those who enter together share transactions all the way, which costs each of
/// them a fraction of what it would alone, and between the groups the way is free.
#[derive(Debug)]
struct Group {
    /// How many it has; never none.
    size: usize,
    /// Since when as many are inside, until they have left.
    complete: Option<Instant>,
    /// When the next one may enter after the last one has left.
    rests_until: Option<Instant>,
}

/// The two tickets that were wanted last, which tells of each ticket whether others are wanted.
#[derive(Debug, Default)]
struct Wanted {
    latest: Option<(TicketId, Instant)>,
    before: Option<(TicketId, Instant)>,
}

impl Hall {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            inside: 0,
            outside: 0,
            numbers: 0,
            queues: HashMap::new(),
            looks: VecDeque::new(),
            turns: VecDeque::new(),
            wanted: Wanted::default(),
        }
    }

    pub(super) fn come(&mut self, ticket: TicketId, now: Instant) -> Arrival {
        self.forget_what_nobody_asks_for(now);
        let queue = self.queue(ticket, now);
        if queue.sold_out_until.is_some_and(|until| until > now) {
            return Arrival::In(Pass::Beyond);
        }
        // Nobody is overtaken: where there is still room then, nobody waits who may have it.
        self.let_in(now);
        if self.has_room(ticket, now) {
            self.take_place(ticket, now);
            return Arrival::In(Pass::Place);
        }
        let (tell, told) = oneshot::channel();
        let number = self.numbers;
        self.numbers += 1;
        let queue = self.queue(ticket, now);
        let patience_ends = now + queue.patience(now);
        queue.line.push_back((number, tell));
        if queue.line.len() == 1 {
            self.turns.push_back(ticket);
        }
        Arrival::Waits { number, patience_ends, told }
    }

    /// Those of a ticket that somebody asks for now.
    fn queue(&mut self, ticket: TicketId, now: Instant) -> &mut Queue {
        let queue = self.queues.entry(ticket).or_insert_with(|| {
            self.looks.push_back((now + KNOWN, ticket));
            Queue::new(now)
        });
        if queue.is_empty() {
            // Whoever comes first finds no crowd.
            queue.crowd = None;
        }
        queue.asked_for = now;
        queue
    }

    /// Says whether one more may be outside, and counts it.
    pub(super) fn steps_out(&mut self) -> bool {
        let may = self.outside < OUTSIDE_MAX * self.max;
        self.outside += usize::from(may);
        may
    }

    /// Whoever was outside has a place again, also where there is none.
    pub(super) fn steps_in(&mut self) {
        self.outside = self.outside.saturating_sub(1);
        self.inside += 1;
    }

    /// A booking of a ticket was begun.
    pub(super) fn wanted(&mut self, ticket: TicketId, now: Instant) {
        self.wanted.note(ticket, now);
    }

    /// Gives a place back, to whoever's turn it is. Says until when the ticket rests, if that begins now.
    pub(super) fn leave(&mut self, ticket: TicketId, pass: Pass, now: Instant) -> Option<Instant> {
        if pass == Pass::Beyond {
            return None;
        }
        self.inside = self.inside.saturating_sub(1);
        let part = self.part();
        let queue = self.queues.get_mut(&ticket).filter(|_| pass == Pass::Place);
        let rests_until = queue.and_then(|queue| {
            queue.inside = queue.inside.saturating_sub(1);
            queue.group_passes(part, now)
        });
        self.let_in(now);
        rests_until
    }

    /// Says whether it was still in line.
    pub(super) fn leave_line(&mut self, ticket: TicketId, number: u64) -> bool {
        let Some(queue) = self.queues.get_mut(&ticket) else { return false };
        let Ok(at) = queue.line.binary_search_by_key(&number, |(number, _)| *number) else {
            return false;
        };
        let left = queue.line.remove(at).is_some();
        if queue.line.is_empty() {
            self.turns.retain(|waits| *waits != ticket);
        }
        left
    }

    pub(super) fn crowd_stays(&mut self, ticket: TicketId, now: Instant) {
        if let Some(queue) = self.queues.get_mut(&ticket) {
            queue.crowd = Some(now);
        }
    }

    pub(super) fn sold_out(&mut self, ticket: TicketId, now: Instant) {
        let queue = self.queue(ticket, now);
        queue.sold_out_until = Some(now + SOLD_OUT);
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
    pub(super) fn let_in(&mut self, now: Instant) {
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
        let is_held = group.is_some_and(|group| group.is_under_way_or_rests(now));
        self.inside < self.max && !(is_held && self.wanted.others(ticket, now))
    }

    /// What one ticket may hold at most while others are wanted.
    fn part(&self) -> usize {
        (self.max / PARTS).max(1)
    }

    fn take_place(&mut self, ticket: TicketId, now: Instant) {
        self.inside += 1;
        let part = self.part();
        let queue = self.queue(ticket, now);
        queue.inside += 1;
        let new = || Group { size: part, complete: None, rests_until: None };
        let group = queue.group.get_or_insert_with(new);
        if group.is_stuck(now) {
            group.complete = None;
        }
        if queue.inside >= group.size {
            group.complete.get_or_insert(now);
        }
    }

    /// Whether nobody is here, and nobody waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let nobody = self.queues.values().all(Queue::is_empty) && self.turns.is_empty();
        (self.inside, self.outside) == (0, 0) && nobody
    }

    /// Of how many tickets something is known.
    #[cfg(test)]
    pub(super) fn tickets(&self) -> usize {
        self.queues.len()
    }

    fn forget_what_nobody_asks_for(&mut self, now: Instant) {
        while let Some((look_at, ticket)) = self.looks.front().copied() {
            if look_at > now {
                return;
            }
            self.looks.pop_front();
            let is_over = |queue: &Queue| queue.is_empty() && queue.asked_for + KNOWN <= now;
            if self.queues.get(&ticket).is_some_and(is_over) {
                self.queues.remove(&ticket);
            } else {
                self.looks.push_back((now + KNOWN, ticket));
            }
        }
    }
}

impl Queue {
    const fn new(now: Instant) -> Self {
        Self {
            inside: 0,
            asked_for: now,
            group: None,
            line: VecDeque::new(),
            crowd: None,
            sold_out_until: None,
        }
    }

    /// How long one waits who comes now.
    fn patience(&mut self, now: Instant) -> Duration {
        let stays = |refused: &Instant| now.saturating_duration_since(*refused) < CROWD_GONE;
        if self.line.is_empty() {
            self.crowd = self.crowd.filter(stays);
        }
        if self.crowd.is_some() { PATIENCE_IN_A_CROWD } else { PATIENCE }
    }

    /// Once nearly all of a group have left the next one may enter, after a rest: a smaller one if this one took long,
    /// else a larger. Says until when it rests, if that begins now.
    fn group_passes(&mut self, part: usize, now: Instant) -> Option<Instant> {
        let group = self.group.as_mut()?;
        if self.inside > group.size / STRAGGLERS {
            return None;
        }
        let took = now.saturating_duration_since(group.complete.take()?);
        let smaller = (group.size - group.size.div_ceil(4)).max(part / STRAGGLERS).max(1);
        group.size = if took > GROUP { smaller } else { part.min(group.size + 1) };
        group.rests_until = Some(now + (took / REST_PART).min(GROUP));
        group.rests_until
    }

    fn is_empty(&self) -> bool {
        self.inside == 0 && self.line.is_empty()
    }
}

impl Group {
    fn is_under_way_or_rests(&self, now: Instant) -> bool {
        let is_under_way = self.complete.is_some() && !self.is_stuck(now);
        is_under_way || self.rests_until.is_some_and(|until| until > now)
    }

    fn is_stuck(&self, now: Instant) -> bool {
        self.complete.is_some_and(|since| now.saturating_duration_since(since) >= STUCK)
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
