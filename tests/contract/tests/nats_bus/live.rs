//! Words of the moment between replicas.

use std::time::Duration;

use tokio::time::timeout;

use crate::scene::Scene;

#[tokio::test]
async fn who_is_there_hears_it_and_nobody_keeps_it() {
    let scene = Scene::shared().await;
    let (one, other) = (scene.bus().await, scene.bus().await);
    let speaks = one.live("ticket").await.unwrap();
    let mut hears = other.live("ticket").await.unwrap();
    let said = async {
        loop {
            assert!(speaks.say("t-1\nt-2".to_owned()).await);
            // Whoever listens may have begun a moment later.
            if let Ok(heard) = timeout(Duration::from_millis(50), hears.hear()).await {
                return heard;
            }
        }
    };
    let heard = timeout(Duration::from_secs(20), said).await.unwrap();
    assert_eq!(heard.as_deref(), Some("t-1\nt-2"));
    assert_eq!(scene.stored().await, 0);
    drop((speaks, hears));
    scene.end([one, other]).await;
}
