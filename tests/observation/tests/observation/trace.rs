//! One trace over all six servers.

use std::collections::{BTreeMap, BTreeSet};

use servers::deployment::{CONTEXTS, GATEWAY};
use testkit::{Plan, Platform, Shape, eventually};

use crate::collected::{Collected, Span};
use crate::world::{
    answered, cancellation, lines, no_secret_in, register, until_cancelled, until_told, wish,
};

/// The trace of who calls, and the span that the calls come from.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// A span: its server, its kind, its name.
type Known = (&'static str, &'static str, &'static str);

const BOOK: Known = ("gateway", "SERVER", "POST /v1/bookings");
const BOOK_CALL: Known = ("gateway", "CLIENT", "boxoffice.booking.v1.BookingService/CreateBooking");
const BOOKING: Known = ("booking", "SERVER", "boxoffice.booking.v1.BookingService/CreateBooking");
const BOOKED: Known = ("booking", "CLIENT", "committing bookings");
const HOLD_CALL: Known = ("booking", "CLIENT", "boxoffice.ticket.v1.StockService/HoldStock");
const HOLD: Known = ("ticket", "SERVER", "boxoffice.ticket.v1.StockService/HoldStock");
const HELD: Known = ("ticket", "CLIENT", "deciding stock orders");
const CHARGE_CALL: Known =
    ("booking", "CLIENT", "boxoffice.payment.v1.PaymentService/ChargePayment");
const CHARGE: Known = ("payment", "SERVER", "boxoffice.payment.v1.PaymentService/ChargePayment");
const CHARGED: Known = ("payment", "CLIENT", "committing settlements");
const TELL_PAID: Known = ("payment", "PRODUCER", "send PaymentApproved");
const HEAR_PAID: Known = ("booking", "CONSUMER", "process PaymentApproved");
const TELL: Known = ("booking", "PRODUCER", "send BookingConfirmed");
const LETTER: Known = ("notification", "CONSUMER", "process BookingConfirmed");
const LETTER_KEPT: Known = ("notification", "CLIENT", "delivering letters");
const VIEW: Known = ("mypage", "CONSUMER", "process BookingConfirmed");
const VIEW_KEPT: Known = ("mypage", "CLIENT", "folding events into the view");
const CANCEL: Known = ("gateway", "SERVER", "POST /v1/bookings/{booking_id}:cancel");
const CANCEL_CALL: Known =
    ("gateway", "CLIENT", "boxoffice.booking.v1.BookingService/CancelBooking");
const CANCELLING: Known =
    ("booking", "SERVER", "boxoffice.booking.v1.BookingService/CancelBooking");
const TELL_CANCEL: Known = ("booking", "PRODUCER", "send BookingCancellationRequested");
const RETURN: Known = ("ticket", "CONSUMER", "process BookingCancellationRequested");
const REFUND: Known = ("payment", "CONSUMER", "process BookingCancellationRequested");
const TELL_RETURNED: Known = ("ticket", "PRODUCER", "send StockReturned");
const HEAR_RETURNED: Known = ("booking", "CONSUMER", "process StockReturned");

/// Spans with their parents; several of one name may have other parents, too. A message is its call's, not that of the
/// transaction, which it may share with other calls.
const PARENTS: [(Known, Known); 23] = [
    (BOOK_CALL, BOOK),
    (BOOKING, BOOK_CALL),
    (BOOKED, BOOKING),
    (HOLD_CALL, BOOKING),
    (HOLD, HOLD_CALL),
    (HELD, HOLD),
    (CHARGE_CALL, BOOKING),
    (CHARGE, CHARGE_CALL),
    (CHARGED, CHARGE),
    (("payment", "CLIENT", "sea_orm.commit"), CHARGED),
    (TELL_PAID, CHARGE),
    (HEAR_PAID, TELL_PAID),
    (TELL, BOOKING),
    (LETTER, TELL),
    (VIEW, TELL),
    (CANCEL_CALL, CANCEL),
    (CANCELLING, CANCEL_CALL),
    (BOOKED, CANCELLING),
    (TELL_CANCEL, CANCELLING),
    (RETURN, TELL_CANCEL),
    (REFUND, TELL_CANCEL),
    (TELL_RETURNED, RETURN),
    (HEAR_RETURNED, TELL_RETURNED),
];

/// Letters and views of messages that come at once share transactions: each stands below whichever message came first.
const KEPT: [Known; 2] = [LETTER_KEPT, VIEW_KEPT];

/// What OpenTelemetry's conventions want said, and what it is; `*` where that differs.
const SAID: [(Known, &[(&str, &str)]); 7] = [
    (
        BOOK,
        &[
            ("http.request.method", "POST"),
            ("http.route", "/v1/bookings"),
            ("http.response.status_code", "201"),
        ],
    ),
    (HOLD_CALL, RPC),
    (HOLD, RPC),
    (CHARGED, &[("db.system.name", "postgresql"), ("db.namespace", "payment")]),
    (
        ("payment", "CLIENT", "sea_orm.execute"),
        &[("db.system.name", "postgresql"), ("db.operation.name", "*"), ("db.query.text", "*")],
    ),
    (
        TELL,
        &[
            ("messaging.system", "nats"),
            ("messaging.operation.type", "send"),
            ("messaging.destination.name", CONFIRMED),
            ("messaging.message.id", "*"),
            ("correlation_id", "*"),
        ],
    ),
    (
        VIEW,
        &[
            ("messaging.system", "nats"),
            ("messaging.operation.type", "process"),
            ("messaging.destination.name", CONFIRMED),
            ("messaging.consumer.group.name", "mypage.views"),
            ("messaging.message.id", "*"),
            ("correlation_id", "*"),
        ],
    ),
];
const RPC: &[(&str, &str)] = &[
    ("rpc.system.name", "grpc"),
    ("rpc.method", "boxoffice.ticket.v1.StockService/HoldStock"),
    ("rpc.response.status_code", "OK"),
];
const CONFIRMED: &str = "boxoffice.booking.booking.BookingConfirmed";

#[tokio::test(flavor = "multi_thread")]
async fn g02_one_trace_runs_through_all_six_servers() {
    let collected = Collected::start();
    let plan = Plan::of(Shape::Postgres)
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", collected.collector.url())
        .with("OTEL_TRACES_SAMPLER", "always_on")
        .with("LOG_LEVEL", "debug")
        .with("LOG_FORMAT", "json");
    let mut platform = Platform::start_as(plan).await;
    let ticket = register(&platform).await;
    book_and_cancel(&platform, &ticket).await;

    eventually("all of the trace", || async {
        let spans = collected.of_trace(TRACE);
        let missing: Vec<_> =
            PARENTS.iter().filter(|(child, parent)| !has_child(&spans, child, parent)).collect();
        let kept: Vec<_> = KEPT.iter().filter(|kept| !is_below_a_message(&spans, kept)).collect();
        if missing.is_empty() && kept.is_empty() {
            Ok(())
        } else {
            Err(format!("missing: {missing:#?} {kept:#?}"))
        }
    })
    .await;
    every_span_hangs_together(&collected).await;
    let spans = collected.of_trace(TRACE);
    for (known, attributes) in SAID {
        let span = spans.iter().find(|span| is(span, &known)).expect("it is among the parents");
        for (name, value) in attributes {
            let said = span.attributes.get(*name);
            let right = said.is_some_and(|said| *value == "*" || said == value);
            assert!(right, "{known:?}: {name} is {said:?}, not {value}");
        }
    }
    no_secret_in(&platform, "a span", &format!("{:?}", collected.spans()));
    for server in platform.servers() {
        let lines = lines(&server.log_text());
        let traced = lines.iter().filter(|line| line["trace_id"] == TRACE).count();
        assert!(traced > 0, "{}: no line of its log bears the trace", server.name());
    }
    let logs: String = platform.servers().iter().map(|server| server.log_text()).collect();
    no_secret_in(&platform, "a log", &logs);
}

/// Two calls of one caller's trace.
async fn book_and_cancel(platform: &Platform, ticket: &str) {
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let booked = wish(platform, ticket, 1, "ok").header("traceparent", &traceparent);
    let booking = answered(booked).await.text("bookingId").to_owned();
    let cancelled = cancellation(platform, &booking).header("traceparent", &traceparent);
    answered(cancelled).await;
    until_cancelled(platform, &booking).await;
    until_told(platform, &booking).await;
}

/// Each span's parent is in the trace; only the gateway's two have the caller above them. All six servers are in it.
async fn every_span_hangs_together(collected: &Collected) {
    eventually("a trace without gaps", || async {
        let spans = collected.of_trace(TRACE);
        let known: BTreeMap<_, _> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
        let orphans = spans.iter().filter(|span| {
            let called = span.parent == CALLER && (is(span, &BOOK) || is(span, &CANCEL));
            !called && !known.contains_key(span.parent.as_str())
        });
        let orphans: Vec<_> =
            orphans.map(|span| format!("{} {}", span.service, span.name)).collect();
        if orphans.is_empty() { Ok(()) } else { Err(orphans.join("\n")) }
    })
    .await;
    let spans = collected.of_trace(TRACE);
    let services: BTreeSet<_> = spans.iter().map(|span| span.service.clone()).collect();
    let all = CONTEXTS.into_iter().chain([GATEWAY]).map(|name| format!("boxoffice-{name}"));
    assert_eq!(services, all.collect());
}

fn has_child(spans: &[Span], child: &Known, parent: &Known) -> bool {
    let mut children = spans.iter().filter(|span| is(span, child));
    children.any(|span| spans.iter().any(|above| above.id == span.parent && is(above, parent)))
}

/// Directly, or by way of the batch that it was one of.
fn is_below_a_message(spans: &[Span], known: &Known) -> bool {
    let above = |span: &Span| spans.iter().find(|above| above.id == span.parent);
    spans.iter().filter(|span| is(span, known)).any(|span| {
        let parent = above(span);
        let parent = parent.filter(|it| it.name != "batch").or_else(|| parent.and_then(above));
        parent.is_some_and(|it| it.kind == "CONSUMER" && it.service == span.service)
    })
}

fn is(span: &Span, (server, kind, name): &Known) -> bool {
    span.service.strip_prefix("boxoffice-") == Some(server)
        && span.kind == *kind
        && span.name == *name
}
