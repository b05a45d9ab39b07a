//! A metric with its labels, declared as a static.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use prometheus_client::metrics::counter::Counter as Count;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge as Level;
use prometheus_client::registry::Registry;

use crate::BUCKETS_S;

type Label = (&'static str, Cow<'static, str>);
type Exemplar = [(&'static str, String); 1];
type Durations<const N: usize> =
    Family<[Label; N], HistogramWithExemplars<Exemplar>, fn() -> HistogramWithExemplars<Exemplar>>;

/// What a metric is called and told apart by.
struct Names<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
}

impl<const N: usize> Names<N> {
    fn with(&self, values: [impl Into<Cow<'static, str>>; N]) -> [Label; N] {
        let mut names = self.labels.into_iter();
        values.map(|value| (names.next().unwrap_or_default(), value.into()))
    }
}

/// Counts what happened; in the text its name ends with `_total`.
pub struct Counter<const N: usize> {
    names: Names<N>,
    family: LazyLock<Family<[Label; N], Count>>,
}

impl<const N: usize> Counter<N> {
    pub(crate) const fn new(
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
    ) -> Self {
        Self { names: Names { name, help, labels }, family: LazyLock::new(Family::default) }
    }

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
        self.family.get_or_create(&self.names.with(labels)).inc_by(count);
    }
}

/// Counts what somebody else adds up, such as the system; in the text its name ends with `_total`.
pub struct Total<const N: usize> {
    names: Names<N>,
    family: LazyLock<Family<[Label; N], Count<f64, AtomicU64>>>,
}

impl<const N: usize> Total<N> {
    pub(crate) const fn new(
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
    ) -> Self {
        Self { names: Names { name, help, labels }, family: LazyLock::new(Family::default) }
    }

    /// It stands at so much now, which MUST NOT be less than before.
    pub fn set(&self, labels: [impl Into<Cow<'static, str>>; N], value: f64) {
        let total = self.family.get_or_create(&self.names.with(labels));
        total.inner().store(value.to_bits(), Ordering::Relaxed);
    }
}

/// How long things took; in the text its name ends with `_seconds`.
pub struct Histogram<const N: usize> {
    names: Names<N>,
    family: LazyLock<Durations<N>>,
}

impl<const N: usize> Histogram<N> {
    pub(crate) const fn new(
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
    ) -> Self {
        let family = || Family::new_with_constructor(buckets as fn() -> _);
        Self { names: Names { name, help, labels }, family: LazyLock::new(family) }
    }

    /// One took so long. The trace it belongs to is shown as an example of its bucket, where it is kept.
    pub fn observe(&self, labels: [impl Into<Cow<'static, str>>; N], took: Duration) {
        let family = self.family.get_or_create(&self.names.with(labels));
        family.observe(took.as_secs_f64(), exemplar());
    }
}

/// What is so just now.
pub struct Gauge<const N: usize> {
    names: Names<N>,
    family: LazyLock<Family<[Label; N], Level<f64, AtomicU64>>>,
}

impl<const N: usize> Gauge<N> {
    pub(crate) const fn new(
        name: &'static str,
        labels: [&'static str; N],
        help: &'static str,
    ) -> Self {
        Self { names: Names { name, help, labels }, family: LazyLock::new(Family::default) }
    }

    /// It is so much now.
    pub fn set(&self, labels: [impl Into<Cow<'static, str>>; N], value: f64) {
        self.family.get_or_create(&self.names.with(labels)).set(value);
    }

    /// It is so much more, or less, than it was. Changes at once from several threads all count.
    pub fn add(&self, labels: [impl Into<Cow<'static, str>>; N], change: f64) {
        self.family.get_or_create(&self.names.with(labels)).inc_by(change);
    }

    /// Says nothing more of it: nobody knows. An old value would look like a new one.
    pub fn forget(&self, labels: [impl Into<Cow<'static, str>>; N]) {
        self.family.remove(&self.names.with(labels));
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

impl<const N: usize> Metric for Counter<N> {
    fn register(&self, registry: &mut Registry) {
        registry.register(self.names.name, self.names.help, self.family.clone());
    }
}

impl<const N: usize> Metric for Total<N> {
    fn register(&self, registry: &mut Registry) {
        registry.register(self.names.name, self.names.help, self.family.clone());
    }
}

impl<const N: usize> Metric for Histogram<N> {
    fn register(&self, registry: &mut Registry) {
        registry.register(self.names.name, self.names.help, self.family.clone());
    }
}

impl<const N: usize> Metric for Gauge<N> {
    fn register(&self, registry: &mut Registry) {
        registry.register(self.names.name, self.names.help, self.family.clone());
    }
}

fn buckets() -> HistogramWithExemplars<Exemplar> {
    HistogramWithExemplars::new(BUCKETS_S.into_iter())
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
        assert!(GAUGE.family.get_or_create(&[]).get().abs() < f64::EPSILON);
    }
}
