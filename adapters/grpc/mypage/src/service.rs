//! Each rpc of `MyPageService` is one use case.

use std::sync::Arc;

use autometrics::autometrics;
use grpc_server::objectives::served;
use grpc_server::{caller_of, refuse, time_left};
use mypage::MyPage;
use proto::boxoffice::mypage::v1 as pb;
use proto::boxoffice::mypage::v1::my_page_service_server::MyPageService;
use tonic::{Request, Response, Status};

use crate::caught_up::CaughtUp;
use crate::convert;
use crate::watch::{Answers, BookingStreams};

/// `MyPageService` over this context's use cases.
pub struct MyPageGrpc {
    /// The use cases.
    pub my_page: Arc<MyPage>,
    /// The streams of buyers' bookings.
    pub watching: BookingStreams,
    /// Waits for what the view has not seen yet.
    pub caught_up: CaughtUp,
}

#[autometrics(ok_if = served)]
#[tonic::async_trait]
impl MyPageService for MyPageGrpc {
    async fn list_my_bookings(
        &self,
        request: Request<pb::ListMyBookingsRequest>,
    ) -> Result<Response<pb::ListMyBookingsResponse>, Status> {
        let (query, conditions) =
            convert::list_my_bookings(request.get_ref()).map_err(|e| refuse(&e))?;
        let page = self.my_page.list_my_bookings(&caller_of(&request), query).await;
        let page = page.map_err(|e| refuse(&e))?;
        Ok(Response::new(convert::my_bookings(page, &conditions)))
    }

    async fn get_my_booking(
        &self,
        request: Request<pb::GetMyBookingRequest>,
    ) -> Result<Response<pb::GetMyBookingResponse>, Status> {
        let wanted = convert::wanted_booking(request.get_ref()).map_err(|e| refuse(&e))?;
        let (caller, left) = (caller_of(&request), time_left(&request));
        let row = self.caught_up.get_my_booking(&self.my_page, &caller, wanted, left);
        let booking = Some(convert::my_booking(row.await.map_err(|e| refuse(&e))?));
        Ok(Response::new(pb::GetMyBookingResponse { booking }))
    }

    type WatchMyBookingsStream = Answers;

    async fn watch_my_bookings(
        &self,
        request: Request<pb::WatchMyBookingsRequest>,
    ) -> Result<Response<Self::WatchMyBookingsStream>, Status> {
        self.watching.watch(request).await
    }

    async fn list_my_sales(
        &self,
        request: Request<pb::ListMySalesRequest>,
    ) -> Result<Response<pb::ListMySalesResponse>, Status> {
        let (query, conditions) =
            convert::list_my_sales(request.get_ref()).map_err(|e| refuse(&e))?;
        let page = self.my_page.list_my_sales(&caller_of(&request), query).await;
        let page = page.map_err(|e| refuse(&e))?;
        Ok(Response::new(convert::my_sales(page, &conditions)))
    }

    async fn get_sales_summary(
        &self,
        request: Request<pb::GetSalesSummaryRequest>,
    ) -> Result<Response<pb::GetSalesSummaryResponse>, Status> {
        let ticket_id = convert::summary_ticket(request.get_ref()).map_err(|e| refuse(&e))?;
        let sums = self.my_page.get_sales_summary(&caller_of(&request), ticket_id).await;
        let summary = Some(convert::summary(ticket_id, sums.map_err(|e| refuse(&e))?));
        Ok(Response::new(pb::GetSalesSummaryResponse { summary }))
    }
}
