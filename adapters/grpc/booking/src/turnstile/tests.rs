//! The turnstile under paused time.

use std::collections::VecDeque;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use kernel::Uuid;
use tokio::task::yield_now;
use tokio::time::advance;

use super::hall::{GROUP, KNOWN, OUTSIDE_MAX, SOLD_OUT, STUCK, WANTED};
use super::*;

type Waits<'a> = LocalBoxFuture<'a, Result<Inside, Overloaded>>;

/// More time than anybody waits.
const TIME_ENOUGH: Duration = Duration::from_secs(10);

fn ticket(number: u128) -> TicketId {
    TicketId::new(Uuid::from_u128(number))
}

async fn enter(turnstile: &Turnstile, number: u128) -> Result<Inside, Overloaded> {
    turnstile.enter(ticket(number), Instant::now() + TIME_ENOUGH).await
}

/// Somebody who enters without waiting, and begins a booking.
fn enters(turnstile: &Turnstile, number: u128) -> Inside {
    let entered = enter(turnstile, number).now_or_never();
    let entered = entered.expect("does not wait").expect("is not refused");
    turnstile.wanted(ticket(number));
    entered
}

/// As many as enter without waiting; the one after them goes away.
fn all_who_enter(turnstile: &Turnstile, number: u128) -> Vec<Inside> {
    let enter = || enter(turnstile, number).now_or_never().and_then(Result::ok);
    std::iter::from_fn(enter).collect()
}

/// Somebody who has come and must wait.
fn waits(turnstile: &Turnstile, number: u128) -> Waits<'_> {
    let mut waits = enter(turnstile, number).boxed_local();
    assert!(told(&mut waits).is_none(), "has to wait");
    waits
}

fn told(waits: &mut Waits<'_>) -> Option<Result<Inside, Overloaded>> {
    waits.as_mut().now_or_never()
}

fn is_let_in(waits: &mut Waits<'_>) -> Inside {
    told(waits).expect("is told").expect("is not refused")
}

/// Waits until it is refused, and says after how many milliseconds.
async fn refused_after(turnstile: &Turnstile, number: u128) -> u128 {
    let came = Instant::now();
    enter(turnstile, number).await.expect_err("there is no place");
    came.elapsed().as_millis()
}

/// Nobody is there.
fn is_empty(turnstile: &Turnstile) -> bool {
    turnstile.hall().is_empty()
}

#[tokio::test(start_paused = true)]
async fn places_are_bounded_and_come_back() {
    let turnstile = Turnstile::new(2);
    let mut inside = all_who_enter(&turnstile, 1);
    assert_eq!(inside.len(), 2);
    let mut next = waits(&turnstile, 1);
    assert!(told(&mut next).is_none());
    inside.pop();
    let next = is_let_in(&mut next);
    assert!(all_who_enter(&turnstile, 1).is_empty());
    drop((inside, next));
    assert!(is_empty(&turnstile));
}

#[tokio::test(start_paused = true)]
async fn a_ticket_has_all_places_alone_and_a_quarter_while_others_are_wanted() {
    let turnstile = Turnstile::new(8);
    let alone = all_who_enter(&turnstile, 1);
    assert_eq!(alone.len(), 8);
    drop(alone);
    let other = enters(&turnstile, 2);
    assert_eq!(all_who_enter(&turnstile, 1).len(), 2);
    advance(WANTED - Duration::from_millis(1)).await;
    assert_eq!(all_who_enter(&turnstile, 1).len(), 2);
    advance(Duration::from_millis(1)).await;
    assert_eq!(all_who_enter(&turnstile, 1).len(), 7, "the other one is inside, and not wanted");
    turnstile.wanted(ticket(1));
    assert_eq!(all_who_enter(&turnstile, 2).len(), 1, "now a quarter is the other's");
    drop(other);
    assert!(is_empty(&turnstile));
}

#[tokio::test(start_paused = true)]
async fn a_hot_sale_that_has_all_places_leaves_the_next_to_other_tickets() {
    let turnstile = Turnstile::new(8);
    let mut hot = all_who_enter(&turnstile, 1);
    let mut next = waits(&turnstile, 1);
    let mut others: Vec<_> = (2..=4).map(|number| waits(&turnstile, number)).collect();
    hot.pop();
    hot.push(is_let_in(&mut next));
    let (mut next, mut entered) = (waits(&turnstile, 1), Vec::new());
    for (number, other) in (2..).zip(&mut others) {
        hot.pop();
        entered.push(is_let_in(other));
        turnstile.wanted(ticket(number));
    }
    hot.truncate(1);
    assert!(told(&mut next).is_none(), "they leave together");
    hot.clear();
    entered.push(is_let_in(&mut next));
    drop((hot, entered));
    assert!(is_empty(&turnstile));
}

#[tokio::test(start_paused = true)]
async fn beside_others_a_hot_sale_goes_in_groups() {
    let turnstile = Turnstile::new(128);
    let other = enters(&turnstile, 2);
    let mut group = all_who_enter(&turnstile, 1);
    assert_eq!(group.len(), 32);
    let mut next: Vec<_> = (0..40).map(|_| waits(&turnstile, 1)).collect();
    group.truncate(5);
    assert!(next.iter_mut().all(|waits| told(waits).is_none()), "some are still on their way");
    group.truncate(4);
    group.extend(next.drain(..28).map(|mut waits| is_let_in(&mut waits)));
    assert!(next.iter_mut().all(|waits| told(waits).is_none()));
    // Fewer than a group come and go one by one.
    group.truncate(4);
    drop(next);
    for _ in 0..100 {
        drop(enters(&turnstile, 1));
    }
    drop((other, group));
    assert!(is_empty(&turnstile));
}

#[tokio::test(start_paused = true)]
async fn groups_are_as_large_as_pass_in_time() {
    let turnstile = Turnstile::new(128);
    let (mut sizes, mut group) = (Vec::new(), Vec::new());
    for passes_in_ms in [30, 30, 30, 30, 30, 30, 30, 30, 20, 20] {
        drop(enters(&turnstile, 2));
        group.extend(all_who_enter(&turnstile, 1));
        sizes.push(group.len());
        let mut next = waits(&turnstile, 1);
        advance(Duration::from_millis(passes_in_ms)).await;
        group.clear();
        // The next one enters once the servers have rested.
        advance(Duration::from_millis(passes_in_ms / 2 - 1)).await;
        assert!(told(&mut next).is_none());
        advance(Duration::from_millis(2)).await;
        yield_now().await;
        group.push(is_let_in(&mut next));
    }
    assert_eq!(sizes, [32, 24, 18, 13, 9, 6, 4, 4, 4, 5]);
    drop(group);
    assert!(is_empty(&turnstile));
}

#[tokio::test(start_paused = true)]
async fn a_ticket_does_not_wait_for_somebody_who_is_stuck() {
    let turnstile = Turnstile::new(128);
    let other = enters(&turnstile, 2);
    let mut group = all_who_enter(&turnstile, 1);
    group.truncate(5);
    advance(STUCK - Duration::from_millis(1)).await;
    assert!(all_who_enter(&turnstile, 1).is_empty(), "more than stragglers are on their way");
    advance(Duration::from_millis(1)).await;
    assert_eq!(all_who_enter(&turnstile, 1).len(), 27, "as many as the next group has, with them");
    drop((other, group));
    assert!(is_empty(&turnstile));
}

#[tokio::test(start_paused = true)]
async fn no_rest_is_longer_than_a_group_is_to_take() {
    let turnstile = Turnstile::new(128);
    let other = enters(&turnstile, 2);
    let group = all_who_enter(&turnstile, 1);
    advance(5 * GROUP).await;
    let mut next = waits(&turnstile, 1);
    drop(group);
    advance(GROUP - Duration::from_millis(1)).await;
    assert!(told(&mut next).is_none());
    advance(Duration::from_millis(2)).await;
    yield_now().await;
    drop(is_let_in(&mut next));
    drop(other);
    assert!(is_empty(&turnstile));
}

#[tokio::test(start_paused = true)]
async fn how_large_groups_are_is_known_for_a_while() {
    let turnstile = Turnstile::new(128);
    drop(enters(&turnstile, 2));
    let group = all_who_enter(&turnstile, 1);
    assert_eq!(group.len(), 32);
    advance(2 * GROUP).await;
    drop(group);
    // All were told to come again later.
    advance(KNOWN - 3 * GROUP).await;
    drop(enters(&turnstile, 2));
    assert_eq!(all_who_enter(&turnstile, 1).len(), 24);
    advance(2 * KNOWN).await;
    drop(enters(&turnstile, 2));
    assert_eq!(all_who_enter(&turnstile, 1).len(), 32, "it is learned anew");
    advance(2 * KNOWN).await;
    assert!(turnstile.enter(ticket(3), Instant::now()).await.is_ok());
    advance(2 * KNOWN).await;
    turnstile.hall().come(ticket(4), Instant::now());
    assert_eq!(turnstile.hall().tickets(), 1, "nobody asks for the others any more");
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_is_first_and_tickets_take_turns() {
    let turnstile = Turnstile::new(1);
    let mut inside = Some(enters(&turnstile, 9));
    let names = [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (3, "c1"), (2, "b2")];
    let mut waiting: Vec<_> =
        names.into_iter().map(|(number, name)| (name, waits(&turnstile, number))).collect();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        drop(inside.take());
        let mut places = waiting.iter_mut().enumerate();
        let next = places.find_map(|(at, (_, waits))| Some((at, told(waits)?)));
        let (at, entered) = next.expect("one is let in");
        inside = Some(entered.expect("is not refused"));
        order.push(waiting.remove(at).0);
    }
    assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
    drop(inside);
    assert!(is_empty(&turnstile));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_longer_than_half_a_second_and_in_a_crowd_for_a_twentieth() {
    let (long, short) = (500..=502, 50..=52);
    let turnstile = Turnstile::new(1);
    let mut inside = vec![enters(&turnstile, 1)];
    assert!(long.contains(&refused_after(&turnstile, 1).await));
    assert!(short.contains(&refused_after(&turnstile, 1).await), "the crowd has stayed");
    assert!(long.contains(&refused_after(&turnstile, 2).await), "of another ticket none has");
    assert!(long.contains(&refused_after(&turnstile, 2).await), "nobody of it was there");
    assert!(long.contains(&refused_after(&turnstile, 1).await), "the crowd has gone");
    // A line that is never empty is a crowd's for as long as that lasts.
    let mut line = VecDeque::from([waits(&turnstile, 1)]);
    for _ in 0..40 {
        advance(Duration::from_millis(30)).await;
        line.push_back(waits(&turnstile, 1));
        line.retain_mut(|waits| told(waits).is_none());
    }
    assert!((1..=2).contains(&line.len()), "each waits for 50 ms: {}", line.len());
    inside.clear();
    inside.extend(line.front_mut().map(is_let_in));
    assert_eq!(inside.len(), 1, "who waits so is served when there is room");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_its_own_time_which_makes_no_crowd() {
    let turnstile = Turnstile::new(1);
    let _inside = enters(&turnstile, 1);
    let came = Instant::now();
    let until = came + Duration::from_millis(30);
    turnstile.enter(ticket(1), until).await.expect_err("no time is left");
    assert!((30..=32).contains(&came.elapsed().as_millis()));
    assert!(turnstile.enter(ticket(1), came).now_or_never().is_some_and(|it| it.is_err()));
    assert!((500..=502).contains(&refused_after(&turnstile, 1).await));
}

#[tokio::test(start_paused = true)]
async fn once_it_is_sold_out_all_are_let_in_and_told_so() {
    let turnstile = Turnstile::new(2);
    let mut holders = all_who_enter(&turnstile, 1);
    let mut crowd: Vec<_> = (0..50).map(|_| waits(&turnstile, 1)).collect();
    let mut other = waits(&turnstile, 2);
    turnstile.sold_out(ticket(1));
    let crowd: Vec<_> = crowd.iter_mut().map(is_let_in).collect();
    let late = enters(&turnstile, 1);
    assert!(told(&mut other).is_none());
    drop((crowd, late));
    assert!(told(&mut other).is_none(), "they took no places and leave none");
    advance(SOLD_OUT - Duration::from_millis(1)).await;
    drop(enters(&turnstile, 1));
    advance(Duration::from_millis(1)).await;
    drop(waits(&turnstile, 1));
    holders.pop();
    drop((is_let_in(&mut other), holders));
    assert!(is_empty(&turnstile));
}

#[tokio::test(start_paused = true)]
async fn what_stays_sold_out_is_known_to_be_and_then_forgotten() {
    let turnstile = Turnstile::new(1);
    let asks = enters(&turnstile, 1);
    for _ in 0..5 {
        turnstile.sold_out(ticket(1));
        advance(SOLD_OUT / 2).await;
        drop(enters(&turnstile, 1));
        turnstile.sold_out(ticket(1));
    }
    drop(asks);
    advance(SOLD_OUT).await;
    let other = enters(&turnstile, 2);
    // Not let in any more as one who is told that nothing is left.
    drop(waits(&turnstile, 1));
    advance(2 * KNOWN).await;
    let _ = turnstile.hall().come(ticket(3), Instant::now());
    assert_eq!(turnstile.hall().tickets(), 2, "nothing is known of the first");
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_leaves_the_line_and_passes_on_the_place_it_was_given() {
    let turnstile = Turnstile::new(1);
    let inside = enters(&turnstile, 1);
    let [goes, given, mut next] = [1, 2, 3].map(|number| waits(&turnstile, number));
    drop(goes);
    // It is the turn of the second, who never hears of it.
    drop(inside);
    assert!(told(&mut next).is_none());
    drop(given);
    drop(is_let_in(&mut next));
    assert!(is_empty(&turnstile));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_somebody_outside_leaves_its_place_meanwhile() {
    let turnstile = Turnstile::new(1);
    let makes = |takes| enters(&turnstile, 1).make(outside(tokio::time::sleep(takes)));
    let soon = makes(OUTSIDE);
    let mut next = waits(&turnstile, 2);
    soon.await;
    drop(is_let_in(&mut next));

    let mut late = Box::pin(makes(2 * OUTSIDE));
    let mut next = waits(&turnstile, 2);
    assert!(late.as_mut().now_or_never().is_none());
    advance(OUTSIDE + Duration::from_millis(1)).await;
    assert!(late.as_mut().now_or_never().is_none());
    let second = is_let_in(&mut next);
    late.await;
    drop(second);
    assert!(is_empty(&turnstile));
    // Also if it never comes back, and if nobody has a place at all.
    let mut dropped = Box::pin(makes(2 * OUTSIDE));
    assert!(dropped.as_mut().now_or_never().is_none());
    advance(OUTSIDE + Duration::from_millis(1)).await;
    assert!(dropped.as_mut().now_or_never().is_none());
    drop(dropped);
    assert!(is_empty(&turnstile));
    outside(tokio::time::sleep(2 * OUTSIDE)).await;
}

#[tokio::test(start_paused = true)]
async fn a_booking_tells_all_who_wait_that_nothing_is_left() {
    let turnstile = Turnstile::new(1);
    let makes = enters(&turnstile, 1).make(async {
        heard_sold_out();
        tokio::time::sleep(TIME_ENOUGH).await;
    });
    let mut makes = Box::pin(makes);
    let (mut next, mut other) = (waits(&turnstile, 1), waits(&turnstile, 2));
    assert!(makes.as_mut().now_or_never().is_none());
    drop(is_let_in(&mut next));
    drop(enters(&turnstile, 1));
    assert!(told(&mut other).is_none());
    // Where no booking is made there is nobody to tell.
    heard_sold_out();
}

#[tokio::test(start_paused = true)]
async fn no_more_are_outside_than_may_be() {
    let turnstile = Turnstile::new(1);
    let mut makes = Vec::new();
    for _ in 0..=OUTSIDE_MAX {
        let making = enters(&turnstile, 1).make(outside(tokio::time::sleep(TIME_ENOUGH)));
        let mut making = making.boxed_local();
        assert!(making.as_mut().now_or_never().is_none());
        advance(OUTSIDE + Duration::from_millis(1)).await;
        assert!(making.as_mut().now_or_never().is_none());
        makes.push(making);
    }
    drop(waits(&turnstile, 1));
    makes.pop();
    drop(enters(&turnstile, 1));
    drop(makes);
    assert!(is_empty(&turnstile));
}
