//! A booking that cannot be made: told as an error, before anything is written and after.

use kernel::{BookingId, Fault, FaultClass, Money};

use crate::RejectReason;
use crate::limits::{REASON_CHARS_MAX, REFUSAL_BYTES_MAX};

/// Why no stock was set aside, as the buyer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    reason: String,
    words: Vec<u8>,
}

impl Refusal {
    /// The ticket context's refusal, to be passed on as it is: by its stable name and in its own words, which the
    /// adapter that heard them has encoded. `None` if they are more than can be kept, or the name is none.
    #[must_use]
    pub fn passed_on(reason: &str, words: &[u8]) -> Option<Self> {
        let is_name = (1..=REASON_CHARS_MAX).contains(&reason.len())
            && reason.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let can_be_kept = is_name && words.len() <= REFUSAL_BYTES_MAX;
        can_be_kept.then(|| Self { reason: reason.to_owned(), words: words.to_vec() })
    }

    /// The same without the words.
    #[must_use]
    pub fn by_name(&self) -> Self {
        Self { reason: self.reason.clone(), words: Vec::new() }
    }

    /// The stable name.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The words of who refused, as they were encoded; empty where the reason says it all.
    #[must_use]
    pub fn words(&self) -> &[u8] {
        &self.words
    }
}

impl From<RejectReason> for Refusal {
    fn from(reason: RejectReason) -> Self {
        Self { reason: reason.as_str().to_owned(), words: Vec::new() }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_passed_on_if_it_can_be_kept() {
        for name in ["STAY_NOT_ALLOWED", "INVALID_FIELD", "X2"] {
            let refusal = Refusal::passed_on(name, b"words").map(|it| it.reason().to_owned());
            assert_eq!(refusal.as_deref(), Some(name));
        }
        let long = "X".repeat(REASON_CHARS_MAX + 1);
        for none in ["", "sold out", "Sold", "A\n", &long] {
            assert_eq!(Refusal::passed_on(none, b""), None, "{none:?}");
        }
        assert_eq!(Refusal::passed_on("A", &[0; REFUSAL_BYTES_MAX + 1]), None);
    }
}
