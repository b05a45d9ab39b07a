//! What the booking context needs of the world: its own store, the ticket context, the payment context.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{
    BookingId, BuyerId, Cause, Committed, Cursor, Envelope, KeyedReply, Locale, Money,
    OperatorEntry, OrganizerId, PaymentId, Quantity, Recorded, ReplyChange, ReplyKey, StoreError,
    TicketId, Timestamp,
};

use crate::{
    Booked, Booking, BookingEvent, BookingStatus, CancelPolicy, Refusal, RetirementProgress, Wake,
};

/// One commit of a booking: durable together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingChange {
    /// The booking as it is to be.
    pub booking: Booking,
    /// The revision it was read at; 0 for a new one.
    pub expected_revision: i64,
    /// When its process goes on, and who drives it.
    pub timer: Timer,
    /// What is to be told.
    pub events: Vec<Recorded<BookingEvent>>,
    /// The message that led to it.
    pub caused_by: Option<Cause>,
    /// The caller's key and its answer.
    pub reply: ReplyChange,
    /// Who has it done by hand, if somebody has.
    pub by_operator: Option<OperatorEntry>,
}

/// When a booking's process goes on, as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// When.
    pub wake: Wake,
    /// Asks without an answer since it last moved.
    pub tries: u32,
    /// Who drives it meanwhile.
    pub lease: Option<Lease>,
}

/// The right to drive a booking. It saves double work; what keeps drives apart is that every write is a
/// compare-and-set on the revision, which a claim moves, and that every ask may be repeated (trap R20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// One drive of one process; no two have the same.
    pub owner: String,
    /// From now, by the store's own time.
    pub lasts: Duration,
}

/// A booking's process, as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Process {
    /// When it is looked at again.
    pub next_action_at: Option<Timestamp>,
    /// Asks without an answer since it last moved.
    pub tries: u32,
    /// Who drives it.
    pub lease_owner: Option<String>,
    /// Until when.
    pub lease_until: Option<Timestamp>,
}

/// What a store knows of a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The booking.
    pub booking: Booking,
    /// Its process.
    pub process: Process,
}

/// Which of a buyer's bookings to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingFilter {
    /// Bookings of this buyer and of nobody else.
    pub buyer_id: BuyerId,
    /// Only those of this ticket.
    pub ticket_id: Option<TicketId>,
    /// Only those with this status.
    pub status: Option<BookingStatus>,
}

/// Keeps bookings and their processes.
#[async_trait]
pub trait BookingStore: Send + Sync {
    /// Reads a booking.
    async fn find(&self, id: BookingId) -> Result<Option<Stored>, StoreError>;

    /// Bookings by `(created_at, id)`, the newest first, from after the cursor, at most `rows_max`.
    /// Pages MUST have no gap and no double while others write. One that cannot be read is left out.
    async fn list(
        &self,
        filter: &BookingFilter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<Booking>, StoreError>;

    /// Bookings of a ticket that are PENDING, AWAITING_PAYMENT or CONFIRMED, by id, from after `after`, at
    /// most `rows_max`. MUST NOT fail for one that cannot be read.
    async fn open_of_ticket(
        &self,
        ticket_id: TicketId,
        after: Option<BookingId>,
        rows_max: u32,
    ) -> Result<Vec<BookingId>, StoreError>;

    /// How many bookings of this ticket are where. SHOULD be told from an index: it is asked again and again.
    async fn retirement_progress(
        &self,
        ticket_id: TicketId,
    ) -> Result<RetirementProgress, StoreError>;

    /// Writes a change, all of it or nothing. MUST answer `Stale` unless the booking is at the expected
    /// revision (0: is not there). MUST reckon the timer and the lease from its own time. Says who wins:
    /// of rivals with one expected revision, one.
    async fn commit(&self, change: BookingChange) -> Result<Committed, StoreError>;

    /// Keeps the answer of a command that changed nothing else. MUST answer `KeyTaken` when the key is used
    /// already, by a command that changed something or by one that did not; `Done` otherwise.
    async fn keep_answer(&self, key: &ReplyKey, body: Vec<u8>) -> Result<Committed, StoreError>;

    /// What is known of an idempotency key.
    async fn find_reply(&self, key: &ReplyKey) -> Result<Option<KeyedReply>, StoreError>;

    /// Leases bookings that are due by the store's own time and that nobody drives, the longest due
    /// first, at most `rows_max`. MUST give one booking to one owner only until the lease is over, and MUST
    /// count its revision up, so that whoever drove it before finds it `Stale`, however late its commit comes: an
    /// overtaken drive that takes a charge for not tried must not win over one that made it.
    async fn claim_due(&self, lease: &Lease, rows_max: u32) -> Result<Vec<Stored>, StoreError>;

    /// Lengthens a lease; says whether it was still the owner's.
    async fn renew_lease(&self, id: BookingId, lease: &Lease) -> Result<bool, StoreError>;

    /// Sets a message aside that cannot be handled, with the mark that it was, for an operator.
    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError>;
}

/// Whether a ticket is sold, apart from its sale window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// ON_SALE.
    OnSale,
    /// Taken off sale for now.
    Paused,
    /// RETIRING or RETIRED: its bookings are being cancelled, and all of them is given back.
    Deleted,
}

/// What of a ticket matters before anything is written, and when its buyer cancels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketTerms {
    /// Its name.
    pub name: String,
    /// Who sells it.
    pub organizer_id: OrganizerId,
    /// Price of one unit now.
    pub unit_price: Money,
    /// Whether every unit has that price. Seats and nights may have prices of their own, which the hold says.
    pub one_price: bool,
    /// Whether it is sold at all.
    pub offer: Offer,
    /// From when it can be booked.
    pub sale_starts_at: Option<Timestamp>,
    /// Until when it can be booked.
    pub sale_ends_at: Option<Timestamp>,
    /// Most units one buyer may have.
    pub max_per_buyer: Option<Quantity>,
    /// Whether nothing at all was left of it when it was read.
    pub sold_out: bool,
    /// Where it is paid before stock is set aside: how long a booking of it may be paid.
    pub pay_first: Option<Duration>,
    /// What it says about cancelling; free at any time if `None`.
    pub cancel_policy: Option<CancelPolicy>,
}

/// A command about the stock of one booking; the hold has the booking's own identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockAsk {
    /// Set stock aside, pinned; or find out whether it could be.
    Hold(HoldOrder),
    /// Keep the hold from expiring; takes an expired one again.
    Pin(BookingId),
    /// Let it expire again.
    Unpin(BookingId),
    /// Sell it; takes an expired one again.
    Commit(BookingId),
    /// Give it up unsold; leaves a tombstone where there is none.
    Release(BookingId),
    /// Take the stock back, sold or not; leaves a tombstone where there is none.
    Return(BookingId),
    /// Take back what is above so many units, sold or not.
    Reduce(BookingId, Quantity),
}

/// What a hold is asked for with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldOrder {
    /// The booking.
    pub booking_id: BookingId,
    /// The ticket.
    pub ticket_id: TicketId,
    /// The buyer, for the limit per buyer.
    pub buyer_id: BuyerId,
    /// What of it: the very same whenever it is asked again.
    pub booked: Booked,
    /// What the buyer expects to pay.
    pub expected_total: Option<Money>,
    /// Nobody has ever asked for this hold before: not even a drive of which nothing is known.
    pub surely_new: bool,
    /// Only find out whether it would be given, and at what price: set nothing aside.
    pub check_only: bool,
}

/// A hold after a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldView {
    /// What is held; `None` where the answer does not say it: then it is what was asked for.
    pub booked: Option<Booked>,
    /// What it costs.
    pub total: Money,
    /// When it expires unless pinned.
    pub expires_at: Timestamp,
    /// Whether it sets stock aside or has sold it.
    pub keeps_stock: bool,
}

/// Nobody answered, or the answer decided nothing. What was asked may have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);

/// Why a stock command did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StockFault {
    /// It was decided against it.
    #[error("refused: {0:?}")]
    Refused(StockDenied),
    /// It is not known.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

/// Why the ticket context refuses a stock command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockDenied {
    /// It cannot be sold so, not to this buyer, or not at this price.
    Unsaleable {
        /// Why.
        refusal: Refusal,
        /// What it costs now, for a price that differs.
        total: Option<Money>,
    },
    /// The hold was given up.
    HoldClosed,
    /// The ticket was deleted.
    TicketRetiring,
}

/// The ticket context. Every command MUST be idempotent by its booking.
#[async_trait]
pub trait Tickets: Send + Sync {
    /// Reads a ticket's terms, also of one that is not on sale.
    async fn terms(&self, id: TicketId) -> Result<Option<TicketTerms>, Unanswered>;

    /// Gives a stock command; `None` is a tombstone. MUST end within [`crate::PROCESS_CALL`].
    async fn ask(&self, ask: StockAsk) -> Result<Option<HoldView>, StockFault>;
}

/// An attempt to take the money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The booking.
    pub booking_id: BookingId,
    /// Which attempt: the same one again is no second charge.
    pub attempt: u32,
    /// Who pays.
    pub buyer_id: BuyerId,
    /// The language the buyer is written to in.
    pub buyer_locale: Locale,
    /// How much.
    pub amount: Money,
    /// The provider's token for the means of payment.
    pub payment_method: String,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// The money is taken.
    Approved {
        /// As this payment.
        payment_id: PaymentId,
    },
    /// No money was taken and with this attempt none will be.
    Declined {
        /// As this payment.
        payment_id: PaymentId,
    },
    /// Not known: asking again with the same attempt will tell.
    Unknown {
        /// As this payment, if that much is known.
        payment_id: Option<PaymentId>,
    },
    /// Provably never sent.
    NotTried,
    /// Nothing can be taken for the booking any more.
    Voided,
}

/// How far giving money back has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundProgress {
    /// What is back so far; absent if nothing was ever taken.
    pub refunded: Option<Money>,
    /// All is back and nothing can be taken any more.
    pub settled: bool,
    /// A refund waits for an operator.
    pub stuck: bool,
}

/// The payment context.
#[async_trait]
pub trait Payments: Send + Sync {
    /// Takes the money. The same attempt again MUST give its outcome. MUST end within
    /// [`crate::PROCESS_CALL`], and MUST call the outcome unknown unless it is definite.
    async fn charge(&self, charge: &Charge) -> ChargeOutcome;

    /// Voids or refunds all of a booking but what is kept, now and for later charges too (rule R4). MUST be idempotent
    /// by the booking and end within [`crate::PROCESS_CALL`].
    async fn refund(
        &self,
        booking_id: BookingId,
        keep: Money,
    ) -> Result<RefundProgress, Unanswered>;

    /// Refunds what was taken above an amount and voids nothing. MUST be idempotent by the amount and end within
    /// [`crate::PROCESS_CALL`].
    async fn reduce(
        &self,
        booking_id: BookingId,
        keep: Money,
    ) -> Result<RefundProgress, Unanswered>;
}
