//! A network between a database and its server that loses what the test wants lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use sea_orm_database::DatabaseUrl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::{Engine, place};

/// How a COMMIT ends a packet, of MySQL and of PostgreSQL.
const COMMITS: [&[u8]; 2] = [b"COMMIT", b"COMMIT\0"];

/// Carries connections to one server, until it is dropped.
pub(crate) struct Proxy {
    orders: Arc<Orders>,
    carrying: JoinSet<()>,
}

struct Orders {
    eat: AtomicBool,
    eaten: AtomicBool,
    silent: watch::Sender<bool>,
}

impl Proxy {
    /// A proxy, and the address of the same database behind it.
    pub(crate) async fn before(engine: Engine, url: &DatabaseUrl) -> (Self, DatabaseUrl) {
        let (direct, name) = place(engine, url);
        let address = direct.split('@').next_back().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (silent, _) = watch::channel(false);
        let orders = Orders { eat: AtomicBool::new(false), eaten: AtomicBool::new(false), silent };
        let own = listener.local_addr().unwrap().to_string();
        let proxy = Self { orders: Arc::new(orders), carrying: JoinSet::new() };
        let behind = direct.replace(&address, &own);
        let url = format!("{behind}/{name}").parse().unwrap();
        (proxy.started(listener, address.parse().unwrap()), url)
    }

    fn started(mut self, listener: TcpListener, server: SocketAddr) -> Self {
        let orders = self.orders.clone();
        self.carrying.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(carry(client, server, orders.clone()));
            }
        });
        self
    }

    /// The server executes the next COMMIT, its reply is lost and the connection with it.
    pub(crate) fn eat_next_reply_to_commit(&self) {
        self.orders.eaten.store(false, Ordering::SeqCst);
        self.orders.eat.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_eaten(&self) -> bool {
        self.orders.eaten.load(Ordering::SeqCst)
    }

    /// From now on nothing comes through and nothing is closed. What is opened after the silence is carried.
    pub(crate) fn fall_silent(&self, silent: bool) {
        self.orders.silent.send_replace(silent);
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, orders: Arc<Orders>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let mut silent = orders.silent.subscribe();
    let (mut up, mut down) = ([0; 16 * 1024], [0; 16 * 1024]);
    let mut eating = false;
    loop {
        tokio::select! {
            biased;
            () = silent.wait_for(|silent| *silent).map(drop) => std::future::pending().await,
            read = client.read(&mut up) => {
                let Ok(1..) = read else { return };
                let sent = &up[..read.unwrap()];
                let commits = COMMITS.iter().any(|commit| sent.ends_with(commit));
                eating |= commits && orders.eat.swap(false, Ordering::SeqCst);
                if server.write_all(sent).await.is_err() { return }
            }
            read = server.read(&mut down) => {
                let Ok(1..) = read else { return };
                if eating {
                    orders.eaten.store(true, Ordering::SeqCst);
                    return;
                }
                if client.write_all(&down[..read.unwrap()]).await.is_err() { return }
            }
        }
    }
}
