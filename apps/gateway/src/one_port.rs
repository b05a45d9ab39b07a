//! Both doors at one port: each request goes to the one that it is for, unless its address sends too many.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use grpc_gateway::Door;
use tower::ServiceExt;

use crate::addresses::Addresses;

/// REST with gRPC and gRPC-Web beside it.
pub(crate) fn beside(rest: Router, door: Door, addresses: Addresses) -> Router {
    let addresses = Arc::new(addresses);
    Router::new().fallback(move |mut request: Request| {
        addresses.count(&mut request);
        let (rest, door) = (rest.clone(), door.clone());
        async move {
            if door.takes(&request) {
                let response = door.answer(request.map(tonic::body::Body::new)).await;
                response.map(Body::new)
            } else {
                let Ok(response) = rest.oneshot(request).await;
                response
            }
        }
    })
}
