//! What a context's replicas tell each other: which watched things their commits have changed. It is no event: who
//! misses it looks anew when the bus is back, and every quarter of an hour anyway.

use std::collections::BTreeSet;
use std::time::Duration;

use in_process_watching::{Change, Changes, Listener};
use nats_bus::{Live, NatsBus};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Changes that are told together: a ticket on sale changes with every booking.
const GATHER: Duration = Duration::from_millis(50);
/// The most of them in one message.
const CHANGES_MAX: usize = 500;
/// In the place of a name: too many to name them.
const ANYTHING: &str = "*";

/// Tells the context's replicas what this process has changed, and hears of theirs, until `stopping`. `me` tells the
/// process's own words from theirs.
pub(crate) async fn share(
    nats: NatsBus,
    context: &'static str,
    me: String,
    changes: Changes,
    stopping: CancellationToken,
) {
    let mut own = changes.listen_to_own();
    let Some(mut live) = nats.live(context).await else { return };
    // What was committed elsewhere before this one listened.
    changes.hear(Change::Anything);
    // Said while there was no connection: others may not have noticed that.
    let mut unsaid = false;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            change = own.next() => {
                stopping.run_until_cancelled(sleep(GATHER)).await;
                let names = gather(change, &mut own);
                unsaid |= !say(&live, &me, names).await;
            }
            said = live.hear() => match said {
                Some(said) => hear(&said, &me, &changes),
                None => {
                    changes.hear(Change::Anything);
                    if unsaid {
                        unsaid = !say(&live, &me, BTreeSet::from([ANYTHING.to_owned()])).await;
                    }
                }
            },
        }
    }
}

/// What changed by now.
fn gather(first: Change, own: &mut Listener) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut next = Some(first);
    while let Some(change) = next {
        match change {
            Change::Of(name) if names.len() < CHANGES_MAX => names.insert(name.to_string()),
            Change::Of(_) | Change::Anything => names.insert(ANYTHING.to_owned()),
        };
        next = own.take();
    }
    if names.contains(ANYTHING) {
        names = BTreeSet::from([ANYTHING.to_owned()]);
    }
    names
}

/// The first line says who speaks, each other one what changed.
async fn say(live: &Live, me: &str, names: BTreeSet<String>) -> bool {
    let lines: Vec<_> = std::iter::once(me.to_owned()).chain(names).collect();
    live.say(lines.join("\n")).await
}

fn hear(said: &str, me: &str, changes: &Changes) {
    let mut lines = said.lines();
    if lines.next() == Some(me) {
        return;
    }
    for name in lines.take(CHANGES_MAX) {
        changes.hear(if name == ANYTHING { Change::Anything } else { Change::Of(name.into()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_changed_often_is_told_once_and_one_hears_only_others() {
        let changes = Changes::default();
        let (mut own, mut all) = (changes.listen_to_own(), changes.listen());
        for name in ["a", "b", "a"] {
            changes.tell(name);
        }
        let first = own.next().await;
        let names = gather(first, &mut own);
        assert_eq!(names, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        while all.take().is_some() {}
        hear("me\na", "me", &changes);
        assert_eq!(all.take(), None);
        hear("other\na\n*", "me", &changes);
        assert_eq!(all.take(), Some(Change::Of("a".into())));
        assert_eq!(all.take(), Some(Change::Anything));
        assert_eq!(own.take(), None, "what was heard is not told again");
    }

    #[tokio::test]
    async fn too_many_are_not_named() {
        let changes = Changes::default();
        let mut own = changes.listen_to_own();
        (0..=CHANGES_MAX).for_each(|number| changes.tell(&number.to_string()));
        let first = own.next().await;
        assert_eq!(gather(first, &mut own), BTreeSet::from([ANYTHING.to_owned()]));
    }
}
