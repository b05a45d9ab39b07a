//! One row for each booking: the fold of its events, the same whatever order and however often they come
//! (invariant I8, trap R30).
//!
//! A booking's events and its payments' events are two rows of versions. Each half of the view keeps the newest
//! it has seen and takes an older one or the same one for stale. Whichever half comes first waits for the other:
//! a row is shown from the moment the booking itself is known.

use kernel::{BookingId, Cursor, Money, Timestamp};

use crate::{BookingSnapshot, BookingStatus, Fact, PaymentSnapshot, PaymentStatus};

/// All that is known of one booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingView {
    /// Which booking.
    pub booking_id: BookingId,
    /// Counts the changes of this row; 0 before the first.
    pub revision: i64,
    /// The newest of the booking's own events.
    pub booking: Option<BookingSeen>,
    /// The newest of its payments' events.
    pub payment: Option<PaymentSeen>,
}

/// The newest of a booking's own events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingSeen {
    /// Its version.
    pub version: i64,
    /// The state it carried.
    pub booking: BookingSnapshot,
}

/// The newest of a booking's payment events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentSeen {
    /// Its version.
    pub version: i64,
    /// The state it carried.
    pub payment: PaymentSnapshot,
}

/// A booking as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MyBooking {
    /// Which booking.
    pub booking_id: BookingId,
    /// The newest version of the booking that is seen.
    pub version: i64,
    /// Its state.
    pub booking: BookingSnapshot,
    /// What became of the last payment; absent while none was tried.
    pub payment_status: Option<PaymentStatus>,
    /// What was given back, by whichever context knows of more.
    pub refunded: Money,
    /// When the booking or its payment last changed.
    pub update_time: Timestamp,
}

impl BookingView {
    /// The view before any event.
    #[must_use]
    pub const fn empty(booking_id: BookingId) -> Self {
        Self { booking_id, revision: 0, booking: None, payment: None }
    }

    /// Takes a fact in. Answers whether it was news; a stale one changes nothing.
    pub fn fold(&mut self, fact: &Fact) -> bool {
        let news = match fact {
            Fact::Booking { version, booking, .. } => self.fold_booking(*version, booking),
            Fact::Payment { version, payment, .. } => self.fold_payment(*version, payment),
        };
        self.revision += i64::from(news);
        news
    }

    /// The row as its buyer and organizer see it, once the booking itself is known.
    #[must_use]
    pub fn shown(&self) -> Option<MyBooking> {
        let BookingSeen { version, booking } = self.booking.clone()?;
        let payment = self.payment.map(|seen| seen.payment);
        let given_back = payment
            .map(|payment| payment.refunded)
            .filter(|money| money.currency() == booking.refunded.currency())
            .filter(|money| money.minor() > booking.refunded.minor());
        Some(MyBooking {
            booking_id: self.booking_id,
            version,
            payment_status: payment.map(|payment| payment.status),
            refunded: given_back.unwrap_or(booking.refunded),
            update_time: payment.map_or(booking.update_time, |payment| {
                payment.update_time.max(booking.update_time)
            }),
            booking,
        })
    }

    fn fold_booking(&mut self, version: i64, booking: &BookingSnapshot) -> bool {
        if self.booking.as_ref().is_some_and(|seen| seen.version >= version) {
            return false;
        }
        self.booking = Some(BookingSeen { version, booking: booking.clone() });
        true
    }

    fn fold_payment(&mut self, version: i64, payment: &PaymentSnapshot) -> bool {
        if self.payment.is_some_and(|seen| seen.version >= version) {
            return false;
        }
        self.payment = Some(PaymentSeen { version, payment: *payment });
        true
    }
}

impl MyBooking {
    /// Its place in a list by time of placing.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor { sort: self.booking.create_time.as_micros(), id: self.booking_id.as_uuid() }
    }

    /// Whether the buyer's money was taken, be it back by now or not. The booking's own state tells it before
    /// the payment's event arrives.
    #[must_use]
    pub fn took_money(&self) -> bool {
        self.payment_status.is_some_and(PaymentStatus::took_money)
            || self.booking.status == BookingStatus::Confirmed
            || self.refunded.minor() > 0
    }
}
