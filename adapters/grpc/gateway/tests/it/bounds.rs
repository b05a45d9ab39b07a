//! What ends, and what is refused before it begins.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use grpc_client::StreamRoom;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::stage::{BOOK, Guard, News, SEARCH, Stage, WATCH, framed, ok, request};

/// A stream of one message that then says nothing more.
fn watched(guard: Guard) -> Response<Body> {
    let frames = stream::unfold((guard, true), |(guard, first)| async move {
        if !first {
            std::future::pending::<()>().await;
        }
        Some((Ok::<_, Status>(Frame::data(framed(b"one"))), (guard, false)))
    });
    let response = Response::builder().header("content-type", "application/grpc");
    response.body(Body::new(StreamBody::new(frames))).unwrap()
}

#[tokio::test]
async fn the_clients_time_ends_a_call_and_its_server_hears_of_it() {
    let mut stage = Stage::with(8, |_, guard| async move {
        std::future::pending::<()>().await;
        drop(guard);
        ok(b"")
    })
    .await;
    for path in [BOOK, SEARCH] {
        let mut call = request(path, b"");
        call.headers_mut().insert("grpc-timeout", "200m".parse().unwrap());
        let (_, _, status) = stage.call(call).await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{path}");
        assert_eq!(status.get_details_error_info().unwrap().reason, "DEADLINE_EXCEEDED");
        assert_eq!(stage.news.recv().await, Some(News::Came));
        assert_eq!(stage.news.recv().await, Some(News::GaveUp));
    }
}

#[tokio::test]
async fn the_doors_own_time_ends_what_a_client_would_wait_for_for_ever() {
    let stage = Stage::with(8, |_, guard| async move {
        std::future::pending::<()>().await;
        drop(guard);
        ok(b"")
    })
    .await;
    let mut call = request(SEARCH, b"");
    call.headers_mut().insert("grpc-timeout", "9H".parse().unwrap());
    let (_, _, status) = stage.call(call).await;
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_time_that_cannot_be_read_is_refused() {
    let stage = Stage::with(8, |_, guard| async move {
        guard.let_go();
        ok(b"")
    })
    .await;
    for path in [SEARCH, WATCH, "/grpc.health.v1.Health/Watch"] {
        for given in [&["-1S"][..], &["abc"], &["1s"], &[""], &["1S", "1S"]] {
            let mut call = request(path, b"");
            for time in given {
                call.headers_mut().append("grpc-timeout", time.parse().unwrap());
            }
            let (_, _, status) = stage.call(call).await;
            assert_eq!(status.code(), Code::InvalidArgument, "{path} {given:?}");
            let refused = status.get_details_bad_request().unwrap();
            assert_eq!(refused.field_violations[0].field, "grpc-timeout");
        }
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_takes_its_call_back() {
    let mut stage = Stage::with(8, |_, guard| async move {
        std::future::pending::<()>().await;
        drop(guard);
        ok(b"")
    })
    .await;
    let calling = tokio::spawn(stage.door.clone().answer(request(BOOK, b"")));
    assert_eq!(stage.news.recv().await, Some(News::Came));
    calling.abort();
    assert_eq!(stage.news.recv().await, Some(News::GaveUp));
}

#[tokio::test]
async fn a_call_has_its_place_until_it_is_answered_whether_its_client_reads_or_not() {
    let stage = Stage::with(1, |_, guard| async move {
        guard.let_go();
        ok(b"one")
    })
    .await;
    let unread = stage.door.clone().answer(request(BOOK, b"")).await;
    let (_, _, status) = stage.call(request(BOOK, b"")).await;
    assert_eq!(status.code(), Code::Ok);
    drop(unread);
}

#[tokio::test]
async fn streams_have_their_room_which_comes_back_with_the_client_that_leaves() {
    let mut stage = Stage::with(1, |_, guard| async move { watched(guard) }).await;
    let mut first = stage.door.clone().answer(request(WATCH, b"")).await.into_body();
    let frame = first.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame, framed(b"one"));
    for path in [WATCH, "/grpc.health.v1.Health/Watch"] {
        let (_, _, status) = stage.call(request(path, b"")).await;
        assert_eq!(status.code(), Code::ResourceExhausted, "{path}");
        assert!(status.get_details_retry_info().is_some());
    }
    let (_, _, check) = stage.call(request("/grpc.health.v1.Health/Check", b"")).await;
    assert_eq!(check.code(), Code::Ok, "probes need no place");
    assert_eq!(stage.news.recv().await, Some(News::Came));
    drop(first);
    assert_eq!(stage.news.recv().await, Some(News::GaveUp));
    let mut watching =
        stage.door.clone().answer(request("/grpc.health.v1.Health/Watch", b"")).await.into_body();
    assert!(watching.frame().await.unwrap().unwrap().is_data(), "there is room again");
}

#[tokio::test]
async fn streams_of_one_client_are_bounded_whoever_answers_them() {
    const HEALTH: &str = "/grpc.health.v1.Health/Watch";
    let stage = Stage::with(8, |_, guard| async move { watched(guard) }).await;
    let own = Arc::new(Semaphore::new(2));
    let call = |path: &str| {
        let (mut call, own) = (request(path, b""), Arc::clone(&own));
        let full = |_| Status::resource_exhausted("two at most");
        let room = StreamRoom::new(move || Arc::clone(&own).try_acquire_owned().map_err(full));
        call.extensions_mut().insert(room);
        call
    };
    let open = async |path| {
        let mut body = stage.door.clone().answer(call(path)).await.into_body();
        assert!(body.frame().await.unwrap().unwrap().is_data(), "{path}");
        body
    };
    let streams = [open(WATCH).await, open(HEALTH).await];
    for path in [WATCH, HEALTH] {
        let (_, _, status) = stage.call(call(path)).await;
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "two at most"));
        let mut others = stage.door.clone().answer(request(path, b"")).await.into_body();
        assert!(others.frame().await.unwrap().unwrap().is_data(), "{path}");
    }
    drop(streams);
    assert_eq!(own.available_permits(), 2, "they come back with who leaves");
}

#[tokio::test]
async fn a_stream_ends_with_the_clients_time_and_when_the_server_stops() {
    let mut stage = Stage::with(8, |_, guard| async move { watched(guard) }).await;
    let mut call = request(WATCH, b"");
    call.headers_mut().insert("grpc-timeout", "200m".parse().unwrap());
    let (_, bytes, status) = stage.call(call).await;
    assert_eq!((bytes, status.code()), (framed(b"one"), Code::DeadlineExceeded));
    assert_eq!(stage.news.recv().await, Some(News::Came));
    assert_eq!(stage.news.recv().await, Some(News::GaveUp));

    let mut body = stage.door.clone().answer(request(WATCH, b"")).await.into_body();
    assert!(body.frame().await.unwrap().unwrap().is_data());
    stage.stopping.cancel();
    let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
    let status = Status::from_header_map(&trailers).unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_details_retry_info().is_some(), "it is told to come again");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_its_server_back() {
    const FRAME_BYTES: usize = 64 * 1024;
    // More than all windows and buffers between the two hold.
    const ENDLESS: usize = 4096;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let stage = Stage::with(8, move |_, guard| {
        guard.let_go();
        let tell = tell.clone();
        let frames = stream::iter(0..ENDLESS).map(move |n| {
            tell.send(n).unwrap();
            Ok::<_, Status>(Frame::data(Bytes::from(vec![0; FRAME_BYTES])))
        });
        let body = Body::new(StreamBody::new(frames));
        let response = Response::builder().header("content-type", "application/grpc").body(body);
        async move { response.unwrap() }
    })
    .await;
    let mut body = stage.door.clone().answer(request(WATCH, b"")).await.into_body();
    assert!(body.frame().await.unwrap().unwrap().is_data());
    // Whatever the server could do it has done once it has nothing to do any more.
    let mut sent = 0;
    while let Ok(Some(n)) = tokio::time::timeout(Duration::from_secs(1), told.recv()).await {
        sent = n;
    }
    assert!(sent < ENDLESS / 2, "{sent} frames were sent to a client that reads nothing");
}
