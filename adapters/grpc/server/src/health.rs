//! The health service: everything starts NOT_SERVING, readiness flips it, and watchers are let go
//! when the server stops. And the reflection services.

use std::collections::BTreeSet;
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
    names: Option<PublicNames>,
}

/// The names that a door to the outside knows, whoever serves them: the services that clients may call, each as healthy
/// as the whole, and the whole itself.
#[derive(Debug, Clone)]
struct PublicNames(BTreeSet<String>);

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
        HealthServer::new(HealthGrpc { statuses, stopping, names: None })
    }

    /// Health and reflection as clients from outside are to see them: of these services alone, whose descriptors these
    /// are.
    ///
    /// # Errors
    /// When the descriptors cannot be read.
    pub fn public_routes(
        &self,
        services: &[String],
        descriptors: &[u8],
        stopping: CancellationToken,
    ) -> Result<Routes, tonic_reflection::server::Error> {
        let statuses = HealthService::from_health_reporter(self.reporter.clone());
        let names = Some(PublicNames(services.iter().cloned().collect()));
        let health = HealthServer::new(HealthGrpc { statuses, stopping, names });
        let services: Vec<_> = services.iter().map(String::as_str).collect();
        reflection(Routes::new(health), descriptors, &services)
    }

    /// Routes with health, and reflection of its services, for the services to be added to.
    ///
    /// # Errors
    /// When the contract's descriptors cannot be read, which a test rules out.
    pub fn routes(
        &self,
        stopping: CancellationToken,
    ) -> Result<Routes, tonic_reflection::server::Error> {
        reflection(Routes::new(self.service(stopping)), proto::FILE_DESCRIPTOR_SET, &self.services)
    }
}

#[tonic::async_trait]
impl HealthRpc for HealthGrpc {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.statuses.check(self.known(request)?).await
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let changes = self.statuses.watch(self.known(request)?).await?.into_inner();
        let until_stop = changes.take_until(self.stopping.clone().cancelled_owned());
        Ok(Response::new(Box::pin(until_stop)))
    }
}

impl HealthGrpc {
    /// The question under the name that is kept here.
    fn known(
        &self,
        mut request: Request<HealthCheckRequest>,
    ) -> Result<Request<HealthCheckRequest>, Status> {
        let Some(PublicNames(names)) = &self.names else { return Ok(request) };
        let name = &mut request.get_mut().service;
        if names.contains(name.as_str()) {
            WHOLE.clone_into(name);
        } else if ![WHOLE, LIVENESS, READINESS].contains(&name.as_str()) {
            return Err(Status::not_found("service not registered"));
        }
        Ok(request)
    }
}

/// Adds reflection v1 and v1alpha of these services and of health.
fn reflection(
    routes: Routes,
    descriptors: &[u8],
    services: &[&str],
) -> Result<Routes, tonic_reflection::server::Error> {
    let builder = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        services.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    Ok(routes.add_service(builder().build_v1()?).add_service(builder().build_v1alpha()?))
}
