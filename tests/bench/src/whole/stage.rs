//! A platform under load: fresh databases, tickets on sale, and connections of buyers to every replica of booking.

use std::time::Duration;

use faults::Scene;
use futures::future::join_all;
use proto::boxoffice::ticket::v1::ticket_service_client::TicketServiceClient;
use proto::boxoffice::ticket::v1::{RegisterTicketRequest, Ticket, TicketKind};
use proto::google::r#type::Money;
use testkit::Plan as Shaped;
use tokio::task::block_in_place;
use tokio::time::sleep_until;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

use super::answered::Window;
use crate::processor::{Used, Watch};

/// In all: what one connection takes must be no limit here.
const CONNECTIONS: usize = 16;
const BUYERS: usize = 16;
const REGISTERED_AT_ONCE: usize = 32;
/// Who only hears of bookings.
const HEARERS: [&str; 2] = ["mypage-1", "notification-1"];

/// A running platform and buyers who know where it is.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    channels: Vec<Channel>,
    tokens: Vec<MetadataValue<Ascii>>,
    /// Whether nobody hears of bookings at present.
    pub(crate) alone: bool,
    /// The means of payment that buyers name.
    pub(crate) method: &'static str,
}

impl Stage {
    /// Starts it fresh: tables that have grown would tell of the order of the measurements.
    pub(crate) async fn set(plan: Shaped) -> Self {
        // The provider's own time is no cost of ours.
        let plan =
            plan.with("PAYMENT_PROCESSING_MIN_MS", "0").with("PAYMENT_PROCESSING_MAX_MS", "0");
        let scene = Scene::planned(plan).await;
        let addresses = scene.platform.grpc_addrs("booking");
        let turns = addresses.iter().cycle().take(CONNECTIONS.next_multiple_of(addresses.len()));
        let channels = join_all(turns.map(String::as_str).map(connected)).await;
        let tokens = (0..BUYERS).map(|number| bearer(&scene.buyer(number))).collect();
        Self { scene, channels, tokens, alone: false, method: "ok" }
    }

    /// Stops the bus and who only hears: bookings go on without them, and their events wait.
    pub(crate) async fn leave_alone(&mut self) {
        for hearer in HEARERS {
            let ended = self.scene.platform.server(hearer).terminate().await;
            assert!(ended.success(), "{hearer}: {ended}");
        }
        let nats = self.scene.platform.nats().unwrap_or_else(|| panic!("no bus in this shape"));
        block_in_place(|| nats.stop()).unwrap_or_else(|error| panic!("{error}"));
        self.alone = true;
    }

    /// Puts one ticket on sale.
    pub(crate) async fn register(&self, name: &str, capacity: u32) -> String {
        self.tickets(name, 1, capacity).await.into_iter().next().unwrap_or_default()
    }

    /// Puts many on sale, and gives their ids.
    pub(crate) async fn tickets(&self, name: &str, count: usize, capacity: u32) -> Vec<String> {
        let channel = connected(&self.scene.platform.grpc_addr("ticket")).await;
        let acme = bearer(&self.scene.platform.organizer("acme"));
        let mut ids = Vec::with_capacity(count);
        let numbers: Vec<_> = (0..count).collect();
        for numbers in numbers.chunks(REGISTERED_AT_ONCE) {
            let registered = numbers.iter().map(async |number| {
                let ticket = on_sale(format!("{name} {number}"), capacity);
                let mut request = Request::new(RegisterTicketRequest { ticket: Some(ticket) });
                request.metadata_mut().insert("authorization", acme.clone());
                let mut tickets = TicketServiceClient::new(channel.clone());
                let answered = tickets.register_ticket(request).await;
                let answer = answered.unwrap_or_else(|refused| panic!("{refused}"));
                answer.into_inner().ticket.unwrap_or_default().ticket_id
            });
            ids.extend(join_all(registered).await);
        }
        ids
    }

    /// What a buyer of that number shows.
    pub(crate) fn token_of(&self, buyer: usize) -> String {
        self.scene.buyer(buyer % BUYERS)
    }

    /// The platform's own processes, without what they stand on.
    pub(crate) fn servers(&self) -> Vec<(String, u32)> {
        let mut servers = self.scene.platform.processes();
        servers.retain(|(name, _)| name != "nats");
        servers
    }

    /// Lets a load run, and watches whose the processor's time is in its window.
    pub(crate) async fn watched<T>(
        &self,
        window: Window,
        load: impl Future<Output = T>,
    ) -> (T, Used) {
        let watching = async {
            sleep_until(window.from).await;
            let watch = Watch::begin(self.scene.processes());
            sleep_until(window.until).await;
            watch.end()
        };
        tokio::join!(load, watching)
    }

    /// A connection for a buyer, and the token it shows: few buyers at many places.
    pub(crate) fn door(&self, buyer: usize) -> (Channel, MetadataValue<Ascii>) {
        let channel = self.channels.get(buyer % self.channels.len());
        let token = self.tokens.get(buyer % self.tokens.len());
        channel.cloned().zip(token.cloned()).unwrap_or_else(|| panic!("no way to booking"))
    }
}

/// Connected now, and again whenever that breaks.
pub(crate) async fn connected(address: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    let endpoint = endpoint.unwrap_or_else(|error| panic!("{error}"));
    let endpoint = endpoint.connect_timeout(Duration::from_secs(5)).tcp_nodelay(true);
    endpoint.connect().await.unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// What an `authorization` header says.
pub(crate) fn bearer(token: &str) -> MetadataValue<Ascii> {
    format!("Bearer {token}").parse().unwrap_or_else(|error| panic!("{error}"))
}

fn on_sale(name: String, capacity: u32) -> Ticket {
    Ticket {
        kind: TicketKind::Admission.into(),
        name,
        capacity: capacity.into(),
        unit_price: Some(Money { currency_code: "KRW".to_owned(), units: 55_000, nanos: 0 }),
        ..Ticket::default()
    }
}
