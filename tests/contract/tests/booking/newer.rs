//! What a newer version has written and this one does not know, as after going back to it.

use std::time::Duration;

use crate::scene::{LONG, Scene, commit, commit_of, lease, placed};

/// It is not carried on, nor changed, and keeps nobody else from it; the newer version finds it as it was.
pub(crate) async fn a_stage_of_a_newer_version_is_left_for_it(scene: &Scene) {
    let database = scene.database.as_ref().unwrap();
    for n in 1..=2 {
        commit(scene, commit_of(placed(n))).await;
    }
    let of_the_newer = placed(1).id;
    let rename = |from: &str, to: &str| {
        format!(
            "UPDATE booking SET stage = '{to}' WHERE id = '{of_the_newer}' AND stage = '{from}'"
        )
    };
    database.tamper(&rename("HOLDING", "SOMETHING_NEW")).await.unwrap();
    let claimed = scene.store.claim_due(&lease("older", Duration::ZERO), 9).await.unwrap();
    assert_eq!(claimed.iter().map(|due| due.booking.id).collect::<Vec<_>>(), [placed(2).id]);
    assert!(scene.store.find(of_the_newer).await.is_err());
    let kept: i64 =
        database.value("SELECT COUNT(*) FROM booking WHERE stage = 'SOMETHING_NEW'").await;
    assert_eq!(kept, 1);
    database.tamper(&rename("SOMETHING_NEW", "HOLDING")).await.unwrap();
    let claimed = scene.store.claim_due(&lease("newer", LONG), 9).await.unwrap();
    let found = claimed.into_iter().find(|due| due.booking.id == of_the_newer).unwrap().booking;
    let before = commit_of(placed(1)).booking;
    assert_eq!((found.state, found.attempt), (before.state, before.attempt));
}
