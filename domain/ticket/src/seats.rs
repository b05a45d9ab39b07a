//! Seats: how their names read, and which free ones are the best.
//!
//! A name is `Section/Row-12` or `A12`: the section is what stands before the first `/`, the row the rest without
//! its number. Neighbours follow one another in the order registered and are of one section and row.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

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

/// The seats of one ticket that may be free, in the order registered.
#[derive(Debug, Clone)]
pub(crate) struct SeatPlan {
    seats: Vec<PlannedSeat>,
    places: BTreeMap<String, usize>,
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
        let mut before = None;
        for (position, name, is_free) in given {
            let follows = |seat: &PlannedSeat| {
                let place = |name| (section_of(name), row_of(name));
                before == position.checked_sub(1) && place(&seat.name) == place(&name)
            };
            let follows_neighbour = seats.last().is_some_and(follows);
            seats.push(PlannedSeat { name, follows_neighbour, is_free });
            before = Some(position);
        }
        let places = seats.iter().enumerate().map(|(place, seat)| (seat.name.clone(), place));
        Self { places: places.collect(), seats }
    }

    /// Notes that a seat was taken or came back.
    pub(crate) fn mark(&mut self, name: &str, is_free: bool) {
        let seat = self.places.get(name).and_then(|place| self.seats.get_mut(*place));
        if let Some(seat) = seat {
            seat.is_free = is_free;
        }
    }

    /// The best free seats; `None` if there are not so many. Side by side in one row: those that leave no single
    /// free seat between others if there are such, of these the earliest registered. If there are not so many
    /// neighbours, as few groups of neighbours as can be.
    pub(crate) fn best(&self, count: usize) -> Option<Vec<&str>> {
        let places = best_of(self.free_runs(), count)?;
        let seats = places.into_iter().flatten().filter_map(|place| self.seats.get(place));
        Some(seats.map(|seat| seat.name.as_str()).collect())
    }

    /// Places of free neighbours, each range as long as can be.
    fn free_runs(&self) -> Vec<Range<usize>> {
        let mut runs = Vec::<Range<usize>>::new();
        for (place, seat) in self.seats.iter().enumerate().filter(|(_, seat)| seat.is_free) {
            match runs.last_mut() {
                Some(run) if run.end == place && seat.follows_neighbour => run.end += 1,
                Some(_) | None => runs.push(place..place + 1),
            }
        }
        runs
    }
}

/// Taking the longest run whole until the rest fits into one run needs the fewest groups there can be: no other
/// choice of as many runs has more seats.
fn best_of(mut runs: Vec<Range<usize>>, count: usize) -> Option<Vec<Range<usize>>> {
    if runs.iter().map(ExactSizeIterator::len).sum::<usize>() < count {
        return None;
    }
    let mut chosen = Vec::new();
    let mut missing = count;
    while missing > 0 {
        if let Some(side_by_side) = best_in_one(&runs, missing) {
            chosen.push(side_by_side);
            break;
        }
        let longest = runs.iter().map(ExactSizeIterator::len).max()?;
        let place = runs.iter().position(|run| run.len() == longest)?;
        chosen.push(runs.remove(place));
        missing -= longest;
    }
    Some(chosen)
}

/// The best `count` places of one run. No other place of a run is better than its start: there at most one end
/// is left over, and that is a single seat only if every choice leaves one.
fn best_in_one(runs: &[Range<usize>], count: usize) -> Option<Range<usize>> {
    let roomy = runs.iter().filter(|run| run.len() >= count);
    let best = roomy.min_by_key(|run| (run.len() - count == 1, run.start))?;
    Some(best.start..best.start + count)
}

#[cfg(test)]
mod tests;
