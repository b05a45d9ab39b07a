//! What booking asks of the ticket and payment contexts: their own use cases on their own servers, over a network on
//! which calls get lost. What is said in words of the one is read in words of the other as the gRPC cells do it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use booking::{
    Booked, BookedFields, CancelPolicy, Charge, ChargeOutcome, HoldOrder, HoldView, Offer,
    Payments, RefundProgress, Refusal, RejectReason, Stay, StockAsk, StockDenied, StockFault,
    TicketTerms, Tickets, Unanswered,
};
use futures::FutureExt;
use kernel::{BookingId, Caller, Fault, FaultClass, HoldId, Money, Role, TicketId};
use payment::{
    ChargePayment, ChargePaymentError, Payer, Paying, Payment, PaymentStatus, RefundState,
    Settlement,
};
use ticket::{
    Allocation, ExecuteStockError, Hold, HoldOwner, HoldRequest, HoldStep, Listing, StockCommand,
    StockOutcome, StockRefusal, TicketKind, TicketStatus, Ticketing, Wishes,
};

use crate::tasks::{Lost, Server, Tasks};

/// The two contexts as one server of booking reaches them.
pub(crate) struct Neighbours {
    pub(crate) from: Server,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) ticketing: Arc<Ticketing>,
    pub(crate) paying: Arc<Paying>,
    pub(crate) turned_away: Arc<TurnedAway>,
}

/// Bookings of which one copy of a charge was turned away while the network had another. What the one says is no proof
/// then: the other may take the money after its booking was told that nothing was tried. It is heard of by message.
#[derive(Default)]
pub(crate) struct TurnedAway(Mutex<BTreeSet<BookingId>>);

impl TurnedAway {
    pub(crate) fn contains(&self, id: BookingId) -> bool {
        self.0.lock().unwrap().contains(&id)
    }
}

/// One of our servers.
pub(crate) fn service() -> Caller {
    let subject = Some("booking".to_owned());
    Caller { subject, roles: vec![Role::Service], ..Caller::default() }
}

fn unanswered(why: impl ToString) -> Unanswered {
    Unanswered(why.to_string())
}

#[async_trait]
impl Tickets for Neighbours {
    async fn terms(&self, id: TicketId) -> Result<Option<TicketTerms>, Unanswered> {
        let ask = || {
            let ticketing = self.ticketing.clone();
            async move { ticketing.get_ticket(id).await }.boxed()
        };
        match self.tasks.call((self.from, Server::Ticket), ask).await {
            Ok(Ok(listing)) => Ok(Some(terms(&listing))),
            Ok(Err(error)) if error.class() == FaultClass::NotFound => Ok(None),
            Ok(Err(error)) => Err(unanswered(error)),
            Err(lost) => Err(unanswered(format!("{lost:?}"))),
        }
    }

    async fn ask(&self, ask: StockAsk) -> Result<Option<HoldView>, StockFault> {
        let is_hold = matches!(ask, StockAsk::Hold(_));
        let command = command(&ask);
        let run = || {
            let (ticketing, command) = (self.ticketing.clone(), command.clone());
            async move { ticketing.execute_stock(&service(), command).await }.boxed()
        };
        match self.tasks.call((self.from, Server::Ticket), run).await {
            Ok(Ok(StockOutcome::Hold(hold))) => Ok(Some(view(&hold))),
            Ok(Ok(StockOutcome::Tombstone)) => Ok(None),
            Ok(Err(error)) => Err(fault(&error, is_hold)),
            Err(lost) => Err(unanswered(format!("{lost:?}")).into()),
        }
    }
}

fn terms(Listing { ticket, stock }: &Listing) -> TicketTerms {
    let is_admission = ticket.kind == TicketKind::Admission;
    TicketTerms {
        name: ticket.terms.name.clone(),
        organizer_id: ticket.organizer_id.clone(),
        unit_price: ticket.terms.unit_price,
        one_price: is_admission,
        offer: match ticket.status {
            TicketStatus::OnSale => Offer::OnSale,
            TicketStatus::Paused => Offer::Paused,
            TicketStatus::Retiring | TicketStatus::Retired => Offer::Deleted,
        },
        sale_starts_at: ticket.terms.sale_starts_at,
        sale_ends_at: ticket.terms.sale_ends_at,
        max_per_buyer: ticket.terms.max_per_buyer,
        sold_out: is_admission && stock.available() == 0,
        pay_first: (ticket.allocation == Allocation::PayFirst).then_some(ticket.terms.hold_ttl),
        cancel_policy: ticket.terms.cancel_policy.map(|policy| CancelPolicy {
            free_before: policy.free_before,
            fee_percent: policy.fee_percent,
            closed_before: policy.closed_before,
            starts_at: ticket.terms.starts_at,
            time_zone: ticket.terms.time_zone.clone(),
        }),
    }
}

fn command(ask: &StockAsk) -> StockCommand {
    let step = |id: &BookingId, step| StockCommand::Step(HoldId::of_booking(*id), step);
    match ask {
        StockAsk::Hold(order) => StockCommand::Hold(request(order)),
        StockAsk::Pin(id) => step(id, HoldStep::Pin),
        StockAsk::Unpin(id) => step(id, HoldStep::Unpin),
        StockAsk::Commit(id) => step(id, HoldStep::Commit),
        StockAsk::Release(id) => step(id, HoldStep::Release),
        StockAsk::Return(id) => step(id, HoldStep::Return),
        StockAsk::Reduce(id, stays) => StockCommand::Reduce(HoldId::of_booking(*id), *stays),
    }
}

fn request(order: &HoldOrder) -> HoldRequest {
    let booked = &order.booked;
    let wishes = Wishes {
        quantity: i64::from(booked.quantity().get()),
        seats: booked.seats().to_vec(),
        check_in: booked.stay().map(Stay::check_in),
        check_out: booked.stay().map(Stay::check_out),
    };
    HoldRequest {
        hold_id: HoldId::of_booking(order.booking_id),
        ticket_id: order.ticket_id,
        owner: HoldOwner::Buyer(order.buyer_id.clone()),
        wanted: wishes.read().unwrap(),
        expected_total: order.expected_total,
        pinned: !order.check_only,
        surely_new: order.surely_new,
        check_only: order.check_only,
    }
}

fn view(hold: &Hold) -> HoldView {
    let nights = hold.nights();
    let fields = BookedFields {
        quantity: i64::from(hold.quantity.get()),
        seats: hold.seats().map(str::to_owned).collect(),
        check_in: nights.map(|nights| Ok(nights.from())),
        check_out: nights.map(|nights| Ok(nights.until())),
    };
    HoldView {
        booked: Some(Booked::read(fields).unwrap()),
        total: hold.total,
        expires_at: hold.expires_at,
        keeps_stock: hold.state.keeps_stock(),
    }
}

/// Why a hold that stood is not taken again.
const FOR_A_HOLD_THAT_STOOD: [&str; 2] = ["SOLD_OUT", "LIMIT_PER_BUYER"];

fn fault(error: &ExecuteStockError, is_hold: bool) -> StockFault {
    let ExecuteStockError::Refused(refusal) = error else { return unanswered(error).into() };
    let not_on_sale =
        || StockDenied::Unsaleable { refusal: RejectReason::NotOnSale.into(), total: None };
    let total =
        if let StockRefusal::PriceMismatch { total } = refusal { Some(*total) } else { None };
    let is_decided = matches!(refusal.class(), FaultClass::Refused | FaultClass::Invalid);
    let denied = match refusal.reason() {
        "HOLD_CLOSED" | "HOLD_NOT_FOUND" => StockDenied::HoldClosed,
        "TICKET_RETIRING" => StockDenied::TicketRetiring,
        "TICKET_NOT_FOUND" => not_on_sale(),
        reason if is_decided && (is_hold || FOR_A_HOLD_THAT_STOOD.contains(&reason)) => {
            Refusal::passed_on(reason, b"")
                .map_or_else(not_on_sale, |refusal| StockDenied::Unsaleable { refusal, total })
        }
        _ => return unanswered(error).into(),
    };
    StockFault::Refused(denied)
}

#[async_trait]
impl Payments for Neighbours {
    async fn charge(&self, charge: &Charge) -> ChargeOutcome {
        let asked = ChargePayment {
            booking_id: charge.booking_id,
            attempt: charge.attempt,
            payer: Payer { buyer_id: charge.buyer_id.clone(), locale: charge.buyer_locale },
            amount: charge.amount,
            payment_method: charge.payment_method.clone(),
        };
        let copies = AtomicUsize::new(0);
        let ask = || {
            copies.fetch_add(1, Ordering::Relaxed);
            let (paying, asked) = (self.paying.clone(), asked.clone());
            async move { paying.charge_payment(&service(), asked).await }.boxed()
        };
        match self.tasks.call((self.from, Server::Payment), ask).await {
            Ok(Ok(payment)) => outcome(&payment),
            Ok(Err(error)) => {
                let outcome = undecided(&error);
                if outcome == ChargeOutcome::NotTried && copies.load(Ordering::Relaxed) > 1 {
                    self.turned_away.0.lock().unwrap().insert(charge.booking_id);
                }
                outcome
            }
            Err(Lost::NeverSent) => ChargeOutcome::NotTried,
            Err(Lost::Somewhere) => ChargeOutcome::Unknown { payment_id: None },
        }
    }

    async fn refund(
        &self,
        booking_id: BookingId,
        keep: Money,
    ) -> Result<RefundProgress, Unanswered> {
        let ask = || {
            let paying = self.paying.clone();
            async move { paying.refund_payment(&service(), booking_id, Some(keep)).await }.boxed()
        };
        match self.tasks.call((self.from, Server::Payment), ask).await {
            Ok(Ok(settlement)) => Ok(progress(&settlement)),
            Ok(Err(error)) => Err(unanswered(error)),
            Err(lost) => Err(unanswered(format!("{lost:?}"))),
        }
    }

    async fn reduce(
        &self,
        booking_id: BookingId,
        keep: Money,
    ) -> Result<RefundProgress, Unanswered> {
        let ask = || {
            let paying = self.paying.clone();
            async move { paying.reduce_payment(&service(), booking_id, keep).await }.boxed()
        };
        match self.tasks.call((self.from, Server::Payment), ask).await {
            Ok(Ok(settlement)) => Ok(progress(&settlement)),
            Ok(Err(error)) => Err(unanswered(error)),
            Err(lost) => Err(unanswered(format!("{lost:?}"))),
        }
    }
}

fn outcome(payment: &Payment) -> ChargeOutcome {
    let payment_id = payment.id;
    match payment.status() {
        PaymentStatus::Approved => ChargeOutcome::Approved { payment_id },
        PaymentStatus::Declined => ChargeOutcome::Declined { payment_id },
        PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => ChargeOutcome::Voided,
        PaymentStatus::Processing | PaymentStatus::Unknown => {
            ChargeOutcome::Unknown { payment_id: Some(payment_id) }
        }
    }
}

fn undecided(error: &ChargePaymentError) -> ChargeOutcome {
    match error.reason() {
        "PAYMENT_VOIDED" => ChargeOutcome::Voided,
        "PROVIDER_AWAY" | "OVERLOADED" | "INVALID_FIELD" | "ATTEMPT_OUT_OF_TURN" => {
            ChargeOutcome::NotTried
        }
        _ => ChargeOutcome::Unknown { payment_id: None },
    }
}

fn progress(settlement: &Settlement) -> RefundProgress {
    let payments = &settlement.payments;
    let sum = |sum: Money, payment: &Payment| sum.checked_add(payment.refunded()).unwrap();
    let refunded =
        payments.split_first().map(|(first, others)| others.iter().fold(first.refunded(), sum));
    let mut refunds = payments.iter().flat_map(|payment| &payment.refunds);
    let stuck = refunds.any(|refund| matches!(refund.state, RefundState::ManualReview { .. }));
    RefundProgress { refunded, settled: settlement.is_settled(), stuck }
}
