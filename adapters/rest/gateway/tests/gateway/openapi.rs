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
    assert_eq!(content, &json!({"$ref": "#/components/schemas/probe.v1.Probe.Change"}));
    let names = |operation: &Json| -> Vec<String> {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        parameters.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(update), ["name", "updateMask", "dryRun", "x-request-id", "Idempotency-Key"]);
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
async fn requests_are_described_as_they_are_read() {
    let (_, document) = document(&compile(&[PROBE])).await;
    let probe = &document["components"]["schemas"]["probe.v1.Probe.Change"];
    assert_eq!(probe["additionalProperties"], false);
    let field = |name: &str| probe["properties"][name].clone();
    assert_eq!(field("name"), Json::Null, "the path says it");
    assert_eq!(field("parent")["type"], json!(["string", "null"]));
    let number = &field("int64Field")["anyOf"];
    assert_eq!(number[0]["maximum"], i64::MAX);
    assert_eq!(number[1]["pattern"], "^-?[0-9]{1,18}$");
    assert_eq!(number[2]["type"], "null");
    assert_eq!(field("uint64Field")["anyOf"][0]["maximum"], u64::MAX);
    let colours = json!(["COLOUR_UNSPECIFIED", "COLOUR_RED", "COLOUR_BLUE", 0, 1, 2, null]);
    assert_eq!(field("colour")["enum"], colours);
    assert_eq!(field("time")["format"], "date-time");
    assert_eq!(probe["allOf"], json!([{"not": {"required": ["text", "count"]}}]));
    let answered = &document["components"]["schemas"]["probe.v1.Probe"];
    assert_eq!(answered["properties"]["int64Field"]["type"], "string");
    let always = answered["required"].as_array().unwrap();
    assert!(always.contains(&json!("tags")));
    // What may be absent is left out of answers, and a label that is not said is absent.
    assert!(!always.contains(&json!("time")) && !always.contains(&json!("label")));
}

#[tokio::test]
async fn who_may_call_and_every_refusal_are_described() {
    let (_, document) = document(proto::FILE_DESCRIPTOR_SET).await;
    let paths = &document["paths"];
    let book = &paths["/v1/bookings"]["post"];
    assert_eq!(book["security"], json!([{"buyer": []}]));
    assert_eq!(paths["/v1/tickets"]["get"]["security"], json!([{}, {"bearer": []}]));
    let either = json!([{"buyer": []}, {"organizer": []}]);
    assert_eq!(paths["/v1/notifications"]["get"]["security"], either);
    for scheme in ["bearer", "buyer", "organizer"] {
        let scheme = &document["components"]["securitySchemes"][scheme];
        assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
    }
    let codes: Vec<&String> = book["responses"].as_object().unwrap().keys().collect();
    for code in
        ["201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "500", "503", "504"]
    {
        assert!(codes.iter().any(|listed| *listed == code), "{code} in {codes:?}");
    }
    let refused = &book["responses"]["409"]["content"];
    assert_eq!(refused["application/json"]["schema"]["$ref"], "#/components/schemas/Error");
    assert_eq!(
        refused["application/problem+json"]["schema"]["$ref"],
        "#/components/schemas/Problem"
    );
    let example = &refused["application/json"]["examples"]["SOLD_OUT"]["$ref"];
    assert_eq!(example, "#/components/examples/SOLD_OUT");
    let sold_out = &document["components"]["examples"]["SOLD_OUT"]["value"];
    assert_eq!(
        (&sold_out["code"], &sold_out["details"][0]["reason"]),
        (&json!(9), &json!("SOLD_OUT"))
    );
    assert!(book["responses"]["429"]["headers"].get("Retry-After").is_some());
    assert!(paths["/v1/tickets"]["get"]["responses"].get("403").is_none());
    assert!(paths["/v1/tickets/{ticket_id}"]["get"]["responses"].get("304").is_some());
}

#[tokio::test]
async fn every_public_call_says_who_may_make_it() {
    let (gateway, document) = document(proto::FILE_DESCRIPTOR_SET).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let undecided = operation["responses"].get("default");
            assert!(undecided.is_none(), "{verb} {path} has no (boxoffice.options.v1.call)");
        }
    }
    assert!(!gateway.routes().is_empty());
}

#[tokio::test]
async fn what_is_made_leads_to_what_can_be_done_with_it() {
    let (_, document) = document(proto::FILE_DESCRIPTOR_SET).await;
    let made = &document["paths"]["/v1/bookings"]["post"]["responses"]["201"];
    assert!(made["headers"].get("Location").is_some());
    let links: Vec<&String> = made["links"].as_object().unwrap().keys().collect();
    assert_eq!(links, ["CancelBooking", "GetBooking", "GetMyBooking", "PayBooking"]);
    let pay = &made["links"]["PayBooking"];
    assert_eq!(pay["operationId"], "BookingService_PayBooking");
    assert_eq!(pay["parameters"], json!({"path.booking_id": "$response.body#/bookingId"}));
    // Nobody reads one hold of the house, but there is a list of them.
    let holds = &document["paths"]["/v1/tickets/{ticket_id}/houseHolds"]["post"]["responses"];
    assert!(holds.get("200").is_none(), "{holds}");
    let kept = &holds["201"];
    assert!(["Location", "ETag"].iter().all(|name| kept["headers"].get(name).is_none()), "{kept}");
    let links: Vec<&String> = kept["links"].as_object().unwrap().keys().collect();
    assert_eq!(links, ["ReleaseHouseHold"]);
}

#[tokio::test]
async fn limits_of_fields_are_described() {
    let (_, document) = document(proto::FILE_DESCRIPTOR_SET).await;
    let schemas = &document["components"]["schemas"];
    let ticket = &schemas["boxoffice.ticket.v1.Ticket.Input"];
    assert_eq!(ticket["required"], json!(["kind", "name", "unitPrice"]));
    let name = &ticket["properties"]["name"];
    assert_eq!((&name["minLength"], &name["maxLength"]), (&json!(1), &json!(200)));
    assert_eq!((&name["type"], &name["examples"]), (&json!("string"), &json!(["Spring concert"])));
    assert_eq!(ticket["properties"]["seats"]["maxItems"], 10_000);
    let change = &schemas["boxoffice.ticket.v1.Ticket.Change"];
    assert!(change.get("required").is_none());
    let day = &schemas["google.type.Date.Input"]["properties"]["day"]["anyOf"][0];
    assert_eq!((&day["minimum"], &day["maximum"]), (&json!(1), &json!(31)));
    let search = document["paths"]["/v1/tickets"]["get"]["parameters"].as_array().unwrap();
    let size = search.iter().find(|parameter| parameter["name"] == "pageSize").unwrap();
    assert_eq!(
        (&size["schema"]["type"], &size["schema"]["minimum"]),
        (&json!("integer"), &json!(0))
    );
}

#[tokio::test]
async fn the_document_is_reached_beside_the_routes() {
    let answered = Bench::echoing(&[PROBE]).get("/openapi.json").await;
    assert_eq!(answered.json()["openapi"], "3.1.0");
    assert_eq!(answered.json()["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[tokio::test]
async fn whoever_is_turned_away_gets_nothing_from_beside_the_routes_either() {
    let bench = Bench::echoing(&[PROBE]);
    let away = grpc_client::TurnedAway(tonic::Status::resource_exhausted("too often"));
    for path in ["/v1/probes", "/openapi.json", "/docs", "/docs/start.js"] {
        let mut asked = request(http::Method::GET, path, None);
        asked.extensions_mut().insert(away.clone());
        let answered = bench.send(asked).await;
        assert_eq!(answered.status, http::StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(answered.header("retry-after"), "1", "{path}");
    }
}

#[tokio::test]
async fn docs_show_the_document_with_nothing_from_elsewhere() {
    let bench = Bench::echoing(&[PROBE]);
    let page = bench.get("/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(!html.contains("//"), "something of another host in {html}");
    let places = html.split("src=\"").skip(1).chain(html.split("href=\"").skip(1));
    let places: Vec<&str> = places.map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(
        places,
        ["/docs/swagger-ui-bundle.js", "/docs/start.js", "/docs/swagger-ui.css", "/openapi.json"]
    );
    for place in places {
        let file = bench.get(place).await;
        assert_eq!(file.status, http::StatusCode::OK, "{place}");
        assert!(!file.body.is_empty(), "{place}");
    }
    // A script inside a page would have to come before its end.
    assert!(!html.split("<script").skip(1).any(|script| !script.starts_with(" src=")));
    for other in ["/docs/index.html", "/docs/oauth2-redirect.html", "/viewer", "/docs/x"] {
        assert_eq!(bench.get(other).await.status, http::StatusCode::NOT_FOUND, "{other}");
    }
}

#[tokio::test]
async fn what_is_beside_the_routes_is_answered_as_everything_else_is() {
    let bench = Bench::echoing(&[PROBE]);
    for place in ["/openapi.json", "/docs", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"] {
        let plain = bench.get(place).await;
        assert_eq!(plain.header("x-request-id"), "made-up", "{place}");
        assert_eq!(plain.header("content-length"), plain.body.len().to_string(), "{place}");
        let tag = plain.header("etag").to_owned();
        assert_eq!(tag.len(), 18, "{place}: {tag}");
        for (method, name, value, status) in [
            (http::Method::GET, "if-none-match", tag.as_str(), 304),
            (http::Method::GET, "if-match", "\"x\"", 409),
            (http::Method::GET, "accept", "image/png", 406),
            (http::Method::HEAD, "accept", "*/*", 200),
            (http::Method::OPTIONS, "accept", "*/*", 204),
            (http::Method::POST, "accept", "*/*", 405),
        ] {
            let mut asked = request(method.clone(), place, None);
            asked.headers_mut().insert(name, value.parse().unwrap());
            let answered = bench.send(asked).await;
            assert_eq!(answered.status.as_u16(), status, "{method} {place} {name}");
            let other = matches!(status, 204 | 405);
            assert_eq!(answered.header("allow"), if other { "GET, HEAD, OPTIONS" } else { "" });
            if matches!(status, 405 | 406 | 409) {
                assert!(!answered.reason().is_empty(), "{method} {place}");
            }
        }
        if plain.body.len() < 1024 {
            continue;
        }
        let mut bodies = Vec::new();
        for _ in 0..2 {
            let mut asked = request(http::Method::GET, place, None);
            asked.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
            let packed = bench.send(asked).await;
            assert_eq!(packed.header("content-encoding"), "gzip", "{place}");
            assert_eq!(packed.header("etag"), format!("W/{tag}"), "{place}");
            bodies.push(packed.body);
        }
        assert!(bodies[0].len() < plain.body.len());
        assert_eq!(bodies[0].as_ptr(), bodies[1].as_ptr(), "{place} is compressed once");
    }
    let broken = bench.get("/docs/%ff").await;
    assert_eq!(broken.wrong_fields(), ["path"]);
    assert_eq!(bench.get("/docs/x").await.reason(), "ROUTE_NOT_FOUND");
}

#[tokio::test]
async fn whatever_comes_of_a_call_that_will_go_says_so() {
    let bench = Bench::of_service("probe/v1/messaging.proto", "probe.v1.GrammarService");
    let document = bench.get("/openapi.json").await.json();
    let mut found = 0;
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            for (code, response) in operation["responses"].as_object().unwrap() {
                let said = response["headers"].get("Deprecation").is_some();
                assert_eq!(said, operation.get("deprecated").is_some(), "{code} of {operation}");
                found += usize::from(said && code != "200");
            }
        }
    }
    assert!(found > 0, "some call will go");
}
