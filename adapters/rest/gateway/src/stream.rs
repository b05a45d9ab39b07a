//! Server streams as Server-Sent Events.

use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use grpc_client::{StreamPlace, StreamRoom, rename};
use http::{Extensions, HeaderMap};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::call::{in_time, send};
use crate::codec::DynamicCodec;
use crate::limits::{EVENT_KEEPALIVE, FIRST_EVENT_WAIT, READ_DEADLINE};
use crate::routes::Route;
use crate::violations::Violations;
use crate::{error, json};

/// How a client of Server-Sent Events says what it saw last.
const LAST_EVENT_ID: &str = "last-event-id";
/// The field of streams that says how far they have come, in requests and answers alike.
const RESUME_TOKEN: &str = "resume_token";

/// The server's wish to stop, in every request's extensions: it ends the streams.
#[derive(Debug, Clone)]
pub(crate) struct StreamsEnd(pub(crate) CancellationToken);

/// Opens the stream. What fails before its first message is an ordinary error.
pub(crate) async fn open(
    route: &Route,
    request: tonic::Request<DynamicMessage>,
    extensions: &Extensions,
) -> Result<Response, Status> {
    let place = StreamRoom::enter(extensions)?;
    let call = send(route, request, READ_DEADLINE, |mut client, request, _| async move {
        let codec = DynamicCodec::new(route.rpc.output());
        client.server_streaming(request, route.grpc_path.clone(), codec).await
    });
    let mut messages = in_time(READ_DEADLINE, route, call).await?.into_inner();
    let first = match tokio::time::timeout(FIRST_EVENT_WAIT, messages.message()).await {
        Ok(Err(status)) => return Err(rename(route.rpc(), status)),
        Ok(Ok(Some(message))) => vec![event(route, Ok(message))],
        Ok(Ok(None)) => return Ok(sse(stream::empty())),
        Err(_) => Vec::new(),
    };
    let stopping = extensions.get().map(|StreamsEnd(token)| token.clone()).unwrap_or_default();
    Ok(sse(stream::iter(first).chain(rest(route.clone(), (messages, place), stopping))))
}

/// Has the stream go on after the event that the client saw last, where it can: the id of an event is the
/// `resume_token` of its message.
pub(crate) fn resume(message: &mut DynamicMessage, headers: &HeaderMap) -> Result<(), Status> {
    let Some(given) = headers.get(LAST_EVENT_ID) else { return Ok(()) };
    let Some(field) = token_field(&message.descriptor()) else { return Ok(()) };
    let given = given.to_str().map_err(|_| Violations::one(LAST_EVENT_ID, "is no id of an event"));
    message.set_field(&field, Value::String(given?.to_owned()));
    Ok(())
}

fn token_field(message: &MessageDescriptor) -> Option<FieldDescriptor> {
    let field = message.get_field_by_name(RESUME_TOKEN);
    field.filter(|field| field.kind() == Kind::String && !field.is_list())
}

fn sse(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let keep_alive = KeepAlive::new().interval(EVENT_KEEPALIVE);
    Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(keep_alive).into_response()
}

/// The further messages, and the error that ends them: the server's, or that we stop. The stream's place goes with them.
fn rest(
    route: Route,
    open: (Streaming<DynamicMessage>, Option<StreamPlace>),
    stopping: CancellationToken,
) -> impl Stream<Item = Event> + Send {
    stream::unfold((route, Some(open), stopping), |(route, open, stopping)| async move {
        let (mut messages, place) = open?;
        let next = tokio::select! {
            biased;
            () = stopping.cancelled() => Err(error::stopping()),
            next = messages.message() => next.map_err(|status| rename(route.rpc(), status)),
        };
        match next {
            Ok(message) => {
                let event = event(&route, Ok(message?));
                Some((event, (route, Some((messages, place)), stopping)))
            }
            Err(status) => {
                let event = event(&route, Err(status));
                Some((event, (route, None, stopping)))
            }
        }
    })
}

fn event(route: &Route, message: Result<DynamicMessage, Status>) -> Event {
    let written = message.and_then(|message| {
        let json = json::write(&message, route.rule.response_body.as_ref())?;
        Ok((json, id_of(&message)))
    });
    match written {
        Ok((json, id)) => {
            let event = Event::default().data(String::from_utf8_lossy(&json));
            id.into_iter().fold(event, Event::id)
        }
        Err(status) => {
            let event = Event::default().event("error").data(error::to_json(&status).to_string());
            error::retry_delay(&status).into_iter().fold(event, Event::retry)
        }
    }
}

/// What begins another stream after this message; nothing that could not stand in a line.
fn id_of(message: &DynamicMessage) -> Option<String> {
    let token = message.get_field(&token_field(&message.descriptor())?);
    let token = token.as_str().filter(|token| !token.is_empty());
    token.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic())).map(str::to_owned)
}
