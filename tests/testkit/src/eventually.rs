//! Waiting for what must come, and failing with the last thing seen when it does not.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Tries until an attempt gives `Ok`, for a minute at most.
///
/// # Panics
/// When time runs out, with what was awaited and why the last attempt was not it.
pub async fn eventually<T, E, Attempt>(what: &str, attempt: impl Fn() -> Attempt) -> T
where
    E: Display,
    Attempt: Future<Output = Result<T, E>>,
{
    eventually_within(PATIENCE, what, attempt).await
}

/// Tries until an attempt gives `Ok`, for `patience` at most.
///
/// # Panics
/// When time runs out, with what was awaited and why the last attempt was not it.
pub async fn eventually_within<T, E, Attempt>(
    patience: Duration,
    what: &str,
    attempt: impl Fn() -> Attempt,
) -> T
where
    E: Display,
    Attempt: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + patience;
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(last) if Instant::now() >= deadline => {
                panic!("{what}: not within {} s; last seen: {last}", patience.as_secs());
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn gives_the_first_success() {
        let tries = AtomicUsize::new(0);
        let third = eventually("the third try", || async {
            match tries.fetch_add(1, Ordering::SeqCst) {
                2 => Ok("here"),
                earlier => Err(format!("only try {earlier}")),
            }
        });
        assert_eq!(third.await, "here");
    }

    #[tokio::test]
    #[should_panic(expected = "rain: not within 0 s; last seen: sunny")]
    async fn fails_with_the_last_thing_seen() {
        eventually_within(Duration::ZERO, "rain", || async { Err::<(), _>("sunny") }).await;
    }
}
