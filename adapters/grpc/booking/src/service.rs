//! Each rpc of `BookingService` is one use case; making and paying also drive the booking until it is
//! decided or the caller's time is over.

use std::sync::Arc;
use std::time::Duration;

use autometrics::autometrics;
use booking::{
    AwaitReason, Begun, Booking, BookingRefused, Bookings, CreateBooking, PAY_AGAIN_AFTER,
};
use futures::FutureExt;
use futures::future::{BoxFuture, Either};
use grpc_server::objectives::{BOOKING, served};
use grpc_server::wire::page_token;
use grpc_server::{Tasks, advise_retry, answer, caller_of, refuse, reply_key, time_left};
use in_process_kill_points::{Side, pass};
use kernel::{Answered, BookingId, Caller, ReplyKey};
use prost::Message;
use proto::boxoffice::booking::v1 as pb;
use proto::boxoffice::booking::v1::booking_service_server::BookingService;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::convert::Reply;
use crate::rests::Rests;
use crate::turnstile::{Inside, Turnstile};
use crate::{convert, request as read};

/// How long a call waits for its booking to be decided where its caller names no deadline.
const DECISION_WAIT: Duration = Duration::from_secs(10);
/// What is kept of the caller's time to read the booking and answer; of a short time a quarter.
const ANSWER_TIME: Duration = Duration::from_millis(250);

/// `BookingService` over this context's use cases.
#[derive(Clone)]
pub struct BookingGrpc {
    /// The use cases.
    pub bookings: Arc<Bookings>,
    /// Runs what changes something.
    pub tasks: Tasks,
    /// Where bookings wait until they may be made. Who waits is no task yet.
    pub turnstile: Turnstile,
    /// Ends what is left of bookings whose callers are answered.
    pub rests: Rests,
}

/// A booking that is durable, and is being driven whoever waits for it.
struct Driving {
    placed: Booking,
    driven: BoxFuture<'static, Result<Booking, Status>>,
}

/// The answer of CreateBooking, PayBooking and CancelBooking, to be kept for their keys.
#[must_use]
pub fn encode_reply(booking: &Booking) -> Vec<u8> {
    convert::reply(booking).encode_to_vec()
}

/// The answer of a CreateBooking that left no booking, to be kept for its key.
#[must_use]
pub fn encode_refusal(refused: &BookingRefused) -> Vec<u8> {
    convert::refused_reply(refused).encode_to_vec()
}

#[autometrics(ok_if = served, objective = BOOKING)]
#[tonic::async_trait]
impl BookingService for BookingGrpc {
    async fn create_booking(
        &self,
        request: Request<pb::CreateBookingRequest>,
    ) -> Result<Response<pb::CreateBookingResponse>, Status> {
        let caller = caller_of(&request);
        let key = reply_key(&request, &caller, "BookingService/CreateBooking")?;
        let until = answer_by(&request);
        let command = read::create(request.get_ref()).map_err(|e| refuse(&e))?;
        let entering = self.turnstile.enter(command.ticket_id, until);
        let inside = entering.await.map_err(|e| refuse(&e))?;
        // On the heap, and not before: in a crowd thousands wait, and each would have the room for all that follows.
        Box::pin(self.make(command, key, &caller, (inside, until))).await
    }

    async fn get_booking(
        &self,
        request: Request<pb::GetBookingRequest>,
    ) -> Result<Response<pb::GetBookingResponse>, Status> {
        let id = read::booking_id(&request.get_ref().booking_id).map_err(|e| refuse(&e))?;
        let found = self.bookings.get_booking(&caller_of(&request), id).await;
        let booking = Some(convert::booking(&found.map_err(|e| refuse(&e))?));
        Ok(Response::new(pb::GetBookingResponse { booking }))
    }

    async fn list_bookings(
        &self,
        request: Request<pb::ListBookingsRequest>,
    ) -> Result<Response<pb::ListBookingsResponse>, Status> {
        let (query, conditions) = read::list(request.get_ref()).map_err(|e| refuse(&e))?;
        let page = self.bookings.list_bookings(&caller_of(&request), query).await;
        let page = page.map_err(|e| refuse(&e))?;
        Ok(Response::new(pb::ListBookingsResponse {
            bookings: page.bookings.iter().map(convert::booking).collect(),
            next_page_token: page_token(page.next, &conditions),
        }))
    }

    async fn pay_booking(
        &self,
        request: Request<pb::PayBookingRequest>,
    ) -> Result<Response<pb::PayBookingResponse>, Status> {
        let (service, caller) = (self.clone(), caller_of(&request));
        let key = reply_key(&request, &caller, "BookingService/PayBooking")?;
        let until = answer_by(&request);
        let command = read::pay(request.get_ref()).map_err(|e| refuse(&e))?;
        let begun = self.tasks.finish({
            let caller = caller.clone();
            async move {
                let begun = service.bookings.pay_booking(&caller, command, key).await;
                Ok(service.drive(begun.map_err(|e| refuse(&e))?, None))
            }
        });
        let decided = self.decide(begun.await?, &caller, until).await?;
        let booking = advised(unless_refused(decided)?);
        Ok(booking.map(|booking| pb::PayBookingResponse { booking }))
    }

    async fn cancel_booking(
        &self,
        request: Request<pb::CancelBookingRequest>,
    ) -> Result<Response<pb::CancelBookingResponse>, Status> {
        let (bookings, caller) = (self.bookings.clone(), caller_of(&request));
        let key = reply_key(&request, &caller, "BookingService/CancelBooking")?;
        let command = read::cancel(request.get_ref()).map_err(|e| refuse(&e))?;
        let done = self.tasks.finish(async move {
            bookings.cancel_booking(&caller, command, key).await.map_err(|e| refuse(&e))
        });
        answer(
            done.await?.map(|booking| pb::CancelBookingResponse {
                booking: Some(convert::booking(&booking)),
            }),
        )
    }

    async fn get_retirement_progress(
        &self,
        request: Request<pb::GetRetirementProgressRequest>,
    ) -> Result<Response<pb::GetRetirementProgressResponse>, Status> {
        let id = read::ticket_id(&request.get_ref().ticket_id).map_err(|e| refuse(&e))?;
        let caller = caller_of(&request);
        let progress = self.bookings.get_retirement_progress(&caller, id).await;
        let progress = progress.map_err(|e| refuse(&e))?;
        let progress = Some(convert::progress(id, &progress));
        Ok(Response::new(pb::GetRetirementProgressResponse { progress }))
    }
}

impl BookingGrpc {
    /// Makes a booking that has its place, and drives it.
    async fn make(
        &self,
        command: CreateBooking,
        key: Option<ReplyKey>,
        caller: &Caller,
        (inside, until): (Inside, Instant),
    ) -> Result<Response<pb::CreateBookingResponse>, Status> {
        let service = self.clone();
        let begun = self.tasks.finish({
            let (caller, ticket) = (caller.clone(), command.ticket_id);
            async move {
                match service.bookings.create_booking(&caller, command, key).await {
                    Ok(begun) => {
                        pass(Side::After, "create_booking");
                        service.turnstile.wanted(ticket);
                        Ok(service.drive(begun, Some(inside)))
                    }
                    Err(refused) => {
                        if refused.is_sold_out() {
                            service.turnstile.sold_out(ticket);
                        }
                        Err(refuse(&refused))
                    }
                }
            }
        });
        let decided = self.decide(begun.await?, caller, until).await?;
        let booking = advised(unless_refused(decided)?);
        Ok(booking.map(|booking| pb::CreateBookingResponse { booking }))
    }

    /// Drives a begun booking in a task of its own, which keeps the booking's place until then, but for while it waits
    /// for the provider of payments. Whoever has begun the booking calls this at once: a caller that has gone away
    /// meanwhile would leave it to the sweep, after its lease.
    fn drive(&self, begun: Answered<Begun>, inside: Option<Inside>) -> Answered<Driving> {
        let begun = match begun {
            Answered::Fresh(begun) => begun,
            Answered::Replayed(body) => return Answered::Replayed(body),
        };
        let (placed, bookings) = (begun.booking.clone(), self.bookings.clone());
        let driving = async move { bookings.drive(begun).await.map_err(|e| refuse(&e)) };
        let driving = match inside {
            Some(inside) => Either::Left(inside.make(driving)),
            None => Either::Right(driving),
        };
        let rests = self.rests.clone();
        let driven = self.tasks.finish(async move {
            let driven = driving.await?;
            rests.end(driven.rest);
            Ok(driven.booking)
        });
        Answered::Fresh(Driving { placed, driven: driven.boxed() })
    }

    /// Answers with what a booking is when it is decided or the wait is over.
    async fn decide(
        &self,
        driving: Answered<Driving>,
        caller: &Caller,
        until: Instant,
    ) -> Result<Answered<Reply>, Status> {
        let Driving { placed, driven } = match driving {
            Answered::Fresh(driving) => driving,
            Answered::Replayed(body) => return Ok(Answered::Replayed(body)),
        };
        let booking = match tokio::time::timeout_at(until, driven).await {
            Ok(Ok(driven)) => driven,
            // It is durable, and the sweep goes on with it: an undecided booking is no error.
            Ok(Err(_logged)) => placed,
            Err(_elapsed) => self.as_it_is(caller, placed.id).await.unwrap_or(placed),
        };
        Ok(Answered::Fresh(convert::reply(&booking)))
    }

    async fn as_it_is(&self, caller: &Caller, id: BookingId) -> Result<Booking, Status> {
        self.bookings.get_booking(caller, id).await.map_err(|e| refuse(&e))
    }
}

/// When the call must answer with whatever is so then. Reckoned when the call arrives: placing the booking
/// takes of the same time as driving it.
fn answer_by<T>(request: &Request<T>) -> Instant {
    let left = time_left(request)
        .map_or(DECISION_WAIT, |left| left.saturating_sub(ANSWER_TIME.min(left / 4)));
    Instant::now() + left.min(DECISION_WAIT)
}

/// Who could not pay, because the charge could not be tried, is told when trying again may help: a booking that awaits
/// payment is no error, so its answer's headers say it.
fn advised(mut response: Response<Option<pb::Booking>>) -> Response<Option<pb::Booking>> {
    let is_to_wait = response.get_ref().as_ref().is_some_and(|booking| {
        booking.status() == pb::BookingStatus::AwaitingPayment
            && booking.status_reason == AwaitReason::PaymentUnavailable.as_str()
    });
    if is_to_wait {
        advise_retry(response.metadata_mut(), PAY_AGAIN_AFTER);
    }
    response
}

/// A booking that came to nothing is told as an error, now and when its answer is replayed: the record
/// holds the booking, or why there is none.
fn unless_refused(decided: Answered<Reply>) -> Result<Response<Option<pb::Booking>>, Status> {
    let response = answer(decided)?;
    let Some(mut status) = convert::refusal(response.get_ref()) else {
        return Ok(response.map(|reply| reply.booking));
    };
    *status.metadata_mut() = response.metadata().clone();
    Err(status)
}
