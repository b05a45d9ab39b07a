//! Who waits: in order for each key, the keys by turns, never more than may wait.

use std::collections::{BTreeMap, VecDeque};

use kernel::Uuid;

use crate::Limits;

/// Nothing more may wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

pub(super) struct Queue<T> {
    by_key: BTreeMap<Uuid, Line<T>>,
    /// The keys that wait, the next one first.
    turns: VecDeque<Uuid>,
    weight: usize,
    /// How many work it off, each with a batch of its own.
    workers: usize,
    limits: Limits,
}

/// Who waits under one key.
struct Line<T> {
    items: VecDeque<(usize, T)>,
    weight: usize,
}

impl<T> Queue<T> {
    pub(super) fn new(limits: Limits) -> Self {
        let (by_key, turns) = (BTreeMap::new(), VecDeque::new());
        Self { by_key, turns, weight: 0, workers: 0, limits }
    }

    /// Says whether another one may work it off: then the caller MUST see to it. One key never takes all the room: a
    /// batch's worth is left for the others.
    pub(super) fn push(&mut self, key: Uuid, weight: usize, item: T) -> Result<bool, Full> {
        let Limits { waiting_weight, batch_weight, .. } = self.limits;
        let line_max = waiting_weight.saturating_sub(batch_weight).max(batch_weight);
        let of_key = self.by_key.get(&key).map_or(0, |line| line.weight);
        let fits = self.weight + weight <= waiting_weight && of_key + weight <= line_max;
        if !fits && self.weight > 0 {
            return Err(Full);
        }
        self.weight += weight;
        let line = self.by_key.entry(key).or_insert_with(Line::new);
        if line.items.is_empty() {
            self.turns.push_back(key);
        }
        line.weight += weight;
        line.items.push_back((weight, item));
        let has_room = self.workers < self.limits.at_once;
        self.workers += usize::from(has_room);
        Ok(has_room)
    }

    /// Whether as much waits as goes together: resting would gather nothing more.
    pub(super) const fn has_a_batch(&self) -> bool {
        self.weight >= self.limits.batch_weight
    }

    /// The next batch: one of each key by turns, as long as they fit; the first in any case. With `None` one
    /// worker has ended.
    pub(super) fn take(&mut self) -> Option<Vec<T>> {
        let (mut batch, mut room) = (Vec::new(), self.limits.batch_weight);
        while let Some(key) = self.turns.front().copied() {
            // A key that has a turn has something that waits.
            let Some(line) = self.by_key.get_mut(&key) else { break };
            let fits = line.items.front().is_some_and(|(weight, _)| *weight <= room);
            if !fits && !batch.is_empty() {
                break;
            }
            self.turns.pop_front();
            if let Some((weight, item)) = line.items.pop_front() {
                room = room.saturating_sub(weight);
                self.weight -= weight;
                line.weight -= weight;
                batch.push(item);
            }
            if line.items.is_empty() {
                self.by_key.remove(&key);
            } else {
                self.turns.push_back(key);
            }
        }
        if batch.is_empty() {
            self.workers = self.workers.saturating_sub(1);
            return None;
        }
        Some(batch)
    }
}

impl<T> Line<T> {
    const fn new() -> Self {
        Self { items: VecDeque::new(), weight: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BATCH_WEIGHT_MAX: usize = 256;
    const WAITING_WEIGHT_MAX: usize = 8 * BATCH_WEIGHT_MAX;

    fn empty<T>(at_once: usize) -> Queue<T> {
        let (batch_weight, waiting_weight) = (BATCH_WEIGHT_MAX, WAITING_WEIGHT_MAX);
        Queue::new(Limits {
            batch_weight,
            waiting_weight,
            at_once,
            patience: None,
            rest: Duration::ZERO,
        })
    }

    fn key(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn a_key_keeps_its_order_and_keys_take_turns() {
        let mut queue = empty(1);
        for item in ["hot 1", "hot 2", "hot 3"] {
            assert!(queue.push(key(1), 1, item).is_ok());
        }
        assert_eq!(queue.push(key(2), 1, "other"), Ok(false), "somebody works it off already");
        assert_eq!(queue.take(), Some(vec!["hot 1", "other", "hot 2", "hot 3"]));
        assert_eq!(queue.take(), None);
        assert_eq!(queue.push(key(1), 1, "later"), Ok(true), "nobody does any more");
    }

    #[test]
    fn whoever_comes_after_a_crowd_is_in_the_next_batch() {
        let mut queue = empty(1);
        let crowd = 3 * BATCH_WEIGHT_MAX;
        (0..crowd).for_each(|number| assert!(queue.push(key(1), 1, number).is_ok()));
        assert_eq!(queue.take().map(|batch| batch.len()), Some(BATCH_WEIGHT_MAX));
        assert!(queue.push(key(2), 1, crowd).is_ok());
        assert!(queue.take().is_some_and(|batch| batch.contains(&crowd)));
    }

    #[test]
    fn a_batch_has_a_weight_and_no_more_may_wait_than_there_is_room() {
        let mut queue = empty(1);
        for number in 0..8 {
            assert!(queue.push(key(number), BATCH_WEIGHT_MAX, number).is_ok());
        }
        assert_eq!(queue.push(key(9), 1, 9), Err(Full));
        assert_eq!(queue.take(), Some(vec![0]), "as much as one batch");
        assert_eq!(queue.push(key(9), 1, 9), Ok(false));
        let mut alone = empty(1);
        assert!(alone.push(key(1), 2 * WAITING_WEIGHT_MAX, "larger than all").is_ok());
        assert_eq!(alone.take(), Some(vec!["larger than all"]));
    }

    #[test]
    fn a_crowd_at_one_key_leaves_room_for_the_others() {
        let mut queue = empty(1);
        for number in 0..WAITING_WEIGHT_MAX - BATCH_WEIGHT_MAX {
            assert!(queue.push(key(1), 1, number).is_ok());
        }
        assert_eq!(queue.push(key(1), 1, 0), Err(Full));
        assert_eq!(queue.push(key(2), 1, 0), Ok(false));
    }

    #[test]
    fn as_many_work_it_off_as_may() {
        let mut queue = empty(2);
        let begins = (0..4).map(|number| queue.push(key(number), 1, number));
        assert_eq!(begins.collect::<Vec<_>>(), [Ok(true), Ok(true), Ok(false), Ok(false)]);
        assert_eq!(queue.take(), Some(vec![0, 1, 2, 3]));
        assert_eq!(queue.take(), None, "the other one finds nothing and ends");
        assert_eq!(queue.push(key(4), 1, 4), Ok(true), "while the first has not ended");
        assert_eq!(queue.push(key(5), 1, 5), Ok(false));
    }
}
