//! Seats and nights, as organizers and buyers see them over HTTP.

use serde_json::{Value, json};
use testkit::Platform;

async fn post(platform: &Platform, token: &str, path: &str, body: Value) -> Value {
    let answer = platform.http.post(path).token(token).json(body).send().await.unwrap();
    // A verb on a ticket makes nothing new.
    let expected = if path.contains(':') { 200 } else { 201 };
    assert_eq!(answer.status, expected, "{path}: {}", answer.json);
    answer.json
}

async fn get(platform: &Platform, path: &str) -> Value {
    let answer = platform.http.get(path).send().await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.json);
    answer.json
}

fn euros(units: u32) -> Value {
    json!({"currencyCode": "EUR", "units": units.to_string()})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hall_is_registered_and_its_map_is_read() {
    let platform = Platform::start().await;
    let acme = platform.organizer("acme");
    let hall = json!({
        "kind": "TICKET_KIND_SEATED", "name": "Hall", "unitPrice": euros(30),
        "seats": ["Stalls/A1", "Stalls/A2", "Circle/B1"],
        "sections": [{"name": "Stalls", "unitPrice": euros(50)}],
    });
    let ticket = post(&platform, &acme, "/v1/tickets", hall).await;
    assert_eq!((&ticket["capacity"], &ticket["available"]), (&json!("3"), &json!("3")));
    assert_eq!(ticket["seats"], json!([]), "the map is read with the availability");
    let id = ticket["ticketId"].as_str().unwrap();
    let left = get(&platform, &format!("/v1/tickets/{id}/availability")).await;
    let seat = |place: usize| {
        let slot = &left["slots"][place];
        [&slot["slot"], &slot["section"], &slot["row"], &slot["unitPrice"]["units"]]
            .map(Value::to_string)
    };
    assert_eq!(seat(0), ["\"Stalls/A1\"", "\"Stalls\"", "\"A\"", "\"50\""]);
    assert_eq!(seat(2), ["\"Circle/B1\"", "\"Circle\"", "\"B\"", "\"30\""]);
    let more = json!({"capacity": "4"});
    let path = format!("/v1/tickets/{id}:setCapacity");
    let answer = platform.http.post(&path).token(&acme).json(more).send().await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.reason()), (400, "INVALID_FIELD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a05_rooms_have_nights_prices_and_a_calendar() {
    let platform = Platform::start().await;
    let acme = platform.organizer("acme");
    let utc_days = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
    let first = i32::try_from(utc_days).unwrap() + 10;
    let date = |place: i32| {
        let epoch = kernel::CivilDate::new(1970, 1, 1).unwrap();
        let date = epoch.plus_days(first + place).unwrap();
        json!({"year": date.year(), "month": date.month(), "day": date.day()})
    };
    let rooms = json!({
        "kind": "TICKET_KIND_NIGHTLY", "name": "Rooms", "unitPrice": euros(80), "capacity": "2",
        "timeZone": "Asia/Seoul", "firstNight": date(0), "lastNight": date(4), "minNights": 2,
    });
    let ticket = post(&platform, &acme, "/v1/tickets", rooms).await;
    assert_eq!((&ticket["capacity"], &ticket["available"]), (&json!("2"), &json!("2")));
    let id = ticket["ticketId"].as_str().unwrap();
    let dear = json!({"startDate": date(1), "endDate": date(2), "unitPrice": euros(120), "closedToArrival": true});
    post(&platform, &acme, &format!("/v1/tickets/{id}:setNights"), dear).await;
    let more = json!({"startDate": date(4), "endDate": date(6), "capacity": "3"});
    let more = post(&platform, &acme, &format!("/v1/tickets/{id}:setCapacity"), more).await;
    assert_eq!(more["capacity"], "3");
    let query = |from: i32, until: i32| {
        let part = |name: &str, date: Value| {
            format!(
                "{name}.year={}&{name}.month={}&{name}.day={}",
                date["year"], date["month"], date["day"]
            )
        };
        format!("{}&{}", part("startDate", date(from)), part("endDate", date(until)))
    };
    let path = format!("/v1/tickets/{id}/availability?{}", query(0, 7));
    let left = get(&platform, &path).await;
    let slots = left["slots"].as_array().unwrap();
    let shown: Vec<_> = slots.iter().map(|slot| slot["available"].as_str().unwrap()).collect();
    assert_eq!(shown, ["2", "2", "2", "2", "3", "3", "0"]);
    assert_eq!(left["available"], "0", "not all of them can be booked");
    for of in [format!("ticketIds={id}"), "organizerId=acme".to_owned()] {
        let calendar = get(&platform, &format!("/v1/calendar?{of}&{}", query(0, 2))).await;
        let nights = &calendar["calendars"][0]["nights"];
        let price = |place: usize| nights[place]["unitPrice"]["units"].as_str().unwrap().to_owned();
        assert_eq!((price(0), price(1)), ("80".into(), "120".into()), "{calendar}");
        assert_eq!(nights[1]["closedToArrival"], true);
    }
    let other = platform.organizer("other");
    let path = format!("/v1/tickets/{id}:setNights");
    let theirs = json!({"startDate": date(0), "endDate": date(1), "closedToArrival": true});
    let answer = platform.http.post(&path).token(&other).json(theirs).send().await.unwrap();
    assert_eq!(answer.status, 403);
}
