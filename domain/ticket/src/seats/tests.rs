//! The best seats against all seats there could be.

use proptest::prelude::*;

use super::*;

/// Seats as a test draws them: a row for each, and whether it is free.
fn plan(seats: &[(char, bool)]) -> SeatPlan {
    let named = seats
        .iter()
        .zip(0..)
        .map(|((row, is_free), position)| (position, format!("{row}{position}"), *is_free));
    SeatPlan::new(named)
}

fn places(plan: &SeatPlan, names: &[&str]) -> Vec<usize> {
    let mut places: Vec<_> = names.iter().map(|name| plan.places[*name]).collect();
    places.sort_unstable();
    places
}

/// Groups of neighbours among chosen places.
fn groups(seats: &[(char, bool)], places: &[usize]) -> usize {
    let follows = |pair: &&[usize]| pair[1] == pair[0] + 1 && seats[pair[0]].0 == seats[pair[1]].0;
    places.len() - places.windows(2).filter(follows).count()
}

/// Single free seats that a choice leaves directly beside it.
fn orphans(seats: &[(char, bool)], places: &[usize]) -> usize {
    let row = seats[places[0]].0;
    let left = |at: Option<usize>| {
        at.and_then(|at| seats.get(at)).is_some_and(|seat| *seat == (row, true))
    };
    let (first, last) = (places[0], places[places.len() - 1]);
    let before = left(first.checked_sub(1)) && !left(first.checked_sub(2));
    let after = left(Some(last + 1)) && !left(Some(last + 2));
    usize::from(before) + usize::from(after)
}

/// Every choice of so many free seats.
fn choices(seats: &[(char, bool)], count: u32) -> Vec<Vec<usize>> {
    let all = (0_u32..1 << seats.len()).filter(|bits| bits.count_ones() == count);
    let places = |bits: u32| (0..seats.len()).filter(move |place| bits >> place & 1 == 1);
    let free = all.filter(|bits| places(*bits).all(|place| seats[place].1));
    free.map(|bits| places(bits).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r31_the_best_seats_are_the_best_of_all(
        rows in proptest::collection::vec((0_usize..4, proptest::collection::vec(any::<bool>(), 1..6)), 1..4),
        count in 1_u32..7,
    ) {
        let row = |(row, free): (usize, Vec<bool>)| free.into_iter().map(move |free| (['A', 'B', 'C', 'D'][row], free));
        let mut seats: Vec<_> = rows.into_iter().flat_map(row).collect();
        seats.truncate(12);
        let plan = plan(&seats);
        let all = choices(&seats, count);
        let Some(chosen) = plan.best(count as usize) else {
            prop_assert!(all.is_empty(), "there are enough");
            return Ok(());
        };
        let chosen = places(&plan, &chosen);
        prop_assert!(all.contains(&chosen), "{chosen:?} are free and so many");
        let fewest = all.iter().map(|choice| groups(&seats, choice)).min();
        prop_assert_eq!(Some(groups(&seats, &chosen)), fewest);
        if fewest == Some(1) {
            let side_by_side = all.iter().filter(|choice| groups(&seats, choice) == 1);
            let best = side_by_side.min_by_key(|choice| (orphans(&seats, choice), choice[0]));
            prop_assert_eq!(Some(&chosen), best);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r31_a_plan_that_was_marked_is_the_plan_of_what_is_free(
        seats in proptest::collection::vec((proptest::sample::select(vec!['A', 'B']), any::<bool>()), 1..40),
        marks in proptest::collection::vec((0_usize..40, any::<bool>()), 0..60),
    ) {
        let (mut seats, mut marked) = (seats.clone(), plan(&seats));
        for (place, is_free) in marks {
            let place = place % seats.len();
            let name = marked.seats[place].name.clone();
            seats[place].1 = is_free;
            marked.mark(&name, is_free);
            let fresh = plan(&seats);
            prop_assert_eq!((&marked.runs, &marked.by_length), (&fresh.runs, &fresh.by_length));
            for count in 1..10 {
                prop_assert_eq!(marked.best(count), fresh.best(count));
            }
        }
    }
}

#[test]
fn r31_the_largest_hall_in_pieces_has_as_few_groups_as_can_be() {
    // Runs of one to four seats, with a taken one between each two.
    let seat = |place: usize| ('A', ![1, 4, 8, 13].contains(&(place % 14)));
    let seats: Vec<_> = (0..SEATS_MAX).map(seat).collect();
    let mut hall = plan(&seats);
    let mut left = hall.free;
    while let Some(chosen) = hall.best(crate::HOLD_SEATS_MAX) {
        let chosen: Vec<_> = chosen.into_iter().map(str::to_owned).collect();
        assert_eq!(chosen.len(), crate::HOLD_SEATS_MAX);
        chosen.iter().for_each(|name| hall.mark(name, false));
        left -= chosen.len();
        assert_eq!(hall.free, left, "each once");
    }
    assert!(left < crate::HOLD_SEATS_MAX);
}

#[test]
fn names_tell_section_and_row() {
    for (name, section, row) in [
        ("A12", "", "A"),
        ("Parkett/Row-12", "Parkett", "Row-"),
        ("1층/가열/7", "1층", "가열/"),
        ("12", "", ""),
        ("/A1", "", "A"),
    ] {
        assert_eq!((section_of(name), row_of(name)), (section, row), "{name}");
    }
}

#[test]
fn neighbours_are_registered_one_after_the_other_in_one_row() {
    let seat = |position: u32, name: &str| (position, name.to_owned(), true);
    // A2 of the plan is gone: A1 and A3 are no neighbours, nor are A4 and B1.
    let plan = SeatPlan::new([seat(0, "A1"), seat(2, "A3"), seat(3, "A4"), seat(4, "B1")]);
    assert_eq!(plan.best(2), Some(vec!["A3", "A4"]));
    assert_eq!(plan.best(4).map(|seats| seats.len()), Some(4));
    assert_eq!(plan.best(5), None);
}

#[test]
fn no_single_seat_is_left_where_that_can_be() {
    let five = [('A', true); 5];
    assert_eq!(plan(&five).best(2), Some(vec!["A0", "A1"]), "three are left");
    assert_eq!(plan(&five).best(4), Some(vec!["A0", "A1", "A2", "A3"]), "one is left in any case");
    let mut rows = vec![('A', true); 3];
    rows.extend([('B', true); 2]);
    assert_eq!(plan(&rows).best(2), Some(vec!["B3", "B4"]), "row A would keep a single one");
}
