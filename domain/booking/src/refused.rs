//! A booking that cannot be made: told as an error, before anything is written and after.

use kernel::{BookingId, Fault, FaultClass, Money};

use crate::RejectReason;

/// Why a booking cannot be made or paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", text(.reason))]
pub struct BookingRefused {
    /// Why.
    pub reason: RejectReason,
    /// What it costs now, where that is why.
    pub total: Option<Money>,
    /// The booking that came to nothing, if it got so far.
    pub booking_id: Option<BookingId>,
}

impl Fault for BookingRefused {
    fn class(&self) -> FaultClass {
        FaultClass::Refused
    }

    fn reason(&self) -> &'static str {
        self.reason.as_str()
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        if let Some(total) = self.total {
            facts.push(("total_currency_code", total.currency().code().to_owned()));
            facts.push(("total_units", total.units().to_string()));
            facts.push(("total_nanos", total.nanos().to_string()));
        }
        facts.extend(self.booking_id.map(|id| ("booking_id", id.to_string())));
        facts
    }
}

const fn text(reason: &RejectReason) -> &'static str {
    match reason {
        RejectReason::SoldOut => "not enough is left of this ticket",
        RejectReason::NotOnSale => "the ticket is not on sale now",
        RejectReason::PriceMismatch => "the ticket costs something else than expected",
        RejectReason::LimitPerBuyer => "one buyer may not have so many of this ticket",
    }
}
