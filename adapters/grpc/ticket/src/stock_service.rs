//! Each rpc of `StockService` is one stock command, or a batch of them.

use std::sync::Arc;

use autometrics::autometrics;
use grpc_server::objectives::served;
use grpc_server::{Tasks, batch, caller_of, refuse};
use kernel::{Caller, Invalid};
use proto::boxoffice::ticket::v1 as pb;
use proto::boxoffice::ticket::v1::stock_service_server::StockService;
use telemetry_metrics::names::HOLDS;
use ticket::{ExecuteStockError, HoldStep, StockCommand, StockOutcome, Ticketing};
use tonic::{Request, Response, Status};

use crate::stock_convert as convert;

/// `StockService` over this context's use cases.
pub struct StockGrpc {
    /// The use cases.
    pub ticketing: Arc<Ticketing>,
    /// Runs what changes something.
    pub tasks: Tasks,
}

impl StockGrpc {
    /// Runs one command in a task of its own; `None` is a tombstone.
    async fn execute(
        &self,
        caller: Caller,
        command: Result<StockCommand, Invalid>,
    ) -> Result<Option<pb::Hold>, Status> {
        let command = command.map_err(|e| refuse(&e))?;
        let ticketing = self.ticketing.clone();
        let outcome =
            self.tasks.finish(async move { decide(&ticketing, &caller, command).await }).await?;
        Ok(convert::outcome(&outcome))
    }
}

/// One command, however it came.
async fn decide(
    ticketing: &Ticketing,
    caller: &Caller,
    command: StockCommand,
) -> Result<StockOutcome, Status> {
    let ended = ticketing.execute_stock(caller, command).await;
    if let Err(ExecuteStockError::Refused(_)) = &ended {
        HOLDS.add([REFUSED]);
    }
    ended.map_err(|e| refuse(&e))
}

/// What has changed the store counts when it commits it; a refusal changes nothing.
const REFUSED: &str = "refused";

#[autometrics(ok_if = served)]
#[tonic::async_trait]
impl StockService for StockGrpc {
    async fn hold_stock(
        &self,
        request: Request<pb::HoldStockRequest>,
    ) -> Result<Response<pb::HoldStockResponse>, Status> {
        let command = convert::read_hold(request.get_ref());
        let hold = self.execute(caller_of(&request), command).await?;
        Ok(Response::new(pb::HoldStockResponse { hold }))
    }

    async fn pin_hold(
        &self,
        request: Request<pb::PinHoldRequest>,
    ) -> Result<Response<pb::PinHoldResponse>, Status> {
        let command = convert::read_step(&request.get_ref().hold_id, HoldStep::Pin);
        let hold = self.execute(caller_of(&request), command).await?;
        Ok(Response::new(pb::PinHoldResponse { hold }))
    }

    async fn unpin_hold(
        &self,
        request: Request<pb::UnpinHoldRequest>,
    ) -> Result<Response<pb::UnpinHoldResponse>, Status> {
        let command = convert::read_step(&request.get_ref().hold_id, HoldStep::Unpin);
        let hold = self.execute(caller_of(&request), command).await?;
        Ok(Response::new(pb::UnpinHoldResponse { hold }))
    }

    async fn commit_hold(
        &self,
        request: Request<pb::CommitHoldRequest>,
    ) -> Result<Response<pb::CommitHoldResponse>, Status> {
        let command = convert::read_step(&request.get_ref().hold_id, HoldStep::Commit);
        let hold = self.execute(caller_of(&request), command).await?;
        Ok(Response::new(pb::CommitHoldResponse { hold }))
    }

    async fn release_hold(
        &self,
        request: Request<pb::ReleaseHoldRequest>,
    ) -> Result<Response<pb::ReleaseHoldResponse>, Status> {
        let command = convert::read_step(&request.get_ref().hold_id, HoldStep::Release);
        let hold = self.execute(caller_of(&request), command).await?;
        Ok(Response::new(pb::ReleaseHoldResponse { hold }))
    }

    async fn return_stock(
        &self,
        request: Request<pb::ReturnStockRequest>,
    ) -> Result<Response<pb::ReturnStockResponse>, Status> {
        let command = convert::read_step(&request.get_ref().hold_id, HoldStep::Return);
        let hold = self.execute(caller_of(&request), command).await?;
        Ok(Response::new(pb::ReturnStockResponse { hold }))
    }

    async fn reduce_hold(
        &self,
        request: Request<pb::ReduceHoldRequest>,
    ) -> Result<Response<pb::ReduceHoldResponse>, Status> {
        let command = convert::read_reduce(request.get_ref());
        let hold = self.execute(caller_of(&request), command).await?;
        Ok(Response::new(pb::ReduceHoldResponse { hold }))
    }

    async fn get_hold(
        &self,
        request: Request<pb::GetHoldRequest>,
    ) -> Result<Response<pb::GetHoldResponse>, Status> {
        let id = convert::read_hold_id(&request.get_ref().hold_id).map_err(|e| refuse(&e))?;
        let found = self.ticketing.get_hold(&caller_of(&request), id).await;
        let hold = Some(convert::hold(&found.map_err(|e| refuse(&e))?));
        Ok(Response::new(pb::GetHoldResponse { hold }))
    }

    async fn execute_stock(
        &self,
        request: Request<pb::ExecuteStockRequest>,
    ) -> Result<Response<pb::ExecuteStockResponse>, Status> {
        let caller = caller_of(&request);
        caller.service().map_err(|e| refuse(&e))?;
        let commands = request.into_inner().commands;
        batch::check_size("commands", commands.len())?;
        let ticketing = self.ticketing.clone();
        let verdicts = self.tasks.finish(async move {
            // Each takes its own turn below the store, where tickets take turns: one that is hot does not keep the
            // others of its batch from theirs, and one that cannot be decided fails alone.
            let members = commands.into_iter().map(convert::member);
            let decide = async |command| decide(&ticketing, &caller, command?).await;
            let answers = batch::members("ExecuteStock", members, decide);
            Ok(batch::in_order(answers).await)
        });
        let verdicts = verdicts.await?.into_iter().map(convert::verdict).collect();
        Ok(Response::new(pb::ExecuteStockResponse { verdicts }))
    }
}
