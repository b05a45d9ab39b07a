//! One HTTP request: finds its route, binds it, calls the rpc and answers.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use grpc_client::{
    Calls, REQUEST_ID, Repeat, TWICE, admitted, forwarded, name_request, never_came, rename,
    too_large,
};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use prost_reflect::{DynamicMessage, Value};
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tracing::Instrument;

use crate::bodies::Bodies;
use crate::codec::DynamicCodec;
use crate::created::Created;
use crate::error::{self, refusal, too_late};
use crate::gateway::Gateway;
use crate::limits::{
    BODY_BYTES_MAX, DEADLINE_GRACE, MESSAGE_BYTES_MAX, READ_DEADLINE, REQUEST_DEADLINE,
    WRITE_DEADLINE,
};
use crate::negotiate::{EVENTS, JSON, Wanted};
use crate::routes::{BodyRule, Found, Route, all_methods, find};
use crate::telling::Telling;
use crate::template::RequestPath;
use crate::violations::Violations;
use crate::{bind, compress, conditional, json, stream};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What is to go has no date of its own in the contract: it is deprecated since ever (RFC 9745).
const DEPRECATION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("deprecation"), HeaderValue::from_static("@0"));

/// Serves every path of the routes.
pub(crate) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    request: Request<Body>,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let head = parts.method == Method::HEAD;
    let made = || gateway.new_request_id.as_ref().and_then(|new| HeaderValue::try_from(new()).ok());
    let id = name_request(&mut parts.headers, made);
    let found = look_up(&gateway, &parts);
    let route = if let Ok(Found::Route(route, _)) = &found { Some(*route) } else { None };
    let wanted = Wanted::of(&parts.headers);
    let mut telling = Telling::of(&parts, found.as_ref().ok());
    let answered = answer(found, &parts, (&gateway.bodies, body), wanted)
        .instrument(telling.span.clone())
        .await;
    let answered = answered.and_then(|response| conditional::meant(&parts, response));
    let mut response = answered.unwrap_or_else(|status| {
        telling.refused(&status);
        let mut response = error::response(&status, wanted);
        response.headers_mut().extend(replayed(status.metadata()));
        response
    });
    response.headers_mut().extend(id.map(|id| (REQUEST_ID, id)));
    let deprecated = route.is_some_and(|route| route.deprecated);
    response.headers_mut().extend(deprecated.then_some(DEPRECATION));
    let mut response = finish(&parts, wanted, response).await;
    telling.answered(response.status());
    if head {
        *response.body_mut() = conditional::no_body();
    }
    response
}

/// What the path and the method are for. An asterisk stands for the server as a whole.
fn look_up<'g>(gateway: &'g Gateway, parts: &Parts) -> Result<Found<'g>, Status> {
    if parts.method == Method::OPTIONS && parts.uri.path() == "*" {
        return Ok(Found::OtherMethods(all_methods(&gateway.routes)));
    }
    if let Some(page) = gateway.page(parts.uri.path()) {
        let reads = [Method::GET, Method::HEAD].contains(&parts.method);
        let methods = || vec![Method::GET, Method::HEAD, Method::OPTIONS];
        return Ok(if reads { Found::Page(page) } else { Found::OtherMethods(methods()) });
    }
    let path = RequestPath::parse(parts.uri.path())
        .map_err(|_| Violations::one("path", "has an escape that is not UTF-8"))?;
    Ok(find(&gateway.routes, &parts.method, &path))
}

/// Gives the answer the form that the client wants, or none where it has it already.
async fn finish(parts: &Parts, wanted: Wanted, mut response: Response) -> Response {
    let compressed = compress::fits(&response, wanted);
    compress::mark(&mut response, compressed);
    if conditional::is_known(&parts.method, &parts.headers, &response) {
        return conditional::not_modified(response);
    }
    if compressed { compress::gzip(response).await } else { response }
}

async fn answer(
    found: Result<Found<'_>, Status>,
    parts: &Parts,
    (bodies, body): (&Bodies, Body),
    wanted: Wanted,
) -> Result<Response, Status> {
    admitted(&parts.headers, &parts.extensions)?;
    let (route, values) = match found? {
        Found::Route(route, values) => (route, values),
        Found::Page(page) => {
            wanted.check(&parts.headers, page.media_type())?;
            return Ok(page.answer());
        }
        Found::OtherMethods(methods) => {
            return Ok(error::other_methods(&parts.method, &methods, wanted));
        }
        Found::Nothing => return Err(error::no_route()),
    };
    let streams = route.rpc.is_server_streaming();
    wanted.check(&parts.headers, if streams { EVENTS } else { JSON })?;
    let body = read_body(parts, bodies, body).await?;
    check_media_type(route, &parts.headers, &body)?;
    let mut message = bind::request(route, &values, parts.uri.query(), &body)?;
    if streams {
        stream::resume(&mut message, &parts.headers)?;
    }
    conditional::bind(route, parts, &mut message)?;
    let metadata = passed(&parts.headers)?;
    let request = tonic::Request::from_parts(metadata, tonic::Extensions::default(), message);
    if streams {
        stream::open(route, request, &parts.extensions).await
    } else {
        unary(route, request).await
    }
}

async fn unary(route: &Route, request: tonic::Request<DynamicMessage>) -> Result<Response, Status> {
    let allowed = if route.rule.method == Method::GET { READ_DEADLINE } else { WRITE_DEADLINE };
    let call = send(route, request, allowed, |mut client, mut request, left| async move {
        request.set_timeout(left);
        let codec = DynamicCodec::new(route.rpc.output());
        client.unary(request, route.grpc_path.clone(), codec).await
    });
    let answered = in_time(allowed + DEADLINE_GRACE, route, call).await?;
    let (metadata, message, _) = answered.into_parts();
    let json = json::write(&message, route.rule.response_body.as_ref())?;
    let mut response = Response::new(Body::empty());
    describe(route, &message, &json, &mut response);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(json.len()));
    headers.extend(replayed(&metadata));
    headers.extend(retry_after(&metadata));
    *response.body_mut() = Body::from(json);
    Ok(response)
}

/// Says what the answer stands for: a resource that was made and where it is, and in which state
/// what the path names is.
fn describe(route: &Route, message: &DynamicMessage, json: &[u8], response: &mut Response) {
    let field = route.rule.response_body.as_ref().map(|field| message.get_field(field));
    let resource = field.as_deref().map_or(Some(message), Value::as_message);
    let (location, is_listed) = match &route.created {
        Some(Created::At(place)) => (resource.and_then(|made| place.location(made)), false),
        Some(Created::Listed) => (None, true),
        None => (None, false),
    };
    let is_found = location.is_some();
    if is_found || is_listed {
        *response.status_mut() = StatusCode::CREATED;
    }
    response.headers_mut().extend(location.map(|location| (LOCATION, location)));
    let tagged = [Method::GET, Method::PUT, Method::PATCH].contains(&route.rule.method) || is_found;
    let tag = if tagged { conditional::tag(resource, json) } else { None };
    response.headers_mut().extend(tag.map(|tag| (ETAG, tag)));
}

/// The mark of an answer, or of an error, that an earlier request with the same key got.
fn replayed(metadata: &MetadataMap) -> Option<(HeaderName, HeaderValue)> {
    let marked = metadata.get(REPLAYED.as_str()).is_some_and(|replayed| replayed == "true");
    marked.then(|| (REPLAYED, HeaderValue::from_static("true")))
}

/// When asking again makes sense, of an answer that is no error: a booking that could not be paid.
fn retry_after(metadata: &MetadataMap) -> Option<(HeaderName, HeaderValue)> {
    let seconds = metadata.get(RETRY_AFTER.as_str())?.to_str().ok()?.parse::<u32>().ok()?;
    Some((RETRY_AFTER, HeaderValue::from(seconds)))
}

/// Makes the call, and again where that can do no harm: `perform` is given what is left of the time.
pub(crate) async fn send<T, F>(
    route: &Route,
    request: tonic::Request<DynamicMessage>,
    allowed: Duration,
    perform: impl Fn(Grpc<Calls>, tonic::Request<DynamicMessage>, Duration) -> F,
) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let (metadata, _, message) = request.into_parts();
    let repeat = if route.rule.method == Method::GET { Repeat::Read } else { Repeat::Never };
    let attempt = |left| {
        let (metadata, message) = (metadata.clone(), message.clone());
        let request = tonic::Request::from_parts(metadata, tonic::Extensions::default(), message);
        let perform = &perform;
        async move { perform(client(route).await?, request, left).await }
    };
    route.backend.resend.call(allowed, repeat, attempt).await
}

/// A client of the route's service that is ready to call.
async fn client(route: &Route) -> Result<Grpc<Calls>, Status> {
    let client = Grpc::new(route.backend.calls.clone());
    let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    Ok(client)
}

/// Runs the call, for so long at most, and gives what went wrong between us and the server its name.
pub(crate) async fn in_time<T>(
    allowed: Duration,
    route: &Route,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    match tokio::time::timeout(allowed, call).await {
        Ok(answered) => answered.map_err(|status| rename(route.rpc(), status)),
        Err(_) => Err(too_late()),
    }
}

async fn read_body(parts: &Parts, bodies: &Bodies, body: Body) -> Result<Bytes, Status> {
    let said = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if said.and_then(|length| length.parse().ok()).is_some_and(|n: usize| n > BODY_BYTES_MAX) {
        return Err(too_large(BODY_BYTES_MAX));
    }
    let read = tokio::time::timeout(REQUEST_DEADLINE, bodies.read(body)).await;
    read.unwrap_or_else(|_| Err(never_came()))
}

fn check_media_type(route: &Route, headers: &HeaderMap, body: &Bytes) -> Result<(), Status> {
    if route.rule.body == BodyRule::None {
        return Ok(());
    }
    let json = match headers.get(CONTENT_TYPE) {
        Some(given) => given.to_str().is_ok_and(is_json),
        None => body.is_empty(),
    };
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let as_it_is = codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if json && as_it_is {
        return Ok(());
    }
    let message = "the content-type must be application/json, without content-encoding";
    Err(refusal(Code::InvalidArgument, "UNSUPPORTED_MEDIA_TYPE", message))
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.eq_ignore_ascii_case("charset")
            || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

/// The headers that the server is to see.
fn passed(headers: &HeaderMap) -> Result<MetadataMap, Status> {
    let passed = forwarded(headers).map_err(|twice| {
        let mut violations = Violations::default();
        twice.iter().for_each(|name| violations.add(name.as_str(), TWICE));
        violations.status()
    })?;
    Ok(MetadataMap::from_headers(passed))
}
