//! One trace over all six servers.

use std::collections::BTreeMap;

use testkit::{Plan, Platform, Shape, eventually};

use crate::collected::{Collected, Span};
use crate::world::{BUYER, answered, cancellation, register, until_cancelled, until_told, wish};

/// The trace of who calls, and the span that the calls come from.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

#[tokio::test(flavor = "multi_thread")]
async fn g02_o05_one_trace_runs_through_all_six_servers() {
    let collected = Collected::start();
    let plan = Plan::of(Shape::Postgres)
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", collected.collector.url())
        .with("OTEL_TRACES_SAMPLER", "always_on")
        .with("LOG_LEVEL", "debug")
        .with("LOG_FORMAT", "json");
    let mut platform = Platform::start_as(plan).await;
    let ticket = register(&platform).await;
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let booked = wish(&platform, &ticket, 1, "ok").header("traceparent", &traceparent);
    let booking = answered(booked).await.text("bookingId").to_owned();
    let cancelled = cancellation(&platform, &booking).header("traceparent", &traceparent);
    answered(cancelled).await;
    until_cancelled(&platform, &booking).await;
    until_told(&platform, &booking).await;
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    let mut spans = collected.of_trace(TRACE);
    spans.sort_by(|a, b| a.service.cmp(&b.service));
    for s in &spans {
        let p = spans.iter().find(|p| p.id == s.parent).map(|p| format!("{} {} {}", p.service, p.kind, p.name));
        eprintln!("SPAN {} {} {} <- {:?} links={} {:?}", s.service, s.kind, s.name, p, s.links.len(), s.attributes);
    }
    for s in collected.spans().iter().filter(|s| s.links.iter().any(|l| l.0 == TRACE)) {
        eprintln!("LINKED {} {} {} {:?}", s.service, s.kind, s.name, s.attributes);
    }
    for s in platform.servers() {
        let all = s.log_text();
        eprintln!("LOG {} lines {} traced {} mail {} token {}", s.name(), all.lines().count(), all.lines().filter(|l| l.contains(TRACE)).count(), all.contains(BUYER), 0);
    }
    panic!("seen");
}
