//! What the simulated provider is set to, checked (row P01).

use std::time::Duration;

use payment::PROVIDER_TIMEOUT;

const PROCESSING_MAX: Duration = Duration::from_secs(600);

/// How the simulated provider behaves where no token scripts it.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedSettings {
    success_rate: f64,
    processing_min: Duration,
    processing_max: Duration,
    seed: Option<u64>,
    call_timeout: Duration,
    tells_later: bool,
}

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {rule}")]
pub struct InvalidSetting {
    /// The setting's name in the environment.
    pub name: &'static str,
    /// What it has to be.
    pub rule: String,
}

impl SimulatedSettings {
    /// Approves this share of charges, 0 for none and 1 for all, each after a time between the least
    /// and the most. With a seed, the same charge has the same outcome in every run.
    ///
    /// # Errors
    /// [`InvalidSetting`], naming the variable.
    pub fn new(
        success_rate: f64,
        processing_min_ms: u64,
        processing_max_ms: u64,
        seed: Option<u64>,
    ) -> Result<Self, InvalidSetting> {
        let refuse = |name, rule: &str| Err(InvalidSetting { name, rule: rule.to_owned() });
        if !(0.0..=1.0).contains(&success_rate) {
            return refuse("PAYMENT_SUCCESS_RATE", "must be a number from 0 to 1");
        }
        let processing_min = Duration::from_millis(processing_min_ms);
        let processing_max = Duration::from_millis(processing_max_ms);
        if processing_min > processing_max {
            let rule = "must not be more than PAYMENT_PROCESSING_MAX_MS";
            return refuse("PAYMENT_PROCESSING_MIN_MS", rule);
        }
        if processing_max > PROCESSING_MAX {
            let rule = format!("must not be more than {}", PROCESSING_MAX.as_millis());
            return refuse("PAYMENT_PROCESSING_MAX_MS", &rule);
        }
        let call_timeout = PROVIDER_TIMEOUT;
        let tells_later = false;
        Ok(Self { success_rate, processing_min, processing_max, seed, call_timeout, tells_later })
    }

    /// Ends calls sooner than [`PROVIDER_TIMEOUT`].
    #[must_use]
    pub fn with_call_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout: call_timeout.min(PROVIDER_TIMEOUT), ..self }
    }

    /// Takes charges without a result, and tells of each when there is one.
    #[must_use]
    pub const fn telling_later(self) -> Self {
        Self { tells_later: true, ..self }
    }

    pub(crate) const fn tells_later(&self) -> bool {
        self.tells_later
    }

    pub(crate) const fn success_rate(&self) -> f64 {
        self.success_rate
    }

    pub(crate) const fn processing(&self) -> std::ops::RangeInclusive<Duration> {
        self.processing_min..=self.processing_max
    }

    pub(crate) const fn seed(&self) -> Option<u64> {
        self.seed
    }

    pub(crate) const fn call_timeout(&self) -> Duration {
        self.call_timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p01_nonsense_is_refused_by_the_variables_name() {
        let refused = |rate, min, max| {
            SimulatedSettings::new(rate, min, max, None).expect_err("nonsense").name
        };
        for rate in [-0.1, 1.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(refused(rate, 0, 0), "PAYMENT_SUCCESS_RATE", "{rate}");
        }
        assert_eq!(refused(0.5, 2, 1), "PAYMENT_PROCESSING_MIN_MS");
        assert_eq!(refused(0.5, 0, 600_001), "PAYMENT_PROCESSING_MAX_MS");
        assert_eq!(refused(0.5, 0, u64::MAX), "PAYMENT_PROCESSING_MAX_MS");
        assert!(SimulatedSettings::new(0.0, 0, 0, None).is_ok());
        assert!(SimulatedSettings::new(1.0, 5, 600_000, Some(u64::MAX)).is_ok());
    }
}
