//! Batches that begin and end when the test lets them.

use futures::FutureExt;
use futures::future::join_all;
use tokio::sync::Semaphore;

use super::*;

type Asked = BoxFuture<'static, Result<u32, Missed>>;

/// Never answered, but lets the others of its batch be.
const HANGS: u32 = 13;
const PANICS: u32 = 14;

/// Numbers that are answered as they are.
struct Numbers {
    gather: Gather<u32, u32>,
    batches: Arc<Mutex<Vec<Vec<u32>>>>,
    end: Arc<Semaphore>,
}

fn numbers(batching: Batching, at_once: usize, patience: Option<Duration>) -> Numbers {
    let (batch_weight, waiting_weight, rest) = (4, 8, Duration::ZERO);
    limited(batching, Limits { batch_weight, waiting_weight, at_once, patience, rest })
}

fn limited(batching: Batching, limits: Limits) -> Numbers {
    let batches = Arc::<Mutex<Vec<Vec<u32>>>>::default();
    let end = Arc::new(Semaphore::new(0));
    let (seen, may_end) = (Arc::clone(&batches), Arc::clone(&end));
    let run = move |batch: Vec<Waiting<u32, u32>>| -> BoxFuture<'static, ()> {
        let (seen, may_end) = (Arc::clone(&seen), Arc::clone(&may_end));
        Box::pin(async move {
            let numbers: Vec<_> = batch.iter().map(|waiting| waiting.item).collect();
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(numbers.clone());
            assert!(!numbers.contains(&PANICS), "a batch that panics");
            if let Ok(permit) = may_end.acquire().await {
                permit.forget();
            }
            let (hanging, others): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|waiting| waiting.item == HANGS);
            for waiting in others {
                let number = waiting.item;
                waiting.answer(number);
            }
            if !hanging.is_empty() {
                std::future::pending::<()>().await;
            }
        })
    };
    Numbers { gather: Gather::new(batching, limits, TaskTracker::new(), run), batches, end }
}

impl Numbers {
    /// Asks for these; they wait when it returns, and whatever may begin has begun.
    async fn ask(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<Asked> {
        let ask = |number: u32| {
            let gather = self.gather.clone();
            let key = Uuid::from_u128(number.into());
            let mut asked: Asked = Box::pin(async move { gather.submit(key, 1, number).await });
            match asked.as_mut().now_or_never() {
                Some(answer) => std::future::ready(answer).boxed(),
                None => asked,
            }
        };
        let asked = numbers.into_iter().map(ask).collect();
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        asked
    }

    fn batches(&self) -> Vec<Vec<u32>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[tokio::test(start_paused = true)]
async fn several_batches_may_be_under_way_and_the_rest_gathers() {
    let numbers = numbers(Batching::On, 2, None);
    let mut asked = numbers.ask([1]).await;
    asked.extend(numbers.ask([2]).await);
    asked.extend(numbers.ask([3]).await);
    asked.extend(numbers.ask([4]).await);
    assert_eq!(
        numbers.batches(),
        [[1], [2]],
        "who comes alone goes alone, as far as there is room"
    );
    numbers.end.add_permits(3);
    assert_eq!(join_all(asked).await, [Ok(1), Ok(2), Ok(3), Ok(4)]);
    assert_eq!(numbers.batches(), [vec![1], vec![2], vec![3, 4]]);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_keeps_the_next_batch_no_longer_than_patience() {
    let numbers = numbers(Batching::On, 1, Some(Duration::from_millis(25)));
    numbers.end.add_permits(2);
    let hanging = numbers.ask([HANGS, 1]).await;
    let next = numbers.ask([2, 3]).await;
    assert_eq!(numbers.batches(), [vec![HANGS, 1]]);
    assert_eq!(join_all(next).await, [Ok(2), Ok(3)]);
    let mut hanging = hanging.into_iter();
    let hangs = hanging.next().and_then(FutureExt::now_or_never);
    assert_eq!(hangs, None, "it alone has no answer");
    assert_eq!(join_all(hanging).await, [Ok(1)], "its neighbour has");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_gathers_while_a_batch_rests() {
    let (batch_weight, waiting_weight, rest) = (4, 8, Duration::from_millis(20));
    let limits = Limits { batch_weight, waiting_weight, at_once: 1, patience: None, rest };
    let numbers = limited(Batching::On, limits);
    numbers.end.add_permits(3);
    let begun = Instant::now();
    let mut asked = numbers.ask([1]).await;
    for number in 2..=4 {
        asked.extend(numbers.ask([number]).await);
    }
    assert_eq!(numbers.batches(), [[1]], "who comes alone goes at once");
    assert_eq!(join_all(asked).await, [Ok(1), Ok(2), Ok(3), Ok(4)]);
    assert_eq!((numbers.batches(), begun.elapsed()), (vec![vec![1], vec![2, 3, 4]], rest));
    tokio::time::sleep(2 * rest).await;
    let later = numbers.ask([5]).await;
    assert_eq!(numbers.batches().len(), 3, "nothing has begun for so long");
    assert_eq!(join_all(later).await, [Ok(5)]);
    tokio::time::sleep(2 * rest).await;
    let begun = Instant::now();
    let mut many = numbers.ask([6]).await;
    many.extend(numbers.ask([7, 8, 9, 10]).await);
    numbers.end.add_permits(2);
    assert_eq!(join_all(many).await, [Ok(6), Ok(7), Ok(8), Ok(9), Ok(10)]);
    assert_eq!(begun.elapsed(), Duration::ZERO, "a whole batch waits for no more to come");
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_own_batch_and_what_does_not_fit_is_told_so() {
    let numbers = numbers(Batching::On, 1, None);
    let running = numbers.ask([1]).await;
    let waiting = numbers.ask([PANICS, 2, 3, 4, 5, 6, 7, 8]).await;
    assert_eq!(numbers.gather.submit(Uuid::nil(), 1, 9).await, Err(Missed::Full));
    numbers.end.add_permits(2);
    assert_eq!(join_all(running).await, [Ok(1)]);
    let mut answers = vec![Err(Missed::Lost); 4];
    answers.extend([Ok(5), Ok(6), Ok(7), Ok(8)]);
    assert_eq!(join_all(waiting).await, answers);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_before_it_begins_is_left_out() {
    let numbers = numbers(Batching::On, 1, None);
    let running = numbers.ask([1]).await;
    let mut waiting = numbers.ask([2, 3, 4]).await;
    drop(waiting.remove(1));
    numbers.end.add_permits(2);
    assert_eq!(join_all(running.into_iter().chain(waiting)).await, [Ok(1), Ok(2), Ok(4)]);
    assert_eq!(numbers.batches(), [vec![1], vec![2, 4]]);
}

#[tokio::test(start_paused = true)]
async fn switched_off_each_goes_by_itself_and_at_once() {
    let numbers = numbers(Batching::Off, 1, None);
    let asked = numbers.ask(1..=12).await;
    assert_eq!(numbers.batches().len(), 12);
    numbers.end.add_permits(12);
    assert_eq!(join_all(asked).await, (1..=12).map(Ok).collect::<Vec<_>>());
}
