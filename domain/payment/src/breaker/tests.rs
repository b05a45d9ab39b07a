//! The breaker by table and by property: when it opens, what it lets through, and that it closes by itself.

use proptest::prelude::*;

use super::*;

const RULES: GuardRules =
    GuardRules { breaks: true, at_once_max: 64, slow_after: Duration::from_secs(2) };

fn at(ms: u64) -> Timestamp {
    Timestamp::from_micros(1_000_000).plus(Duration::from_millis(ms))
}

/// Calls one after the other, each a millisecond after the last.
fn calls(breaker: &mut Breaker, from_ms: u64, count: u64, definite: bool) -> u64 {
    let mut sent = 0;
    for ms in from_ms..from_ms + count {
        if let Ok(call) = breaker.enter(at(ms)) {
            breaker.sent(call, at(ms));
            breaker.ended(call, definite, at(ms));
            sent += 1;
        }
    }
    sent
}

/// A call that is let through and sent at once.
fn sent(breaker: &mut Breaker, ms: u64) -> CallNumber {
    let call = breaker.enter(at(ms)).expect("let through");
    breaker.sent(call, at(ms));
    call
}

#[test]
fn r33_what_takes_us_long_before_a_call_says_nothing_of_the_provider() {
    let mut breaker = Breaker::new(RULES);
    let ours: Vec<_> = (0..40).map(|ms| breaker.enter(at(ms)).expect("closed")).collect();
    assert!(breaker.enter(at(9_000)).is_ok(), "none was sent yet");
    for call in ours {
        breaker.sent(call, at(9_000));
        breaker.ended(call, true, at(9_001));
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn n03_calls_from_before_it_opened_do_not_open_it_again() {
    let mut breaker = Breaker::new(RULES);
    let hanging: Vec<_> = (0..40).map(|ms| sent(&mut breaker, ms)).collect();
    assert!(breaker.enter(at(2_100)).is_err(), "they are slow");
    let rest = 2_100 + u64::try_from(BREAKER_REST.as_millis()).expect("short");
    assert_eq!(calls(&mut breaker, rest, 3, true), 3);
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(calls(&mut breaker, rest + 3, 1, true), 1, "the old ones still hang");
    hanging.into_iter().for_each(|call| breaker.ended(call, false, at(rest + 10)));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn r33_it_opens_when_half_of_enough_calls_fail_and_not_before() {
    let mut breaker = Breaker::new(RULES);
    calls(&mut breaker, 0, 19, false);
    assert_eq!(breaker.state(), BreakerState::Closed, "too few to tell");
    calls(&mut breaker, 19, 1, false);
    assert_eq!(breaker.state(), BreakerState::Open);
    let mut mixed = Breaker::new(RULES);
    calls(&mut mixed, 0, 51, true);
    calls(&mut mixed, 51, 50, false);
    assert_eq!(mixed.state(), BreakerState::Closed, "less than half");
    calls(&mut mixed, 101, 1, false);
    assert_eq!(mixed.state(), BreakerState::Open);
}

#[test]
fn r33_an_answer_never_opens_it_and_old_failures_are_forgotten() {
    let mut breaker = Breaker::new(RULES);
    calls(&mut breaker, 0, 10_000, true);
    assert_eq!(breaker.state(), BreakerState::Closed, "a decline is an answer");
    let mut forgetful = Breaker::new(RULES);
    calls(&mut forgetful, 0, 19, false);
    calls(&mut forgetful, 11_000, 19, false);
    assert_eq!(forgetful.state(), BreakerState::Closed);
}

#[test]
fn n03_slow_calls_open_it_before_they_have_ended() {
    let mut breaker = Breaker::new(RULES);
    let slow: Vec<_> = (0..20).map(|ms| sent(&mut breaker, ms)).collect();
    assert!(breaker.enter(at(1_999)).is_ok(), "not slow yet");
    let away = breaker.enter(at(2_100));
    assert_eq!(away, Err(ProviderAway::Broken { retry_after: BREAKER_REST }));
    // They are answered after all, and say nothing of how it is now.
    slow.into_iter().for_each(|call| breaker.ended(call, true, at(5_000)));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn n03_it_closes_by_itself_when_a_few_probes_are_answered() {
    let mut breaker = Breaker::new(RULES);
    calls(&mut breaker, 0, 20, false);
    let rest = u64::try_from(BREAKER_REST.as_millis()).expect("short");
    assert_eq!(calls(&mut breaker, 20, 100, true), 0, "it is left alone");
    let first = breaker.enter(at(20 + rest)).expect("rested");
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    let second = breaker.enter(at(21 + rest)).expect("a probe");
    let third = breaker.enter(at(22 + rest)).expect("a probe");
    assert!(breaker.enter(at(23 + rest)).is_err(), "no more than are needed to tell");
    breaker.ended(first, true, at(30 + rest));
    breaker.ended(second, true, at(30 + rest));
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker.ended(third, true, at(30 + rest));
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(calls(&mut breaker, 31 + rest, 10, true), 10);
}

#[test]
fn n03_a_probe_that_fails_or_is_slow_opens_it_again() {
    for (definite, takes_ms) in [(false, 1), (true, 2_001)] {
        let mut breaker = Breaker::new(RULES);
        calls(&mut breaker, 0, 20, false);
        let rest = u64::try_from(BREAKER_REST.as_millis()).expect("short");
        let probe = sent(&mut breaker, 20 + rest);
        breaker.ended(probe, definite, at(20 + rest + takes_ms));
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(breaker.enter(at(21 + rest + takes_ms)).is_err());
    }
}

#[test]
fn a_probe_that_was_not_sent_leaves_its_place() {
    let mut breaker = Breaker::new(RULES);
    calls(&mut breaker, 0, 20, false);
    let rest = u64::try_from(BREAKER_REST.as_millis()).expect("short");
    for _ in 0..10 {
        let probe = breaker.enter(at(20 + rest)).expect("a place");
        breaker.returned(probe);
    }
}

#[test]
fn no_more_are_under_way_than_may_be() {
    let mut breaker = Breaker::new(GuardRules { at_once_max: 2, ..RULES });
    let first = breaker.enter(at(0)).expect("room");
    breaker.enter(at(0)).expect("room");
    assert_eq!(breaker.enter(at(0)), Err(ProviderAway::Saturated { retry_after: SATURATED_RETRY }));
    breaker.ended(first, true, at(1));
    assert!(breaker.enter(at(1)).is_ok());
}

#[test]
fn r33_a_provider_without_room_is_left_alone_for_as_long_as_it_says() {
    let secs = Duration::from_secs;
    for (says, rests) in [(secs(2), secs(2)), (secs(30), secs(30)), (secs(7_200), RETRY_AFTER_MAX)]
    {
        let mut breaker = Breaker::new(RULES);
        let (call, other) = (sent(&mut breaker, 0), sent(&mut breaker, 0));
        breaker.turned_away(call, None, at(1));
        assert_eq!(breaker.state(), BreakerState::Closed, "it did not say");
        breaker.turned_away(other, Some(says), at(1));
        assert_eq!(breaker.enter(at(1)), Err(ProviderAway::Broken { retry_after: rests }));
        assert!(breaker.enter(at(1).plus(rests)).is_ok(), "a probe");
    }
    let mut breaker = Breaker::new(RULES);
    let [first, later, last] = [0; 3].map(|_| sent(&mut breaker, 0));
    breaker.turned_away(first, Some(Duration::ZERO), at(1));
    assert_eq!(breaker.state(), BreakerState::Closed, "it may come again at once");
    breaker.turned_away(later, Some(secs(30)), at(1));
    breaker.turned_away(last, Some(secs(1)), at(1));
    let left_alone = Err(ProviderAway::Broken { retry_after: secs(30) });
    assert_eq!(breaker.enter(at(1)), left_alone, "whoever says less does not shorten it");
    let mut unbroken = Breaker::new(GuardRules { breaks: false, ..RULES });
    let call = sent(&mut unbroken, 0);
    unbroken.turned_away(call, Some(secs(2)), at(1));
    assert_eq!(unbroken.state(), BreakerState::Closed);
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_it_open() {
    let mut breaker = Breaker::new(RULES);
    calls(&mut breaker, 3_600_000, 20, false);
    assert_eq!(breaker.state(), BreakerState::Open);
    assert!(breaker.enter(at(0)).is_ok());
}

proptest! {
    /// Whatever happens: never more under way than may be, without a breaker nothing is broken, and once all have
    /// ended and it has rested, well answered probes close it.
    #[test]
    fn r33_it_never_stays_open(
        breaks in any::<bool>(),
        steps in proptest::collection::vec((0..3_000_u64, 0..4_u8), 0..300),
    ) {
        let mut breaker = Breaker::new(GuardRules { breaks, at_once_max: 8, ..RULES });
        let (mut ms, mut open) = (0, VecDeque::new());
        for (passes_ms, step) in steps {
            ms += passes_ms;
            match (step, open.pop_front()) {
                (0, Some(call)) => breaker.ended(call, false, at(ms)),
                (1, Some(call)) => breaker.ended(call, true, at(ms)),
                (2, Some(call)) => breaker.returned(call),
                (_, call) => {
                    open.extend(call);
                    open.extend(breaker.enter(at(ms)).ok());
                }
            }
            prop_assert!(breaker.under_way.len() <= 8);
            prop_assert!(breaks || breaker.state() == BreakerState::Closed);
        }
        open.into_iter().for_each(|call| breaker.ended(call, true, at(ms)));
        for _ in 0..3 {
            ms += 11_000;
            calls(&mut breaker, ms, u64::from(BREAKER_PROBES), true);
        }
        prop_assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
