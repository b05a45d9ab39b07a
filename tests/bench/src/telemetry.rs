//! What telemetry costs: the same bookings with nothing sent and nobody asking for metrics, and with every trace kept
//! and sent to a collector and metrics read each second. The collector runs on the same machine and takes its share
//! of it, so the platform's own processor time is told as well.

use servers::Scratch;

use crate::Plan;
use crate::collector::Collector;
use crate::measurement::{Side, measure};
use crate::ratios::{Comparison, Pair, with_first};

/// Measures pairs.
pub(crate) async fn compare(plan: &Plan) -> Comparison {
    let scratch = Scratch::fresh("bench").unwrap_or_else(|error| panic!("{error}"));
    let collector = Collector::start(scratch.path()).await;
    let without = Side { name: "without", settings: Vec::new(), scraped: false };
    let with = Side {
        name: "with",
        settings: vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
            ("OTEL_TRACES_SAMPLER", "always_on".to_owned()),
        ],
        scraped: true,
    };
    let mut pairs = Vec::new();
    for round in 0..plan.rounds {
        let of = async |side: &Side| {
            let measured = measure(side, plan.buyers.into(), plan.time()).await;
            println!(
                "round {} {:<8} {:>8.1} bookings/s, p99 {:>7.1} ms, {:.2} ms of processor each, {} failed",
                round + 1,
                side.name,
                measured.bookings_per_second,
                measured.p99_ms,
                measured.cpu_ms_per_booking,
                measured.failed
            );
            measured
        };
        pairs.push(if with_first(round) {
            let with = of(&with).await;
            Pair { without: of(&without).await, with }
        } else {
            Pair { without: of(&without).await, with: of(&with).await }
        });
    }
    let spans = collector.spans();
    assert!(spans > 0, "no span has come to the collector: nothing was measured");
    println!("the collector took {spans} spans");
    Comparison { benchmark: "telemetry", without: without.name, with: with.name, pairs }
}
