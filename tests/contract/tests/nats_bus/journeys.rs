//! Bookings from their first event to their last, as the booking and payment contexts tell them.

use booking::{
    AwaitReason, Booked, Booking, BookingEvent, CancelReason, CancelTerms, ExpiryReason, Happening,
    Hold, MoneyBack, NewBooking, RejectReason, Release, Sale, State, StockBack, TicketSnapshot,
};
use kernel::{
    BookingId, BuyerId, Currency, Envelope, EventId, Locale, Money, OrganizerId, PaymentId,
    Quantity, Recorded, RefundId, TicketId, Timestamp, Uuid,
};
use payment::{Payer, Payment, PaymentEvent, PaymentState, Refund, RefundState};

/// Events of [`five`] together.
pub(crate) const EVENTS_OF_FIVE: u128 = 25;
const BUYERS: u128 = 200;
const STEPS_MAX: u128 = 100;

/// All events of five bookings that go different ways, each in its order. Equal numbers give equal events.
pub(crate) fn five(number: u128) -> Vec<Envelope> {
    let journey = |nth| Journey::begin(number * 5 + nth);
    let ways: [fn(Journey) -> Journey; 5] = [
        |begun| begun.rejected(),
        |begun| begun.confirmed(),
        |begun| begun.declined().expired(),
        |begun| begun.confirmed().cancelled(&["refused", "refused again"]),
        |begun| begun.declined().confirmed().cancelled(&[]),
    ];
    (0..).zip(ways).flat_map(|(nth, way)| way(journey(nth)).told).collect()
}

/// Whose booking it is.
pub(crate) fn buyer_of(booking_id: BookingId) -> BuyerId {
    let number = booking_id.as_uuid().as_u128() / STEPS_MAX;
    BuyerId::new(format!("buyer-{}", number % BUYERS)).unwrap()
}

struct Journey {
    number: u128,
    booking: Booking,
    payment: Payment,
    payment_version: i64,
    told: Vec<Envelope>,
}

impl Journey {
    fn begin(number: u128) -> Self {
        let booking_id = BookingId::new(id_of(number, 0));
        let buyer_id = buyer_of(booking_id);
        let begun = at(number, 0);
        let booking = Booking::place(
            NewBooking {
                id: booking_id,
                ticket: TicketSnapshot {
                    id: TicketId::new(Uuid::from_u128(1)),
                    name: "Recital \u{1f3b9}".to_owned(),
                    organizer_id: OrganizerId::new("acme").unwrap(),
                },
                buyer_id: buyer_id.clone(),
                buyer_locale: Locale::Ko,
                booked: Booked::Units(Quantity::new(2).unwrap()),
                quote: won(110_000),
                price_agreed: true,
                payment_method: "tok".to_owned(),
                cancel_terms: CancelTerms::default(),
                pay_first: None,
            },
            begun,
        );
        let payment = Payment {
            id: PaymentId::new(booking_id.as_uuid()),
            booking_id,
            attempt: 1,
            payer: Payer { buyer_id, locale: Locale::Ko },
            amount: won(110_000),
            payment_method: "tok".to_owned(),
            state: PaymentState::Processing,
            tries: 1,
            refunds: Vec::new(),
            created_at: begun,
            updated_at: begun,
        };
        let begun = Self { number, booking, payment, payment_version: 0, told: Vec::new() };
        let state = begun.booking.state.clone();
        begun.tell(Happening::Placed, state)
    }

    fn rejected(self) -> Self {
        let state = State::Rejected { refusal: RejectReason::SoldOut.into(), stock: Release::Done };
        self.tell(Happening::Rejected, state)
    }

    fn declined(mut self) -> Self {
        self.payment.state = PaymentState::Declined { reason: "no money".to_owned() };
        let pay_by = at(self.number, STEPS_MAX);
        let reason = AwaitReason::PaymentDeclined;
        let state = State::AwaitingPayment { pay_by, reason, hold: Hold::Unpinned };
        self.tell_paid(PaymentEvent::Declined).tell(Happening::AwaitingPayment, state)
    }

    fn expired(self) -> Self {
        let state = State::Expired { reason: ExpiryReason::PayByPassed, stock: Release::Done };
        self.tell(Happening::Expired, state)
    }

    fn confirmed(mut self) -> Self {
        self.payment.state = PaymentState::Approved { provider_ref: "ref".to_owned() };
        let state = State::Confirmed { payment_id: self.payment.id, sale: Sale::Committed };
        self.tell_paid(PaymentEvent::Approved).tell(Happening::Confirmed, state)
    }

    fn cancelled(mut self, refusals: &[&str]) -> Self {
        let reason = CancelReason::BuyerCancelled;
        let (money, stock) = (MoneyBack::Waiting, StockBack::Waiting);
        let state = State::Cancelling { reason, money, stock };
        self = self.tell(Happening::CancellationRequested, state);
        let mut refund = Refund {
            id: RefundId::new(self.payment.id.as_uuid()),
            amount: self.payment.amount,
            state: RefundState::Requested,
            tries: 1,
            refusals: 0,
            created_at: self.payment.updated_at,
            updated_at: self.payment.updated_at,
        };
        for refusal in refusals {
            refund.state = RefundState::ManualReview { reason: (*refusal).to_owned() };
            self.payment.refunds = vec![refund.clone()];
            let refund = Box::new(refund.clone());
            self = self.tell_paid(|payment| PaymentEvent::RefundFailed { payment, refund });
        }
        refund.state = RefundState::Succeeded { provider_ref: "back".to_owned() };
        self.payment.refunds = vec![refund.clone()];
        let refund = Box::new(refund);
        self = self.tell_paid(|payment| PaymentEvent::RefundSucceeded {
            payment,
            refund,
            settled: true,
        });
        self.booking.refunded = self.booking.total;
        self.tell(Happening::Cancelled, State::Cancelled { reason })
    }

    fn tell(mut self, what: Happening, state: State) -> Self {
        self.booking.state = state;
        self.booking.revision += 1;
        self.booking.event_version += 1;
        self.booking.updated_at = self.now();
        let event = BookingEvent { what, booking: Box::new(self.booking.clone()) };
        let told = grpc_booking::envelope(&self.recorded(self.booking.event_version, event));
        self.told.push(told);
        self
    }

    fn tell_paid(mut self, event: impl FnOnce(Box<Payment>) -> PaymentEvent) -> Self {
        self.payment_version += 1;
        self.payment.updated_at = self.now();
        let event = event(Box::new(self.payment.clone()));
        self.told.push(grpc_payment::envelope(&self.recorded(self.payment_version, event)));
        self
    }

    fn recorded<E>(&self, version: i64, event: E) -> Recorded<E> {
        Recorded {
            id: EventId::new(id_of(self.number, self.step())),
            at: self.now(),
            version,
            correlation_id: self.booking.id.to_string(),
            causation_id: None,
            event,
        }
    }

    fn now(&self) -> Timestamp {
        at(self.number, self.step())
    }

    fn step(&self) -> u128 {
        1 + self.told.len() as u128
    }
}

fn id_of(number: u128, step: u128) -> Uuid {
    Uuid::from_u128(1_000_000 + number * STEPS_MAX + step)
}

fn at(number: u128, step: u128) -> Timestamp {
    let micros = i64::try_from(number * STEPS_MAX + step).unwrap();
    Timestamp::from_micros(1_700_000_000_000_000 + micros)
}

fn won(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("KRW").unwrap())
}
