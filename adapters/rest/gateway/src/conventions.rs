//! What REST makes of every route by convention, for the document: which one makes a resource, which answers have a
//! tag, and which requests take a condition or a key.

use http::Method;
use prost_reflect::{Kind, MessageDescriptor};

use crate::routes::{BodyRule, Route};
use crate::template::Segment;

const ETAG: &str = "etag";

/// Whether the route makes a resource: a POST to a collection, of which a GET with one more segment answers with the
/// same message.
pub(crate) fn creates(post: &Route, routes: &[Route]) -> bool {
    let made = resource(post);
    let collection = &post.rule.template;
    let reads = |get: &Route| {
        let template = &get.rule.template;
        let (last, before) = match template.segments.split_last() {
            Some(split) => split,
            None => return false,
        };
        get.rule.method == Method::GET
            && template.verb.is_none()
            && *last == Segment::One
            && before == collection.segments.as_slice()
            && resource(get) == made
    };
    made.is_some()
        && post.rule.method == Method::POST
        && collection.verb.is_none()
        && routes.iter().any(reads)
}

/// The message that a route answers with.
pub(crate) fn resource(route: &Route) -> Option<MessageDescriptor> {
    match &route.rule.response_body {
        Some(field) if field.is_list() || field.is_map() => None,
        Some(field) => field.kind().as_message().cloned(),
        None => Some(route.rpc.output()),
    }
}

/// Whether the route only reads, and answers once.
pub(crate) fn reads_once(route: &Route) -> bool {
    route.rule.method == Method::GET && !route.rpc.is_server_streaming()
}

/// Whether an answer comes with a tag.
pub(crate) fn is_tagged(route: &Route, creates: bool) -> bool {
    reads_once(route) || creates || [Method::PUT, Method::PATCH].contains(&route.rule.method)
}

/// Whether the request may be made conditional on a tag: there is an `etag` field that it can go to.
pub(crate) fn takes_condition(route: &Route) -> bool {
    let within = match &route.rule.body {
        BodyRule::Field(field) if route.rule.method != Method::POST && !field.is_list() => {
            field.kind().as_message().is_some_and(has_etag)
        }
        BodyRule::None | BodyRule::Whole | BodyRule::Field(_) => false,
    };
    route.rule.method != Method::GET && (within || has_etag(&route.rpc.input()))
}

fn has_etag(message: &MessageDescriptor) -> bool {
    let field = message.get_field_by_name(ETAG);
    field.is_some_and(|field| field.kind() == Kind::String && !field.is_list())
}
