//! The booking and its states. What moves it stands in `checkout.rs`, `cancellation.rs` and
//! `reduction.rs`.

use kernel::{
    BookingId, BuyerId, Cursor, Locale, Money, OrganizerId, PaymentId, TicketId, Timestamp,
};

use crate::{AwaitReason, Booked, CancelReason, CancelTerms, ExpiryReason, Reduction, Refusal};

/// The ticket as it was when it was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketSnapshot {
    /// Which one.
    pub id: TicketId,
    /// Its name.
    pub name: String,
    /// Who sells it.
    pub organizer_id: OrganizerId,
}

/// One buyer's purchase of places, seats or nights of one ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// Identity; the hold has the same.
    pub id: BookingId,
    /// What is bought.
    pub ticket: TicketSnapshot,
    /// Who buys.
    pub buyer_id: BuyerId,
    /// The language the buyer is written to in.
    pub buyer_locale: Locale,
    /// What of it: as it was asked for when it was placed, then as the hold says, then what is not cancelled of it.
    pub booked: Booked,
    /// What it costs: the quote when it was placed, then what the hold says. Cancelling a part does not change it.
    pub total: Money,
    /// What was given back so far.
    pub refunded: Money,
    /// Until when its buyer may cancel it, and for what: what it was made under.
    pub cancel_terms: CancelTerms,
    /// What of the total is kept because it was cancelled. Once that is done it is all that is not given back.
    pub cancel_fee: Money,
    /// The part of it that is on its way back, if it is confirmed and one is.
    pub reduction: Option<Reduction>,
    /// Where it is in its life.
    pub state: State,
    /// Number of the live attempt to charge, or of the next one. Rises only after a definite decline
    /// (trap R05).
    pub attempt: u32,
    /// The provider's token of the live attempt: kept, because the same charge may be sent again.
    pub payment_method: String,
    /// The last payment tried.
    pub payment_id: Option<PaymentId>,
    /// Why stock was refused when money may have been taken: the refusal's own name, beside the reason it is cancelled for.
    pub stock_refusal: Option<Refusal>,
    /// Rises by one with every commit, and whenever a sweep takes it.
    pub revision: i64,
    /// Number of its last event.
    pub event_version: i64,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where a booking is in its life, with what only that state knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Being made or paid.
    Pending {
        /// What is being done.
        stage: Stage,
        /// Something asked earlier may have happened without our knowing: its answer stayed out, or
        /// whoever drove the booking is gone.
        unclear: bool,
    },
    /// Stock is held, nothing is charged, and no charge is on its way.
    AwaitingPayment {
        /// Until when it keeps its stock.
        pay_by: Timestamp,
        /// Why it is not paid.
        reason: AwaitReason,
        /// Whether the hold may expire again.
        hold: Hold,
    },
    /// Paid.
    Confirmed {
        /// With this payment: there is no confirmed booking without one (N01).
        payment_id: PaymentId,
        /// Whether the hold is sold.
        sale: Sale,
    },
    /// Cancelled for sure: a durable intent (trap R11).
    Cancelling {
        /// Why.
        reason: CancelReason,
        /// How far giving the money back has come.
        money: MoneyBack,
        /// How far giving the stock back has come.
        stock: StockBack,
    },
    /// Money and stock are back, but for the fee.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// Refused; nothing was charged.
    Rejected {
        /// Why.
        refusal: Refusal,
        /// Whether the ticket context is yet to hear that no hold may come.
        stock: Release,
    },
    /// Not paid in time; nothing was charged.
    Expired {
        /// Why.
        reason: ExpiryReason,
        /// Whether the ticket context is yet to hear that the hold is given up.
        stock: Release,
    },
}

/// What a pending booking is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Setting stock aside. A stored booking may in truth be further on, as where it is being pinned.
    Holding {
        /// The buyer named the price: it must be what the hold costs.
        price_agreed: bool,
    },
    /// Keeping the hold from expiring, for another attempt to pay.
    Pinning {
        /// Until when it keeps its stock if this fails.
        pay_by: Timestamp,
        /// Why it was not paid before.
        after: AwaitReason,
    },
    /// Taking the money.
    Charging {
        /// Until when it keeps its stock if this fails.
        pay_by: Timestamp,
        /// The hold was taken pinned and was never let go: it surely stands.
        fresh: bool,
    },
    /// The money is taken, but the hold may have lapsed: it is sold before anything is promised.
    Committing {
        /// With what it is paid.
        payment_id: PaymentId,
    },
    /// Finding out whether stock could be set aside and what it costs, before the money is taken first, as its ticket has
    /// it.
    Checking {
        /// Until when it may be paid.
        pay_by: Timestamp,
        /// The price is known already, and must be what the hold would cost.
        price_agreed: bool,
        /// Why it was not paid before, if it was to be.
        after: Option<AwaitReason>,
    },
    /// Taking the money before any stock is set aside. Written before it is tried.
    ChargingFirst {
        /// Until when it may be paid if this fails.
        pay_by: Timestamp,
    },
    /// The money is taken, and now stock is set aside for it, if there is any.
    Allocating {
        /// With what it is paid.
        payment_id: PaymentId,
    },
}

/// Whether the hold of an unpaid booking may expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hold {
    /// It is pinned still, and is to be let go.
    UnpinDue,
    /// It may.
    Unpinned,
    /// There is none: its ticket sets stock aside once it is paid.
    NotTaken,
}

/// Whether the hold of a paid booking is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sale {
    /// It is pinned and is to be committed.
    CommitDue,
    /// It is.
    Committed,
}

/// How far giving the money back has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MoneyBack {
    /// No charge was ever sent that was not declined for sure.
    NotTaken,
    /// The payment context is to void or refund.
    Waiting,
    /// The provider refused too often; an operator must look. Nobody is told that money moved.
    Stuck,
    /// All is back, and nothing can be taken any more.
    Settled,
}

/// How far giving the stock back has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StockBack {
    /// The ticket context is to take it back.
    Waiting,
    /// It is back.
    Returned,
}

/// Whether the ticket context knows that a hold is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Release {
    /// It is to be told.
    Due,
    /// It knows.
    Done,
}

/// A booking's state as its buyer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BookingStatus {
    /// Being made, or the outcome of its payment is being found out.
    Pending,
    /// Stock is held, nothing is charged.
    AwaitingPayment,
    /// Paid and sold.
    Confirmed,
    /// Refund and stock return are under way.
    Cancelling,
    /// Refunded, stock returned.
    Cancelled,
    /// Refused.
    Rejected,
    /// Not paid in time.
    Expired,
}

/// What a booking begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBooking {
    /// Identity.
    pub id: BookingId,
    /// What is bought.
    pub ticket: TicketSnapshot,
    /// Who buys.
    pub buyer_id: BuyerId,
    /// The language the buyer is written to in.
    pub buyer_locale: Locale,
    /// What of it is asked for.
    pub booked: Booked,
    /// What it costs as far as that is known: by the ticket's terms, or else as the buyer agreed; zero where only
    /// the hold can say it. Nothing is charged before the hold has said it.
    pub quote: Money,
    /// The buyer named that price.
    pub price_agreed: bool,
    /// The provider's token for the means of payment.
    pub payment_method: String,
    /// Until when its buyer may cancel it, and for what.
    pub cancel_terms: CancelTerms,
    /// Where its ticket is paid before stock is set aside: until when it may be paid.
    pub pay_first: Option<Timestamp>,
}

impl Booking {
    /// A booking that holds no stock yet.
    #[must_use]
    pub fn place(new: NewBooking, now: Timestamp) -> Self {
        let stage = match new.pay_first {
            Some(pay_by) => Stage::Checking { pay_by, price_agreed: new.price_agreed, after: None },
            None => Stage::Holding { price_agreed: new.price_agreed },
        };
        Self {
            id: new.id,
            ticket: new.ticket,
            buyer_id: new.buyer_id,
            buyer_locale: new.buyer_locale,
            booked: new.booked,
            total: new.quote,
            refunded: Money::zero(new.quote.currency()),
            cancel_terms: new.cancel_terms,
            cancel_fee: Money::zero(new.quote.currency()),
            reduction: None,
            state: State::Pending { stage, unclear: false },
            attempt: 1,
            payment_method: new.payment_method,
            payment_id: None,
            stock_refusal: None,
            revision: 0,
            event_version: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// What its buyer sees.
    #[must_use]
    pub const fn status(&self) -> BookingStatus {
        match self.state {
            State::Pending { .. } => BookingStatus::Pending,
            State::AwaitingPayment { .. } => BookingStatus::AwaitingPayment,
            State::Confirmed { .. } => BookingStatus::Confirmed,
            State::Cancelling { .. } => BookingStatus::Cancelling,
            State::Cancelled { .. } => BookingStatus::Cancelled,
            State::Rejected { .. } => BookingStatus::Rejected,
            State::Expired { .. } => BookingStatus::Expired,
        }
    }

    /// Why, as a stable name; empty where the status says it all.
    #[must_use]
    pub fn status_reason(&self) -> &str {
        match &self.state {
            State::Confirmed { .. }
                if self.reduction.is_some_and(|part| part.money == MoneyBack::Stuck) =>
            {
                "REFUND_STUCK"
            }
            State::Pending {
                stage: Stage::Charging { .. } | Stage::ChargingFirst { .. },
                unclear: true,
            } => "PAYMENT_UNKNOWN",
            State::Pending { .. } | State::Confirmed { .. } => "",
            State::AwaitingPayment { reason, .. } => reason.as_str(),
            State::Cancelling { money: MoneyBack::Stuck, .. } => "REFUND_STUCK",
            State::Cancelling { reason, .. } | State::Cancelled { reason } => reason.as_str(),
            State::Rejected { refusal, .. } => refusal.reason(),
            State::Expired { reason: ExpiryReason::PayByPassed, .. } => "",
            State::Expired { reason: reason @ ExpiryReason::SoldOut, .. } => reason.as_str(),
        }
    }

    /// Until when an unpaid booking keeps its stock.
    #[must_use]
    pub const fn pay_by(&self) -> Option<Timestamp> {
        if let State::AwaitingPayment { pay_by, .. } = self.state { Some(pay_by) } else { None }
    }

    /// Whether its outcome is still open.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, State::Pending { .. })
    }

    /// Whether a deleted ticket must still cancel it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.status().is_open()
    }

    /// Its place in a list, the newest first.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor { sort: self.created_at.as_micros(), id: self.id.as_uuid() }
    }

    /// Another takes over: what the one before had asked may have happened.
    pub fn resume(&mut self) {
        if let State::Pending { unclear, .. } = &mut self.state {
            *unclear = true;
        }
    }
}

impl BookingStatus {
    /// Every one there is.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::AwaitingPayment,
        Self::Confirmed,
        Self::Cancelling,
        Self::Cancelled,
        Self::Rejected,
        Self::Expired,
    ];

    /// Whether a deleted ticket must still cancel it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::AwaitingPayment | Self::Confirmed => true,
            Self::Cancelling | Self::Cancelled | Self::Rejected | Self::Expired => false,
        }
    }
}
