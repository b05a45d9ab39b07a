//! One holder at a time, by the database's time.

use std::time::Duration;

use futures::future::join_all;
use sea_orm_database::Lease;
use tokio_util::task::TaskTracker;

use crate::support::{Engine, Scene, scene};

over_every_engine!(
    r20_of_ten_racers_one_leads,
    a_lease_passes_on_when_it_ends_and_its_old_holder_notices,
    a_holder_that_crashed_leads_again_at_once_and_its_ghost_does_not,
);

const LONG: Duration = Duration::from_secs(3600);

async fn acquire(scene: &Scene, owner: &str, duration: Duration) -> Option<Lease> {
    Lease::acquire(&scene.db, "role", owner, duration).await.unwrap()
}

async fn r20_of_ten_racers_one_leads(engine: Engine) {
    let scene = scene(engine).await;
    let tasks = TaskTracker::new();
    let racers = (0..10).map(|racer| {
        let db = scene.db.clone();
        tasks.spawn(async move {
            Lease::acquire(&db, "role", &format!("racer {racer}"), LONG).await.unwrap()
        })
    });
    let won = join_all(racers).await.into_iter().filter(|lease| lease.as_ref().unwrap().is_some());
    assert_eq!(won.count(), 1);
}

async fn a_lease_passes_on_when_it_ends_and_its_old_holder_notices(engine: Engine) {
    let scene = scene(engine).await;
    let first = acquire(&scene, "first", LONG).await.unwrap();
    assert_eq!(acquire(&scene, "second", LONG).await, None);
    assert_eq!(first.renew(&scene.db, Duration::ZERO).await, Ok(true));
    let second = acquire(&scene, "second", LONG).await.unwrap();
    assert_eq!(first.renew(&scene.db, LONG).await, Ok(false));
    first.release(&scene.db).await.unwrap();
    assert_eq!(acquire(&scene, "third", LONG).await, None, "a lost lease releases nothing");
    second.release(&scene.db).await.unwrap();
    assert!(acquire(&scene, "third", LONG).await.is_some());
}

async fn a_holder_that_crashed_leads_again_at_once_and_its_ghost_does_not(engine: Engine) {
    let scene = scene(engine).await;
    let ghost = acquire(&scene, "first", LONG).await.unwrap();
    let revived = acquire(&scene, "first", LONG).await.unwrap();
    assert_eq!(ghost.renew(&scene.db, LONG).await, Ok(false));
    assert_eq!(revived.renew(&scene.db, LONG).await, Ok(true));
    let other_role = Lease::acquire(&scene.db, "other role", "second", LONG).await.unwrap();
    assert!(other_role.is_some());
}
