//! An organizer's sales in figures: a sum over the same rows that the buyers see.

use std::collections::BTreeMap;

use kernel::{Currency, Money, MoneyError};

use crate::{BookingStatus, MyBooking};

/// Rows with one status and one currency, added up. One row is the smallest tally; a database adds up larger ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// The rows' status.
    pub status: BookingStatus,
    /// How many rows.
    pub bookings: i64,
    /// Their units.
    pub quantity: i64,
    /// What was taken.
    pub gross: Money,
    /// What was given back.
    pub refunded: Money,
}

/// An organizer's sales in figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SalesSummary {
    /// Bookings that are confirmed.
    pub confirmed_bookings: i64,
    /// Bookings that are being or were cancelled.
    pub cancelled_bookings: i64,
    /// Bookings whose outcome is open.
    pub open_bookings: i64,
    /// Units of the confirmed bookings.
    pub sold_quantity: i64,
    /// Money by currency, in the order of the codes. Only bookings that took money count.
    pub totals: Vec<CurrencyTotal>,
}

/// Money in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencyTotal {
    /// What was taken.
    pub gross: Money,
    /// What was given back.
    pub refunded: Money,
    /// What remains.
    pub net: Money,
}

/// The sums do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sales do not add up: {0}")]
pub struct TotalsOverflow(#[from] pub MoneyError);

impl Tally {
    /// The tally of one row.
    #[must_use]
    pub fn of(row: &MyBooking) -> Self {
        let nothing = Money::zero(row.booking.total.currency());
        let (gross, refunded) =
            if row.took_money() { (row.booking.total, row.refunded) } else { (nothing, nothing) };
        Self {
            status: row.booking.status,
            bookings: 1,
            quantity: i64::from(row.booking.quantity.get()),
            gross,
            refunded,
        }
    }
}

impl SalesSummary {
    /// Adds tallies up.
    ///
    /// # Errors
    /// [`TotalsOverflow`] when a sum of money does not fit.
    pub fn sum(tallies: impl IntoIterator<Item = Tally>) -> Result<Self, TotalsOverflow> {
        let mut summary = Self::default();
        let mut money = BTreeMap::new();
        for tally in tallies {
            summary.count(&tally);
            add_money(&mut money, &tally)?;
        }
        for (gross, refunded) in money.into_values() {
            if gross.minor() != 0 || refunded.minor() != 0 {
                let net = gross.checked_sub(refunded)?;
                summary.totals.push(CurrencyTotal { gross, refunded, net });
            }
        }
        Ok(summary)
    }

    fn count(&mut self, tally: &Tally) {
        match tally.status {
            BookingStatus::Confirmed => {
                self.confirmed_bookings += tally.bookings;
                self.sold_quantity += tally.quantity;
            }
            BookingStatus::Cancelling | BookingStatus::Cancelled => {
                self.cancelled_bookings += tally.bookings;
            }
            BookingStatus::Pending | BookingStatus::AwaitingPayment => {
                self.open_bookings += tally.bookings;
            }
            BookingStatus::Rejected | BookingStatus::Expired => {}
        }
    }
}

type MoneyByCode = BTreeMap<&'static str, (Money, Money)>;

fn add_money(money: &mut MoneyByCode, tally: &Tally) -> Result<(), TotalsOverflow> {
    let currency: Currency = tally.gross.currency();
    let nothing = (Money::zero(currency), Money::zero(currency));
    let (gross, refunded) = money.entry(currency.code()).or_insert(nothing);
    *gross = gross.checked_add(tally.gross)?;
    *refunded = refunded.checked_add(tally.refunded)?;
    Ok(())
}
