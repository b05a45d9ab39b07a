//! Bad input gets a clear error, all of it at once, and loses nothing.

use serde_json::{Value, json};
use testkit::Platform;

use crate::world::register;

fn fields(answer: &Value) -> Vec<&str> {
    let details = answer["details"].as_array().expect("details");
    let violations =
        details.iter().filter_map(|detail| detail["fieldViolations"].as_array()).flatten();
    violations.map(|violation| violation["field"].as_str().expect("text")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn r28_every_wrong_field_is_named_at_once() {
    let platform = Platform::start().await;
    let acme = platform.organizer("acme");
    let wrong = json!({
        "kind": "TICKET_KIND_ADMISSION", "name": "", "timeZone": "Mars/Olympus", "capacity": "-1",
        "unitPrice": {"currencyCode": "KRW", "units": "1", "nanos": 500_000_000},
        "maxPerBuyer": -2, "startTime": "2030-01-02T00:00:00Z", "endTime": "2030-01-01T00:00:00Z",
    });
    let answer = platform.http.post("/v1/tickets").token(&acme).json(wrong).send().await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.reason()),
        (400, "INVALID_FIELD"),
        "{}",
        answer.json
    );
    let named = fields(&answer.json);
    for field in ["name", "time_zone", "capacity", "unit_price", "max_per_buyer", "end_time"] {
        assert!(named.iter().any(|path| path.contains(field)), "{field} in {named:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r28_what_seats_and_nights_need_is_named() {
    let platform = Platform::start().await;
    let acme = platform.organizer("acme");
    for (kind, needed) in [
        ("TICKET_KIND_SEATED", vec!["seats"]),
        ("TICKET_KIND_NIGHTLY", vec!["first_night", "last_night"]),
    ] {
        let ticket = json!({"kind": kind, "name": "Bare", "unitPrice": {"currencyCode": "EUR", "units": "1"}});
        let answer =
            platform.http.post("/v1/tickets").token(&acme).json(ticket).send().await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.reason()),
            (400, "INVALID_FIELD"),
            "{}",
            answer.json
        );
        assert_eq!(fields(&answer.json), needed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row21_hostile_requests_are_never_a_server_error() {
    let platform = Platform::start().await;
    let ticket = register(&platform, "Target", 5).await;
    let alice = platform.buyer("alice");
    for quantity in [
        json!(0),
        json!(-1),
        json!(1_000_000_000),
        json!(9_999_999_999_999_i64),
        json!("x"),
        json!(1.5),
    ] {
        let wish = json!({"ticketId": ticket, "quantity": quantity});
        let answer =
            platform.http.post("/v1/bookings").token(&alice).json(wish).send().await.unwrap();
        assert_eq!(answer.status, 400, "{quantity}: {}", answer.json);
    }
    for body in [json!({}), json!({"capacity": null}), json!({"capacity": "-1"})] {
        let path = format!("/v1/tickets/{ticket}:setCapacity");
        let acme = platform.organizer("acme");
        let answer = platform.http.post(&path).token(&acme).json(body).send().await.unwrap();
        assert_eq!(answer.status, 400, "{}", answer.json);
    }
    for path in [
        "/v1/tickets/not-an-id",
        "/v1/tickets?pageToken=xxx",
        "/v1/tickets?pageSize=-1",
        "/v1/tickets?nope=1",
        "/v1/tickets?kind=ODD",
        "/v1/tickets?orderBy=drop%20table",
        "/v1/tickets/%00",
        "/v1/tickets?query=%00",
        "/v1/tickets?category=%00",
        "/v1/tickets/%FF",
        "/v1/tickets?maxUnitPrice.currencyCode=ZZZ&maxUnitPrice.units=1",
    ] {
        let answer = platform.http.get(path).token(&alice).send().await.unwrap();
        assert_eq!(answer.status, 400, "{path}: {}", answer.json);
    }
    for path in
        ["/", "/v1", "/v1/tickets/", "/v1/../etc/passwd", "/v1/tickets/a/b/c", "/v2/tickets"]
    {
        let answer = platform.http.get(path).send().await.unwrap();
        assert_eq!(answer.status, 404, "{path}: {}", answer.json);
    }
    let query = "/v1/tickets?query=%27%3B%20drop%20table%20ticket%3B--&category=%25";
    let answer = platform.http.get(query).send().await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.json["tickets"]), (200, &json!([])));
}
