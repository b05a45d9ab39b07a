//! Random waits, so that those who wait for the same do not come back together.

use std::time::Duration;

/// Any time up to this one.
#[must_use]
pub fn up_to(most: Duration) -> Duration {
    // Without dice the wait is the longest, which is only later.
    let dice = getrandom::u32().unwrap_or(u32::MAX);
    most.mul_f64(f64::from(dice) / f64::from(u32::MAX))
}

/// This time, less up to a half of it.
#[must_use]
pub fn about(time: Duration) -> Duration {
    time / 2 + up_to(time / 2)
}
