//! The gateway: built from descriptors, mounted as a router.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use grpc_client::admitted;
use http::Method;
use http::header::{CONTENT_TYPE, ETAG};
use http::request::Parts;
use prost_reflect::DescriptorPool;
use tonic::transport::Channel;

use crate::bodies::Bodies;
use crate::limits::COMING_BYTES_MAX;
use crate::negotiate::{JSON, Wanted};
use crate::routes::Route;
use crate::rules::{self, GatewayError};
use crate::{call, conditional, docs, error, openapi};

/// REST in front of gRPC services, as their `google.api.http` annotations say.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) routes: Arc<[Route]>,
    pub(crate) new_request_id: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    pub(crate) bodies: Bodies,
    openapi: Bytes,
}

impl Gateway {
    /// Reads an encoded `FileDescriptorSet`. `backends` gives the channel to a service by its full
    /// name; a service without one has no routes.
    ///
    /// # Errors
    /// The descriptors cannot be read, an annotation cannot be served, or two ask for the same.
    pub fn new(
        descriptors: &[u8],
        backends: impl Fn(&str) -> Option<Channel>,
    ) -> Result<Self, GatewayError> {
        let pool = DescriptorPool::decode(descriptors)?;
        let routes = rules::routes(&pool, backends)?;
        let openapi = Bytes::from(openapi::document(&routes).to_string());
        let bodies = Bodies::new(COMING_BYTES_MAX);
        Ok(Self { routes: routes.into(), new_request_id: None, bodies, openapi })
    }

    /// How a request that brings no `x-request-id` gets one; without this it gets none.
    #[must_use]
    pub fn with_request_ids(mut self, new: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.new_request_id = Some(Arc::new(new));
        self
    }

    /// The routes, for a log: each shows itself as verb, template and rpc.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Serves the routes, what they are at `/openapi.json`, and a viewer of that at `/docs`. Other paths answer 404.
    pub fn router(&self) -> Router {
        let document = self.openapi.clone();
        let openapi = get(|parts: Parts| described(parts, document));
        let only_get = |parts: Parts| async move {
            let methods = [Method::GET, Method::HEAD, Method::OPTIONS];
            error::other_methods(&parts.method, &methods, Wanted::of(&parts.headers))
        };
        Router::new()
            .route("/openapi.json", openapi.fallback(only_get))
            .merge(docs::router())
            .route_layer(from_fn(unless_turned_away))
            .fallback(call::handle)
            .with_state(Arc::new(self.clone()))
    }
}

/// What is beside the routes is for nobody who is turned away either: the document is large, and compressed each time.
async fn unless_turned_away(request: Request, next: Next) -> Response {
    if let Err(status) = admitted(request.headers(), request.extensions()) {
        return error::response(&status, Wanted::of(request.headers()));
    }
    next.run(request).await
}

async fn described(parts: Parts, document: Bytes) -> Response {
    let wanted = Wanted::of(&parts.headers);
    if let Err(refused) = wanted.check(&parts.headers, JSON) {
        return error::response(&refused, wanted);
    }
    let tag = conditional::tag(None, &document).map(|tag| (ETAG, tag));
    let mut response = ([(CONTENT_TYPE, JSON)], document).into_response();
    response.headers_mut().extend(tag);
    call::finish(&parts, wanted, response).await
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("routes", &self.routes.len()).finish_non_exhaustive()
    }
}
