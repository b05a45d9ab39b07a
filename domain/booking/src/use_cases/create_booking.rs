//! A buyer books (rows T04, T05): the first step of `checkout.rs`.

use kernel::{
    AccessDenied, Answered, BookingId, Caller, Committed, Fault, FaultClass, KeyRefused, Money,
    ReplyChange, ReplyKey, StoreError, TicketId, Timestamp,
};

use super::Bookings;
use super::booking_change::Moved;
use super::drive::Begun;
use crate::{
    Booked, Booking, BookingRefused, Happening, NewBooking, Offer, RejectReason, TicketSnapshot,
    TicketTerms, Unanswered,
};

/// Asks to book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateBooking {
    /// The ticket.
    pub ticket_id: TicketId,
    /// What of it.
    pub booked: Booked,
    /// What the buyer expects to pay. Never what is charged (trap R01).
    pub expected_total: Option<Money>,
    /// The provider's token for the means of payment.
    pub payment_method: String,
}

/// Why no booking was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateBookingError {
    /// The caller is no buyer.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyRefused),
    /// No such ticket.
    #[error("there is no such ticket")]
    TicketNotFound,
    /// It cannot be sold so.
    #[error(transparent)]
    Refused(#[from] BookingRefused),
    /// The ticket context did not answer.
    #[error("the ticket context did not answer: {0}")]
    TicketsAway(#[from] Unanswered),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Bookings {
    /// Makes a durable booking, PENDING; [`Bookings::drive`] takes it further. What obviously cannot be
    /// sold is refused before anything is written, and is not remembered for the key; only that it is sold out
    /// is, as it is where the hold is refused.
    ///
    /// Almost every key is new: the commit itself finds out whether this one is. Where there is nothing to commit
    /// it is looked up, since a first answer goes before any refusal.
    ///
    /// # Errors
    /// [`CreateBookingError`]
    pub async fn create_booking(
        &self,
        caller: &Caller,
        command: CreateBooking,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Begun>, CreateBookingError> {
        let buyer_id = caller.buyer()?;
        let (terms, quote, now) = match self.quoted(&command).await {
            Ok(offer) => offer,
            // Who does not answer has refused nothing. What keeps it from that may keep our store from it as well:
            // nobody is to wait for both, one after the other.
            Err(away @ CreateBookingError::TicketsAway(_)) => return Err(away),
            Err(refused) => {
                let body = self.replay::<CreateBookingError>(key.as_ref()).await?;
                return body.map(Answered::Replayed).ok_or(refused);
            }
        };
        if terms.sold_out {
            let reason = RejectReason::SoldOut;
            let refused = BookingRefused { reason, total: None, booking_id: None };
            return self.refuse(refused, key).await;
        }
        let policy = terms.cancel_policy.as_ref();
        let cancel_terms = policy.map(|policy| policy.terms(&command.booked)).unwrap_or_default();
        let new = NewBooking {
            id: BookingId::new(self.ids.next()),
            ticket: TicketSnapshot {
                id: command.ticket_id,
                name: terms.name,
                organizer_id: terms.organizer_id,
            },
            buyer_id,
            buyer_locale: caller.locale,
            booked: command.booked,
            quote,
            price_agreed: command.expected_total.is_some(),
            payment_method: command.payment_method,
            cancel_terms,
            pay_first: terms.pay_first.map(|within| now.plus(within)),
        };
        self.insert(Booking::place(new, now), key, now).await
    }

    /// The ticket's terms, what the wish costs by them, and when that was so.
    async fn quoted(
        &self,
        command: &CreateBooking,
    ) -> Result<(TicketTerms, Money, Timestamp), CreateBookingError> {
        let terms = self.tickets.terms(command.ticket_id).await?;
        let terms = terms.ok_or(CreateBookingError::TicketNotFound)?;
        let now = self.clock.now();
        let quote = quote(&terms, command, now)?;
        Ok((terms, quote, now))
    }

    /// Nothing was left a moment ago: no booking for that, nor events and work for all who hear of bookings. But what
    /// a key led to once it leads to for ever, also when stock has come back since, so the refusal is kept as its
    /// answer. Without a key nobody can ask for the answer again: nothing is written.
    async fn refuse(
        &self,
        refused: BookingRefused,
        key: Option<ReplyKey>,
    ) -> Result<Answered<Begun>, CreateBookingError> {
        let Some(key) = key else { return Err(refused.into()) };
        match self.store.keep_answer(&key, (self.encode_refusal)(&refused)).await? {
            Committed::Done => Err(refused.into()),
            Committed::KeyTaken | Committed::Stale | Committed::AlreadyHandled => {
                self.first_answer(Some(&key)).await
            }
        }
    }

    async fn insert(
        &self,
        booking: Booking,
        key: Option<ReplyKey>,
        now: Timestamp,
    ) -> Result<Answered<Begun>, CreateBookingError> {
        let lease = self.new_lease();
        let mut moved = Moved::new(booking, Some(Happening::Placed));
        moved.timer.lease = Some(lease.clone());
        moved.reply = begin_reply(key.as_ref(), &moved.booking);
        let (verdict, booking) = self.commit(moved, now).await?;
        match verdict {
            Committed::Done => Ok(Answered::Fresh(Begun { booking, lease: Some(lease) })),
            Committed::KeyTaken | Committed::Stale | Committed::AlreadyHandled => {
                self.first_answer(key.as_ref()).await
            }
        }
    }

    /// A call with the same key came first.
    async fn first_answer(
        &self,
        key: Option<&ReplyKey>,
    ) -> Result<Answered<Begun>, CreateBookingError> {
        let body = self.replay::<CreateBookingError>(key).await?;
        Ok(Answered::Replayed(body.ok_or(KeyRefused::InUse)?))
    }
}

/// The answer to this key comes when the booking leaves PENDING.
pub(super) fn begin_reply(key: Option<&ReplyKey>, booking: &Booking) -> ReplyChange {
    key.map_or(ReplyChange::None, |key| ReplyChange::Begin {
        key: key.clone(),
        resource_id: booking.id.to_string(),
    })
}

/// What it costs as far as that is known before the hold; see [`NewBooking::quote`].
fn quote(
    terms: &TicketTerms,
    command: &CreateBooking,
    now: Timestamp,
) -> Result<Money, BookingRefused> {
    let refused = |reason, total| BookingRefused { reason, total, booking_id: None };
    let too_early = terms.sale_starts_at.is_some_and(|start| now < start);
    let too_late = terms.sale_ends_at.is_some_and(|end| now >= end);
    if terms.offer != Offer::OnSale || too_early || too_late {
        return Err(refused(RejectReason::NotOnSale, None));
    }
    let quantity = command.booked.quantity();
    if terms.max_per_buyer.is_some_and(|max| quantity > max) {
        return Err(refused(RejectReason::LimitPerBuyer, None));
    }
    let currency = terms.unit_price.currency();
    if !terms.one_price {
        let agreed = command.expected_total.unwrap_or(Money::zero(currency));
        // The hold would refuse it, too, but an amount of another currency cannot be stored with it.
        return (agreed.currency() == currency)
            .then_some(agreed)
            .ok_or_else(|| refused(RejectReason::PriceMismatch, None));
    }
    // A total beyond what money can count is beyond what is for sale.
    let total = terms.unit_price.times(quantity.get());
    let total = total.map_err(|_| refused(RejectReason::NotOnSale, None))?;
    if command.expected_total.is_some_and(|expected| expected != total) {
        return Err(refused(RejectReason::PriceMismatch, Some(total)));
    }
    Ok(total)
}

impl CreateBookingError {
    /// Whether nothing is left of the ticket.
    #[must_use]
    pub const fn is_sold_out(&self) -> bool {
        matches!(self, Self::Refused(BookingRefused { reason: RejectReason::SoldOut, .. }))
    }
}

impl Fault for CreateBookingError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(inner) => inner.class(),
            Self::Key(inner) => inner.class(),
            Self::TicketNotFound => FaultClass::NotFound,
            Self::Refused(inner) => inner.class(),
            Self::TicketsAway(_) => FaultClass::Unavailable,
            Self::Store(inner) => inner.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(inner) => inner.reason(),
            Self::Key(inner) => inner.reason(),
            Self::TicketNotFound => "TICKET_NOT_FOUND",
            Self::Refused(inner) => Fault::reason(inner),
            Self::TicketsAway(_) => "UNAVAILABLE",
            Self::Store(inner) => inner.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        if let Self::Refused(inner) = self { inner.metadata() } else { Vec::new() }
    }
}
