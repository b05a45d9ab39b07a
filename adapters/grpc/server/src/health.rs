//! The health service: everything starts NOT_SERVING, readiness flips it, and watchers are let go
//! when the server stops. And the reflection services.

use std::pin::Pin;

use futures::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthRpc, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::{HealthReporter, HealthService};

/// The whole server's own name in the health protocol.
const WHOLE: &str = "";
/// What an orchestrator's probes ask for: restart me, and send me calls.
const LIVENESS: &str = "liveness";
const READINESS: &str = "readiness";

/// Says of each service whether it serves. Clones speak for the same server.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: Vec<&'static str>,
}

/// The health service on the wire.
pub struct HealthGrpc {
    statuses: HealthService,
    stopping: CancellationToken,
}

impl Health {
    /// Knows the services by their full names; none serves yet.
    pub async fn new(services: &[&'static str]) -> Self {
        let health = Self { reporter: HealthReporter::new(), services: services.to_vec() };
        health.set_serving(false).await;
        health.reporter.set_service_status(LIVENESS, ServingStatus::Serving).await;
        health
    }

    /// Flips everything but liveness.
    pub async fn set_serving(&self, serving: bool) {
        for name in self.services.iter().chain(&[WHOLE, READINESS]) {
            self.set_service(name, serving).await;
        }
    }

    /// Flips one service.
    pub async fn set_service(&self, name: &'static str, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.reporter.set_service_status(name, status).await;
    }

    /// The service, which ends its watches when `stopping` is cancelled: an open watch would keep
    /// the server from stopping.
    #[must_use]
    pub fn service(&self, stopping: CancellationToken) -> HealthServer<HealthGrpc> {
        let statuses = HealthService::from_health_reporter(self.reporter.clone());
        HealthServer::new(HealthGrpc { statuses, stopping })
    }

    /// Routes with health, and reflection of its services, for the services to be added to.
    ///
    /// # Errors
    /// When the contract's descriptors cannot be read, which a test rules out.
    pub fn routes(
        &self,
        stopping: CancellationToken,
    ) -> Result<Routes, tonic_reflection::server::Error> {
        reflection(Routes::new(self.service(stopping)), &self.services)
    }
}

#[tonic::async_trait]
impl HealthRpc for HealthGrpc {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.statuses.check(request).await
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let changes = self.statuses.watch(request).await?.into_inner();
        let until_stop = changes.take_until(self.stopping.clone().cancelled_owned());
        Ok(Response::new(Box::pin(until_stop)))
    }
}

/// Adds reflection v1 and v1alpha of these services and of health.
fn reflection(
    routes: Routes,
    services: &[&'static str],
) -> Result<Routes, tonic_reflection::server::Error> {
    let builder = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        services.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    Ok(routes.add_service(builder().build_v1()?).add_service(builder().build_v1alpha()?))
}
