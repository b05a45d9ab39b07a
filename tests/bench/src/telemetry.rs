//! What telemetry costs: the same bookings with nothing traced and nobody asking for metrics, and with traces sent to
//! a collector and metrics read each second. The collector runs on the same machine and takes its share of it, so the
//! platform's own processor time is told as well.

use servers::{Life, Scratch, collector};
use tokio::task::block_in_place;

use crate::Plan;
use crate::measurement::{Side, measure};
use crate::ratios::{Comparison, Pair, with_first};

/// Which traces are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    /// The share of them that `deploy/kubernetes` keeps.
    AsDeployed,
    /// Every one, which is what a server does that is told of a collector and nothing else.
    All,
}

/// Measures pairs.
pub(crate) async fn compare(plan: &Plan, kept: Kept) -> Comparison {
    let (benchmark, sampler) = match kept {
        Kept::AsDeployed => ("telemetry", "parentbased_traceidratio"),
        Kept::All => ("all-traces", "parentbased_always_on"),
    };
    let scratch = Scratch::fresh("bench").unwrap_or_else(|error| panic!("{error}"));
    let collector =
        block_in_place(|| collector(&scratch.path().join("collector"), None, Life::WithStarter));
    let (collector, _http) = collector.unwrap_or_else(|error| panic!("{error}"));
    let without = Side {
        name: "without",
        settings: vec![("OTEL_SDK_DISABLED", "true".to_owned())],
        scraped: false,
    };
    let with = Side {
        name: "with",
        settings: vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url().to_owned()),
            ("OTEL_TRACES_SAMPLER", sampler.to_owned()),
            ("OTEL_TRACES_SAMPLER_ARG", "0.02".to_owned()),
        ],
        scraped: true,
    };
    let mut pairs = Vec::new();
    for round in 0..plan.rounds {
        let of = async |side: &Side| {
            let measured = measure(side, plan.buyers.into(), plan.time()).await;
            println!("round {} {:<8} {measured}", round + 1, side.name);
            assert_eq!(measured.spans_sent > 0.0, side.scraped, "spans have come to the collector");
            measured
        };
        pairs.push(if with_first(round) {
            let with = of(&with).await;
            Pair { without: of(&without).await, with }
        } else {
            Pair { without: of(&without).await, with: of(&with).await }
        });
    }
    Comparison { benchmark, without: without.name, with: with.name, pairs }
}
