//! Server streams as Server-Sent Events.

use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use grpc_client::rename;
use http::Extensions;
use prost_reflect::DynamicMessage;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::call::{in_time, send};
use crate::codec::DynamicCodec;
use crate::limits::{EVENT_KEEPALIVE, FIRST_EVENT_WAIT, READ_DEADLINE};
use crate::routes::Route;
use crate::{error, json};

/// The server's wish to stop, in every request's extensions: it ends the streams.
#[derive(Debug, Clone)]
pub(crate) struct StreamsEnd(pub(crate) CancellationToken);

/// Opens the stream. What fails before its first message is an ordinary error.
pub(crate) async fn open(
    route: &Route,
    request: tonic::Request<DynamicMessage>,
    extensions: &Extensions,
) -> Result<Response, Status> {
    let call = send(route, request, READ_DEADLINE, |mut client, request, _| async move {
        let codec = DynamicCodec::new(route.rpc.output());
        client.server_streaming(request, route.grpc_path.clone(), codec).await
    });
    let mut messages = in_time(READ_DEADLINE, route, call).await?.into_inner();
    let first = match tokio::time::timeout(FIRST_EVENT_WAIT, messages.message()).await {
        Ok(Err(status)) => return Err(rename(route.rpc(), status)),
        Ok(Ok(Some(message))) => vec![event(route, Ok(message))],
        Ok(Ok(None)) | Err(_) => Vec::new(),
    };
    let events = stream::iter(first).chain(rest(route.clone(), messages)).map(Ok::<_, Infallible>);
    let stopping = extensions.get().map(|StreamsEnd(token)| token.clone()).unwrap_or_default();
    let events = events.take_until(stopping.cancelled_owned());
    let keep_alive = KeepAlive::new().interval(EVENT_KEEPALIVE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// The further messages, and the error that ends them.
fn rest(route: Route, messages: Streaming<DynamicMessage>) -> impl Stream<Item = Event> + Send {
    stream::unfold((route, Some(messages)), |(route, messages)| async move {
        let mut messages = messages?;
        match messages.message().await {
            Ok(message) => {
                let event = event(&route, Ok(message?));
                Some((event, (route, Some(messages))))
            }
            Err(status) => {
                let event = event(&route, Err(rename(route.rpc(), status)));
                Some((event, (route, None)))
            }
        }
    })
}

fn event(route: &Route, message: Result<DynamicMessage, Status>) -> Event {
    let written =
        message.and_then(|message| json::write(&message, route.rule.response_body.as_ref()));
    match written {
        Ok(json) => Event::default().data(String::from_utf8_lossy(&json)),
        Err(status) => Event::default().event("error").data(error::to_json(&status).to_string()),
    }
}
