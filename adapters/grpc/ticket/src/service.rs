//! Each rpc of `TicketService` is one use case.

use std::sync::Arc;

use autometrics::autometrics;
use grpc_server::objectives::served;
use grpc_server::wire::page_token;
use grpc_server::{Tasks, answer, caller_of, refuse, reply_key};
use prost::Message;
use proto::boxoffice::ticket::v1 as pb;
use proto::boxoffice::ticket::v1::ticket_service_server::TicketService;
use ticket::{Listing, Ticketing};
use tonic::{Request, Response, Status};

use crate::watch::{Answers, AvailabilityStreams};
use crate::{convert, house, request as read};

/// `TicketService` over this context's use cases.
pub struct TicketGrpc {
    /// The use cases.
    pub ticketing: Arc<Ticketing>,
    /// Runs what changes something.
    pub tasks: Tasks,
    /// The streams of what is left.
    pub watching: AvailabilityStreams,
}

/// The answer of RegisterTicket, UpdateTicket, SetCapacity, SetNights and DeleteTicket: all of them hold the
/// ticket in field 1 and nothing else, so one encoding serves them all.
#[must_use]
pub fn encode_reply(listing: &Listing) -> Vec<u8> {
    pb::RegisterTicketResponse { ticket: Some(convert::ticket(listing)) }.encode_to_vec()
}

#[autometrics(ok_if = served)]
#[tonic::async_trait]
impl TicketService for TicketGrpc {
    async fn register_ticket(
        &self,
        request: Request<pb::RegisterTicketRequest>,
    ) -> Result<Response<pb::RegisterTicketResponse>, Status> {
        let (ticketing, caller) = (self.ticketing.clone(), caller_of(&request));
        let key = reply_key(&request, &caller, "TicketService/RegisterTicket")?;
        let now = ticketing.clock.now();
        let command = read::register(request.into_inner(), now).map_err(|e| refuse(&e))?;
        let done = self.tasks.finish(async move {
            ticketing.register_ticket(&caller, command, key).await.map_err(|e| refuse(&e))
        });
        answer(
            done.await?.map(|l| pb::RegisterTicketResponse { ticket: Some(convert::ticket(&l)) }),
        )
    }

    async fn get_ticket(
        &self,
        request: Request<pb::GetTicketRequest>,
    ) -> Result<Response<pb::GetTicketResponse>, Status> {
        let id = read::ticket_id(&request.get_ref().ticket_id).map_err(|e| refuse(&e))?;
        let listing = self.ticketing.get_ticket(id).await.map_err(|e| refuse(&e))?;
        Ok(Response::new(pb::GetTicketResponse { ticket: Some(convert::ticket(&listing)) }))
    }

    async fn search_tickets(
        &self,
        request: Request<pb::SearchTicketsRequest>,
    ) -> Result<Response<pb::SearchTicketsResponse>, Status> {
        let (search, conditions) = read::search(request.into_inner()).map_err(|e| refuse(&e))?;
        let page = self.ticketing.search_tickets(&search).await.map_err(|e| refuse(&e))?;
        Ok(Response::new(pb::SearchTicketsResponse {
            tickets: page.listings.iter().map(convert::ticket).collect(),
            next_page_token: page_token(page.next, &conditions),
        }))
    }

    async fn update_ticket(
        &self,
        request: Request<pb::UpdateTicketRequest>,
    ) -> Result<Response<pb::UpdateTicketResponse>, Status> {
        let (ticketing, caller) = (self.ticketing.clone(), caller_of(&request));
        let key = reply_key(&request, &caller, "TicketService/UpdateTicket")?;
        let command = read::update(request.into_inner()).map_err(|e| refuse(&e))?;
        let done = self.tasks.finish(async move {
            ticketing.update_ticket(&caller, command, key).await.map_err(|e| refuse(&e))
        });
        answer(done.await?.map(|l| pb::UpdateTicketResponse { ticket: Some(convert::ticket(&l)) }))
    }

    async fn set_capacity(
        &self,
        request: Request<pb::SetCapacityRequest>,
    ) -> Result<Response<pb::SetCapacityResponse>, Status> {
        let (ticketing, caller) = (self.ticketing.clone(), caller_of(&request));
        let key = reply_key(&request, &caller, "TicketService/SetCapacity")?;
        let command = read::set_capacity(request.get_ref()).map_err(|e| refuse(&e))?;
        let done = self.tasks.finish(async move {
            ticketing.set_capacity(&caller, command, key).await.map_err(|e| refuse(&e))
        });
        answer(done.await?.map(|l| pb::SetCapacityResponse { ticket: Some(convert::ticket(&l)) }))
    }

    async fn set_nights(
        &self,
        request: Request<pb::SetNightsRequest>,
    ) -> Result<Response<pb::SetNightsResponse>, Status> {
        let (ticketing, caller) = (self.ticketing.clone(), caller_of(&request));
        let key = reply_key(&request, &caller, "TicketService/SetNights")?;
        let command = read::set_nights(request.get_ref()).map_err(|e| refuse(&e))?;
        let done = self.tasks.finish(async move {
            ticketing.set_nights(&caller, command, key).await.map_err(|e| refuse(&e))
        });
        answer(done.await?.map(|l| pb::SetNightsResponse { ticket: Some(convert::ticket(&l)) }))
    }

    async fn delete_ticket(
        &self,
        request: Request<pb::DeleteTicketRequest>,
    ) -> Result<Response<pb::DeleteTicketResponse>, Status> {
        let (ticketing, caller) = (self.ticketing.clone(), caller_of(&request));
        let key = reply_key(&request, &caller, "TicketService/DeleteTicket")?;
        let command = read::delete(request.into_inner()).map_err(|e| refuse(&e))?;
        let done = self.tasks.finish(async move {
            ticketing.delete_ticket(&caller, command, key).await.map_err(|e| refuse(&e))
        });
        answer(done.await?.map(|l| pb::DeleteTicketResponse { ticket: Some(convert::ticket(&l)) }))
    }

    async fn get_availability(
        &self,
        request: Request<pb::GetAvailabilityRequest>,
    ) -> Result<Response<pb::GetAvailabilityResponse>, Status> {
        let wire = request.get_ref();
        let dates = (wire.start_date.as_ref(), wire.end_date.as_ref());
        let (id, nights) = read::availability(&wire.ticket_id, dates).map_err(|e| refuse(&e))?;
        let left = self.ticketing.get_availability(id, nights).await.map_err(|e| refuse(&e))?;
        let availability = Some(convert::availability(&left));
        Ok(Response::new(pb::GetAvailabilityResponse { availability }))
    }

    async fn get_calendar(
        &self,
        request: Request<pb::GetCalendarRequest>,
    ) -> Result<Response<pb::GetCalendarResponse>, Status> {
        let (wanted, conditions) = read::calendar(request.into_inner()).map_err(|e| refuse(&e))?;
        let read = self.ticketing.get_calendar(wanted).await.map_err(|e| refuse(&e))?;
        Ok(Response::new(pb::GetCalendarResponse {
            calendars: read.tickets.iter().map(convert::calendar).collect(),
            next_page_token: page_token(read.next, &conditions),
        }))
    }

    async fn create_house_hold(
        &self,
        request: Request<pb::CreateHouseHoldRequest>,
    ) -> Result<Response<pb::CreateHouseHoldResponse>, Status> {
        let (ticketing, caller) = (self.ticketing.clone(), caller_of(&request));
        let key = reply_key(&request, &caller, "TicketService/CreateHouseHold")?;
        let command = house::create(request.get_ref()).map_err(|e| refuse(&e))?;
        let done = self.tasks.finish(async move {
            ticketing.create_house_hold(&caller, command, key).await.map_err(|e| refuse(&e))
        });
        let hold = |hold| Some(house::house_hold(&hold));
        answer(done.await?.map(|held| pb::CreateHouseHoldResponse { hold: hold(held) }))
    }

    async fn release_house_hold(
        &self,
        request: Request<pb::ReleaseHouseHoldRequest>,
    ) -> Result<Response<pb::ReleaseHouseHoldResponse>, Status> {
        let (ticketing, caller) = (self.ticketing.clone(), caller_of(&request));
        let key = reply_key(&request, &caller, "TicketService/ReleaseHouseHold")?;
        let which = house::release(request.get_ref()).map_err(|e| refuse(&e))?;
        let done = self.tasks.finish(async move {
            ticketing.release_house_hold(&caller, which, key).await.map_err(|e| refuse(&e))
        });
        let hold = |hold| Some(house::house_hold(&hold));
        answer(done.await?.map(|held| pb::ReleaseHouseHoldResponse { hold: hold(held) }))
    }

    async fn list_house_holds(
        &self,
        request: Request<pb::ListHouseHoldsRequest>,
    ) -> Result<Response<pb::ListHouseHoldsResponse>, Status> {
        let (query, conditions) = house::list(request.get_ref()).map_err(|e| refuse(&e))?;
        let page = self.ticketing.list_house_holds(&caller_of(&request), query).await;
        let page = page.map_err(|e| refuse(&e))?;
        Ok(Response::new(pb::ListHouseHoldsResponse {
            holds: page.holds.iter().map(house::house_hold).collect(),
            next_page_token: page_token(page.next, &conditions),
        }))
    }

    type WatchAvailabilityStream = Answers;

    async fn watch_availability(
        &self,
        request: Request<pb::WatchAvailabilityRequest>,
    ) -> Result<Response<Self::WatchAvailabilityStream>, Status> {
        self.watching.watch(request).await
    }
}
