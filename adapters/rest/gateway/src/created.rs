//! Which routes make a resource, and where it then is: read from the rules, like all else.
//!
//! A POST to a collection makes one if a GET of the same collection and one more segment answers with
//! the same message, and each variable of that GET is a field of the message: POST `/v1/bookings` and
//! GET `/v1/bookings/{booking_id}`, both with a `Booking`. Its answer is 201 with a `Location`. Where there is no such
//! GET, but one of the collection that lists the same message, what is made is answered with 201 alone (RFC 9110,
//! 15.3.2): POST and GET `/v1/tickets/{ticket_id}/houseHolds`.

use http::{HeaderValue, Method};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};

use crate::percent::encode;
use crate::routes::Route;
use crate::template::{Segment, Template};

/// What is known of the resources that a route makes.
#[derive(Debug, Clone)]
pub(crate) enum Created {
    /// Each is to be read at a path of its own.
    At(Place),
    /// They are to be read in their list alone.
    Listed,
}

/// Where the resources are that a route makes.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    template: Template,
    /// The field of the resource that each variable of the template stands for.
    fields: Vec<FieldDescriptor>,
}

/// Tells each route that makes a resource where that will be.
pub(crate) fn find(routes: &mut [Route]) {
    let made = |route: &Route| {
        let place = routes.iter().find_map(|get| Place::of(route, get)).map(Created::At);
        let listed = || routes.iter().any(|get| is_listed(route, get)).then_some(Created::Listed);
        place.or_else(listed)
    };
    let made: Vec<Option<Created>> = routes.iter().map(made).collect();
    for (route, created) in routes.iter_mut().zip(made) {
        route.created = created;
    }
}

/// Whether `get` lists what `post` makes.
fn is_listed(post: &Route, get: &Route) -> bool {
    let (collection, template) = (&post.rule.template, &get.rule.template);
    let fits = post.rule.method == Method::POST
        && get.reads_once()
        && collection.verb.is_none()
        && template.verb.is_none()
        && template.segments == collection.segments;
    let lists = |listed: &MessageDescriptor| {
        let of =
            |field: FieldDescriptor| field.is_list() && field.kind().as_message() == Some(listed);
        get.rpc.output().fields().any(of)
    };
    fits && resource(post).as_ref().is_some_and(lists)
}

impl Place {
    /// What `post` makes, if `get` is where that can be read.
    fn of(post: &Route, get: &Route) -> Option<Self> {
        let resource = resource(post)?;
        let (collection, template) = (&post.rule.template, &get.rule.template);
        let (last, before) = template.segments.split_last()?;
        let fits = post.rule.method == Method::POST
            && get.rule.method == Method::GET
            && collection.verb.is_none()
            && template.verb.is_none()
            && *last == Segment::One
            && before == collection.segments.as_slice()
            && self::resource(get)? == resource;
        fits.then_some(())?;
        let wildcards = template.segments.iter().filter(|s| !matches!(s, Segment::Literal(_)));
        let single = template.variables.iter().all(|variable| variable.single);
        (single && wildcards.count() == template.variables.len()).then_some(())?;
        let field = |path: &crate::bind::FieldPath| {
            let field = resource.get_field_by_name(path.leaf().name())?;
            (field.kind() == Kind::String && !field.is_list()).then_some(field)
        };
        let fields = get.rule.variables.iter().map(field).collect::<Option<_>>()?;
        Some(Self { template: template.clone(), fields })
    }

    /// The path of this resource, if it says all that the path needs.
    pub(crate) fn location(&self, resource: &DynamicMessage) -> Option<HeaderValue> {
        let mut path = String::new();
        for (at, segment) in self.template.segments.iter().enumerate() {
            path.push('/');
            let mut bound = self.template.variables.iter().zip(&self.fields);
            match (segment, bound.find(|(variable, _)| variable.segments.contains(&at))) {
                (Segment::Literal(literal), _) => path.push_str(literal),
                (_, Some((_, field))) => {
                    let value = resource.get_field(field);
                    path.push_str(&encode(value.as_str().filter(|value| !value.is_empty())?));
                }
                (_, None) => return None,
            }
        }
        HeaderValue::try_from(path).ok()
    }
}

/// The message that a route answers with.
pub(crate) fn resource(route: &Route) -> Option<MessageDescriptor> {
    match &route.rule.response_body {
        Some(field) if field.is_list() || field.is_map() => None,
        Some(field) => field.kind().as_message().cloned(),
        None => Some(route.rpc.output()),
    }
}
