//! What becomes of a charge: as its token scripts it, or by the configured odds. Pure: under a seed,
//! the same key has the same outcome in every run and order.

use std::time::Duration;

use payment::{ChargeKey, ChargeOrder};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::SimulatedSettings;

const SLOW_AFTER: Duration = Duration::from_secs(5);
const HANG_AFTER: Duration = Duration::from_secs(15);

/// Charged as `ok` is, and never given back as long as the ledger says that it was charged with this.
const REFUND_REFUSED: &str = "refund_refused";

/// Charged as `ok` is. Where results come by message, this one's is lost on its way.
const NEVER_TOLD: &str = "never_told";

/// Charged as `ok` is. Where results come by message, this one's comes twice.
const TOLD_TWICE: &str = "told_twice";

/// What becomes of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) outcome: Outcome,
    pub(crate) after: Duration,
    pub(crate) reply: Reply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Approved,
    Declined(&'static str),
}

/// What the call that brings the charge hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The outcome, if it comes in time.
    Sent,
    /// A failure, as if the reply had been lost on its way.
    Lost,
    /// Nothing at all.
    Never,
}

/// Plans a charge that has not been heard of before. One of nothing is approved whatever is said.
pub(crate) fn plan(settings: &SimulatedSettings, seed: u64, order: &ChargeOrder) -> Plan {
    let scripted = |outcome, after, reply| Plan { outcome, after, reply };
    match order.payment_method.as_str() {
        _ if order.amount.minor() == 0 => scripted(Outcome::Approved, Duration::ZERO, Reply::Sent),
        "" => by_odds(settings, seed, order.key),
        "ok" | REFUND_REFUSED | NEVER_TOLD | TOLD_TWICE => {
            scripted(Outcome::Approved, Duration::ZERO, Reply::Sent)
        }
        "declined" => scripted(Outcome::Declined("card declined"), Duration::ZERO, Reply::Sent),
        "slow" => scripted(Outcome::Approved, SLOW_AFTER, Reply::Sent),
        "lost_reply" => scripted(Outcome::Approved, Duration::ZERO, Reply::Lost),
        "hang" => scripted(Outcome::Declined("processing timed out"), HANG_AFTER, Reply::Never),
        _ => scripted(Outcome::Declined("unknown payment method"), Duration::ZERO, Reply::Sent),
    }
}

/// How often the message arrives that tells of a charge's result.
pub(crate) fn deliveries(payment_method: &str) -> usize {
    match payment_method {
        NEVER_TOLD => 0,
        TOLD_TWICE => 2,
        _ => 1,
    }
}

/// Why a charge that was made with this is not given back, if it is not.
pub(crate) fn refund_refusal(payment_method: &str) -> Option<&'static str> {
    (payment_method == REFUND_REFUSED).then_some("the card is closed")
}

fn by_odds(settings: &SimulatedSettings, seed: u64, key: ChargeKey) -> Plan {
    let mut dice = StdRng::seed_from_u64(seed ^ fnv1a(&key.to_string()));
    // Draws never below 0 and always below 1, so that the rates 0 and 1 are exact.
    let approved = dice.random::<f64>() < settings.success_rate();
    Plan {
        outcome: if approved { Outcome::Approved } else { Outcome::Declined("card declined") },
        after: dice.random_range(settings.processing()),
        reply: Reply::Sent,
    }
}

/// The FNV-1a hash: small, and the same on every machine and in every version.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use kernel::{BookingId, Currency, Money, Uuid};

    use super::*;

    fn settings(rate: f64) -> SimulatedSettings {
        SimulatedSettings::new(rate, 20, 50, None).expect("sound")
    }

    fn order(number: u128) -> ChargeOrder {
        let krw = Currency::from_code("KRW").expect("known");
        ChargeOrder {
            key: ChargeKey { booking_id: BookingId::new(Uuid::from_u128(number)), attempt: 1 },
            amount: Money::from_minor(55_000, krw),
            payment_method: String::new(),
        }
    }

    fn approvals(rate: f64, seed: u64) -> Vec<bool> {
        let outcome = |number| plan(&settings(rate), seed, &order(number)).outcome;
        (0..2_000).map(|number| outcome(number) == Outcome::Approved).collect()
    }

    #[test]
    fn p01_a_seed_repeats_itself_in_any_order() {
        assert_eq!(approvals(0.5, 7), approvals(0.5, 7));
        assert_ne!(approvals(0.5, 7), approvals(0.5, 8));
        let late = plan(&settings(0.5), 7, &order(1_999));
        assert_eq!(approvals(0.5, 7)[1_999], late.outcome == Outcome::Approved);
    }

    #[test]
    fn p01_zero_and_one_are_exact_and_the_rest_is_near() {
        assert!(approvals(0.0, 7).iter().all(|approved| !approved));
        assert!(approvals(1.0, 7).iter().all(|approved| *approved));
        let approved = approvals(0.8, 7).into_iter().filter(|approved| *approved).count();
        assert!((1_500..1_700).contains(&approved), "{approved} of 2000");
    }

    #[test]
    fn p01_the_processing_time_is_within_its_bounds() {
        for number in 0..500 {
            let after = plan(&settings(0.5), 7, &order(number)).after.as_millis();
            assert!((20..=50).contains(&after), "{after}");
        }
    }
}
