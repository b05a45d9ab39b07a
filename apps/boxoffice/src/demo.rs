//! `boxoffice demo`: the whole story, told step by step over the REST interface.

use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{HttpAnswer, HttpClient, NoAnswer};

/// Tokens of the people in the story.
pub struct Cast {
    /// Sells the ticket.
    pub organizer: String,
    /// Books and pays.
    pub alice: String,
    /// Books, and is refunded when the ticket is deleted.
    pub bob: String,
}

/// Why the story could not be told to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The platform went away.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The platform answered otherwise than the story goes.
    #[error("{step}: expected {expected}, got {got}")]
    Unexpected {
        /// The step of the story.
        step: &'static str,
        /// What should have come.
        expected: String,
        /// What came.
        got: String,
    },
}

const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Tells the story to `say`, a line at a time.
///
/// # Errors
/// [`DemoError`] names the step that went otherwise.
pub async fn tell(
    http: &HttpClient,
    cast: &Cast,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), DemoError> {
    let ticket = register(http, cast, say).await?;
    search(http, &ticket, say).await?;
    let booking = book(http, cast, &ticket, say).await?;
    follow(http, cast, &booking, say).await?;
    refuse(http, cast, &ticket, say).await?;
    cancel(http, cast, &ticket, &booking, say).await?;
    delete(http, cast, &ticket, say).await?;
    book_other_kinds(http, cast, say).await?;
    say("\nThat is the whole story. Nobody was sold what was not there, and all money is back.");
    Ok(())
}

async fn register(
    http: &HttpClient,
    cast: &Cast,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<String, DemoError> {
    say("\n1. An organizer puts 10 places on sale            POST /v1/tickets");
    let ticket = json!({
        "kind": "TICKET_KIND_ADMISSION",
        "name": "Spring concert",
        "venue": "Seoul Arts Center",
        "category": "concert",
        "timeZone": "Asia/Seoul",
        "unitPrice": {"currencyCode": "KRW", "units": "55000"},
        "capacity": "10",
        "maxPerBuyer": 4,
    });
    let answer = http.post("/v1/tickets").token(&cast.organizer).json(ticket).send().await?;
    let answer = ok("register", answer)?;
    say(&format!("   ticket {} is {}", answer.text("ticketId"), answer.text("status")));
    Ok(answer.text("ticketId").to_owned())
}

async fn search(
    http: &HttpClient,
    ticket: &str,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), DemoError> {
    say(
        "\n2. Anyone finds it, no token needed               GET /v1/tickets?query=spring&availableOnly=true",
    );
    let answer =
        http.get("/v1/tickets?query=spring&availableOnly=true&pageSize=100").send().await?;
    let answer = ok("search", answer)?;
    let found = rows(&answer, "tickets")
        .iter()
        .any(|row| row.get("ticketId").is_some_and(|id| id == ticket));
    expect("search", "the ticket among the results", found, &answer)?;
    say(&format!("   {} tickets found, ours among them", rows(&answer, "tickets").len()));
    Ok(())
}

async fn book(
    http: &HttpClient,
    cast: &Cast,
    ticket: &str,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<String, DemoError> {
    say("\n3. Alice books 3 and pays                         POST /v1/bookings");
    let wish = json!({
        "ticketId": ticket,
        "quantity": 3,
        "expectedTotal": {"currencyCode": "KRW", "units": "165000"},
        "paymentMethod": "ok",
    });
    let key = format!("demo-{ticket}");
    let answer =
        http.post("/v1/bookings").token(&cast.alice).key(&key).json(wish.clone()).send().await?;
    let answer = ok("book", answer)?;
    expect("book", "CONFIRMED", answer.text("status") == "BOOKING_STATUS_CONFIRMED", &answer)?;
    let booking = answer.text("bookingId").to_owned();
    say(&format!("   booking {booking} is {}", answer.text("status")));
    let again = ok(
        "replay",
        http.post("/v1/bookings").token(&cast.alice).key(&key).json(wish).send().await?,
    )?;
    let replayed = again.headers.get("idempotency-replayed").is_some_and(|value| value == "true");
    expect("replay", "the first answer again", replayed && again.json == answer.json, &again)?;
    say(
        "   her client sends it twice, with the same Idempotency-Key: one booking, the same answer",
    );
    let left = available(http, ticket).await?;
    expect("book", "7 places left", left == 7, &answer)?;
    say("   7 of 10 places are left");
    Ok(booking)
}

async fn follow(
    http: &HttpClient,
    cast: &Cast,
    booking: &str,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), DemoError> {
    say("\n4. It shows on her my page                        GET /v1/mypage/bookings/{booking_id}");
    let path = format!("/v1/mypage/bookings/{booking}");
    let row = until(http, &path, &cast.alice, "my page", |row| {
        row.text("status") == "BOOKING_STATUS_CONFIRMED"
            && row.text("paymentStatus") == "PAYMENT_STATUS_APPROVED"
    })
    .await?;
    say(&format!("   {} / {}", row.text("status"), row.text("paymentStatus")));

    say("\n5. She and the organizer are told                 GET /v1/notifications");
    let path = format!("/v1/notifications?bookingId={booking}");
    for (who, token) in [("alice", &cast.alice), ("organizer", &cast.organizer)] {
        let told = |answer: &HttpAnswer| has_letter(answer, "BookingConfirmed");
        let inbox = until(http, &path, token, "notifications", told).await?;
        for letter in rows(&inbox, "notifications") {
            let subject = letter.get("subject").and_then(Value::as_str).unwrap_or_default();
            say(&format!("   to {who}: {subject}"));
        }
    }
    Ok(())
}

async fn refuse(
    http: &HttpClient,
    cast: &Cast,
    ticket: &str,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), DemoError> {
    say("\n6. What cannot be is refused, with a reason a program can read");
    let greedy = json!({"ticketId": ticket, "quantity": 2});
    let answer = http.post("/v1/bookings").token(&cast.alice).json(greedy).send().await?;
    expect("limit", "LIMIT_PER_BUYER", answer.reason() == "LIMIT_PER_BUYER", &answer)?;
    say(&format!(
        "   Alice wants 2 more than the 4 she may have: {} {}",
        answer.status.as_u16(),
        answer.reason()
    ));
    let declined = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": "declined"});
    let answer =
        ok("decline", http.post("/v1/bookings").token(&cast.bob).json(declined).send().await?)?;
    let waiting = answer.text("status") == "BOOKING_STATUS_AWAITING_PAYMENT";
    expect("decline", "AWAITING_PAYMENT", waiting, &answer)?;
    say(&format!(
        "   Bob's card is declined: {}, kept until {}",
        answer.text("statusReason"),
        answer.text("payBy")
    ));
    let pay = format!("/v1/bookings/{}:pay", answer.text("bookingId"));
    let paid = http.post(pay).token(&cast.bob).json(json!({"paymentMethod": "ok"})).send().await?;
    let paid = ok("pay again", paid)?;
    expect("pay again", "CONFIRMED", paid.text("status") == "BOOKING_STATUS_CONFIRMED", &paid)?;
    say("   he pays with another card: BOOKING_STATUS_CONFIRMED");
    Ok(())
}

async fn cancel(
    http: &HttpClient,
    cast: &Cast,
    ticket: &str,
    booking: &str,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), DemoError> {
    say(
        "\n7. Alice cancels; money and stock come back       POST /v1/bookings/{booking_id}:cancel",
    );
    let path = format!("/v1/bookings/{booking}");
    let answer =
        http.post(format!("{path}:cancel")).token(&cast.alice).json(json!({})).send().await?;
    say(&format!("   at once: {}", ok("cancel", answer)?.text("status")));
    let gone = |answer: &HttpAnswer| answer.text("status") == "BOOKING_STATUS_CANCELLED";
    let answer = until(http, &path, &cast.alice, "cancel", gone).await?;
    let refunded =
        answer.json.pointer("/refunded/units").and_then(Value::as_str).unwrap_or_default();
    expect("refund", "165000 back", refunded == "165000", &answer)?;
    say(&format!("   then: {}, {refunded} KRW refunded", answer.text("status")));
    let path = format!("/v1/tickets/{ticket}/availability");
    let back = |answer: &HttpAnswer| answer.text("available") == "9";
    until(http, &path, &cast.alice, "restock", back).await?;
    say("   9 of 10 places are left: only Bob's is sold");
    Ok(())
}

async fn delete(
    http: &HttpClient,
    cast: &Cast,
    ticket: &str,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), DemoError> {
    say("\n8. The organizer deletes the ticket               DELETE /v1/tickets/{ticket_id}");
    let path = format!("/v1/tickets/{ticket}");
    let answer = ok("delete", http.delete(&path).token(&cast.organizer).send().await?)?;
    say(&format!("   at once: {}", answer.text("status")));
    let bookings = format!("/v1/bookings?ticketId={ticket}");
    let all_cancelled = |answer: &HttpAnswer| {
        let all = rows(answer, "bookings");
        !all.is_empty()
            && all.iter().all(|row| {
                row.get("status").is_some_and(|status| status == "BOOKING_STATUS_CANCELLED")
            })
    };
    until(http, &bookings, &cast.bob, "cascade", all_cancelled).await?;
    say("   Bob's booking is cancelled");
    let refund = |answer: &HttpAnswer| has_letter(answer, "RefundSucceeded");
    until(http, "/v1/notifications", &cast.bob, "refund", refund).await?;
    say("   Bob is told that his money is back, after it was");
    let retired = |answer: &HttpAnswer| answer.text("status") == "TICKET_STATUS_RETIRED";
    until(http, &path, &cast.organizer, "retire", retired).await?;
    say("   the ticket is RETIRED");
    Ok(())
}

async fn book_other_kinds(
    http: &HttpClient,
    cast: &Cast,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), DemoError> {
    say("\n9. Seats and nights are booked by the same call   POST /v1/bookings");
    let year = jiff::Zoned::now().year() + 1;
    let date = |day: i32| json!({"year": year, "month": 12, "day": day});
    let hall = json!({"kind": "TICKET_KIND_SEATED", "seats": ["A1", "A2", "A3"]});
    let house = json!({
        "kind": "TICKET_KIND_NIGHTLY", "capacity": "2", "firstNight": date(20), "lastNight": date(31),
    });
    let seats = json!({"seats": ["A1", "A2"]});
    let nights = json!({"quantity": 1, "checkIn": date(24), "checkOut": date(26)});
    let room = format!("a room from 24 to 26 December {year}");
    for (kind, what, says) in [(hall, seats, "seats A1 and A2"), (house, nights, room.as_str())] {
        let named = json!({
            "name": "Winter in Busan", "unitPrice": {"currencyCode": "KRW", "units": "80000"},
        });
        let ticket = http.post("/v1/tickets").token(&cast.organizer).json(joined(named, kind));
        let ticket = ok("register", ticket.send().await?)?;
        let wish = json!({"ticketId": ticket.text("ticketId"), "paymentMethod": "ok"});
        let booked = http.post("/v1/bookings").token(&cast.alice).json(joined(wish, what));
        let booked = ok("book", booked.send().await?)?;
        let total = booked.json.pointer("/total/units").and_then(Value::as_str).unwrap_or_default();
        expect("book", "160000 in all", total == "160000", &booked)?;
        say(&format!("   {says}: {}, {total} KRW", booked.text("status")));
        let path = format!("/v1/bookings/{}", booked.text("bookingId"));
        let cancel = http.post(format!("{path}:cancel")).token(&cast.alice).json(json!({}));
        ok("cancel", cancel.send().await?)?;
        let gone = |answer: &HttpAnswer| answer.text("status") == "BOOKING_STATUS_CANCELLED";
        until(http, &path, &cast.alice, "cancel", gone).await?;
    }
    say("   and cancelled again");
    Ok(())
}

/// The fields of both.
fn joined(mut one: Value, other: Value) -> Value {
    if let (Some(one), Value::Object(other)) = (one.as_object_mut(), other) {
        one.extend(other);
    }
    one
}

async fn available(http: &HttpClient, ticket: &str) -> Result<i64, DemoError> {
    let answer =
        ok("availability", http.get(format!("/v1/tickets/{ticket}/availability")).send().await?)?;
    Ok(answer.text("available").parse().unwrap_or(-1))
}

async fn until(
    http: &HttpClient,
    path: &str,
    token: &str,
    step: &'static str,
    reached: impl Fn(&HttpAnswer) -> bool,
) -> Result<HttpAnswer, DemoError> {
    let give_up = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = http.get(path).token(token).send().await?;
        if reached(&answer) {
            return Ok(answer);
        }
        if tokio::time::Instant::now() > give_up {
            let expected = format!("another state within {} s", PATIENCE.as_secs());
            return Err(DemoError::Unexpected { step, expected, got: answer.json.to_string() });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn ok(step: &'static str, answer: HttpAnswer) -> Result<HttpAnswer, DemoError> {
    expect(step, "200", answer.status.is_success(), &answer)?;
    Ok(answer)
}

fn expect(
    step: &'static str,
    expected: &str,
    holds: bool,
    answer: &HttpAnswer,
) -> Result<(), DemoError> {
    if holds {
        return Ok(());
    }
    let got = format!("{} {}", answer.status.as_u16(), answer.json);
    Err(DemoError::Unexpected { step, expected: expected.to_owned(), got })
}

fn rows<'a>(answer: &'a HttpAnswer, field: &str) -> &'a [Value] {
    answer.json.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn has_letter(answer: &HttpAnswer, event: &str) -> bool {
    rows(answer, "notifications")
        .iter()
        .any(|row| row.get("eventType").is_some_and(|kind| kind == event))
}
