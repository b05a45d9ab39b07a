//! What the provider is asked and what it may answer.

use std::fmt;
use std::time::Duration;

use kernel::{BookingId, Money, RefundId};

/// The provider's idempotency key of a charge: the booking and the attempt's number. It is the same
/// however often the attempt is sent (trap R05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChargeKey {
    /// The booking.
    pub booking_id: BookingId,
    /// Which attempt, from 1.
    pub attempt: u32,
}

/// Asks for money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeOrder {
    /// The idempotency key.
    pub key: ChargeKey,
    /// How much.
    pub amount: Money,
    /// The provider's token for the means of payment.
    pub payment_method: String,
}

/// Asks for money to be given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOrder {
    /// The idempotency key.
    pub refund_id: RefundId,
    /// The charge it came with.
    pub charge: ChargeKey,
    /// The provider's name for that charge.
    pub provider_ref: String,
    /// How much.
    pub amount: Money,
    /// Whether one of this id that has come to nothing at the provider's may be followed by another: nobody has asked yet
    /// since the refund began, or since an operator had it begin again. Otherwise a failure stays one, and is counted.
    pub anew: bool,
}

/// What a provider says to a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeAnswer {
    /// The money is taken.
    Approved {
        /// The provider's name for the charge.
        provider_ref: String,
    },
    /// No money was taken and with this key none will be.
    Declined {
        /// Why, in the provider's words.
        reason: String,
    },
    /// The provider has it and answers as it should; what becomes of it is told later, or when it is asked (row P02).
    UnderWay,
    /// The provider had no room and began nothing: no money was taken, and the same charge may be sent again.
    NotTried {
        /// How long it wants to be left alone, if it says so.
        retry_after: Option<Duration>,
    },
    /// Nothing definite: no answer, or a broken one.
    Unknown,
}

/// What a provider knows of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeFinding {
    /// The provider has the charge, and this is what became of it.
    Known(ChargeAnswer),
    /// The provider has never heard of the charge. It may still be on its way.
    NotFound,
}

/// What a provider says to a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundAnswer {
    /// The money is back.
    Succeeded {
        /// The provider's name for the refund.
        provider_ref: String,
    },
    /// The provider does not give it back now. Asking again later may work.
    Refused {
        /// Why, in the provider's words.
        reason: String,
    },
    /// Nothing definite.
    Unknown,
}

impl ChargeAnswer {
    /// Whether it says what became of the money, once and for all.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        match self {
            Self::Approved { .. } | Self::Declined { .. } => true,
            Self::UnderWay | Self::NotTried { .. } | Self::Unknown => false,
        }
    }
}

impl fmt::Display for ChargeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.booking_id, self.attempt)
    }
}
