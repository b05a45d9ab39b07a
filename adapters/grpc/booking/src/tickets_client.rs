//! The ticket context over gRPC: the outbound port [`Tickets`].

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use autometrics::autometrics;
use booking::{
    Booked, HoldOrder, HoldView, Refusal, RejectReason, SEATS_MAX, Stay, StockAsk, StockDenied,
    StockFault, TicketTerms, Tickets, Unanswered,
};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use grpc_client::Calls;
use grpc_server::batch::{self, Asker};
use grpc_server::wire::{self, Check};
use in_process_gather::Batching;
use kernel::{BookingId, Money, TicketId, Uuid};
use proto::boxoffice::ticket::v1 as pb;
use proto::boxoffice::ticket::v1::stock_command::Command;
use proto::boxoffice::ticket::v1::stock_service_client::StockServiceClient;
use proto::boxoffice::ticket::v1::stock_verdict::Outcome as Verdict;
use proto::boxoffice::ticket::v1::ticket_service_client::TicketServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::convert::booked_fields;
use crate::peer::{Failed, Peer, ServiceBearer, metadata, reason, unanswered};
use crate::terms::terms;
use crate::together::{Calling, Together};
use crate::{steps, turnstile};

/// Calls the ticket context.
pub struct TicketsClient {
    terms: Together<Terms>,
    stock: Together<Stock>,
}

impl TicketsClient {
    /// A client of the ticket context behind `channel`; `batching` says whether what waits together goes together.
    #[must_use]
    pub fn new(channel: Channel, bearer: ServiceBearer, batching: Batching) -> Self {
        let channel = Calls::new(channel);
        let terms = Terms {
            tickets: TicketServiceClient::new(channel.clone()),
            peer: Peer::new(Arc::clone(&bearer)),
        };
        let stock = Stock { stock: StockServiceClient::new(channel), peer: Peer::new(bearer) };
        Self { terms: Together::new(terms, batching), stock: Together::new(stock, batching) }
    }
}

/// Reads tickets. Whoever waits for the same ticket shares one read, which begins after all of them have asked.
struct Terms {
    tickets: TicketServiceClient<Calls>,
    peer: Peer,
}

#[async_trait]
impl Calling for Terms {
    type Message = TicketId;
    type Answer = pb::Ticket;
    /// More than the calls that a server takes at once by default: a crowd that comes in one moment waits for the same few reads.
    const WAITING_RPCS_MAX: usize = 32;

    async fn single(&self, id: TicketId) -> Result<pb::Ticket, Failed> {
        let request = pb::GetTicketRequest { ticket_id: id.to_string() };
        let answer = self.peer.ask(request, |request| {
            let mut tickets = self.tickets.clone();
            async move { tickets.get_ticket(request).await }
        });
        Ok(answer.await?.ticket.unwrap_or_default())
    }

    async fn several(
        &self,
        members: Vec<(Asker, TicketId)>,
        tell: &mut (dyn FnMut(usize, Result<pb::Ticket, Failed>) + Send),
    ) -> Result<(), Failed> {
        let mut places = BTreeMap::<TicketId, Vec<usize>>::new();
        for (place, (_, id)) in members.into_iter().enumerate() {
            places.entry(id).or_default().push(place);
        }
        let reads = places.into_iter().map(|(id, places)| async move {
            let read = self.single(id).await;
            (places, read)
        });
        let mut reads: FuturesUnordered<_> = reads.collect();
        while let Some((places, read)) = reads.next().await {
            places.into_iter().for_each(|place| tell(place, read.clone()));
        }
        Ok(())
    }
}

/// Gives stock commands. Several are decided in one transaction where they can be, so one answer for all of them keeps
/// nobody waiting for long.
struct Stock {
    stock: StockServiceClient<Calls>,
    peer: Peer,
}

#[async_trait]
impl Calling for Stock {
    type Message = Command;
    type Answer = Option<pb::Hold>;

    async fn single(&self, command: Command) -> Result<Option<pb::Hold>, Failed> {
        macro_rules! step {
            ($rpc:ident, $request:expr) => {{
                let answer = self.peer.ask($request, |request| {
                    let mut stock = self.stock.clone();
                    async move { stock.$rpc(request).await }
                });
                answer.await?.hold
            }};
        }
        Ok(match command {
            Command::Hold(hold) => step!(hold_stock, hold),
            Command::Pin(pin) => step!(pin_hold, pin),
            Command::Unpin(unpin) => step!(unpin_hold, unpin),
            Command::Commit(commit) => step!(commit_hold, commit),
            Command::Release(release) => step!(release_hold, release),
            Command::Return(back) => step!(return_stock, back),
            Command::Reduce(reduce) => step!(reduce_hold, reduce),
        })
    }

    async fn several(
        &self,
        members: Vec<(Asker, Command)>,
        tell: &mut (dyn FnMut(usize, Result<Option<pb::Hold>, Failed>) + Send),
    ) -> Result<(), Failed> {
        let commands = members.into_iter().map(|(asker, command)| {
            let Asker { traceparent, request_id } = asker;
            pb::StockCommand { command: Some(command), traceparent, request_id }
        });
        let request = pb::ExecuteStockRequest { commands: commands.collect() };
        let answer = self.peer.ask(request, |request| {
            let mut stock = self.stock.clone();
            async move { stock.execute_stock(request).await }
        });
        for (place, verdict) in answer.await?.verdicts.into_iter().enumerate() {
            match verdict.outcome {
                Some(Verdict::Hold(hold)) => tell(place, Ok(Some(hold))),
                Some(Verdict::Tombstone(_)) => tell(place, Ok(None)),
                Some(Verdict::Refusal(refusal)) => {
                    let status = batch::refused(&refusal);
                    tell(place, Err(Failed { status, never_sent: false }));
                }
                None => {}
            }
        }
        Ok(())
    }
}

fn command(ask: StockAsk) -> Command {
    let id = |id: BookingId| id.to_string();
    match ask {
        StockAsk::Hold(order) => Command::Hold(hold_request(order)),
        StockAsk::Pin(of) => Command::Pin(pb::PinHoldRequest { hold_id: id(of) }),
        StockAsk::Unpin(of) => Command::Unpin(pb::UnpinHoldRequest { hold_id: id(of) }),
        StockAsk::Commit(of) => Command::Commit(pb::CommitHoldRequest { hold_id: id(of) }),
        StockAsk::Release(of) => Command::Release(pb::ReleaseHoldRequest { hold_id: id(of) }),
        StockAsk::Return(of) => Command::Return(pb::ReturnStockRequest { hold_id: id(of) }),
        StockAsk::Reduce(of, stays) => {
            // Below 10,000 by construction.
            let quantity = i32::try_from(stays.get()).unwrap_or(i32::MAX);
            Command::Reduce(pb::ReduceHoldRequest { hold_id: id(of), quantity })
        }
    }
}

/// Whose turn an ask waits for: holds of one ticket queue behind each other and keep nobody else waiting, and so does
/// what follows an answer, of which a sweep asks much at once.
fn turn(ask: &StockAsk) -> Uuid {
    match ask {
        StockAsk::Hold(order) => order.ticket_id.as_uuid(),
        StockAsk::Pin(of) => of.as_uuid(),
        StockAsk::Unpin(_)
        | StockAsk::Commit(_)
        | StockAsk::Release(_)
        | StockAsk::Return(_)
        | StockAsk::Reduce(..) => Uuid::nil(),
    }
}

/// What an ask takes of a message, whose size has a limit: its answer names its seats.
fn weight(ask: &StockAsk) -> usize {
    match ask {
        StockAsk::Hold(order) => 1 + (order.booked.quantity().get() as usize).min(SEATS_MAX) / 16,
        StockAsk::Pin(_)
        | StockAsk::Unpin(_)
        | StockAsk::Commit(_)
        | StockAsk::Release(_)
        | StockAsk::Return(_)
        | StockAsk::Reduce(..) => 1,
    }
}

#[autometrics]
#[async_trait]
impl Tickets for TicketsClient {
    async fn terms(&self, id: TicketId) -> Result<Option<TicketTerms>, Unanswered> {
        match self.terms.ask(id.as_uuid(), 1, id).await {
            Ok(ticket) => terms(&ticket).map(Some),
            Err(failed) if failed.status.code() == Code::NotFound => Ok(None),
            Err(failed) => Err(failed.into()),
        }
    }

    async fn ask(&self, ask: StockAsk) -> Result<Option<HoldView>, StockFault> {
        let step = steps::name(&ask);
        let is_hold = matches!(ask, StockAsk::Hold(_));
        // Of other seats and nights, or for who wants less, something may be left.
        let is_of_last = matches!(&ask, StockAsk::Hold(order)
            if matches!(&order.booked, Booked::Units(count) if count.get() == 1));
        let answering = async {
            match self.stock.ask(turn(&ask), weight(&ask), command(ask)).await {
                Ok(None) => Ok(None),
                Ok(Some(hold)) => Ok(Some(hold_view(&hold)?)),
                Err(Failed { status, .. }) => {
                    if is_of_last
                        && reason(&status).as_deref() == Some(RejectReason::SoldOut.as_str())
                    {
                        turnstile::heard_sold_out();
                    }
                    match denied(&status, is_hold) {
                        Some(denied) => Err(StockFault::Refused(denied)),
                        None => Err(unanswered(&status).into()),
                    }
                }
            }
        };
        steps::measured(step, answering).await
    }
}

fn hold_request(order: HoldOrder) -> pb::HoldStockRequest {
    pb::HoldStockRequest {
        hold_id: order.booking_id.to_string(),
        booking_id: order.booking_id.to_string(),
        ticket_id: order.ticket_id.to_string(),
        buyer_id: order.buyer_id.to_string(),
        // Below 10,000 by construction.
        quantity: i32::try_from(order.booked.quantity().get()).unwrap_or(i32::MAX),
        seats: order.booked.seats().to_vec(),
        check_in: order.booked.stay().map(Stay::check_in).map(wire::date),
        check_out: order.booked.stay().map(Stay::check_out).map(wire::date),
        expected_total: order.expected_total.map(wire::money),
        // A server that knows no checks takes a hold for one. It expires by itself, or is the one that is asked for then.
        pinned: !order.check_only,
        surely_new: order.surely_new,
        check_only: order.check_only,
    }
}

fn hold_view(hold: &pb::Hold) -> Result<HoldView, Unanswered> {
    let mut check = Check::new();
    let total = check.money("total", hold.total.as_ref());
    let expires_at = check.optional_timestamp("expire_time", hold.expire_time.as_ref());
    let unreadable = || Unanswered("the hold is not readable".to_owned());
    let (Ok(()), Some(total), Some(expires_at)) = (check.finish(), total, expires_at) else {
        return Err(unreadable());
    };
    let pb::Hold { quantity, seats, check_in, check_out, .. } = hold;
    // An older server does not say what it holds: it is what was asked for.
    let booked = (*quantity != 0)
        .then(|| booked_fields(*quantity, seats, check_in.as_ref(), check_out.as_ref()))
        .map(Booked::read)
        .transpose()
        .map_err(|_| unreadable())?;
    let keeps_stock = match hold.state() {
        pb::HoldState::Active | pb::HoldState::Committed => true,
        pb::HoldState::Unspecified
        | pb::HoldState::Returned
        | pb::HoldState::Released
        | pb::HoldState::Expired => false,
    };
    Ok(HoldView { booked, total, expires_at, keeps_stock })
}

/// Why a hold that had ended and is wanted again, for a payment or a late one, is not given again.
const FOR_A_HOLD_THAT_STOOD: [RejectReason; 2] =
    [RejectReason::SoldOut, RejectReason::LimitPerBuyer];

/// What was decided against the command; `None` where nothing was. Whatever the ticket context refuses a hold with is
/// passed on as it says it, be its name known here or not. What becomes of a hold that stands is decided by names that
/// are known.
fn denied(status: &Status, is_hold: bool) -> Option<StockDenied> {
    let named = reason(status)?;
    match (named.as_str(), status.code()) {
        ("HOLD_CLOSED" | "HOLD_NOT_FOUND", _) => Some(StockDenied::HoldClosed),
        ("TICKET_RETIRING", _) => Some(StockDenied::TicketRetiring),
        // A ticket that is gone is not on sale either.
        ("TICKET_NOT_FOUND", _) => Some(not_on_sale()),
        (named, Code::FailedPrecondition | Code::InvalidArgument)
            if is_hold || FOR_A_HOLD_THAT_STOOD.iter().any(|reason| named == reason.as_str()) =>
        {
            let refusal = Refusal::passed_on(named, status.details());
            let denied = |refusal| StockDenied::Unsaleable { refusal, total: total(status) };
            Some(refusal.map_or_else(not_on_sale, denied))
        }
        _ => None,
    }
}

fn not_on_sale() -> StockDenied {
    StockDenied::Unsaleable { refusal: RejectReason::NotOnSale.into(), total: None }
}

/// The total that a price mismatch tells.
fn total(status: &Status) -> Option<Money> {
    let code = metadata(status, "total_currency_code")?;
    let units = metadata(status, "total_units")?.parse().ok()?;
    let nanos = metadata(status, "total_nanos")?.parse().ok()?;
    Money::from_units(&code, units, nanos).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use kernel::Currency;
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    fn refused(code: Code, reason: &str, facts: &[(&str, &str)]) -> Status {
        let facts = facts.iter().map(|(name, fact)| ((*name).to_owned(), (*fact).to_owned()));
        let info =
            ErrorDetails::with_error_info(reason, "boxoffice", facts.collect::<HashMap<_, _>>());
        Status::with_error_details(code, "", info)
    }

    #[test]
    fn a_refusal_is_a_decision_and_anything_else_is_none() {
        let failed = Code::FailedPrecondition;
        for status in [
            refused(failed, "SOLD_OUT", &[]),
            refused(failed, "NOT_ON_SALE", &[]),
            refused(failed, "LIMIT_PER_BUYER", &[("max_per_buyer", "4")]),
            refused(failed, "STAY_NOT_ALLOWED", &[("rule", "MIN_NIGHTS")]),
            refused(failed, "SOMETHING_NEW", &[]),
            refused(Code::InvalidArgument, "INVALID_FIELD", &[]),
        ] {
            let name = reason(&status).expect("named");
            let refusal = Refusal::passed_on(&name, status.details()).expect("can be kept");
            let passed_on = StockDenied::Unsaleable { refusal, total: None };
            assert_eq!(denied(&status, true), Some(passed_on), "{status:?}");
        }
        for (name, is_decided) in
            [("SOLD_OUT", true), ("LIMIT_PER_BUYER", true), ("SOMETHING_NEW", false)]
        {
            let of_one_that_stood = denied(&refused(failed, name, &[]), false);
            assert_eq!(of_one_that_stood.is_some(), is_decided, "{name}");
        }
        for (status, decision) in [
            (refused(failed, "HOLD_CLOSED", &[]), Some(StockDenied::HoldClosed)),
            (refused(failed, "TICKET_RETIRING", &[]), Some(StockDenied::TicketRetiring)),
            (refused(Code::NotFound, "TICKET_NOT_FOUND", &[]), Some(not_on_sale())),
            (refused(failed, "no stable name", &[]), Some(not_on_sale())),
            (refused(Code::ResourceExhausted, "OVERLOADED", &[]), None),
            (refused(Code::Unavailable, "UNAVAILABLE", &[]), None),
            (Status::unavailable("the connection broke"), None),
            (Status::not_found("no such method"), None),
        ] {
            assert_eq!(denied(&status, true), decision, "{status:?}");
        }
    }

    #[test]
    fn r01_a_price_mismatch_tells_the_price() {
        let facts =
            [("total_currency_code", "USD"), ("total_units", "19"), ("total_nanos", "990000000")];
        let status = refused(Code::FailedPrecondition, "PRICE_MISMATCH", &facts);
        let total = Some(Money::from_minor(1_999, Currency::from_code("USD").expect("known")));
        let refusal = Refusal::passed_on("PRICE_MISMATCH", status.details()).expect("can be kept");
        assert_eq!(denied(&status, true), Some(StockDenied::Unsaleable { refusal, total }));
    }

    #[test]
    fn r03_only_a_hold_with_stock_counts_as_held() {
        let price = Money::from_minor(5, Currency::from_code("KRW").expect("known"));
        for (state, keeps_stock) in [
            (pb::HoldState::Active, true),
            (pb::HoldState::Committed, true),
            (pb::HoldState::Expired, false),
            (pb::HoldState::Released, false),
            (pb::HoldState::Returned, false),
        ] {
            let mut hold = pb::Hold {
                total: Some(wire::money(price)),
                expire_time: Some(wire::timestamp(kernel::Timestamp::from_micros(9))),
                ..pb::Hold::default()
            };
            hold.set_state(state);
            assert_eq!(hold_view(&hold).map(|view| view.keeps_stock), Ok(keeps_stock));
        }
        assert!(hold_view(&pb::Hold::default()).is_err());
    }

    /// A hold of so many, with its price and expiry.
    fn hold(quantity: i32) -> pb::Hold {
        let price = Money::from_minor(5, Currency::from_code("KRW").expect("known"));
        pb::Hold {
            quantity,
            total: Some(wire::money(price)),
            expire_time: Some(wire::timestamp(kernel::Timestamp::from_micros(9))),
            ..pb::Hold::default()
        }
    }

    #[test]
    fn a01_a_hold_is_asked_for_and_heard_with_its_seats_and_nights_unchanged() {
        let date = |day| proto::google::r#type::Date { year: 2026, month: 12, day };
        let seats = ["B/2-7", "B/2-8"].map(str::to_owned).to_vec();
        let nights = (Some(date(24)), Some(date(26)));
        for (seats, (check_in, check_out)) in
            [(seats, (None, None)), (Vec::new(), nights), (Vec::new(), (None, None))]
        {
            let said = pb::Hold { seats, check_in, check_out, ..hold(2) };
            let booked = hold_view(&said).expect("readable").booked.expect("said");
            let asked = hold_request(HoldOrder {
                booking_id: "0198c0de-0000-7000-8000-000000000001".parse().expect("an id"),
                ticket_id: "0198c0de-0000-7000-8000-000000000002".parse().expect("an id"),
                buyer_id: kernel::BuyerId::new("alice").expect("a name"),
                booked,
                expected_total: None,
                surely_new: true,
                check_only: false,
            });
            let heard = (said.quantity, said.seats, said.check_in, said.check_out);
            assert_eq!((asked.quantity, asked.seats, asked.check_in, asked.check_out), heard);
        }
        assert_eq!(hold_view(&hold(0)).expect("readable").booked, None, "an older server's");
        let contradictory = pb::Hold { seats: vec!["A1".to_owned()], ..hold(2) };
        assert!(hold_view(&contradictory).is_err());
    }
}
