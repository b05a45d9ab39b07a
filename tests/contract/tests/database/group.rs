//! Jobs that wait while a transaction runs share the next one.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use kernel::{StoreError, Uuid};
use sea_orm_database::{Batching, Group, Job, TxError};
use testkit::eventually;
use tokio::sync::Semaphore;

use crate::support::{Engine, Scene, scene};

over_every_engine!(
    who_comes_while_one_runs_shares_the_next,
    who_leaves_before_it_begins_is_left_out,
    one_that_fails_fails_alone,
    without_batching_each_is_alone,
);

type Asked = BoxFuture<'static, Result<u32, StoreError>>;

/// Numbers that are answered as they are; a batch begins when the test lets it.
struct Numbers {
    group: Group<u32, u32>,
    batches: Arc<Mutex<Vec<Vec<u32>>>>,
    begin: Arc<Semaphore>,
}

/// What no transaction can decide.
const POISON: u32 = 13;
const PANICS: u32 = 14;

impl Numbers {
    fn over(scene: &Scene, batching: Batching) -> Self {
        let (batches, begin) =
            (Arc::<Mutex<Vec<Vec<u32>>>>::default(), Arc::new(Semaphore::new(0)));
        let (seen, may_begin) = (batches.clone(), begin.clone());
        let group = Group::new(
            scene.db.clone(),
            "numbering",
            batching,
            move |_, jobs: Arc<[Job<u32>]>, _| {
                let (seen, may_begin) = (seen.clone(), may_begin.clone());
                Box::pin(async move {
                    let numbers: Vec<_> = jobs.iter().map(|job| job.work).collect();
                    seen.lock().unwrap().push(numbers.clone());
                    may_begin.acquire().await.unwrap().forget();
                    assert!(!numbers.contains(&PANICS), "a job that panics");
                    if numbers.contains(&POISON) {
                        return Err(TxError::Store(StoreError::CorruptRow {
                            table: "number",
                            id: POISON.to_string(),
                            column: "value",
                        }));
                    }
                    Ok::<_, TxError>(numbers)
                })
            },
        );
        Self { group, batches, begin }
    }

    /// Asks for these; they wait when it returns.
    fn ask(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<Asked> {
        let ask = |number: u32| {
            let group = self.group.clone();
            let key = Uuid::from_u128(number.into());
            let mut asked: Asked = Box::pin(async move { group.submit(key, 1, number).await });
            assert!(asked.as_mut().now_or_never().is_none(), "nothing is decided yet");
            asked
        };
        numbers.into_iter().map(ask).collect()
    }

    /// The first has begun, and these wait for its end.
    async fn ask_behind_the_first(&self, numbers: &[u32]) -> (Vec<Asked>, Vec<Asked>) {
        let first = self.ask([1]);
        eventually("the first batch", || async {
            if self.batches.lock().unwrap().len() == 1 { Ok(()) } else { Err("not yet") }
        })
        .await;
        (first, self.ask(numbers.iter().copied()))
    }

    fn batches(&self) -> Vec<Vec<u32>> {
        self.batches.lock().unwrap().clone()
    }
}

async fn who_comes_while_one_runs_shares_the_next(engine: Engine) {
    let scene = scene(engine).await;
    let numbers = Numbers::over(&scene, Batching::On);
    let (first, others) = numbers.ask_behind_the_first(&[2, 3, 4, 5]).await;
    numbers.begin.add_permits(2);
    let answers = join_all(first.into_iter().chain(others)).await;
    assert_eq!(answers, (1..=5).map(Ok).collect::<Vec<_>>(), "each has its own answer");
    assert_eq!(numbers.batches(), [vec![1], vec![2, 3, 4, 5]]);
    let later = numbers.ask([6]);
    numbers.begin.add_permits(1);
    assert_eq!(join_all(later).await, [Ok(6)], "it begins again");
}

async fn who_leaves_before_it_begins_is_left_out(engine: Engine) {
    let scene = scene(engine).await;
    let numbers = Numbers::over(&scene, Batching::On);
    let (first, mut others) = numbers.ask_behind_the_first(&[2, 3, 4]).await;
    drop(others.remove(1));
    // Of the one that has begun nobody waits for the answer, and it comes to its end.
    drop(first);
    numbers.begin.add_permits(2);
    assert_eq!(join_all(others).await, [Ok(2), Ok(4)]);
    assert_eq!(numbers.batches(), [vec![1], vec![2, 4]]);
}

async fn one_that_fails_fails_alone(engine: Engine) {
    let scene = scene(engine).await;
    for bad in [POISON, PANICS] {
        let numbers = Numbers::over(&scene, Batching::On);
        let (first, others) = numbers.ask_behind_the_first(&[2, bad, 3]).await;
        numbers.begin.add_permits(5);
        let answers = join_all(first.into_iter().chain(others)).await;
        let well: Vec<_> = answers.iter().flatten().collect();
        assert_eq!(well, [&1, &2, &3], "{answers:?}");
        let tried = numbers.batches();
        assert_eq!(tried, [vec![1], vec![2, bad, 3], vec![2], vec![bad], vec![3]]);
    }
}

async fn without_batching_each_is_alone(engine: Engine) {
    let scene = scene(engine).await;
    let numbers = Numbers::over(&scene, Batching::Off);
    let (first, others) = numbers.ask_behind_the_first(&[2, 3]).await;
    numbers.begin.add_permits(3);
    let answers = join_all(first.into_iter().chain(others)).await;
    assert_eq!(answers, [Ok(1), Ok(2), Ok(3)]);
    assert!(numbers.batches().iter().all(|batch| batch.len() == 1), "{:?}", numbers.batches());
}
