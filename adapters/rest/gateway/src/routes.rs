//! The routes, and which of them a request is for.

use std::fmt;

use grpc_client::{Calls, Resend};
use http::Method;
use http::uri::PathAndQuery;
use prost_reflect::{FieldDescriptor, MethodDescriptor};

use crate::created::Created;
use crate::page::Page;
use crate::rules::{GatewayError, Rule, is_any};
use crate::template::RequestPath;

/// Where a request's HTTP body goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum BodyRule {
    /// There is none.
    None,
    /// It is the request, less what the path holds.
    Whole,
    /// It is this field.
    Field(FieldDescriptor),
}

/// A verb and a path template, and the rpc they call.
#[derive(Debug, Clone)]
pub struct Route {
    pub(crate) rpc: MethodDescriptor,
    pub(crate) rule: Rule,
    pub(crate) grpc_path: PathAndQuery,
    pub(crate) backend: Backend,
    /// What is known of the resource that it makes, if it makes one.
    pub(crate) created: Option<Created>,
    /// Whether the contract has marked the rpc as one that will go.
    pub(crate) deprecated: bool,
}

/// The servers of one service.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) calls: Calls,
    pub(crate) resend: Resend,
}

/// What a rule for every verb serves. OPTIONS asks what there is, and is no such verb.
const ANSWERED_BY_ANY: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What there is for a request.
pub(crate) enum Found<'r> {
    /// A route, and the values of its variables.
    Route(&'r Route, Vec<String>),
    /// Something beside the routes.
    Page(&'r Page),
    /// Only routes with other verbs, these.
    OtherMethods(Vec<Method>),
    /// Nothing.
    Nothing,
}

impl Route {
    pub(crate) fn new(
        rpc: &MethodDescriptor,
        rule: Rule,
        backend: Backend,
    ) -> Result<Self, GatewayError> {
        let path = format!("/{}/{}", rpc.parent_service().full_name(), rpc.name());
        let grpc_path = PathAndQuery::try_from(path).map_err(|_| GatewayError::Rule {
            rpc: rpc.full_name().to_owned(),
            problem: "is on an rpc whose name is no path".to_owned(),
        })?;
        let options = rpc.method_descriptor_proto().options.as_ref();
        let deprecated = options.is_some_and(|options| options.deprecated());
        Ok(Self { rpc: rpc.clone(), rule, grpc_path, backend, created: None, deprecated })
    }

    /// The HTTP method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.rule.method
    }

    /// The path template: a label with few values for metrics and logs.
    #[must_use]
    pub fn template(&self) -> String {
        self.rule.template.to_string()
    }

    /// Whether it makes a resource and answers with 201, and with its `Location` where it has one.
    #[must_use]
    pub const fn creates(&self) -> bool {
        self.created.is_some()
    }

    /// Whether it only reads, and answers once.
    pub(crate) fn reads_once(&self) -> bool {
        self.rule.method == Method::GET && !self.rpc.is_server_streaming()
    }

    /// The full name of the rpc.
    #[must_use]
    pub fn rpc(&self) -> &str {
        self.rpc.full_name()
    }

    pub(crate) fn conflicts_with(&self, other: &Self) -> bool {
        self.rule.method == other.rule.method && self.rule.template.same_paths(&other.rule.template)
    }
}

/// `GET /v1/tickets/{ticket_id} boxoffice.ticket.v1.TicketService.GetTicket`
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rule.method, self.rule.template, self.rpc.full_name())
    }
}

/// Looks the request up among sorted routes. HEAD is served by GET.
pub(crate) fn find<'r>(routes: &'r [Route], method: &Method, path: &RequestPath<'_>) -> Found<'r> {
    let mut others: Vec<Method> = Vec::new();
    let mut verb_matched = false;
    for route in routes {
        // `x:pay` is the verb `pay` on `x` where there is such a verb, whatever the method.
        if verb_matched && route.rule.template.verb.is_none() {
            break;
        }
        let Some(values) = route.rule.template.matches(path) else {
            continue;
        };
        verb_matched |= route.rule.template.verb.is_some();
        let served = &route.rule.method;
        let any = is_any(served) && ANSWERED_BY_ANY.contains(method);
        if served == method || any || (served == Method::GET && method == Method::HEAD) {
            return Found::Route(route, values);
        }
        others.extend(methods(served));
    }
    if others.is_empty() { Found::Nothing } else { Found::OtherMethods(allowed(others)) }
}

/// Every method that is served anywhere: what there is to say of the server as a whole.
pub(crate) fn all_methods(routes: &[Route]) -> Vec<Method> {
    allowed(routes.iter().flat_map(|route| methods(&route.rule.method)).collect())
}

/// The methods that a rule serves.
fn methods(served: &Method) -> Vec<Method> {
    if is_any(served) { ANSWERED_BY_ANY.to_vec() } else { vec![served.clone()] }
}

/// Each once, and those that are served wherever there is anything: HEAD by GET, and OPTIONS.
fn allowed(served: Vec<Method>) -> Vec<Method> {
    let mut methods: Vec<Method> = Vec::new();
    let head = served.contains(&Method::GET).then_some(Method::HEAD);
    for method in served.into_iter().chain(head).chain([Method::OPTIONS]) {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods
}
