//! Why a stock command was refused.

use kernel::{Fault, FaultClass, Invalid, Money, Quantity, Violation};

use crate::StayRule;

/// A stock command's refusal. Nothing of the command was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StockRefusal {
    /// No such ticket.
    #[error("there is no such ticket")]
    TicketNotFound,
    /// No such hold.
    #[error("there is no such hold")]
    HoldNotFound,
    /// The hold was given up, or its identifier belongs to another hold.
    #[error("the hold is closed")]
    HoldClosed,
    /// Not enough is left.
    #[error("not enough is left of this ticket")]
    SoldOut,
    /// Paused, deleted, or outside its sale window.
    #[error("the ticket is not on sale now")]
    NotOnSale,
    /// It costs something else than the caller expects.
    #[error("the price is now {total} in all")]
    PriceMismatch {
        /// What it costs now.
        total: Money,
    },
    /// The buyer would own more than one buyer may.
    #[error("one buyer may have at most {max} of this ticket")]
    LimitPerBuyer {
        /// The limit.
        max: Quantity,
    },
    /// The ticket was deleted.
    #[error("the ticket is being withdrawn from sale")]
    TicketRetiring,
    /// What is asked for is nothing that this ticket sells.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The stay breaks a rule of its organizer, or begins in the past.
    #[error("this stay is not sold: {0}")]
    StayNotAllowed(StayRule),
    /// The order's idempotency key has an answer already, or its first call is being decided.
    #[error("another call with this key has just ended; try again")]
    KeyTaken,
    /// The counters contradict the holds: an operator must run the audit.
    #[error("the stock counters contradict the hold")]
    CountersBroken,
}

impl Fault for StockRefusal {
    fn class(&self) -> FaultClass {
        match self {
            Self::TicketNotFound | Self::HoldNotFound => FaultClass::NotFound,
            Self::Invalid(_) => FaultClass::Invalid,
            Self::CountersBroken => FaultClass::Bug,
            Self::KeyTaken => FaultClass::Contended,
            Self::HoldClosed
            | Self::SoldOut
            | Self::NotOnSale
            | Self::PriceMismatch { .. }
            | Self::LimitPerBuyer { .. }
            | Self::TicketRetiring
            | Self::StayNotAllowed(_) => FaultClass::Refused,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TicketNotFound => "TICKET_NOT_FOUND",
            Self::HoldNotFound => "HOLD_NOT_FOUND",
            Self::HoldClosed => "HOLD_CLOSED",
            Self::SoldOut => "SOLD_OUT",
            Self::NotOnSale => "NOT_ON_SALE",
            Self::PriceMismatch { .. } => "PRICE_MISMATCH",
            Self::LimitPerBuyer { .. } => "LIMIT_PER_BUYER",
            Self::TicketRetiring => "TICKET_RETIRING",
            Self::Invalid(inner) => inner.reason(),
            Self::StayNotAllowed(_) => "STAY_NOT_ALLOWED",
            Self::KeyTaken => "CONTENDED",
            Self::CountersBroken => "INTERNAL",
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(inner) => inner.violations(),
            Self::TicketNotFound
            | Self::HoldNotFound
            | Self::HoldClosed
            | Self::SoldOut
            | Self::NotOnSale
            | Self::PriceMismatch { .. }
            | Self::LimitPerBuyer { .. }
            | Self::TicketRetiring
            | Self::StayNotAllowed(_)
            | Self::KeyTaken
            | Self::CountersBroken => &[],
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::PriceMismatch { total } => vec![
                ("total_currency_code", total.currency().code().to_owned()),
                ("total_units", total.units().to_string()),
                ("total_nanos", total.nanos().to_string()),
            ],
            Self::LimitPerBuyer { max } => vec![("max_per_buyer", max.to_string())],
            Self::StayNotAllowed(rule) => {
                vec![("rule", rule.name().to_owned()), ("bound", rule.bound())]
            }
            Self::TicketNotFound
            | Self::HoldNotFound
            | Self::HoldClosed
            | Self::SoldOut
            | Self::NotOnSale
            | Self::TicketRetiring
            | Self::Invalid(_)
            | Self::KeyTaken
            | Self::CountersBroken => Vec::new(),
        }
    }
}
