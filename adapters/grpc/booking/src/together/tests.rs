//! Calls to a server that the test plays.

use std::sync::Mutex;

use super::*;

/// Never answered.
const HANGS: u32 = 13;
/// Refused by the server.
const REFUSED: u32 = 14;

/// Answers with what it was asked, and remembers how it was asked.
#[derive(Default)]
struct Echo {
    /// What a call for several fails with.
    fails: Option<Failed>,
    /// How many of several it tells nothing of, the last ones.
    untold: usize,
    rpcs: Arc<Mutex<Vec<Vec<u32>>>>,
}

impl Echo {
    fn called(&self, with: Vec<u32>) {
        self.rpcs.lock().expect("whole").push(with);
    }
}

fn failed(code: Code, never_sent: bool) -> Failed {
    Failed { status: Status::new(code, ""), never_sent }
}

fn answer(message: u32) -> Result<u32, Failed> {
    if message == REFUSED { Err(failed(Code::FailedPrecondition, false)) } else { Ok(message) }
}

#[async_trait]
impl Calling for Echo {
    type Message = u32;
    type Answer = u32;

    async fn single(&self, message: u32) -> Result<u32, Failed> {
        self.called(vec![message]);
        if message == HANGS {
            std::future::pending::<()>().await;
        }
        answer(message)
    }

    async fn several(
        &self,
        members: Vec<(Asker, u32)>,
        tell: &mut (dyn FnMut(usize, Result<u32, Failed>) + Send),
    ) -> Result<(), Failed> {
        let messages: Vec<_> = members.iter().map(|(_, message)| *message).collect();
        self.called(messages.clone());
        let told = messages.len() - self.untold;
        for (place, message) in messages.iter().enumerate().take(told) {
            if *message != HANGS {
                tell(place, answer(*message));
            }
        }
        if messages.contains(&HANGS) {
            std::future::pending::<()>().await;
        }
        self.fails.clone().map_or(Ok(()), Err)
    }
}

/// The answers to these, asked at once, by their code or as they are; and the rpcs that they took.
async fn asked(
    echo: Echo,
    batching: Batching,
    messages: &[u32],
) -> (Vec<Result<u32, (Code, bool)>>, Vec<Vec<u32>>) {
    let rpcs = Arc::clone(&echo.rpcs);
    let together = Together::new(echo, batching);
    let asks = messages.iter().map(|message| together.ask(Uuid::from_u128(7), 1, *message));
    let answers = join_all(asks).await.into_iter();
    let answers = answers.map(|answer| answer.map_err(|f| (f.status.code(), f.never_sent)));
    let rpcs = rpcs.lock().expect("whole").clone();
    (answers.collect(), rpcs)
}

#[tokio::test]
async fn what_waits_together_goes_as_one_and_each_has_its_own_verdict() {
    let (answers, rpcs) = asked(Echo::default(), Batching::On, &[1, REFUSED, 3]).await;
    assert_eq!(answers, [Ok(1), Err((Code::FailedPrecondition, false)), Ok(3)]);
    assert_eq!(rpcs, [[1, REFUSED, 3]]);
    let (answers, rpcs) = asked(Echo::default(), Batching::On, &[1]).await;
    assert_eq!((answers, rpcs), (vec![Ok(1)], vec![vec![1]]), "alone it is the single rpc");
}

#[tokio::test]
async fn without_batching_every_call_is_the_single_rpc() {
    let (answers, mut rpcs) = asked(Echo::default(), Batching::Off, &[1, 2, 3]).await;
    rpcs.sort();
    assert_eq!(answers, [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(rpcs, [[1], [2], [3]]);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_ends_with_its_own_time_and_keeps_nobody_from_anything() {
    let echo = Echo::default();
    let rpcs = Arc::clone(&echo.rpcs);
    let together = Together::new(echo, Batching::On);
    let key = Uuid::from_u128(7);
    let hangs = together.ask(key, 1, HANGS);
    let others = async {
        let began = tokio::time::Instant::now();
        for message in 21..=40 {
            let ask = |message| together.ask(key, 1, message);
            let (one, hangs_too) = tokio::join!(
                ask(message),
                tokio::time::timeout(limits::<Echo>().patience?, ask(HANGS))
            );
            assert_eq!(one.ok(), Some(message));
            assert!(hangs_too.is_err(), "its caller gives it up");
        }
        Some(began.elapsed())
    };
    let (hung, took) = tokio::join!(hangs, others);
    let hung = hung.expect_err("no answer");
    assert_eq!((hung.status.code(), hung.never_sent), (Code::DeadlineExceeded, false));
    assert!(took.is_some_and(|took| took < booking::PROCESS_CALL), "{took:?}");
    let rpcs = rpcs.lock().expect("whole");
    assert!(rpcs.first().is_some_and(|first| first.starts_with(&[HANGS, 21])), "{rpcs:?}");
}

#[tokio::test]
async fn a_server_that_does_not_know_several_gets_single_calls() {
    let fails = Some(failed(Code::Unimplemented, false));
    let echo = Echo { fails, untold: 3, ..Echo::default() };
    let (answers, rpcs) = asked(echo, Batching::On, &[1, REFUSED, 3]).await;
    assert_eq!(answers, [Ok(1), Err((Code::FailedPrecondition, false)), Ok(3)]);
    assert_eq!(rpcs, [vec![1, REFUSED, 3], vec![1], vec![REFUSED], vec![3]]);
}

#[tokio::test]
async fn what_never_left_never_left_for_each_of_them() {
    for never_sent in [true, false] {
        let fails = Some(failed(Code::Unavailable, never_sent));
        let echo = Echo { fails, untold: 2, ..Echo::default() };
        let (answers, rpcs) = asked(echo, Batching::On, &[1, 2]).await;
        assert_eq!(answers, [Err((Code::Unavailable, never_sent)); 2]);
        assert_eq!(rpcs.len(), 1, "nothing is sent again here");
    }
}

#[tokio::test]
async fn r04_a_stream_that_ends_early_leaves_calls_of_which_nothing_is_known() {
    for fails in [Some(failed(Code::Unavailable, false)), None] {
        let code = fails.as_ref().map_or(Code::DeadlineExceeded, |failed| failed.status.code());
        let echo = Echo { fails, untold: 2, ..Echo::default() };
        let (answers, _) = asked(echo, Batching::On, &[1, 2, 3]).await;
        assert_eq!(answers, [Ok(1), Err((code, false)), Err((code, false))]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_overloaded_and_never_left() {
    let together = Together::new(Echo::default(), Batching::On);
    let limits = limits::<Echo>();
    let waiting = limits.batch_weight * limits.at_once + limits.waiting_weight;
    let asks = (0..=waiting).map(|_| together.ask(Uuid::from_u128(7), 1, HANGS));
    let answers = join_all(asks).await.into_iter().filter_map(Result::err);
    let refused: Vec<_> = answers.filter(|failed| failed.never_sent).collect();
    assert!(!refused.is_empty());
    for failed in refused {
        assert_eq!(failed.status.code(), Code::ResourceExhausted);
        assert_eq!(crate::peer::reason(&failed.status).as_deref(), Some("OVERLOADED"));
    }
}
