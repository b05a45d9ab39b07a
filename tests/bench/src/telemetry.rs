//! What telemetry costs: the same bookings with nothing traced and nobody asking for metrics, and with traces sent to
//! a collector and metrics read each second. The collector runs on the same machine and takes its share of it, so the
//! platform's own processor time is told as well.

use servers::{Life, Scratch, collector};
use tokio::task::block_in_place;

use crate::plan::Plan;
use crate::platform::{Side, measure};
use crate::ratios::{Comparison, alternated};

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
    let without = Side { settings: vec![("OTEL_SDK_DISABLED", "true".to_owned())], watched: false };
    let with = Side {
        settings: vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url().to_owned()),
            ("OTEL_TRACES_SAMPLER", sampler.to_owned()),
            ("OTEL_TRACES_SAMPLER_ARG", "0.02".to_owned()),
        ],
        watched: true,
    };
    let sides = [("without", &without), ("with", &with)];
    let buyers = plan.callers.unwrap_or(16);
    let measured = async |side: &Side| measure(side, buyers.into(), plan.time()).await;
    Comparison {
        name: benchmark.to_owned(),
        callers: buyers,
        baseline: "without",
        ours: "with",
        pairs: alternated(plan.rounds(), sides, measured).await,
    }
}
