//! Who waits: in order for each key, the keys by turns, never more than may wait.

use std::collections::{BTreeMap, VecDeque};

use kernel::Uuid;

/// What one batch may weigh. Above it a transaction takes longer and is no cheaper for each
/// (performance.md, "Rules these numbers force").
const BATCH_WEIGHT_MAX: usize = 256;
/// What may wait in all: some batches, which is some tenths of a second.
const WAITING_WEIGHT_MAX: usize = 8 * BATCH_WEIGHT_MAX;

/// Nothing more may wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

pub(super) struct Queue<T> {
    by_key: BTreeMap<Uuid, VecDeque<(usize, T)>>,
    /// The keys that wait, the next one first.
    turns: VecDeque<Uuid>,
    weight: usize,
    is_worked_off: bool,
}

impl<T> Queue<T> {
    /// Says whether nobody works it off yet: then the caller MUST see to it.
    pub(super) fn push(&mut self, key: Uuid, weight: usize, item: T) -> Result<bool, Full> {
        if self.weight > 0 && self.weight + weight > WAITING_WEIGHT_MAX {
            return Err(Full);
        }
        self.weight += weight;
        let waiting = self.by_key.entry(key).or_default();
        if waiting.is_empty() {
            self.turns.push_back(key);
        }
        waiting.push_back((weight, item));
        Ok(!std::mem::replace(&mut self.is_worked_off, true))
    }

    /// The next batch: one of each key by turns, as long as they fit; the first in any case. After `None` nobody
    /// works it off.
    pub(super) fn take(&mut self) -> Option<Vec<T>> {
        let (mut batch, mut room) = (Vec::new(), BATCH_WEIGHT_MAX);
        while let Some(key) = self.turns.front().copied() {
            // A key that has a turn has something that waits.
            let Some(waiting) = self.by_key.get_mut(&key) else { break };
            let fits = waiting.front().is_some_and(|(weight, _)| *weight <= room);
            if !fits && !batch.is_empty() {
                break;
            }
            self.turns.pop_front();
            if let Some((weight, item)) = waiting.pop_front() {
                room = room.saturating_sub(weight);
                self.weight -= weight;
                batch.push(item);
            }
            if waiting.is_empty() {
                self.by_key.remove(&key);
            } else {
                self.turns.push_back(key);
            }
        }
        self.is_worked_off = !batch.is_empty();
        self.is_worked_off.then_some(batch)
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let (by_key, turns) = (BTreeMap::new(), VecDeque::new());
        Self { by_key, turns, weight: 0, is_worked_off: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn a_key_keeps_its_order_and_keys_take_turns() {
        let mut queue = Queue::default();
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
        let mut queue = Queue::default();
        let crowd = 3 * BATCH_WEIGHT_MAX;
        (0..crowd).for_each(|number| assert!(queue.push(key(1), 1, number).is_ok()));
        assert_eq!(queue.take().map(|batch| batch.len()), Some(BATCH_WEIGHT_MAX));
        assert!(queue.push(key(2), 1, crowd).is_ok());
        assert!(queue.take().is_some_and(|batch| batch.contains(&crowd)));
    }

    #[test]
    fn a_batch_has_a_weight_and_no_more_may_wait_than_there_is_room() {
        let mut queue = Queue::default();
        for number in 0..8 {
            assert!(queue.push(key(number), BATCH_WEIGHT_MAX, number).is_ok());
        }
        assert_eq!(queue.push(key(9), 1, 9), Err(Full));
        assert_eq!(queue.take(), Some(vec![0]), "as much as one batch");
        assert_eq!(queue.push(key(9), 1, 9), Ok(false));
        let mut alone = Queue::default();
        assert!(alone.push(key(1), 2 * WAITING_WEIGHT_MAX, "larger than all").is_ok());
        assert_eq!(alone.take(), Some(vec!["larger than all"]));
    }
}
