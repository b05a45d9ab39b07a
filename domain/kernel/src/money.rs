//! Money as whole minor units of an ISO 4217 currency (trap R26). The wire form is units and nanos.

use std::fmt;

use iso_currency::Currency as Iso;

/// An ISO 4217 currency that has a minor unit we can count in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(Iso);

/// An amount of one currency, in minor units: 1999 is 19.99 USD, 55000 is 55,000 KRW.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why an amount could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The code is not a known currency.
    #[error("must be an ISO 4217 currency code such as KRW or EUR")]
    UnknownCurrency,
    /// More decimal places than the currency has.
    #[error("has more decimal places than its currency")]
    TooPrecise,
    /// `units` and `nanos` contradict each other.
    #[error("units and nanos must have the same sign and nanos must be within one unit")]
    MixedSigns,
    /// The amount does not fit.
    #[error("is too large")]
    Overflow,
    /// Two currencies in one sum.
    #[error("mixes currencies")]
    CurrencyMismatch,
}

const NANOS_PER_UNIT: i64 = 1_000_000_000;

impl Currency {
    /// Finds a currency by its three letter code.
    ///
    /// # Errors
    /// [`MoneyError::UnknownCurrency`] for anything else.
    pub fn from_code(code: &str) -> Result<Self, MoneyError> {
        let iso = Iso::from_code(code).ok_or(MoneyError::UnknownCurrency)?;
        match iso.exponent() {
            Some(digits) if digits <= 4 => Ok(Self(iso)),
            Some(_) | None => Err(MoneyError::UnknownCurrency),
        }
    }

    /// The three letter code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal places one unit has: 0 for KRW, 2 for EUR.
    #[must_use]
    pub fn digits(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(0))
    }

    fn minor_per_unit(self) -> i64 {
        10_i64.pow(self.digits())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Money {
    /// An amount in minor units.
    #[must_use]
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in this currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads the wire form (`google.type.Money`).
    ///
    /// # Errors
    /// Every [`MoneyError`] but `CurrencyMismatch`.
    pub fn from_units(code: &str, units: i64, nanos: i32) -> Result<Self, MoneyError> {
        let currency = Currency::from_code(code)?;
        let nanos = i64::from(nanos);
        if nanos.abs() >= NANOS_PER_UNIT || units.signum() * nanos.signum() < 0 {
            return Err(MoneyError::MixedSigns);
        }
        let nanos_per_minor = NANOS_PER_UNIT / currency.minor_per_unit();
        if nanos % nanos_per_minor != 0 {
            return Err(MoneyError::TooPrecise);
        }
        units
            .checked_mul(currency.minor_per_unit())
            .and_then(|minor| minor.checked_add(nanos / nanos_per_minor))
            .map(|minor| Self { minor, currency })
            .ok_or(MoneyError::Overflow)
    }

    /// The amount in minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whole units of the wire form.
    #[must_use]
    pub fn units(self) -> i64 {
        self.minor / self.currency.minor_per_unit()
    }

    /// Billionths of a unit, with the sign of the amount.
    #[must_use]
    pub fn nanos(self) -> i32 {
        let per_unit = self.currency.minor_per_unit();
        // Below 10^9 in size by construction, so the conversion cannot fail.
        i32::try_from(self.minor % per_unit * (NANOS_PER_UNIT / per_unit)).unwrap_or(0)
    }

    /// The sum.
    ///
    /// # Errors
    /// `CurrencyMismatch` or `Overflow`.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_add(other.minor))
    }

    /// The difference, which may be negative.
    ///
    /// # Errors
    /// `CurrencyMismatch` or `Overflow`.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_sub(other.minor))
    }

    /// This amount so many times.
    ///
    /// # Errors
    /// `Overflow`.
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_mul(i64::from(count)))
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }

    fn with(self, minor: Option<i64>) -> Result<Self, MoneyError> {
        minor.map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let per_unit = self.currency.minor_per_unit().unsigned_abs();
        let (units, rest) =
            (self.minor.unsigned_abs() / per_unit, self.minor.unsigned_abs() % per_unit);
        let digits = self.currency.digits() as usize;
        let code = self.currency.code();
        if digits == 0 {
            write!(f, "{sign}{units} {code}")
        } else {
            write!(f, "{sign}{units}.{rest:0digits$} {code}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(code: &str, minor: i64) -> Money {
        Money::from_minor(minor, Currency::from_code(code).expect("known"))
    }

    #[test]
    fn the_wire_form_counts_in_the_currencys_own_minor_unit() {
        assert_eq!(Money::from_units("USD", 19, 990_000_000), Ok(money("USD", 1999)));
        assert_eq!(Money::from_units("KRW", 55_000, 0), Ok(money("KRW", 55_000)));
        assert_eq!(Money::from_units("KWD", 1, 5_000_000), Ok(money("KWD", 1005)));
        assert_eq!(Money::from_units("KRW", 1, 500_000_000), Err(MoneyError::TooPrecise));
        assert_eq!(Money::from_units("USD", 1, -10_000_000), Err(MoneyError::MixedSigns));
        assert_eq!(Money::from_units("usd", 1, 0), Err(MoneyError::UnknownCurrency));
        assert_eq!(Money::from_units("USD", i64::MAX, 0), Err(MoneyError::Overflow));
        assert_eq!(Money::from_units("XXX", 1, 0), Err(MoneyError::UnknownCurrency));
    }

    #[test]
    fn units_and_nanos_read_back() {
        for amount in [money("USD", 1999), money("USD", -5), money("KRW", 7), money("KWD", 1005)] {
            let back = Money::from_units(amount.currency().code(), amount.units(), amount.nanos());
            assert_eq!(back, Ok(amount));
        }
    }

    #[test]
    fn arithmetic_is_checked() {
        assert_eq!(money("USD", 2).times(3), Ok(money("USD", 6)));
        assert_eq!(money("USD", i64::MAX).times(2), Err(MoneyError::Overflow));
        assert_eq!(money("USD", 1).checked_add(money("KRW", 1)), Err(MoneyError::CurrencyMismatch));
        assert_eq!(money("USD", 1).checked_sub(money("USD", 3)), Ok(money("USD", -2)));
    }

    #[test]
    fn people_read_it() {
        assert_eq!(money("USD", -1905).to_string(), "-19.05 USD");
        assert_eq!(money("KRW", 55_000).to_string(), "55000 KRW");
    }
}
