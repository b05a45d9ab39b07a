//! One way to start a server and one way to stop it (reliability.md 7.9 and 7.10).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use grpc_client::dice;
use in_process_rates::{Buckets, Rate};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::Connected;

use crate::limit::InFlight;
use crate::limits::{
    CONNECTION_AGE_MAX, HEADER_LIST_BYTES_MAX, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT,
    PIPE_WINDOW_BYTES, RESETS_MAX, STREAMS_MAX,
};
use crate::listener::Listener;
use crate::pipe::Pipe;
use crate::shell::Shell;
use crate::verifier::Verifier;

/// What a server allows.
#[derive(Debug, Clone, Copy)]
pub struct ServerSettings {
    /// The most calls at once, over all doors of the server.
    pub in_flight_max: usize,
    /// How often one subject may call; `None` for as often as it likes.
    pub subject_rate: Option<Rate>,
    /// How long open calls may take to end once the server stops.
    pub drain: Duration,
}

/// The routes of a process behind their shell. Serve it through as many doors as there are.
#[derive(Debug, Clone)]
pub struct Server {
    shell: Shell,
    drain: Duration,
}

/// How a stopped server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Drained {
    /// Every call was answered and every connection left.
    Cleanly,
    /// Connections remained at the limit and were cut.
    Forced,
}

impl Server {
    /// A server of these routes for callers whose tokens this verifier trusts.
    #[must_use]
    pub fn new(routes: Routes, verifier: Verifier, settings: ServerSettings) -> Self {
        let in_flight = InFlight::new(settings.in_flight_max);
        let subjects = settings.subject_rate.map(|rate| Arc::new(Buckets::new(rate)));
        Self {
            shell: Shell { routes: routes.prepare(), verifier, in_flight, subjects },
            drain: settings.drain,
        }
    }

    /// How many calls are running.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shell.in_flight.running()
    }

    /// Serves the port until `stopping` is cancelled; then closes it, tells clients to leave, lets
    /// open calls end within the drain time, and cuts what remains.
    ///
    /// # Errors
    /// What the transport says; it is not expected to fail.
    pub async fn serve(
        &self,
        listener: Listener,
        stopping: CancellationToken,
    ) -> Result<Drained, tonic::transport::Error> {
        let cut = listener.cut();
        let builder =
            builder().max_concurrent_streams(STREAMS_MAX).max_connection_age(connection_age());
        let drained = self.run(builder, listener.incoming(stopping.clone()), stopping).await;
        cut.cancel();
        drained
    }

    /// The same for callers in this process.
    ///
    /// # Errors
    /// What the transport says; it is not expected to fail.
    pub async fn serve_pipe(
        &self,
        pipe: Pipe,
        stopping: CancellationToken,
    ) -> Result<Drained, tonic::transport::Error> {
        // All calls share one connection, and both of its ends are ours: there is no other server to
        // find by reconnecting, and callers that cancel much are honest.
        let builder = builder()
            .max_concurrent_streams(STREAMS_MAX)
            .initial_connection_window_size(PIPE_WINDOW_BYTES)
            .http2_max_pending_accept_reset_streams(Some(512))
            .http2_max_local_error_reset_streams(Some(65_536));
        self.run(builder, pipe.incoming(), stopping).await
    }

    async fn run<Io>(
        &self,
        builder: tonic::transport::Server,
        incoming: impl Stream<Item = io::Result<Io>>,
        stopping: CancellationToken,
    ) -> Result<Drained, tonic::transport::Error>
    where
        Io: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let limit = async {
            stopping.cancelled().await;
            tokio::time::sleep(self.drain).await;
        };
        let stop = stopping.clone().cancelled_owned();
        tokio::select! {
            ended = builder.serve_with_incoming_shutdown(self.shell.clone(), incoming, stop) => {
                ended.map(|()| Drained::Cleanly)
            }
            () = limit => Ok(Drained::Forced),
        }
    }
}

fn builder() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .http2_max_local_error_reset_streams(Some(RESETS_MAX))
}

/// The age give or take a tenth, so that servers started together do not lose all clients together.
fn connection_age() -> Duration {
    CONNECTION_AGE_MAX * 9 / 10 + dice::up_to(CONNECTION_AGE_MAX / 5)
}
