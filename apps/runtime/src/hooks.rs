//! A door for what somebody outside posts to a context of his own accord: small, seldom, and answered by a status.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use grpc_server::{Drained, Listener, ListenerSettings, Tasks};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tls_certificates::Acceptor;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::conversation::converse;
use crate::limits::{HOOK_BYTES_MAX, HOOK_CONNECTIONS_MAX, HOOK_CONVERSATION};
use crate::process::bind;
use crate::start_error::StartError;

/// What becomes of a post.
type Receive = Arc<dyn Fn(Request<Bytes>) -> BoxFuture<'static, StatusCode> + Send + Sync>;

/// A bound port, and who receives what is posted to it.
pub struct Hooks {
    name: &'static str,
    listener: Listener,
    receive: Receive,
}

impl Hooks {
    /// Binds the port, whose address `variable` holds. The whole of a post is handed to `receive`, which MUST find out
    /// by itself whose it is: the shell that knows tokens does not stand before it.
    ///
    /// # Errors
    /// [`StartError::Port`] that names the variable.
    pub async fn bind<F>(
        name: &'static str,
        (variable, address): (&'static str, SocketAddr),
        acceptor: Acceptor,
        receive: impl Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    ) -> Result<Self, StartError>
    where
        F: Future<Output = StatusCode> + Send + 'static,
    {
        let settings =
            ListenerSettings { connections_max: HOOK_CONNECTIONS_MAX, ..ListenerSettings::http() };
        let listener = bind(variable, address, settings, acceptor).await?;
        let receive: Receive = Arc::new(move |request| Box::pin(receive(request)));
        Ok(Self { name, listener, receive })
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Serves until `stopping` is cancelled; then closes the port and lets what is open end within the drain time.
    pub(crate) async fn serve(
        self,
        tasks: Tasks,
        drain: Duration,
        stopping: CancellationToken,
    ) -> Result<Drained, Infallible> {
        let Self { name, listener, receive } = self;
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                () = stopping.cancelled() => break,
                connection = listener.accept(&stopping) => {
                    let (tasks, receive) = (tasks.clone(), Arc::clone(&receive));
                    open.spawn(converse(name, connection, HOOK_CONVERSATION, move |request| {
                        answer(request, tasks.clone(), Arc::clone(&receive))
                    }));
                }
                Some(_ended) = open.join_next() => {}
            }
        }
        drop(listener);
        let ended = timeout(drain, async { while open.join_next().await.is_some() {} }).await;
        Ok(if ended.is_ok() { Drained::Cleanly } else { Drained::Forced })
    }
}

/// What receives is a task of its own: it writes, and its client may leave at any time.
async fn answer(
    request: Request<Incoming>,
    tasks: Tasks,
    receive: Receive,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let status = match Limited::new(body, HOOK_BYTES_MAX).collect().await {
        Ok(body) => {
            let receiving = receive(Request::from_parts(head, body.to_bytes()));
            let received = tasks.finish(async move { Ok(receiving.await) }).await;
            // Too many run, or it panicked: it is to come again.
            received.unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
        }
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        Err(_half) => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use tls_certificates::Protocol;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::Notify;

    use super::*;

    const DRAIN: Duration = Duration::from_secs(5);

    async fn bound<F>(
        receive: impl Fn(Request<Bytes>) -> F + Send + Sync + 'static,
    ) -> (Hooks, SocketAddr)
    where
        F: Future<Output = StatusCode> + Send + 'static,
    {
        let anywhere = "127.0.0.1:0".parse().expect("an address");
        let hooks = Hooks::bind(
            "hooks",
            ("HOOKS_ADDR", anywhere),
            Acceptor::plain(Protocol::Http1),
            receive,
        );
        let hooks = hooks.await.expect("a port");
        let address = hooks.listener.address();
        (hooks, address)
    }

    async fn posted(address: SocketAddr, bytes: usize) -> TcpStream {
        let mut tcp = TcpStream::connect(address).await.expect("somebody listens");
        let head = format!("POST /here HTTP/1.1\r\nhost: here\r\ncontent-length: {bytes}\r\n\r\n");
        tcp.write_all(head.as_bytes()).await.expect("it reads");
        tcp.write_all(&vec![b'x'; bytes]).await.expect("it reads");
        tcp
    }

    async fn status(address: SocketAddr, bytes: usize) -> String {
        let mut answer = String::new();
        posted(address, bytes).await.read_to_string(&mut answer).await.expect("an answer");
        answer.split(' ').nth(1).expect("a status").to_owned()
    }

    #[tokio::test]
    async fn a_post_is_received_whole_or_refused_for_its_length() {
        let (hooks, address) = bound(|request| async move {
            let whole =
                request.uri().path() == "/here" && request.body().iter().all(|b| *b == b'x');
            match request.body().len() {
                5 | HOOK_BYTES_MAX if whole => StatusCode::OK,
                _ => StatusCode::IM_A_TEAPOT,
            }
        })
        .await;
        let stopping = CancellationToken::new();
        let posting = async {
            assert_eq!(status(address, 5).await, "200");
            assert_eq!(status(address, HOOK_BYTES_MAX).await, "200");
            assert_eq!(status(address, HOOK_BYTES_MAX + 1).await, "413");
            stopping.cancel();
        };
        let (served, ()) =
            tokio::join!(hooks.serve(Tasks::new(), DRAIN, stopping.clone()), posting);
        assert_eq!(served, Ok(Drained::Cleanly));
        assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
    }

    #[tokio::test]
    async fn a6_what_was_received_is_finished_whatever_becomes_of_the_connection() {
        let (begun, go, done) =
            (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let theirs = (begun.clone(), go.clone(), done.clone());
        let (hooks, address) = bound(move |_post| {
            let (begun, go, done) = theirs.clone();
            async move {
                begun.notify_one();
                go.notified().await;
                done.notify_one();
                StatusCode::OK
            }
        })
        .await;
        let (stopping, tasks) = (CancellationToken::new(), Tasks::new());
        let posting = async {
            let open = posted(address, 5).await;
            begun.notified().await;
            stopping.cancel();
            open
        };
        let serving = hooks.serve(tasks.clone(), Duration::ZERO, stopping.clone());
        let (served, _open) = tokio::join!(serving, posting);
        assert_eq!(served, Ok(Drained::Forced));
        go.notify_one();
        done.notified().await;
        assert!(tasks.close_and_wait(DRAIN).await);
    }
}
