//! A metric with its labels, declared as a static.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter as Count;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge as Level;
use prometheus_client::registry::Registry;

use crate::BUCKETS_S;

type Label = (&'static str, Cow<'static, str>);
type Exemplar = [(&'static str, String); 1];
type Durations = HistogramWithExemplars<Exemplar>;

/// Counts what happened; in the text its name ends with `_total`.
pub type Counter<const N: usize> = Labelled<N, Count>;
/// Counts what somebody else adds up, such as the system; in the text its name ends with `_total`.
pub type Total<const N: usize> = Labelled<N, Count<f64, AtomicU64>>;
/// How long things took; in the text its name ends with `_seconds`.
pub type Histogram<const N: usize> = Labelled<N, Durations>;
/// What is so just now.
pub type Gauge<const N: usize> = Labelled<N, Level<f64, AtomicU64>>;

/// A metric, and the labels that its values are told apart by.
pub struct Labelled<const N: usize, M> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    values: LazyLock<Family<[Label; N], M>>,
}

impl<const N: usize, M: Kind> Labelled<N, M> {
    pub(crate) const fn new(
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
    ) -> Self {
        Self { name, help, labels, values: LazyLock::new(Self::empty) }
    }

    fn empty() -> Family<[Label; N], M> {
        Family::new_with_constructor(M::fresh)
    }

    fn of<R>(&self, labels: [impl Into<Cow<'static, str>>; N], act: impl FnOnce(&M) -> R) -> R {
        act(&self.values.get_or_create(&self.named(labels)))
    }

    fn named(&self, values: [impl Into<Cow<'static, str>>; N]) -> [Label; N] {
        let mut names = self.labels.into_iter();
        values.map(|value| (names.next().unwrap_or_default(), value.into()))
    }
}

impl<const N: usize> Counter<N> {
    /// One more.
    pub fn add(&self, labels: [impl Into<Cow<'static, str>>; N]) {
        self.add_many(labels, 1);
    }

    /// Shows it before the first: what appears with its first event has not risen, as far as a rate can see.
    pub fn begin(&self, labels: [impl Into<Cow<'static, str>>; N]) {
        self.add_many(labels, 0);
    }

    /// So many more.
    pub fn add_many(&self, labels: [impl Into<Cow<'static, str>>; N], count: u64) {
        self.of(labels, |counter| counter.inc_by(count));
    }
}

impl<const N: usize> Total<N> {
    /// It stands at so much now, which MUST NOT be less than before.
    pub fn set(&self, labels: [impl Into<Cow<'static, str>>; N], value: f64) {
        self.of(labels, |total| total.inner().store(value.to_bits(), Ordering::Relaxed));
    }
}

impl<const N: usize> Histogram<N> {
    /// One took so long. The trace it belongs to is shown as an example of its bucket, where it is kept.
    pub fn observe(&self, labels: [impl Into<Cow<'static, str>>; N], took: Duration) {
        self.of(labels, |durations| durations.observe(took.as_secs_f64(), exemplar()));
    }
}

impl<const N: usize> Gauge<N> {
    /// It is so much now.
    pub fn set(&self, labels: [impl Into<Cow<'static, str>>; N], value: f64) {
        self.of(labels, |gauge| gauge.set(value));
    }

    /// It is so much more, or less, than it was. Changes at once from several threads all count.
    pub fn add(&self, labels: [impl Into<Cow<'static, str>>; N], change: f64) {
        self.of(labels, |gauge| gauge.inc_by(change));
    }

    /// Says nothing more of it: nobody knows. An old value would look like a new one.
    pub fn forget(&self, labels: [impl Into<Cow<'static, str>>; N]) {
        self.values.remove(&self.named(labels));
    }

    /// It is so much now, or nobody knows.
    pub fn tell(&self, labels: [impl Into<Cow<'static, str>>; N], value: Option<f64>) {
        match value {
            Some(value) => self.set(labels, value),
            None => self.forget(labels),
        }
    }
}

/// A metric as the table knows it.
pub(crate) trait Metric: Sync {
    fn register(&self, registry: &mut Registry);
}

impl<const N: usize, M> Metric for Labelled<N, M>
where
    M: Kind + EncodeMetric + TypedMetric + Debug + Send + Sync + 'static,
{
    fn register(&self, registry: &mut Registry) {
        registry.register(self.name, self.help, self.values.clone());
    }
}

/// How a value begins.
pub trait Kind {
    /// With nothing counted.
    fn fresh() -> Self;
}

impl<N: Default, A: Default> Kind for Count<N, A> {
    fn fresh() -> Self {
        Self::default()
    }
}

impl<N: Default, A: Default> Kind for Level<N, A> {
    fn fresh() -> Self {
        Self::default()
    }
}

impl Kind for Durations {
    fn fresh() -> Self {
        Self::new(BUCKETS_S.into_iter())
    }
}

fn exemplar() -> Option<Exemplar> {
    let context = Context::current();
    let span = context.span();
    let span = span.span_context();
    span.is_sampled().then(|| [("trace_id", span.trace_id().to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_up_and_down_in_many_threads_is_where_it_was() {
        static GAUGE: Gauge<0> = Gauge::new("gauge", [], "A gauge");
        const NONE: [&str; 0] = [];
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..10_000 {
                        GAUGE.add(NONE, 1.0);
                        GAUGE.add(NONE, -1.0);
                    }
                });
            }
        });
        assert!(GAUGE.values.get_or_create(&[]).get().abs() < f64::EPSILON);
    }
}
