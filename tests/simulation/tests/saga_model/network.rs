//! What is on its way between the contexts.

use std::marker::PhantomData;

use booking::{Ask, Booking};

/// A kind of thing of which there are at most sixteen.
pub(crate) trait Kind: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    fn number(self) -> u16;
}

/// A set of such things, each there or not: what is on its way twice is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Few<K>(u16, PhantomData<K>);

impl<K: Kind> Few<K> {
    pub(crate) const NONE: Self = Self(0, PhantomData);

    pub(crate) fn with(self, one: K) -> Self {
        Self(self.0 | (1 << one.number()), PhantomData)
    }

    pub(crate) fn without(self, one: K) -> Self {
        Self(self.0 & !(1 << one.number()), PhantomData)
    }

    pub(crate) fn has(self, one: K) -> bool {
        self.0 & (1 << one.number()) != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn count(self) -> u32 {
        self.0.count_ones()
    }

    pub(crate) fn each(self) -> impl Iterator<Item = K> {
        K::ALL.iter().copied().filter(move |one| self.has(*one))
    }
}

impl<K: Kind> FromIterator<K> for Few<K> {
    fn from_iter<I: IntoIterator<Item = K>>(all: I) -> Self {
        all.into_iter().fold(Self::NONE, Self::with)
    }
}

/// A call of booking's to another context. All of them are about one booking; a charge says which attempt it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Request {
    Check,
    Hold,
    Pin,
    Unpin,
    Commit,
    Release,
    Return,
    Charge1,
    Charge2,
    Refund,
}

impl Kind for Request {
    const ALL: &'static [Self] = &[
        Self::Check,
        Self::Hold,
        Self::Pin,
        Self::Unpin,
        Self::Commit,
        Self::Release,
        Self::Return,
        Self::Charge1,
        Self::Charge2,
        Self::Refund,
    ];

    fn number(self) -> u16 {
        self as u16
    }
}

impl Request {
    /// What a booking's ask is on the wire.
    pub(crate) fn of(booking: &Booking, ask: Ask) -> Self {
        match ask {
            Ask::CheckStock => Self::Check,
            Ask::HoldStock => Self::Hold,
            Ask::PinHold => Self::Pin,
            Ask::UnpinHold => Self::Unpin,
            Ask::CommitHold => Self::Commit,
            Ask::ReleaseHold => Self::Release,
            Ask::ReturnStock => Self::Return,
            Ask::Charge if booking.attempt == 1 => Self::Charge1,
            Ask::Charge => Self::Charge2,
            Ask::RefundPayment => Self::Refund,
            // Nobody in the model cancels a part of a booking.
            Ask::ReduceHold | Ask::ReducePayment => unreachable!("{ask:?}"),
        }
    }

    /// The attempt, if it is a charge.
    pub(crate) const fn attempt(self) -> Option<u32> {
        match self {
            Self::Charge1 => Some(1),
            Self::Charge2 => Some(2),
            Self::Check
            | Self::Hold
            | Self::Pin
            | Self::Unpin
            | Self::Commit
            | Self::Release
            | Self::Return
            | Self::Refund => None,
        }
    }
}

/// An event about one booking that a consumer is yet to hear. Late, in any order, but never lost: the outbox keeps it.
/// A repeat is none, by the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum News {
    /// `BookingCancellationRequested`, for the payment context.
    CancelledForPayment,
    /// The same, for the ticket context.
    CancelledForTicket,
    /// `TicketRetirementStarted`, as far as this booking is concerned.
    TicketDeleted,
    HoldExpired,
    StockReturned,
    Approved1,
    Approved2,
    Declined1,
    Declined2,
    PaymentVoided,
    /// `RefundSucceeded`, and nothing can be taken any more.
    RefundedAll,
    /// `RefundSucceeded`, and an attempt is still open.
    RefundedSome,
}

impl News {
    /// Whether it is left to the drive of a pending booking, which has asked.
    pub(crate) const fn is_about_a_charge(self) -> bool {
        match self {
            Self::Approved1 | Self::Approved2 | Self::Declined1 | Self::Declined2 => true,
            Self::CancelledForPayment
            | Self::CancelledForTicket
            | Self::TicketDeleted
            | Self::HoldExpired
            | Self::StockReturned
            | Self::PaymentVoided
            | Self::RefundedAll
            | Self::RefundedSome => false,
        }
    }
}

impl Kind for News {
    const ALL: &'static [Self] = &[
        Self::CancelledForPayment,
        Self::CancelledForTicket,
        Self::TicketDeleted,
        Self::HoldExpired,
        Self::StockReturned,
        Self::Approved1,
        Self::Approved2,
        Self::Declined1,
        Self::Declined2,
        Self::PaymentVoided,
        Self::RefundedAll,
        Self::RefundedSome,
    ];

    fn number(self) -> u16 {
        self as u16
    }
}
