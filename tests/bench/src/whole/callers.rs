//! Callers of any one thing: as many as there are, each one call after the other.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::answered::Window;

/// How long the calls took that went well and ended in the window, and how many did not. `call` gets its turn's number,
/// and gives whether it went well.
pub(crate) async fn calls<F, Fut>(callers: u16, window: Window, call: F) -> (Vec<Duration>, usize)
where
    F: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = bool> + Send,
{
    let mut calling = JoinSet::new();
    for caller in 0..usize::from(callers) {
        let call = call.clone();
        calling.spawn(async move {
            let (mut waits, mut failed) = (Vec::new(), 0);
            let mut turn = caller;
            while Instant::now() < window.until {
                let begun = Instant::now();
                let well = call(turn).await;
                let answered = Instant::now();
                let measured = window.holds(answered);
                waits.extend((measured && well).then(|| answered - begun));
                failed += usize::from(measured && !well);
                turn += usize::from(callers);
            }
            (waits, failed)
        });
    }
    let ended = calling.join_all().await.into_iter();
    ended.fold((Vec::new(), 0), |(mut waits, failed), (more, also_failed)| {
        waits.extend(more);
        (waits, failed + also_failed)
    })
}
