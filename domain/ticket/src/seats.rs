//! Seats: how their names read, and which free ones are the best.
//!
//! A name is `Section/Row-12` or `A12`: the section is what stands before the first `/`, the row the rest without
//! its number. Neighbours follow one another in the order registered and are of one section and row.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};

use kernel::Violation;

use crate::{SEAT_CHARS_MAX, SEATS_MAX};

/// So many wrong seats are told of at once.
const VIOLATIONS_MAX: usize = 20;
const TOO_LONG: &str = "must be at most 40 characters";
const _: () = assert!(SEAT_CHARS_MAX == 40);

/// The section of a seat; empty if it has none.
#[must_use]
pub fn section_of(seat: &str) -> &str {
    seat.split_once('/').map_or("", |(section, _)| section)
}

/// The row of a seat, without its section and its number.
#[must_use]
pub fn row_of(seat: &str) -> &str {
    let rest = seat.split_once('/').map_or(seat, |(_, rest)| rest);
    rest.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// All that is wrong with the seats of a new ticket, as far as it helps to tell.
pub(crate) fn violations(seats: &[String]) -> Vec<Violation> {
    if !(1..=SEATS_MAX).contains(&seats.len()) {
        let limit = format_args!("must be 1 to {SEATS_MAX} for kind SEATED").to_string();
        return vec![Violation::new("seats", limit)];
    }
    let mut names = BTreeSet::new();
    let wrong = seats.iter().enumerate().filter_map(|(place, name)| {
        let is_new = names.insert(name);
        let wrong = match name.trim() {
            "" => Some("must not be empty"),
            _ if !is_new => Some("stands there twice"),
            _ => wrong_in_text(name),
        };
        wrong.map(|wrong| Violation::new(format!("seats[{place}]"), wrong))
    });
    wrong.take(VIOLATIONS_MAX).collect()
}

/// What is wrong with the name of a section, which may be empty.
pub(crate) fn wrong_in_section(name: &str) -> Option<&'static str> {
    if name.contains('/') { Some("must not have a /") } else { wrong_in_text(name) }
}

fn wrong_in_text(name: &str) -> Option<&'static str> {
    if name.chars().count() > SEAT_CHARS_MAX {
        return Some(TOO_LONG);
    }
    if name.chars().any(char::is_control) {
        return Some("must not have control characters");
    }
    (name.trim() != name).then_some("must not begin or end with a space")
}

/// The seats of one ticket that may be free, in the order registered. A choice and a mark cost about as much whatever
/// the size of the hall, because runs of free neighbours are kept by their length.
#[derive(Debug, Clone)]
pub(crate) struct SeatPlan {
    seats: Vec<PlannedSeat>,
    places: BTreeMap<String, usize>,
    /// Free neighbours, each run as long as can be: where it begins and its length.
    runs: BTreeMap<usize, usize>,
    /// Where the runs of a length begin. Of 10,000 seats there are at most 140 lengths.
    by_length: BTreeMap<usize, BTreeSet<usize>>,
    free: usize,
}

#[derive(Debug, Clone)]
struct PlannedSeat {
    name: String,
    follows_neighbour: bool,
    is_free: bool,
}

impl SeatPlan {
    /// A plan of seats: position, name, whether it is free. Whatever is not among them is not free.
    pub(crate) fn new(seats: impl IntoIterator<Item = (u32, String, bool)>) -> Self {
        let mut given: Vec<_> = seats.into_iter().collect();
        given.sort_unstable_by_key(|(position, ..)| *position);
        let mut seats = Vec::<PlannedSeat>::with_capacity(given.len());
        let mut free = Vec::new();
        let mut before = None;
        for (place, (position, name, is_free)) in given.into_iter().enumerate() {
            let follows = |seat: &PlannedSeat| {
                let place = |name| (section_of(name), row_of(name));
                before == position.checked_sub(1) && place(&seat.name) == place(&name)
            };
            let follows_neighbour = seats.last().is_some_and(follows);
            free.extend(is_free.then_some(place));
            seats.push(PlannedSeat { name, follows_neighbour, is_free: false });
            before = Some(position);
        }
        let places = seats.iter().enumerate().map(|(place, seat)| (seat.name.clone(), place));
        let (runs, by_length) = (BTreeMap::new(), BTreeMap::new());
        let mut plan = Self { places: places.collect(), seats, runs, by_length, free: 0 };
        free.into_iter().for_each(|place| plan.set_free(place));
        plan
    }

    /// Notes that a seat was taken or came back.
    pub(crate) fn mark(&mut self, name: &str, is_free: bool) {
        let Some(place) = self.places.get(name).copied() else { return };
        match (self.seats.get(place).is_some_and(|seat| seat.is_free), is_free) {
            (false, true) => self.set_free(place),
            (true, false) => self.set_taken(place),
            (false, false) | (true, true) => {}
        }
    }

    /// The best free seats; `None` if there are not so many. Side by side in one row: those that leave no single
    /// free seat between others if there are such, of these the earliest registered. If there are not so many
    /// neighbours, as few groups of neighbours as can be.
    ///
    /// Taking the longest run whole until the rest fits into one run needs the fewest groups there can be: no other
    /// choice of as many runs has more seats.
    pub(crate) fn best(&self, count: usize) -> Option<Vec<&str>> {
        if self.free < count {
            return None;
        }
        let mut chosen = Vec::<Range<usize>>::new();
        let (mut missing, mut taken) = (count, None);
        while missing > 0 {
            if let Some(side_by_side) = self.best_in_one(missing, taken) {
                chosen.push(side_by_side);
                break;
            }
            let (length, start) = self.longest(taken)?;
            chosen.push(start..start + length);
            missing -= length;
            taken = Some((length, start));
        }
        let seats = chosen.into_iter().flatten().filter_map(|place| self.seats.get(place));
        Some(seats.map(|seat| seat.name.as_str()).collect())
    }

    /// The best `count` places of one run. No other place of a run is better than its start: there at most one end
    /// is left over, and that is a single seat only if every choice leaves one.
    fn best_in_one(&self, count: usize, taken: Option<Taken>) -> Option<Range<usize>> {
        let roomy = self.by_length.range(count..);
        let firsts = roomy.filter_map(|(length, starts)| {
            first_after(*length, starts, taken).map(|start| (length - count == 1, start))
        });
        firsts.min().map(|(_, start)| start..start + count)
    }

    /// The longest run that was not taken yet, the earliest of these.
    fn longest(&self, taken: Option<Taken>) -> Option<Taken> {
        let mut longest_first = self.by_length.iter().rev();
        longest_first.find_map(|(length, starts)| {
            first_after(*length, starts, taken).map(|start| (*length, start))
        })
    }

    fn set_free(&mut self, place: usize) {
        let Some(seat) = self.seats.get_mut(place) else { return };
        seat.is_free = true;
        self.free += 1;
        let (mut start, mut length) = (place, 1);
        if seat.follows_neighbour
            && let Some((before, many)) = self.run_of(place.wrapping_sub(1))
        {
            self.remove(before, many);
            (start, length) = (before, many + 1);
        }
        let next = place + 1;
        if self.seats.get(next).is_some_and(|seat| seat.follows_neighbour && seat.is_free)
            && let Some((after, many)) = self.run_of(next)
        {
            self.remove(after, many);
            length += many;
        }
        self.insert(start, length);
    }

    fn set_taken(&mut self, place: usize) {
        let Some(seat) = self.seats.get_mut(place) else { return };
        seat.is_free = false;
        self.free -= 1;
        if let Some((start, length)) = self.run_of(place) {
            self.remove(start, length);
            self.insert(start, place - start);
            self.insert(place + 1, start + length - place - 1);
        }
    }

    /// The run that a place is part of.
    fn run_of(&self, place: usize) -> Option<(usize, usize)> {
        let (start, length) = self.runs.range(..=place).next_back()?;
        (place - start < *length).then_some((*start, *length))
    }

    fn insert(&mut self, start: usize, length: usize) {
        if length > 0 {
            self.runs.insert(start, length);
            self.by_length.entry(length).or_default().insert(start);
        }
    }

    fn remove(&mut self, start: usize, length: usize) {
        self.runs.remove(&start);
        if let Some(starts) = self.by_length.get_mut(&length) {
            starts.remove(&start);
            if starts.is_empty() {
                self.by_length.remove(&length);
            }
        }
    }
}

/// The last run that a choice has taken whole: its length and where it begins. Longer ones, and earlier ones of its
/// length, were taken before it.
type Taken = (usize, usize);

/// The earliest run of a length that was not taken yet.
fn first_after(length: usize, starts: &BTreeSet<usize>, taken: Option<Taken>) -> Option<usize> {
    match taken {
        Some((of_length, _)) if length > of_length => None,
        Some((of_length, start)) if length == of_length => {
            starts.range((Bound::Excluded(start), Bound::Unbounded)).next().copied()
        }
        Some(_) | None => starts.first().copied(),
    }
}

#[cfg(test)]
mod tests;
