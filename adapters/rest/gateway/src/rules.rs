//! From descriptors to routes: reads the `google.api.http` rule of every rpc and checks it.

use grpc_client::{Calls, Resend};
use http::Method;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MethodDescriptor, Value};

use crate::bind::FieldPath;
use crate::created;
use crate::routes::{Backend, BodyRule, Route};
use crate::template::Template;

/// Why a gateway cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The bytes are no file descriptor set, or one with an import missing.
    #[error("the descriptors cannot be read")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// An annotation asks for what cannot be done.
    #[error("the HTTP rule of {rpc} {problem}")]
    Rule {
        /// The full name of the rpc.
        rpc: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two rpcs ask for the same verb and paths.
    #[error("{first} and {second} have the same route")]
    Conflict {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
}

/// How a rule leaves its verb open.
const ANY_METHOD: &str = "*";

/// The routes that one rpc asks for, less their channel.
pub(crate) fn of_rpc(rpc: &MethodDescriptor) -> Result<Vec<Rule>, GatewayError> {
    let bad = |problem: &str| GatewayError::Rule {
        rpc: rpc.full_name().to_owned(),
        problem: problem.to_owned(),
    };
    let Some(annotation) = annotation(rpc) else {
        return Ok(Vec::new());
    };
    if rpc.is_client_streaming() {
        return Err(bad("is on an rpc that takes a stream"));
    }
    let mut rules = vec![Rule::read(rpc, &annotation).map_err(|problem| bad(&problem))?];
    for more in messages(&annotation, "additional_bindings") {
        if !messages(&more, "additional_bindings").is_empty() {
            return Err(bad("has additional bindings inside an additional binding"));
        }
        rules.push(Rule::read(rpc, &more).map_err(|problem| bad(&problem))?);
    }
    Ok(rules)
}

/// One checked rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) method: Method,
    pub(crate) template: Template,
    /// The field of each of the template's variables.
    pub(crate) variables: Vec<FieldPath>,
    pub(crate) body: BodyRule,
    pub(crate) response_body: Option<FieldDescriptor>,
}

impl Rule {
    fn read(rpc: &MethodDescriptor, rule: &DynamicMessage) -> Result<Self, String> {
        let (method, path) = pattern(rule)?;
        let template = Template::parse(&path).map_err(|problem| format!("{problem}: {path}"))?;
        let variables = template
            .variables
            .iter()
            .map(|variable| {
                FieldPath::resolve(&rpc.input(), &variable.field)
                    .filter(FieldPath::is_single)
                    .ok_or_else(|| format!("binds {}, which is no single value", variable.field))
            })
            .collect::<Result<_, _>>()?;
        let body = match text(rule, "body").as_str() {
            "" => BodyRule::None,
            "*" => BodyRule::Whole,
            name => BodyRule::Field(
                rpc.input().get_field_by_name(name).ok_or("names no field as its body")?,
            ),
        };
        if body != BodyRule::None && method == Method::GET {
            return Err("gives GET a body".to_owned());
        }
        let response_body = match text(rule, "response_body").as_str() {
            "" => None,
            name => {
                Some(rpc.output().get_field_by_name(name).ok_or("names no field as its response")?)
            }
        };
        Ok(Self { method, template, variables, body, response_body })
    }
}

/// What a rule for every verb has instead of one.
fn any_method() -> Method {
    // An asterisk is a token (RFC 9110, 5.6.2), and so a method.
    Method::from_bytes(ANY_METHOD.as_bytes()).unwrap_or_default()
}

/// Whether the rule is one for every verb.
pub(crate) fn is_any(method: &Method) -> bool {
    method.as_str() == ANY_METHOD
}

/// All routes of the pool for which there is somewhere to call, those that say more first.
pub(crate) fn routes(
    pool: &DescriptorPool,
    backends: impl Fn(&str) -> Option<tonic::transport::Channel>,
) -> Result<Vec<Route>, GatewayError> {
    let mut routes: Vec<Route> = Vec::new();
    for service in pool.services() {
        let Some(channel) = backends(service.full_name()) else {
            continue;
        };
        let backend = Backend { calls: Calls::new(channel), resend: Resend::new() };
        for rpc in service.methods() {
            for rule in of_rpc(&rpc)? {
                let route = Route::new(&rpc, rule, backend.clone())?;
                if let Some(first) = routes.iter().find(|other| other.conflicts_with(&route)) {
                    let (first, second) = (first.to_string(), route.to_string());
                    return Err(GatewayError::Conflict { first, second });
                }
                routes.push(route);
            }
        }
    }
    routes.sort_by_key(|route| (route.rule.template.precedence(), is_any(&route.rule.method)));
    created::find(&mut routes);
    Ok(routes)
}

fn annotation(rpc: &MethodDescriptor) -> Option<DynamicMessage> {
    let extension = rpc.parent_pool().get_extension_by_name("google.api.http")?;
    let options = rpc.options();
    options.has_extension(&extension).then_some(())?;
    options.get_extension(&extension).as_message().cloned()
}

fn pattern(rule: &DynamicMessage) -> Result<(Method, String), String> {
    for (name, method) in [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ] {
        if rule.has_field_by_name(name) {
            return Ok((method, text(rule, name)));
        }
    }
    let custom = rule.get_field_by_name("custom").filter(|_| rule.has_field_by_name("custom"));
    let custom = custom.ok_or("has no verb")?;
    let custom = custom.as_message().ok_or("has no verb")?;
    let kind = text(custom, "kind");
    if kind == ANY_METHOD {
        return Ok((any_method(), text(custom, "path")));
    }
    let upper = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_uppercase());
    let method = Method::from_bytes(kind.as_bytes()).ok().filter(|_| upper);
    Ok((method.ok_or("has a verb that is not upper case letters")?, text(custom, "path")))
}

fn text(rule: &DynamicMessage, name: &str) -> String {
    let value = rule.get_field_by_name(name);
    value.as_deref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn messages(rule: &DynamicMessage, name: &str) -> Vec<DynamicMessage> {
    let value = rule.get_field_by_name(name);
    let list = value.as_deref().and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(Value::as_message).cloned().collect()
}
