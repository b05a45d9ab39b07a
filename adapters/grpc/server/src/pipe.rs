//! A channel to a server in the same process: the same routes and shell, without TCP.

use std::io;

use futures::{Stream, StreamExt};
use grpc_client::limits::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

use crate::limits::PIPE_BYTES;

/// The server's end: hand it to [`crate::Server::serve_pipe`].
#[derive(Debug)]
pub struct Pipe {
    connections: mpsc::Receiver<DuplexStream>,
}

/// A pipe and the channel that calls through it. The channel connects at its first call, and again
/// when the server asked it to leave; once the pipe is gone its calls are UNAVAILABLE.
#[must_use]
pub fn pipe() -> (Pipe, Channel) {
    let (sender, connections) = mpsc::channel(1);
    let connector = tower::service_fn(move |_| {
        let sender = sender.clone();
        async move {
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            let sent = sender.send(theirs).await;
            sent.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
            Ok::<_, io::Error>(TokioIo::new(ours))
        }
    });
    let endpoint = Endpoint::from_static("http://in-process")
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    (Pipe { connections }, endpoint.connect_with_connector_lazy(connector))
}

impl Pipe {
    pub(crate) fn incoming(self) -> impl Stream<Item = io::Result<DuplexStream>> + Send {
        ReceiverStream::new(self.connections).map(Ok)
    }
}
