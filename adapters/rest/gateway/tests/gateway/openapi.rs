//! The OpenAPI document, of the test's protos and of the house's own.

use std::collections::BTreeSet;

use rest_gateway::Gateway;
use serde_json::{Value as Json, json};
use tonic::transport::Endpoint;
use tower::ServiceExt;

use crate::support::{Bench, PROBE, compile, request};

async fn document(descriptors: &[u8]) -> (Gateway, Json) {
    let channel = Endpoint::from_static("http://nowhere").connect_lazy();
    let gateway = Gateway::new(descriptors, |_| Some(channel.clone())).unwrap();
    let asked = request(http::Method::GET, "/openapi.json", None);
    let answered = gateway.router().oneshot(asked).await.unwrap();
    assert_eq!(answered.headers()["content-type"], "application/json");
    let body = axum::body::to_bytes(answered.into_body(), usize::MAX).await.unwrap();
    (gateway, serde_json::from_slice(&body).unwrap())
}

/// Every `$ref` in the document.
fn references(json: &Json, found: &mut BTreeSet<String>) {
    match json {
        Json::Object(object) => {
            found.extend(object.get("$ref").and_then(Json::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        Json::Array(list) => list.iter().for_each(|value| references(value, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn check(gateway: &Gateway, document: &Json) {
    let mut found = BTreeSet::new();
    references(document, &mut found);
    for reference in found {
        let schema = document.pointer(reference.trim_start_matches('#'));
        assert!(schema.is_some_and(Json::is_object), "{reference}");
    }
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(operations.insert(id.to_owned()), "{id} is there twice");
            let parameters = operation["parameters"].as_array().unwrap();
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
            let named: BTreeSet<&str> =
                in_path.map(|parameter| parameter["name"].as_str().unwrap()).collect();
            let wanted: BTreeSet<&str> =
                path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
            assert_eq!(named, wanted, "{path}");
        }
    }
    let listed = gateway.routes().iter().filter(|route| route.method().as_str() != "PURGE");
    assert_eq!(operations.len(), listed.count());
}

#[tokio::test]
async fn describes_every_form_of_binding() {
    let (gateway, document) = document(&compile(&[PROBE])).await;
    check(&gateway, &document);
    let paths = &document["paths"];
    let update = &paths["/v1/probes/{name}"]["patch"];
    assert_eq!(
        update["summary"],
        "Takes one field from the body, one from the query, and answers with one"
    );
    let content = &update["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(content, &json!({"$ref": "#/components/schemas/probe.v1.Probe"}));
    let names = |operation: &Json| -> Vec<String> {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        parameters.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(update), ["name", "updateMask", "dryRun", "Idempotency-Key"]);
    let list = names(&paths["/v1/probes"]["get"]);
    for name in ["name", "tags", "price.currencyCode", "time", "maybeCount", "child.day.year"] {
        assert!(list.iter().any(|listed| listed == name), "{name} in {list:?}");
    }
    assert_eq!(names(&paths["/v1/folders/{parent}/probes/{name}"]["get"])[..2], ["parent", "name"]);
    let replace = &paths["/v1/probes/{name}"]["put"]["requestBody"]["content"]["application/json"];
    assert!(replace["schema"]["properties"].get("name").is_none());
    assert!(replace["schema"]["properties"].get("text").is_some());
    let watch = &paths["/v1/probes:watch"]["get"]["responses"]["200"]["content"];
    assert!(watch.get("text/event-stream").is_some());
    let probe = &document["components"]["schemas"]["probe.v1.Probe"];
    assert_eq!(probe["description"], "Has a field of every kind.");
    assert_eq!(probe["properties"]["name"]["description"], "Its name.");
    assert_eq!(probe["properties"]["counts"]["additionalProperties"]["format"], "int32");
    let colour = &document["components"]["schemas"]["probe.v1.Colour"];
    assert_eq!(colour["enum"], json!(["COLOUR_UNSPECIFIED", "COLOUR_RED", "COLOUR_BLUE"]));
}

#[tokio::test]
async fn the_contract_of_the_house_is_served_and_described() {
    let (gateway, document) = document(proto::FILE_DESCRIPTOR_SET).await;
    check(&gateway, &document);
    let shown: Vec<String> = gateway.routes().iter().map(ToString::to_string).collect();
    for route in [
        "POST /v1/tickets boxoffice.ticket.v1.TicketService.RegisterTicket",
        "PATCH /v1/tickets/{ticket.ticket_id} boxoffice.ticket.v1.TicketService.UpdateTicket",
        "POST /v1/tickets/{ticket_id}:setCapacity boxoffice.ticket.v1.TicketService.SetCapacity",
        "GET /v1/tickets/{ticket_id}/availability:watch boxoffice.ticket.v1.TicketService.WatchAvailability",
        "POST /v1/bookings/{booking_id}:cancel boxoffice.booking.v1.BookingService.CancelBooking",
        "GET /v1/mypage/sales:summary boxoffice.mypage.v1.MyPageService.GetSalesSummary",
    ] {
        assert!(shown.iter().any(|line| line == route), "{route} in {shown:#?}");
    }
    let internal = |line: &String| line.contains("StockService") || line.contains("ChargePayment");
    assert!(!shown.iter().any(internal));
}

#[tokio::test]
async fn the_document_is_reached_beside_the_routes() {
    let answered = Bench::echoing(&[PROBE]).get("/openapi.json").await;
    assert_eq!(answered.json()["openapi"], "3.1.0");
    assert_eq!(answered.json()["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}
