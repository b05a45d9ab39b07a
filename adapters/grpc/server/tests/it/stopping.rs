//! How a server stops: open calls end, vanished clients cancel nothing, limits hold.

use std::time::Duration;

use grpc_server::Drained;
use tonic::Code;

use crate::stage::{self, perform, request};

#[tokio::test]
async fn an_open_call_is_answered_before_the_server_ends() {
    let stage = stage::open(10, Duration::from_secs(30)).await;
    let waiting = tokio::task::spawn(perform(stage.channel().await, request("wait")));
    stage.cues.entered.notified().await;
    stage.stopping.cancel();
    stage.cues.go_on.notify_one();
    assert_eq!(waiting.await.expect("does not panic").expect("answers"), "waited");
    assert_eq!(stage.stop().await, Drained::Cleanly);
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_at_the_limit() {
    let stage = stage::open(10, Duration::from_millis(50)).await;
    let waiting = tokio::task::spawn(perform(stage.channel().await, request("wait")));
    stage.cues.entered.notified().await;
    assert_eq!(stage.stop().await, Drained::Forced);
    let cut = waiting.await.expect("does not panic").expect_err("cut");
    assert_ne!(cut.code(), Code::Ok);
}

#[tokio::test]
async fn f2_a_vanished_client_does_not_cancel_a_tracked_body() {
    let stage = stage::open(10, Duration::from_secs(30)).await;
    let call = tokio::task::spawn(perform(stage.channel().await, request("task")));
    stage.cues.entered.notified().await;
    call.abort();
    assert!(call.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(stage.tasks.running(), 1);
    stage.cues.go_on.notify_one();
    stage.cues.finished.notified().await;
    assert!(stage.tasks.close_and_wait(Duration::from_secs(30)).await);
}

#[tokio::test]
async fn f2_an_expired_deadline_does_not_cancel_a_tracked_body() {
    let stage = stage::open(10, Duration::from_secs(30)).await;
    let mut hasty = request("task");
    hasty.set_timeout(Duration::from_millis(40));
    let status = perform(stage.channel().await, hasty).await.expect_err("too slow");
    let status = grpc_server::rename(status);
    assert_eq!(status.code(), Code::DeadlineExceeded);
    stage.cues.go_on.notify_one();
    stage.cues.finished.notified().await;
}

#[tokio::test]
async fn a_port_that_is_taken_says_so() {
    let stage = stage::open(10, Duration::from_secs(5)).await;
    let again = grpc_server::Listener::bind(stage.address, grpc_server::ListenerSettings::grpc());
    assert_eq!(again.await.expect_err("taken").kind(), std::io::ErrorKind::AddrInUse);
}
