//! The payment context: all money of one booking, and what `payment::Settlement` makes of what it hears; and the
//! provider, which keeps a ledger of its own.

use kernel::{BookingId, BuyerId, Locale, PaymentId, RefundId, Uuid};
use payment::{
    ChargeAnswer, ChargePayment, ChargeRefused, Decision, Payer, PaymentEvent, PaymentState,
    PaymentStatus, Refund, RefundAnswer, RefundState, Settlement,
};

use crate::bookings::{NOW, price};
use crate::mutant::Mutant;
use crate::network::{Few, News};
use crate::rulebook::Rulebook;

/// The most attempts to pay one booking that the model makes.
pub(crate) const ATTEMPTS: usize = 2;

pub(crate) type MoneyRules = Rulebook<Settlement, MoneySeen, MoneyWish, MoneyAnswer>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MoneyWish {
    /// `ChargePayment`, up to the call of the provider.
    Charge(u32),
    /// What the provider said to an attempt.
    Charged(u32, Outcome),
    /// The booking was cancelled.
    Void,
    /// `RefundPayment`, up to the call of the provider.
    Refund,
    /// The sweep takes up a refund.
    BeginRefund,
    /// The provider gave the money back, as this refund.
    Refunded(u8),
}

/// What a provider makes of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Approved,
    Declined,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MoneyAnswer {
    /// Something was written.
    pub(crate) happened: bool,
    pub(crate) refused: Option<ChargeDenied>,
    pub(crate) news: Few<News>,
}

/// Why there is no attempt, as booking's client reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChargeDenied {
    Voided,
    /// Nothing was stored.
    OutOfTurn,
    Undecided,
}

/// What of a settlement matters to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MoneySeen {
    pub(crate) attempts: [Option<PaymentStatus>; ATTEMPTS],
    pub(crate) settled: bool,
    pub(crate) refunded: bool,
    /// The sweep has something to do.
    pub(crate) is_due: bool,
    /// A refund waits to be taken up.
    pub(crate) refund_requested: bool,
    /// The provider is being asked for this refund.
    pub(crate) refund_begun: Option<u8>,
}

/// What the provider has done for one booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Ledger {
    /// What became of each attempt that it has heard of.
    pub(crate) decided: [Option<Outcome>; ATTEMPTS],
    /// How often money was taken.
    pub(crate) taken: u8,
    /// The refunds that were made, a bit each.
    pub(crate) given_back: u8,
}

impl Ledger {
    /// Prices that were taken and not given back.
    pub(crate) fn net(self) -> i64 {
        i64::from(self.taken) - i64::from(self.given_back.count_ones())
    }
}

impl MoneySeen {
    pub(crate) fn attempt(&self, attempt: u32) -> Option<PaymentStatus> {
        self.attempts[attempt as usize - 1]
    }

    /// Attempts whose outcome the payment context does not know.
    pub(crate) fn undecided(&self) -> impl Iterator<Item = u32> {
        let open = |status| matches!(status, PaymentStatus::Processing | PaymentStatus::Unknown);
        let attempts = self.attempts.into_iter().zip(1..);
        attempts.filter_map(move |(status, attempt)| status.is_some_and(open).then_some(attempt))
    }
}

pub(crate) fn money_rules(mutant: Option<Mutant>) -> MoneyRules {
    let none = Settlement::new(BookingId::new(Uuid::from_u128(1)));
    Rulebook::new(none, see, move |settlement, wish| decide(settlement, wish, mutant))
}

fn see(settlement: &Settlement) -> MoneySeen {
    let refunds = || settlement.payments.iter().flat_map(|payment| &payment.refunds);
    let begun = refunds().find(|refund| refund.state == RefundState::Pending);
    let mut attempts = [None; ATTEMPTS];
    for payment in &settlement.payments {
        attempts[payment.attempt as usize - 1] = Some(payment.status());
    }
    MoneySeen {
        attempts,
        settled: settlement.is_settled(),
        refunded: refunds().any(Refund::has_succeeded),
        is_due: settlement.next_ask().is_some(),
        refund_requested: refunds().any(|refund| refund.state == RefundState::Requested),
        refund_begun: begun.map(|refund| u8::try_from(refund.id.as_uuid().as_u128()).unwrap()),
    }
}

fn refund_name(number: u128) -> RefundId {
    RefundId::new(Uuid::from_u128(number))
}

fn decide(settlement: &mut Settlement, wish: MoneyWish, mutant: Option<Mutant>) -> MoneyAnswer {
    // Each refund has a name of its own, by which the provider knows it.
    let refunds = settlement.payments.iter().map(|payment| payment.refunds.len()).sum::<usize>();
    let refund_id = refund_name(refunds as u128);
    let decision = match wish {
        MoneyWish::Charge(attempt) => match charge(settlement, attempt, mutant) {
            Ok(decision) => decision,
            Err(denied) => {
                return MoneyAnswer { happened: false, refused: Some(denied), news: Few::NONE };
            }
        },
        MoneyWish::Charged(attempt, outcome) => {
            settlement.charge_answered(attempt, &answer(outcome), refund_id, NOW)
        }
        MoneyWish::Void => void(settlement, refund_id, mutant),
        MoneyWish::Refund => {
            let voided = void(settlement, refund_id, mutant);
            both(voided, settlement.begin_refund(NOW))
        }
        MoneyWish::BeginRefund => settlement.begin_refund(NOW),
        MoneyWish::Refunded(number) => {
            let given_back = RefundAnswer::Succeeded { provider_ref: "re".into() };
            settlement.refund_answered(refund_name(number.into()), &given_back, NOW)
        }
    };
    tidy(settlement);
    match decision {
        Decision::AlreadyDone => MoneyAnswer { happened: false, refused: None, news: Few::NONE },
        Decision::Happened(events) => {
            let news = events.iter().filter_map(news).collect();
            MoneyAnswer { happened: true, refused: None, news }
        }
    }
}

fn charge(
    settlement: &mut Settlement,
    attempt: u32,
    mutant: Option<Mutant>,
) -> Result<Decision, ChargeDenied> {
    let asked = ChargePayment {
        booking_id: settlement.booking_id,
        attempt,
        payer: Payer { buyer_id: BuyerId::new("alice").unwrap(), locale: Locale::En },
        amount: price(),
        payment_method: "card".into(),
    };
    let id = PaymentId::new(Uuid::from_u128(u128::from(attempt)));
    match settlement.begin_charge(&asked, id, NOW) {
        Ok(decision) => Ok(decision),
        Err(ChargeRefused::AttemptLive { .. })
            if mutant == Some(Mutant::NewAttemptAfterTimeoutIsTaken) =>
        {
            let mut second = settlement.payments.last().cloned().unwrap();
            (second.id, second.attempt, second.state) = (id, attempt, PaymentState::Processing);
            settlement.payments.push(second);
            Ok(Decision::Happened(Vec::new()))
        }
        Err(ChargeRefused::Voided) => Err(ChargeDenied::Voided),
        Err(ChargeRefused::OutOfTurn { .. }) => Err(ChargeDenied::OutOfTurn),
        Err(ChargeRefused::AttemptLive { .. } | ChargeRefused::AmountMismatch { .. }) => {
            Err(ChargeDenied::Undecided)
        }
    }
}

fn void(settlement: &mut Settlement, refund_id: RefundId, mutant: Option<Mutant>) -> Decision {
    let decision = settlement.void(refund_id, None, NOW);
    if mutant == Some(Mutant::VoidLeavesNoTombstone) && settlement.payments.is_empty() {
        settlement.voided = false;
    }
    decision
}

/// Both decisions in one commit.
fn both(first: Decision, second: Decision) -> Decision {
    match (first, second) {
        (Decision::AlreadyDone, other) | (other, Decision::AlreadyDone) => other,
        (Decision::Happened(mut events), Decision::Happened(more)) => {
            events.extend(more);
            Decision::Happened(events)
        }
    }
}

/// Drops what tells rows apart but decides nothing here: numbers that only rise.
fn tidy(settlement: &mut Settlement) {
    settlement.revision = 0;
    settlement.event_version = 0;
    for payment in &mut settlement.payments {
        payment.tries = 0;
        payment.refunds.iter_mut().for_each(|refund| refund.tries = 0);
    }
}

fn answer(outcome: Outcome) -> ChargeAnswer {
    match outcome {
        Outcome::Approved => ChargeAnswer::Approved { provider_ref: "ch".into() },
        Outcome::Declined => ChargeAnswer::Declined { reason: "no".into() },
    }
}

fn news(event: &PaymentEvent) -> Option<News> {
    match event {
        PaymentEvent::Approved(payment) if payment.attempt == 1 => Some(News::Approved1),
        PaymentEvent::Approved(_) => Some(News::Approved2),
        PaymentEvent::Declined(payment) if payment.attempt == 1 => Some(News::Declined1),
        PaymentEvent::Declined(_) => Some(News::Declined2),
        PaymentEvent::RefundSucceeded { settled: true, .. } => Some(News::RefundedAll),
        PaymentEvent::RefundSucceeded { settled: false, .. } => Some(News::RefundedSome),
        PaymentEvent::Voided { .. } => Some(News::PaymentVoided),
        // The provider of the model refuses no refund.
        PaymentEvent::RefundFailed { .. } => None,
    }
}
