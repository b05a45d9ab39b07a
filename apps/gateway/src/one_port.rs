//! Both doors at one port: each request goes to the one that it is for, unless its address sends too many.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use grpc_gateway::Door;

use crate::addresses::Addresses;

/// REST with gRPC and gRPC-Web beside it. A layer, not a router around it: two routers would each say how long the answer
/// to HEAD is, the second of what the first has left of it.
pub(crate) fn beside(rest: Router, door: Door, addresses: Addresses) -> Router {
    let addresses = Arc::new(addresses);
    rest.layer(from_fn(move |mut request: Request, next: Next| {
        addresses.count(&mut request);
        let door = door.clone();
        async move {
            if door.takes(&request) {
                let response = door.answer(request.map(tonic::body::Body::new)).await;
                response.map(Body::new)
            } else {
                next.run(request).await
            }
        }
    }))
}
