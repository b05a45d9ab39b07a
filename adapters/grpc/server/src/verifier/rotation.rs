//! Keys that are fetched while servers run: in their time, and early for a token that names a key nobody knows. One
//! fetch is under way at a time and they keep a distance, whatever callers send; those who wait are woken together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grpc_client::dice;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{InvalidJwks, PresentKeys, read_keys};

/// The shortest time from the beginning of one fetch to that of the next.
const DISTANCE: Duration = Duration::from_secs(5);
/// What a first failure is followed by; it doubles up to the longest.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(60);
/// The most callers that wait for a fetch; others are refused at once.
const WAITING_MAX: usize = 1024;

/// Fetches an issuer's keys, and has them trusted by the verifier that it was made with.
#[derive(Clone)]
pub struct KeyRotation {
    pub(super) keys: PresentKeys,
    pub(super) wishes: Arc<Wishes>,
    first: watch::Sender<bool>,
}

/// Who wants keys, and when there may be some.
pub(super) struct Wishes {
    state: Mutex<State>,
    wished: Notify,
    rounds: watch::Sender<u64>,
    waiting: Semaphore,
}

#[derive(Default)]
struct State {
    begun_at: Option<Instant>,
    /// From the wish that no other fetch forbids to the end of that fetch.
    under_way: bool,
}

impl KeyRotation {
    pub(super) fn new(keys: PresentKeys) -> Self {
        Self { keys, wishes: Arc::new(Wishes::new()), first: watch::Sender::new(false) }
    }

    /// Whether keys were ever fetched.
    #[must_use]
    pub fn fetched(&self) -> watch::Receiver<bool> {
        self.first.subscribe()
    }

    /// Fetches keys until it is stopped: `every` so often or up to half of it sooner, and where that failed or a token
    /// names a key that is not there, soon. The keys there are stay while none can be fetched.
    pub async fn keep<F>(
        &self,
        every: Duration,
        fetch: impl Fn() -> F + Send,
        stopping: CancellationToken,
    ) where
        F: Future<Output = Result<String, String>> + Send,
    {
        let (mut text, mut failures) = (String::new(), 0_u32);
        loop {
            self.wishes.begin();
            let Some(fetched) = stopping.run_until_cancelled(fetch()).await else { break };
            let fresh = fetched.and_then(|jwks| {
                // What is known of tokens holds for keys that stay: the same text changes nothing.
                if jwks != text {
                    self.replace(&jwks).map_err(|error| format!("the keys: {error}"))?;
                    text = jwks;
                }
                Ok(())
            });
            match fresh {
                Ok(()) => {
                    if failures > 0 {
                        tracing::info!("the issuer's keys can be fetched again");
                    }
                    failures = 0;
                    self.first.send_if_modified(|first| !std::mem::replace(first, true));
                }
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(
                            error,
                            "the issuer's keys cannot be fetched; those there are stay"
                        );
                    }
                    failures = failures.saturating_add(1);
                }
            }
            self.wishes.end();
            let pause = if failures == 0 { every } else { again_after(failures).min(every) };
            let due = self.wishes.due(Instant::now() + dice::about(pause));
            if stopping.run_until_cancelled(due).await.is_none() {
                break;
            }
        }
        // Calls are still answered while the server drains, and no fetch comes any more that they could wait for.
        self.wishes.close();
    }

    /// Has nobody wait for keys, since nobody will fetch any.
    pub fn forgo(&self) {
        self.wishes.close();
    }

    /// Has these keys trusted from now on and no others of the issuer.
    ///
    /// # Errors
    /// [`InvalidJwks`] when there is no key to use; the present keys stay.
    pub fn replace(&self, jwks: &str) -> Result<(), InvalidJwks> {
        let fresh = Arc::new(read_keys(jwks)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

impl Wishes {
    fn new() -> Self {
        Self {
            state: Mutex::default(),
            wished: Notify::new(),
            rounds: watch::Sender::new(0),
            waiting: Semaphore::new(WAITING_MAX),
        }
    }

    /// Waits for the fetch that is under way or is begun for this. Returns at once where none may be begun yet; one
    /// follows as soon as it may.
    pub(super) async fn next_round(&self) {
        let Ok(_place) = self.waiting.try_acquire() else { return };
        let mut rounds = self.rounds.subscribe();
        if self.wish() {
            // Never an error: this end keeps the sender too.
            let _ended = rounds.changed().await;
        }
    }

    /// Whether a fetch is under way now.
    fn wish(&self) -> bool {
        let mut state = self.state();
        if !state.under_way {
            self.wished.notify_one();
            state.under_way = state.begun_at.is_none_or(|at| at.elapsed() >= DISTANCE);
        }
        state.under_way
    }

    /// Until this moment, or until one is wished that keeps its distance to the last.
    async fn due(&self, at: Instant) {
        tokio::select! {
            () = sleep_until(at) => {}
            () = self.wished.notified() => {
                let begun_at = self.state().begun_at;
                if let Some(begun_at) = begun_at {
                    sleep_until(begun_at + DISTANCE).await;
                }
            }
        }
    }

    fn begin(&self) {
        *self.state() = State { begun_at: Some(Instant::now()), under_way: true };
    }

    fn end(&self) {
        self.state().under_way = false;
        self.rounds.send_modify(|round| *round = round.wrapping_add(1));
    }

    /// No fetch will follow: lets go whoever waits for one, and has nobody wait from now on.
    fn close(&self) {
        self.waiting.close();
        self.end();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn again_after(failures: u32) -> Duration {
    let doubled = AGAIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(AGAIN_MAX)
}

impl std::fmt::Debug for KeyRotation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRotation").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A rotation whose fetches are counted and refused.
    fn counted() -> (KeyRotation, Arc<AtomicU32>, CancellationToken) {
        let rotation = KeyRotation::new(PresentKeys::default());
        let (count, stopping) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
        (rotation, count, stopping)
    }

    #[tokio::test(start_paused = true)]
    async fn a_storm_of_unknown_keys_is_one_fetch_per_distance() {
        let (rotation, count, stopping) = counted();
        let fetch = || async {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(KEYS.to_owned())
        };
        let storm = async {
            let mut first = rotation.fetched();
            first.wait_for(|is| *is).await.expect("fetched");
            tokio::time::sleep(DISTANCE).await;
            // All of them at once wait for one, and those after it are not kept waiting.
            let begun = Instant::now();
            join_all((0..500).map(|_| rotation.wishes.next_round())).await;
            assert_eq!(count.load(Ordering::SeqCst), 2);
            assert_eq!(begun.elapsed(), Duration::from_millis(100), "woken together");
            for _ in 0..6_000 {
                rotation.wishes.next_round().await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            stopping.cancel();
        };
        tokio::join!(rotation.keep(HOUR, fetch, stopping.clone()), storm);
        let fetches = count.load(Ordering::SeqCst);
        assert!((10..=14).contains(&fetches), "a minute has twelve distances: {fetches}");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_stay_while_none_can_be_fetched() {
        let (rotation, count, stopping) = counted();
        let fetch = || {
            let nth = count.fetch_add(1, Ordering::SeqCst);
            async move {
                match nth {
                    0 => Err("away".to_owned()),
                    1 => Ok(KEYS.to_owned()),
                    _ => Ok("{\"keys\":[]}".to_owned()),
                }
            }
        };
        let watched = async {
            let mut first = rotation.fetched();
            assert!(!*first.borrow());
            first.wait_for(|is| *is).await.expect("fetched");
            tokio::time::sleep(HOUR * 3).await;
            assert!(count.load(Ordering::SeqCst) > 3, "it goes on trying");
            assert!(rotation.keys.read().expect("sound").contains_key("k"));
            stopping.cancel();
        };
        tokio::join!(rotation.keep(HOUR, fetch, stopping.clone()), watched);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_fetch_once_it_is_stopped() {
        let (rotation, _count, stopping) = counted();
        let waiting = async {
            rotation.wishes.next_round().await;
            // And who comes after that.
            rotation.wishes.next_round().await;
        };
        let stop = async {
            tokio::time::sleep(DISTANCE).await;
            stopping.cancel();
        };
        let fetch = || std::future::pending::<Result<String, String>>();
        let all = async {
            tokio::join!(rotation.keep(HOUR, fetch, stopping.clone()), waiting, stop);
        };
        tokio::time::timeout(HOUR, all).await.expect("who waits is let go");
    }

    const KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
}
