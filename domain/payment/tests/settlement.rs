//! The settlement alone: its table of transitions, and every order and repetition of what can happen.
#![expect(clippy::expect_used, reason = "a test that cannot set up its scene has failed")]

#[cfg(test)]
mod parts;

use kernel::{BookingId, BuyerId, Currency, Locale, Money, PaymentId, RefundId, Timestamp, Uuid};
use payment::{
    Ask, ChargeAnswer, ChargePayment, ChargeRefused, Decision, NotInReview, OUTSIDE, Payer,
    PaymentEvent, PaymentState, PaymentStatus, REFUSALS_MAX, RefundAnswer, RefundState, Settlement,
};
use proptest::prelude::*;

fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").expect("known"))
}

fn asked(attempt: u32, minor: i64) -> ChargePayment {
    ChargePayment {
        booking_id: BookingId::new(Uuid::from_u128(1)),
        attempt,
        payer: Payer { buyer_id: BuyerId::new("alice").expect("sound"), locale: Locale::Ko },
        amount: won(minor),
        payment_method: "ok".to_owned(),
    }
}

fn approved() -> ChargeAnswer {
    ChargeAnswer::Approved { provider_ref: "p".to_owned() }
}

fn declined() -> ChargeAnswer {
    ChargeAnswer::Declined { reason: "card declined".to_owned() }
}

fn returned() -> RefundAnswer {
    RefundAnswer::Succeeded { provider_ref: "r".to_owned() }
}

fn refused() -> RefundAnswer {
    RefundAnswer::Refused { reason: "no balance".to_owned() }
}

/// A settlement with a clock, fresh ids and the events so far.
struct Books {
    settlement: Settlement,
    steps: u128,
    events: Vec<PaymentEvent>,
}

impl Books {
    fn new() -> Self {
        let settlement = Settlement::new(BookingId::new(Uuid::from_u128(1)));
        Self { settlement, steps: 0, events: Vec::new() }
    }

    fn step(&mut self) -> (Uuid, Timestamp) {
        self.steps += 1;
        let micros = i64::try_from(self.steps).expect("few");
        (Uuid::from_u128(self.steps), Timestamp::from_micros(micros))
    }

    fn note(&mut self, decision: Decision) -> bool {
        match decision {
            Decision::Happened(events) => {
                self.events.extend(events);
                true
            }
            Decision::AlreadyDone => false,
        }
    }

    fn charge(&mut self, attempt: u32) -> Result<bool, ChargeRefused> {
        let (id, now) = self.step();
        let asked = asked(attempt, 55_000);
        let begun = self.settlement.begin_charge(&asked, PaymentId::new(id), now)?;
        Ok(self.note(begun))
    }

    fn answer(&mut self, attempt: u32, answer: &ChargeAnswer) -> bool {
        let (id, now) = self.step();
        let refund_id = RefundId::new(id);
        let decision = self.settlement.charge_answered(attempt, answer, refund_id, now);
        self.note(decision)
    }

    fn void(&mut self) -> bool {
        self.void_but(None)
    }

    fn void_but(&mut self, keep: Option<Money>) -> bool {
        let (id, now) = self.step();
        let decision = self.settlement.void(RefundId::new(id), keep, now);
        self.note(decision)
    }

    fn reduce(&mut self, keep: i64) -> bool {
        let (id, now) = self.step();
        let decision = self.settlement.reduce(RefundId::new(id), won(keep), now);
        self.note(decision)
    }

    fn begin_refund(&mut self) -> bool {
        let (_, now) = self.step();
        let decision = self.settlement.begin_refund(now);
        self.note(decision)
    }

    /// The first whose money is not back, or else the first.
    fn refund_id(&self) -> Option<RefundId> {
        let refunds = || self.settlement.payments.iter().flat_map(|payment| &payment.refunds);
        let open = refunds().find(|refund| !refund.has_succeeded());
        open.or_else(|| refunds().next()).map(|refund| refund.id)
    }

    fn retry(&mut self) -> Result<bool, NotInReview> {
        let (_, now) = self.step();
        let id = self.refund_id().ok_or(NotInReview::Unknown)?;
        let decision = self.settlement.retry_refund(id, now)?;
        Ok(self.note(decision))
    }

    fn settle(&mut self) -> Result<bool, NotInReview> {
        let (_, now) = self.step();
        let id = self.refund_id().ok_or(NotInReview::Unknown)?;
        let decision = self.settlement.settle_refund(id, OUTSIDE, now)?;
        Ok(self.note(decision))
    }

    /// A refund that the provider has refused too often.
    fn in_review() -> Self {
        let mut books = Self::new();
        assert_eq!(books.charge(1), Ok(true));
        assert!(books.answer(1, &approved()));
        assert!(books.void() && books.begin_refund());
        for _ in 0..REFUSALS_MAX {
            assert!(books.refund_answer(&refused()));
        }
        books
    }

    fn refund_answer(&mut self, answer: &RefundAnswer) -> bool {
        let (_, now) = self.step();
        let Some(id) = self.refund_id() else { return false };
        let decision = self.settlement.refund_answered(id, answer, now);
        self.note(decision)
    }

    /// What the provider is asked to give back now.
    fn asked(&self) -> Option<Money> {
        let Some(Ask::Refund(order)) = self.settlement.next_ask() else { return None };
        Some(order.amount)
    }

    /// It says nothing to what it is asked.
    fn unanswered(&mut self) {
        let Some(Ask::Refund(order)) = self.settlement.next_ask() else { return };
        let (_, now) = self.step();
        let decision =
            self.settlement.refund_answered(order.refund_id, &RefundAnswer::Unknown, now);
        assert!(self.note(decision));
    }

    /// The provider gives back whatever it is asked for; says whether it was asked at all.
    fn refund_all(&mut self) -> bool {
        let mut asked = false;
        while let Some(Ask::Refund(order)) = self.settlement.next_ask() {
            let (_, now) = self.step();
            let back = self.settlement.refund_answered(order.refund_id, &returned(), now);
            asked = self.note(back);
        }
        asked
    }

    fn status(&self) -> PaymentStatus {
        self.settlement.payments.last().expect("an attempt").status()
    }

    fn names(&self) -> Vec<&'static str> {
        self.events.iter().map(name).collect()
    }
}

fn name(event: &PaymentEvent) -> &'static str {
    match event {
        PaymentEvent::Approved(_) => "approved",
        PaymentEvent::Declined(_) => "declined",
        PaymentEvent::RefundSucceeded { settled: true, .. } => "refunded, settled",
        PaymentEvent::RefundSucceeded { settled: false, .. } => "refunded",
        PaymentEvent::RefundFailed { .. } => "refund failed",
        PaymentEvent::Voided { .. } => "voided",
    }
}

#[test]
fn t05_an_attempt_is_approved_once() {
    let mut books = Books::new();
    assert_eq!(books.charge(1), Ok(true));
    assert_eq!(books.status(), PaymentStatus::Processing);
    assert!(books.answer(1, &approved()));
    assert!(!books.answer(1, &approved()));
    assert!(!books.answer(1, &declined()), "the first definite answer stands");
    assert_eq!(books.charge(1), Ok(false), "the same attempt again is its outcome");
    assert_eq!((books.status(), books.names()), (PaymentStatus::Approved, vec!["approved"]));
    assert_eq!(books.charge(2), Err(ChargeRefused::AttemptLive { attempt: 1 }));
}

#[test]
fn r05_only_a_definite_decline_makes_room_for_the_next_attempt() {
    let mut books = Books::new();
    assert_eq!(books.charge(2), Err(ChargeRefused::OutOfTurn { next: 1 }));
    assert_eq!(books.charge(1), Ok(true));
    assert_eq!(books.charge(2), Err(ChargeRefused::AttemptLive { attempt: 1 }));
    assert!(books.answer(1, &ChargeAnswer::Unknown));
    assert_eq!(books.charge(2), Err(ChargeRefused::AttemptLive { attempt: 1 }));
    assert!(books.answer(1, &declined()));
    assert_eq!(books.charge(3), Err(ChargeRefused::OutOfTurn { next: 2 }));
    assert_eq!(books.charge(2), Ok(true));
    let keys: Vec<_> = books.settlement.payments.iter().map(|p| p.key().to_string()).collect();
    assert_eq!(keys.len(), 2);
    assert!(keys[0].ends_with(":1") && keys[1].ends_with(":2"), "{keys:?}");
}

#[test]
fn an_attempt_keeps_its_amount_and_its_buyer() {
    let mut books = Books::new();
    assert_eq!(books.charge(1), Ok(true));
    let (id, now) = books.step();
    let mismatch = Err(ChargeRefused::AmountMismatch { attempt: 1 });
    let mut other = asked(1, 55_001);
    assert_eq!(books.settlement.begin_charge(&other, PaymentId::new(id), now), mismatch);
    other = asked(1, 55_000);
    other.payer.buyer_id = BuyerId::new("bob").expect("sound");
    assert_eq!(books.settlement.begin_charge(&other, PaymentId::new(id), now), mismatch);
}

#[test]
fn a_void_before_any_charge_is_a_tombstone() {
    let mut books = Books::new();
    assert!(books.void());
    assert!(!books.void());
    assert_eq!(books.charge(1), Err(ChargeRefused::Voided));
    assert_eq!((books.settlement.is_settled(), books.names()), (true, vec!["voided"]));
}

#[test]
fn t10_a_void_of_an_approved_payment_gives_all_of_it_back() {
    let mut books = Books::new();
    assert_eq!(books.charge(1), Ok(true));
    assert!(books.answer(1, &approved()));
    assert!(books.void());
    assert!(!books.settlement.is_settled());
    assert!(books.begin_refund() && !books.begin_refund());
    assert!(books.refund_answer(&returned()));
    assert!(!books.refund_answer(&returned()) && !books.refund_answer(&refused()));
    assert_eq!(books.status(), PaymentStatus::Refunded);
    assert_eq!(books.settlement.payments[0].refunded(), won(55_000));
    assert_eq!(books.names(), ["approved", "refunded, settled"]);
}

#[test]
fn r04_an_approval_that_comes_after_the_void_is_given_back() {
    let mut books = Books::new();
    assert_eq!(books.charge(1), Ok(true));
    assert!(books.answer(1, &ChargeAnswer::Unknown));
    assert!(books.void());
    assert!(books.names().is_empty(), "nothing is certain yet");
    assert!(matches!(books.settlement.next_ask(), Some(Ask::Outcome(_))));
    assert!(books.answer(1, &approved()));
    assert!(matches!(books.settlement.next_ask(), Some(Ask::Refund(_))));
    assert!(books.refund_answer(&returned()));
    assert_eq!(books.names(), ["approved", "refunded, settled"]);
}

#[test]
fn r04_a_decline_that_comes_after_the_void_settles_it() {
    let mut books = Books::new();
    assert_eq!(books.charge(1), Ok(true));
    assert!(books.void());
    assert!(books.answer(1, &declined()));
    assert_eq!((books.settlement.is_settled(), books.names()), (true, vec!["declined", "voided"]));
}

#[test]
fn r12_a_refund_refused_too_often_waits_for_an_operator() {
    let mut books = Books::new();
    assert_eq!(books.charge(1), Ok(true));
    assert!(books.answer(1, &approved()));
    assert!(books.void() && books.begin_refund());
    for _ in 0..100 {
        assert!(books.refund_answer(&RefundAnswer::Unknown), "no answer is no refusal");
    }
    for _ in 0..REFUSALS_MAX {
        assert!(books.settlement.due_in().is_some());
        assert!(books.refund_answer(&refused()));
    }
    assert_eq!(books.names(), ["approved", "refund failed"]);
    assert_eq!((books.settlement.next_ask(), books.settlement.due_in()), (None, None));
    assert!(!books.settlement.is_settled());
    assert!(!books.refund_answer(&refused()));
    assert!(books.refund_answer(&returned()), "that money moved is believed at any time");
    assert!(books.settlement.is_settled());
}

#[test]
fn r12_a_refund_in_review_is_asked_for_again_as_if_it_were_new() {
    let mut books = Books::in_review();
    assert_eq!(books.retry(), Ok(true));
    assert_eq!(books.settlement.due_in(), Some(std::time::Duration::ZERO), "at once");
    let refund = &books.settlement.payments[0].refunds[0];
    assert_eq!((&refund.state, refund.tries, refund.refusals), (&RefundState::Requested, 0, 0));
    assert!(
        matches!(books.settlement.next_ask(), Some(Ask::Refund(order)) if Some(order.refund_id) == books.refund_id())
    );
    assert!(books.begin_refund());
    for _ in 1..REFUSALS_MAX {
        assert!(books.refund_answer(&refused()));
        assert_eq!(books.retry(), Err(NotInReview::StillAsked));
    }
    assert!(books.refund_answer(&refused()));
    assert_eq!(books.names(), ["approved", "refund failed", "refund failed"]);
    assert_eq!(books.retry(), Ok(true));
    assert!(books.refund_answer(&returned()));
    assert!(books.settlement.is_settled());
}

#[test]
fn r12_a_refund_that_an_operator_settles_is_told_of_as_if_the_provider_had_made_it() {
    let mut books = Books::in_review();
    assert_eq!(books.settle(), Ok(true));
    assert_eq!(books.names(), ["approved", "refund failed", "refunded, settled"]);
    assert_eq!(books.status(), PaymentStatus::Refunded);
    let succeeded = RefundState::Succeeded { provider_ref: OUTSIDE.to_owned() };
    assert_eq!(books.settlement.payments[0].refunds[0].state, succeeded);
    assert_eq!((books.settlement.next_ask(), books.settlement.due_in()), (None, None));
    assert_eq!(books.settle(), Err(NotInReview::MoneyIsBack));
    assert!(!books.refund_answer(&returned()) && !books.refund_answer(&refused()));
}

#[test]
fn r12_an_operator_acts_on_no_refund_that_the_provider_may_still_make() {
    let mut books = Books::in_review();
    for (state, why) in [
        (RefundState::Requested, NotInReview::StillAsked),
        (RefundState::Pending, NotInReview::StillAsked),
        (RefundState::Failed { reason: "no".to_owned() }, NotInReview::StillAsked),
        (RefundState::Succeeded { provider_ref: "r".to_owned() }, NotInReview::MoneyIsBack),
    ] {
        books.settlement.payments[0].refunds[0].state = state;
        let before = books.settlement.clone();
        assert_eq!((books.retry(), books.settle()), (Err(why), Err(why)));
        assert_eq!(books.settlement, before);
    }
    let (stranger, now) = (RefundId::new(Uuid::from_u128(4_711)), Timestamp::from_micros(9));
    assert_eq!(books.settlement.retry_refund(stranger, now), Err(NotInReview::Unknown));
    assert_eq!(books.settlement.settle_refund(stranger, "r", now), Err(NotInReview::Unknown));
}

#[test]
fn a_free_booking_is_refunded_like_any_other() {
    let mut books = Books::new();
    let (id, now) = books.step();
    let begun = books.settlement.begin_charge(&asked(1, 0), PaymentId::new(id), now);
    assert_eq!(begun, Ok(Decision::Happened(Vec::new())));
    assert!(books.answer(1, &approved()));
    assert!(books.void() && books.refund_answer(&returned()));
    assert_eq!(books.status(), PaymentStatus::Refunded);
    assert_eq!(books.names(), ["approved", "refunded, settled"]);
}

#[derive(Debug, Clone)]
enum Step {
    Charge(u32),
    Answer(u32, ChargeAnswer),
    Void(Option<i64>),
    Reduce(i64),
    BeginRefund,
    RefundAnswer(RefundAnswer),
    /// The provider refuses until it is not asked any more.
    RefuseAll,
    Retry,
    Settle,
}

fn any_step() -> impl Strategy<Value = Step> {
    let answers = prop_oneof![
        Just(approved()),
        Just(declined()),
        Just(ChargeAnswer::UnderWay),
        Just(ChargeAnswer::NotTried { retry_after: None }),
        Just(ChargeAnswer::Unknown),
    ];
    let refund_answers =
        prop_oneof![Just(returned()), Just(refused()), Just(RefundAnswer::Unknown)];
    prop_oneof![
        3 => (0_u32..5).prop_map(Step::Charge),
        3 => (1_u32..5, answers).prop_map(|(attempt, answer)| Step::Answer(attempt, answer)),
        1 => prop::option::of(0..60_000_i64).prop_map(Step::Void),
        1 => (0..60_000_i64).prop_map(Step::Reduce),
        1 => Just(Step::BeginRefund),
        3 => refund_answers.prop_map(Step::RefundAnswer),
        1 => Just(Step::RefuseAll),
        1 => Just(Step::Retry),
        1 => Just(Step::Settle),
    ]
}

fn take(books: &mut Books, step: &Step) {
    match step {
        Step::Charge(attempt) => drop(books.charge(*attempt)),
        Step::Answer(attempt, answer) => drop(books.answer(*attempt, answer)),
        Step::Void(keep) => drop(books.void_but(keep.map(won))),
        Step::Reduce(keep) => drop(books.reduce(*keep)),
        Step::BeginRefund => drop(books.begin_refund()),
        Step::RefundAnswer(answer) => drop(books.refund_answer(answer)),
        Step::RefuseAll => while books.refund_answer(&refused()) {},
        Step::Retry => drop(books.retry()),
        Step::Settle => drop(books.settle()),
    }
}

fn check(books: &Books) {
    let payments = &books.settlement.payments;
    let mut refunds = 0;
    for (payment, number) in payments.iter().zip(1..) {
        assert_eq!(payment.attempt, number);
        assert!(payment.refunds_total().minor() <= payment.amount.minor(), "more than was taken");
        let taken = matches!(payment.state, PaymentState::Approved { .. });
        assert!(payment.refunds.is_empty() || taken);
        refunds += payment.refunds.len();
        let last = payments.len() == number as usize;
        let declined = matches!(payment.state, PaymentState::Declined { .. });
        assert!(last || declined, "two live attempts");
    }
    let count = |wanted: &str| books.names().into_iter().filter(|name| *name == wanted).count();
    let settlements = count("voided") + count("refunded, settled");
    assert_eq!(settlements, usize::from(books.settlement.is_settled()), "told of once, when true");
    assert!(count("approved") <= 1, "at most one charge");
    assert!(count("refunded, settled") + count("refunded") <= refunds, "each is told of once");
    let at_rest = books.settlement.next_ask().is_none();
    assert_eq!(at_rest, books.settlement.due_in().is_none(), "work has a timer, rest has none");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_order_and_repetition_keeps_the_books(steps in prop::collection::vec(any_step(), 0..24)) {
        let mut books = Books::new();
        for step in &steps {
            let before = books.settlement.clone();
            take(&mut books, step);
            check(&books);
            let after = &books.settlement;
            prop_assert!(after.voided || !before.voided);
            prop_assert!(after.is_settled() || !before.is_settled());
            prop_assert!(!before.voided || after.payments.len() == before.payments.len());
            for (old, new) in before.payments.iter().zip(&after.payments) {
                let decided = !matches!(old.state, PaymentState::Processing | PaymentState::Unknown);
                prop_assert!(!decided || old.state == new.state);
                prop_assert!(new.refunded().minor() >= old.refunded().minor());
            }
        }
    }

    #[test]
    fn i5_whatever_happened_answers_bring_it_to_rest(steps in prop::collection::vec(any_step(), 0..24)) {
        let mut books = Books::new();
        for step in &steps {
            take(&mut books, step);
        }
        if let Some(Ask::Outcome(order)) = books.settlement.next_ask() {
            prop_assert!(books.answer(order.key.attempt, &approved()));
        }
        books.refund_all();
        prop_assert_eq!(books.settlement.next_ask(), None);
        let reviewed = books.settlement.payments.iter().flat_map(|payment| &payment.refunds)
            .any(|refund| matches!(refund.state, RefundState::ManualReview { .. }));
        prop_assert_eq!(books.settlement.is_settled(), books.settlement.voided && !reviewed);
    }
}
