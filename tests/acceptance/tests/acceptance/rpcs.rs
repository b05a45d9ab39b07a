//! Every rpc of the contract by its descriptor, called over gRPC and by its REST route with a request said as JSON.

use std::fmt::Write;

use http::uri::PathAndQuery;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
};
use rest_gateway::DynamicCodec;
use serde_json::{Value, json};
use testkit::Platform;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;

/// An rpc, and its route where it has one.
pub(crate) struct Rpc {
    method: MethodDescriptor,
    route: Option<Route>,
}

struct Route {
    verb: &'static str,
    template: String,
    body: String,
}

/// What a client sees of an answer. The first message, where it is a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// gRPC's code or HTTP's status.
    pub(crate) code: i32,
    /// The message, or what is said of the refusal.
    pub(crate) said: String,
    /// The headers, less those that no two answers have alike.
    headers: Vec<String>,
}

/// All of them, those of our own servers alone among them.
pub(crate) fn all() -> Vec<Rpc> {
    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).unwrap();
    let services = pool.services().filter(|service| service.full_name().starts_with("boxoffice."));
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.map(|method| Rpc { route: route(&pool, &method), method }).collect()
}

fn route(pool: &DescriptorPool, method: &MethodDescriptor) -> Option<Route> {
    let http = pool.get_extension_by_name("google.api.http").expect("in the contract");
    let options = method.options();
    let rule = options.has_extension(&http).then(|| options.get_extension(&http).into_owned())?;
    let text = |field: &str| {
        let value = rule.as_message().and_then(|rule| rule.get_field_by_name(field));
        value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let verb =
        ["get", "post", "patch", "delete", "put"].into_iter().find(|verb| !text(verb).is_empty());
    let verb = verb.unwrap_or_else(|| panic!("{}: a verb of its own", method.full_name()));
    Some(Route { verb, template: text(verb), body: text("body") })
}

impl Rpc {
    /// `TicketService/GetTicket`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.method.parent_service().name(), self.method.name())
    }

    /// Whether clients may call it, and not our own servers alone.
    pub(crate) fn is_public(&self) -> bool {
        self.route.is_some()
    }

    /// The paths of the request's fields that name something by its identifier: `ticket.ticket_id`.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut paths = Vec::new();
        collect_ids(&self.method.input(), "", &mut paths);
        paths
    }

    /// A request with something sensible in every field; `id` wherever something is named.
    pub(crate) fn sound(&self, id: &str) -> Value {
        sound(&self.method.input(), id)
    }

    /// Calls it over gRPC.
    pub(crate) async fn over_grpc(
        &self,
        platform: &Platform,
        token: &str,
        request: &Value,
    ) -> Seen {
        let service = self.method.parent_service();
        let context = service.full_name().split('.').nth(1).expect("boxoffice.<context>.v1");
        let endpoint = format!("http://{}", platform.grpc_addr(context));
        let channel = Channel::from_shared(endpoint).unwrap().connect().await.unwrap();
        let message = DynamicMessage::deserialize(self.method.input(), request.clone());
        let message = message.unwrap_or_else(|error| panic!("{}: {request}: {error}", self.name()));
        let mut call = tonic::Request::new(message);
        call.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let path = format!("/{}/{}", service.full_name(), self.method.name());
        let path: PathAndQuery = path.parse().expect("a path");
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await.unwrap();
        let codec = DynamicCodec::new(self.method.output());
        let first = match client.server_streaming(call, path, codec).await {
            Ok(mut answers) => answers.get_mut().message().await,
            Err(refused) => Err(refused),
        };
        match first {
            Ok(message) => {
                let said = message.map(|message| serde_json::to_string(&message).unwrap());
                Seen { code: 0, said: said.unwrap_or_default(), headers: Vec::new() }
            }
            Err(refused) => Seen::refused(&refused),
        }
    }

    /// Calls it by its route.
    pub(crate) async fn over_rest(
        &self,
        platform: &Platform,
        token: &str,
        request: &Value,
    ) -> Seen {
        let route = self.route.as_ref().expect("a public rpc");
        let (path, body) = route.with(request);
        if self.method.is_server_streaming() && begins(platform, token, &path).await {
            return Seen { code: 200, said: String::new(), headers: Vec::new() };
        }
        let call = match route.verb {
            "get" => platform.http.get(path),
            "post" => platform.http.post(path),
            "patch" => platform.http.patch(path),
            _ => platform.http.delete(path),
        };
        let call = if body.is_null() { call } else { call.json(body) };
        let answer = call.token(token).send().await.unwrap();
        let headers = answer.headers.iter();
        let headers =
            headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")));
        let request_id = answer.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        let said = without(&answer.json.to_string(), request_id.unwrap_or_default());
        Seen { code: i32::from(answer.status.as_u16()), said, headers: alike(headers) }
    }
}

/// Whether a stream is opened, which is left at once.
async fn begins(platform: &Platform, token: &str, path: &str) -> bool {
    let ask =
        format!("GET {path} HTTP/1.1\r\nHost: boxoffice\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut socket = TcpStream::connect(platform.rest_addr()).await.unwrap();
    socket.write_all(ask.as_bytes()).await.unwrap();
    let mut status = [0; "HTTP/1.1 200".len()];
    socket.read_exact(&mut status).await.unwrap();
    status.ends_with(b"200")
}

impl Route {
    /// The path with its query, and the body; null for none.
    fn with(&self, request: &Value) -> (String, Value) {
        let mut rest = request.clone();
        let mut path = String::new();
        for (place, part) in self.template.split(['{', '}']).enumerate() {
            // What stands between braces is a field.
            if place % 2 == 0 {
                path.push_str(part);
            } else {
                let (within, field) = part.rsplit_once('.').unwrap_or(("", part));
                let object = if within.is_empty() { Some(&mut rest) } else { rest.get_mut(within) };
                let taken =
                    object.and_then(Value::as_object_mut).and_then(|fields| fields.remove(field));
                path.push_str(
                    taken.as_ref().and_then(Value::as_str).expect("a value for the path"),
                );
            }
        }
        let body = match self.body.as_str() {
            "" => Value::Null,
            "*" => std::mem::take(&mut rest),
            field => {
                rest.as_object_mut().and_then(|fields| fields.remove(field)).unwrap_or_default()
            }
        };
        let mut query = String::new();
        add_to_query("", &rest, &mut query);
        (path + &query, body)
    }
}

fn add_to_query(field: &str, value: &Value, query: &mut String) {
    let mut add = |text: String| {
        let mark = if query.is_empty() { '?' } else { '&' };
        write!(query, "{mark}{field}={text}").expect("a string");
    };
    match value {
        Value::Null => {}
        Value::String(text) => add(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| add_to_query(field, value, query)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                add_to_query(&path, value, query);
            }
        }
        Value::Bool(_) | Value::Number(_) => add(value.to_string()),
    }
}

impl Seen {
    fn refused(status: &tonic::Status) -> Self {
        let request_id = status.metadata().get("x-request-id").and_then(|id| id.to_str().ok());
        let details = String::from_utf8_lossy(status.details());
        let said = format!("{} {details}", status.message());
        let said = without(&said, request_id.unwrap_or_default());
        Self { code: status.code() as i32, said, headers: alike(told(status.metadata())) }
    }

    /// The same of whatever identifier was asked for.
    pub(crate) fn of(mut self, id: &str) -> Self {
        self.said = self.said.replace(id, "<id>");
        self.headers.iter_mut().for_each(|header| *header = header.replace(id, "<id>"));
        self
    }
}

fn told(metadata: &MetadataMap) -> impl Iterator<Item = String> + '_ {
    let headers = metadata.as_ref().iter().filter(|(name, _)| *name != "grpc-status-details-bin");
    headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")))
}

/// Headers in order, less when and which request it was, and the mark of an answer's very bytes, which may name what was
/// asked for.
fn alike(headers: impl Iterator<Item = String>) -> Vec<String> {
    let own = ["date: ", "etag: ", "x-request-id: "];
    let mut alike: Vec<_> =
        headers.filter(|header| !own.iter().any(|name| header.starts_with(name))).collect();
    alike.sort();
    alike
}

fn without(text: &str, request_id: &str) -> String {
    if request_id.is_empty() { text.to_owned() } else { text.replace(request_id, "<request>") }
}

fn sound(message: &MessageDescriptor, id: &str) -> Value {
    match message.full_name() {
        "google.type.Money" => return json!({"currency_code": "KRW", "units": "1000"}),
        "google.type.Date" => return json!({"year": 2030, "month": 1, "day": 1}),
        "google.protobuf.Timestamp" => return json!("2030-01-01T00:00:00Z"),
        "google.protobuf.Duration" => return json!("60s"),
        "google.protobuf.FieldMask" => return json!("name"),
        _ => {}
    }
    // Of fields that shut each other out the first.
    let first = |field: &FieldDescriptor| {
        let others = field.containing_oneof();
        others.and_then(|oneof| oneof.fields().next()).is_none_or(|other| other == *field)
    };
    let value = |field: &FieldDescriptor| {
        if let Kind::Message(inner) = field.kind() {
            sound(&inner, id)
        } else if matches!(field.kind(), Kind::Enum(_) | Kind::Int32) {
            json!(1)
        } else if field.kind() == Kind::Int64 {
            json!("1")
        } else if field.kind() == Kind::Bool {
            json!(false)
        } else {
            json!(if is_id(field) { id } else { "ok" })
        }
    };
    let named = message.fields().filter(first).map(|field| {
        let value = value(&field);
        (field.name().to_owned(), if field.is_list() { json!([value]) } else { value })
    });
    Value::Object(named.collect())
}

/// Messages do not hold themselves in this contract; whoever makes one that does finds the bound here.
const DEPTH_MAX: usize = 5;

fn collect_ids(message: &MessageDescriptor, within: &str, paths: &mut Vec<String>) {
    assert!(within.matches('.').count() < DEPTH_MAX, "{within}: too deep");
    for field in message.fields() {
        let path = format!("{within}{}", field.name());
        if is_id(&field) {
            paths.push(path);
        } else if let Kind::Message(inner) = field.kind() {
            collect_ids(&inner, &format!("{path}."), paths);
        }
    }
}

fn is_id(field: &FieldDescriptor) -> bool {
    field.kind() == Kind::String
        && (field.name().ends_with("_id") || field.name().ends_with("_ids"))
}
