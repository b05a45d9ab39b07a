//! The gateway: built from descriptors, mounted as a router.

use std::fmt;
use std::sync::{Arc, LazyLock};

use axum::Router;
use bytes::Bytes;
use prost_reflect::DescriptorPool;
use tonic::transport::Channel;

use crate::bodies::Bodies;
use crate::limits::COMING_BYTES_MAX;
use crate::negotiate::JSON;
use crate::page::Page;
use crate::routes::Route;
use crate::rules::{self, GatewayError};
use crate::{call, docs, openapi};

/// REST in front of gRPC services, as their `google.api.http` annotations say.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) routes: Arc<[Route]>,
    pub(crate) new_request_id: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    pub(crate) bodies: Bodies,
    openapi: Arc<Page>,
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
        let document = Bytes::from(openapi::document(&routes).to_string());
        let openapi = Arc::new(Page::new(docs::DOCUMENT, JSON, document, &[]));
        // Now, and not while somebody waits for a page.
        LazyLock::force(&docs::PAGES);
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
        Router::new().fallback(call::handle).with_state(Arc::new(self.clone()))
    }

    /// What is under this very path beside the routes.
    pub(crate) fn page(&self, path: &str) -> Option<&Page> {
        [&*self.openapi].into_iter().chain(&*docs::PAGES).find(|page| page.path == path)
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("routes", &self.routes.len()).finish_non_exhaustive()
    }
}
