//! Amounts as Stripe counts them, which is not always as ISO 4217 does.

use kernel::{Currency, Money};

/// Stripe's own list of currencies without a smaller unit. ISO 4217 gives the ariary two decimal places.
const WHOLE: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
];
/// Those that have lost their smaller unit and are counted with two decimal places all the same, both of them zero.
/// Stripe lists the shilling among the ones above as well; its own rule for it is this one.
const STILL_IN_HUNDREDTHS: [&str; 2] = ["ISK", "UGX"];
/// Those of three decimal places, of which the last has to be zero.
const IN_THOUSANDTHS: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// An amount in the unit in which Stripe counts its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StripeAmount {
    units: i64,
    currency: Currency,
}

impl StripeAmount {
    /// The same amount, or why Stripe cannot be asked for it.
    pub(crate) fn of(money: Money) -> Result<Self, String> {
        let currency = money.currency();
        let impossible = || format!("{money} cannot be paid with this provider");
        let digits = stripe_digits(currency).ok_or_else(impossible)?;
        let units = rescale(money.minor(), currency.digits(), digits).ok_or_else(impossible)?;
        let last_digit_counts = IN_THOUSANDTHS.contains(&currency.code()) && units % 10 != 0;
        if units <= 0 || last_digit_counts {
            Err(impossible())
        } else {
            Ok(Self { units, currency })
        }
    }

    /// Whether an answer means this amount.
    pub(crate) fn is(&self, units: i64, currency: &str) -> bool {
        self.units == units && self.currency.code().eq_ignore_ascii_case(currency)
    }

    pub(crate) fn units(self) -> String {
        self.units.to_string()
    }

    pub(crate) fn currency(self) -> String {
        self.currency.code().to_ascii_lowercase()
    }
}

/// In how many decimal places Stripe counts a currency; nothing where it does not say.
fn stripe_digits(currency: Currency) -> Option<u32> {
    let code = currency.code();
    if STILL_IN_HUNDREDTHS.contains(&code) {
        Some(2)
    } else if WHOLE.contains(&code) {
        Some(0)
    } else if IN_THOUSANDTHS.contains(&code) {
        Some(3)
    } else {
        // Everywhere else the two agree on hundredths. What ISO counts otherwise nobody has said.
        (currency.digits() == 2).then_some(2)
    }
}

/// The same amount with other decimal places, if it has so few.
fn rescale(minor: i64, from: u32, to: u32) -> Option<i64> {
    if to >= from {
        return minor.checked_mul(10_i64.checked_pow(to - from)?);
    }
    let step = 10_i64.checked_pow(from - to)?;
    (minor % step == 0).then(|| minor / step)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::from_minor(minor, Currency::from_code(code).expect("known"))
    }

    #[test]
    fn p01_amounts_are_counted_as_stripe_counts_them() {
        for (minor, code, units) in [
            (1_999, "USD", 1_999),
            (55_000, "KRW", 55_000),
            (500, "JPY", 500),
            (5, "ISK", 500),
            (5, "UGX", 500),
            (1_000, "HUF", 1_000),
            (1_000, "TWD", 1_000),
            (500, "MGA", 5),
            (1_250, "KWD", 1_250),
        ] {
            let amount = StripeAmount::of(money(minor, code)).expect("possible");
            assert_eq!(amount.units(), units.to_string(), "{code}");
            assert_eq!(amount.currency(), code.to_lowercase());
            assert!(amount.is(units, code) && amount.is(units, &code.to_lowercase()), "{code}");
            assert!(!amount.is(units + 1, code) && !amount.is(units, "xxx"), "{code}");
        }
    }

    #[test]
    fn p01_what_stripe_cannot_count_is_said_before_it_is_asked() {
        for (minor, code) in [
            (1_251, "KWD"),
            (501, "MGA"),
            (i64::MAX, "ISK"),
            (1_000, "IQD"),
            (1_000, "CLF"),
            (1_000, "UYI"),
            (0, "USD"),
            (-1, "USD"),
        ] {
            let refused = StripeAmount::of(money(minor, code)).expect_err(code);
            assert!(refused.contains(code), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn p01_two_amounts_are_never_the_same_at_stripe(
            one in 1_i64..1_000_000_000,
            other in 1_i64..1_000_000_000,
            code in prop::sample::select(vec!["USD", "KRW", "ISK", "UGX", "MGA", "KWD"]),
        ) {
            let (first, second) = (StripeAmount::of(money(one, code)), StripeAmount::of(money(other, code)));
            if let (Ok(first), Ok(second)) = (first, second) {
                prop_assert_eq!(first == second, one == other);
            }
        }
    }
}
