//! Each rpc of `PaymentService` is one use case, or a batch of it.

use std::pin::pin;
use std::sync::Arc;

use autometrics::autometrics;
use futures::StreamExt;
use futures::stream::BoxStream;
use grpc_server::batch::check_size;
use grpc_server::objectives::served;
use grpc_server::wire::page_token;
use grpc_server::{Tasks, caller_of, refuse};
use kernel::Caller;
use payment::Paying;
use proto::boxoffice::payment::v1 as pb;
use proto::boxoffice::payment::v1::payment_service_server::PaymentService;
use proto::boxoffice::payment::v1::payment_verdict::Outcome;
use tonic::{Request, Response, Status};

use crate::{batch, convert, request as read};

/// `PaymentService` over this context's use cases.
pub struct PaymentGrpc {
    /// The use cases.
    pub paying: Arc<Paying>,
    /// Runs what changes something.
    pub tasks: Tasks,
}

#[autometrics(ok_if = served)]
#[tonic::async_trait]
impl PaymentService for PaymentGrpc {
    async fn get_payment(
        &self,
        request: Request<pb::GetPaymentRequest>,
    ) -> Result<Response<pb::GetPaymentResponse>, Status> {
        let id = read::payment_id(&request.get_ref().payment_id).map_err(|e| refuse(&e))?;
        let found = self.paying.get_payment(&caller_of(&request), id).await;
        let payment = Some(convert::payment(&found.map_err(|e| refuse(&e))?));
        Ok(Response::new(pb::GetPaymentResponse { payment }))
    }

    async fn list_payments(
        &self,
        request: Request<pb::ListPaymentsRequest>,
    ) -> Result<Response<pb::ListPaymentsResponse>, Status> {
        let (query, conditions) = read::list(request.get_ref()).map_err(|e| refuse(&e))?;
        let page = self.paying.list_payments(&caller_of(&request), query).await;
        let page = page.map_err(|e| refuse(&e))?;
        Ok(Response::new(pb::ListPaymentsResponse {
            payments: page.payments.iter().map(convert::payment).collect(),
            next_page_token: page_token(page.next, &conditions),
        }))
    }

    async fn charge_payment(
        &self,
        request: Request<pb::ChargePaymentRequest>,
    ) -> Result<Response<pb::ChargePaymentResponse>, Status> {
        let (paying, caller) = (self.paying.clone(), caller_of(&request));
        let wire = request.into_inner();
        let charged = self.tasks.finish(async move { charge(&paying, &caller, wire).await });
        Ok(Response::new(charged.await?))
    }

    async fn refund_payment(
        &self,
        request: Request<pb::RefundPaymentRequest>,
    ) -> Result<Response<pb::RefundPaymentResponse>, Status> {
        let (paying, caller) = (self.paying.clone(), caller_of(&request));
        let wire = request.into_inner();
        let refunded = self.tasks.finish(async move { refund(&paying, &caller, wire).await });
        Ok(Response::new(refunded.await?))
    }

    async fn reduce_payment(
        &self,
        request: Request<pb::ReducePaymentRequest>,
    ) -> Result<Response<pb::ReducePaymentResponse>, Status> {
        let (paying, caller) = (self.paying.clone(), caller_of(&request));
        let (booking_id, keep) = read::reduce(request.get_ref()).map_err(|e| refuse(&e))?;
        let settlement = self.tasks.finish(async move {
            let reduced = paying.reduce_payment(&caller, booking_id, keep).await;
            reduced.map_err(|e| refuse(&e))
        });
        Ok(Response::new(convert::reduced(&settlement.await?)))
    }

    type ChargePaymentsStream = BoxStream<'static, Result<pb::ChargePaymentsResponse, Status>>;

    async fn charge_payments(
        &self,
        request: Request<pb::ChargePaymentsRequest>,
    ) -> Result<Response<Self::ChargePaymentsStream>, Status> {
        let (paying, caller) = (self.paying.clone(), caller_of(&request));
        caller.service().map_err(|e| refuse(&e))?;
        let commands = request.into_inner().commands;
        let count = commands.len();
        check_size("commands", count)?;
        let answers = self.tasks.answers(count, |answers| async move {
            let call = async |wire| charge(&paying, &caller, wire).await.map(Outcome::Charge);
            let mut verdicts = pin!(batch::charges(commands, call));
            while let Some(ended) = verdicts.next().await {
                // A client that has left does not hear of it; its charges go on.
                let _ = answers.send(Ok(ended)).await;
            }
        });
        Ok(Response::new(answers?.boxed()))
    }

    async fn batch_charge_payments(
        &self,
        request: Request<pb::BatchChargePaymentsRequest>,
    ) -> Result<Response<pb::BatchChargePaymentsResponse>, Status> {
        let (paying, caller) = (self.paying.clone(), caller_of(&request));
        let items = request.into_inner().requests;
        check_size("requests", items.len())?;
        let verdicts = self.tasks.finish(async move {
            let call = async |wire| charge(&paying, &caller, wire).await.map(Outcome::Charge);
            Ok(batch::run("BatchChargePayments", items, call).await)
        });
        Ok(Response::new(pb::BatchChargePaymentsResponse { verdicts: verdicts.await? }))
    }

    async fn batch_refund_payments(
        &self,
        request: Request<pb::BatchRefundPaymentsRequest>,
    ) -> Result<Response<pb::BatchRefundPaymentsResponse>, Status> {
        let (paying, caller) = (self.paying.clone(), caller_of(&request));
        let items = request.into_inner().requests;
        check_size("requests", items.len())?;
        let verdicts = self.tasks.finish(async move {
            let call = async |wire| refund(&paying, &caller, wire).await.map(Outcome::Refund);
            Ok(batch::run("BatchRefundPayments", items, call).await)
        });
        Ok(Response::new(pb::BatchRefundPaymentsResponse { verdicts: verdicts.await? }))
    }
}

async fn charge(
    paying: &Paying,
    caller: &Caller,
    wire: pb::ChargePaymentRequest,
) -> Result<pb::ChargePaymentResponse, Status> {
    let asked = read::charge(&wire).map_err(|e| refuse(&e))?;
    let charged = paying.charge_payment(caller, asked).await.map_err(|e| refuse(&e))?;
    Ok(convert::charged(&charged))
}

async fn refund(
    paying: &Paying,
    caller: &Caller,
    wire: pb::RefundPaymentRequest,
) -> Result<pb::RefundPaymentResponse, Status> {
    let (booking_id, keep) = read::refund(&wire).map_err(|e| refuse(&e))?;
    let settlement = paying.refund_payment(caller, booking_id, keep).await;
    Ok(convert::refunded(&settlement.map_err(|e| refuse(&e))?))
}
