//! A platform over databases of its own, which may be killed, and what must be true when the faults are over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use boxoffice::http::HttpClient;
use serde_json::{Value, json};
use servers::{Life, Scratch, Server};
use testkit::{Plan, Platform, Shape, eventually_within};
use tokio::task::JoinSet;

use crate::chance::tell;
use crate::gateways::Gateway;
use crate::load::{Acknowledged, Load, LoadPlan};

/// The platform is at rest and its books are right this soon after the last fault.
const AT_REST_WITHIN: Duration = Duration::from_secs(60);
const PAGE: usize = 100;
/// What a booking may be when nothing is under way any more. One whose payment was declined may wait for another.
const AT_REST: [&str; 5] = ["CONFIRMED", "CANCELLED", "REJECTED", "EXPIRED", "AWAITING_PAYMENT"];

/// A platform with PostgreSQL and, where the shape has one, MariaDB of its own; NATS is the platform's own anyway.
pub struct Scene {
    /// The platform. Dropped before what it stands on.
    pub platform: Platform,
    /// Its PostgreSQL.
    pub postgres: Option<Server>,
    /// Its MariaDB.
    pub mariadb: Option<Server>,
    _scratch: Scratch,
}

impl Scene {
    /// Starts databases of its own and a platform over them, with so many of each server.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn of(shape: Shape, replicas: usize) -> Self {
        Self::planned(Plan { replicas, ..Plan::of(shape) }).await
    }

    /// The same with a plan of one's own.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn planned(plan: Plan) -> Self {
        let mut scene = Self::set_up(plan).await;
        scene.platform.migrate().await;
        scene.platform.restart().await;
        scene
    }

    /// Starts the databases and the bus, and nothing of the platform.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn set_up(plan: Plan) -> Self {
        let fail = |error: String| -> ! { panic!("{error}") };
        let scratch = Scratch::fresh("faults").unwrap_or_else(|error| fail(error));
        let folder = scratch.path().to_owned();
        let shape = plan.shape;
        let started = tokio::task::spawn_blocking(move || databases(shape, &folder)).await;
        let started = started.unwrap_or_else(|error| fail(error.to_string()));
        let (postgres, mariadb) = started.unwrap_or_else(|error| fail(error));
        let url = |server: &Option<Server>| server.as_ref().map(|server| server.url().to_owned());
        let plan = Plan { postgres: url(&postgres), mariadb: url(&mariadb), ..plan };
        let platform = Platform::set_up(&plan);
        Self { platform, postgres, mariadb, _scratch: scratch }
    }

    /// The names and ids of the platform's processes and of all that it stands on.
    #[must_use]
    pub fn processes(&self) -> Vec<(String, u32)> {
        let databases = [&self.postgres, &self.mariadb].into_iter().flatten();
        let named = |server: &Server| Some((server.name().to_owned(), server.pid()?));
        self.platform.processes().into_iter().chain(databases.filter_map(named)).collect()
    }

    /// Registers an admission ticket and gives its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn register(&self, name: &str, capacity: u32) -> String {
        let ticket = json!({
            "kind": "TICKET_KIND_ADMISSION", "name": name, "capacity": capacity.to_string(),
            "unitPrice": {"currencyCode": "KRW", "units": "55000"},
        });
        let acme = self.platform.organizer("acme");
        let answer = self.platform.http.post("/v1/tickets").token(&acme).json(ticket).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.text("ticketId").to_owned()
    }

    /// Lets buyers begin over all gateways.
    #[must_use]
    pub fn load(&self, plan: LoadPlan) -> Load {
        let gateways = self.platform.gateways().into_iter().map(Gateway::always).collect();
        let tokens = self.buyers(plan.buyers);
        Load::begin(plan, (gateways, JoinSet::new()), tokens)
    }

    /// Lets buyers begin over those gateways that say they are ready, as behind a Kubernetes service.
    #[must_use]
    pub fn load_over_the_ready(&mut self, plan: LoadPlan) -> Load {
        let mut asking = JoinSet::new();
        let clients = self.platform.gateways();
        let servers = self.platform.servers().iter();
        let admins = servers.filter(|server| server.name().starts_with("gateway"));
        let admins = admins.map(|gateway| HttpClient::new(gateway.admin_url()));
        let gateways = clients.into_iter().zip(admins);
        let gateways =
            gateways.map(|(client, admin)| Gateway::while_ready(client, admin, &mut asking));
        let gateways = gateways.collect();
        let tokens = self.buyers(plan.buyers);
        Load::begin(plan, (gateways, asking), tokens)
    }

    /// Waits until nothing is under way and checks everything: each acknowledged booking is there as it was
    /// acknowledged, none is there that nobody asked for, and the audit of all databases is clean.
    ///
    /// # Panics
    /// With what is wrong.
    pub async fn all_is_well(&self, acknowledged: &BTreeMap<String, Acknowledged>) {
        let started = Instant::now();
        let mut buyers: Vec<_> = acknowledged.values().map(|one| one.buyer).collect();
        buyers.sort_unstable();
        buyers.dedup();
        let mut found = BTreeMap::new();
        for &buyer in &buyers {
            found.extend(self.at_rest(buyer).await);
        }
        for (booking, told) in acknowledged {
            let status = found.get(booking).map(String::as_str);
            let Some(first) = &told.status else { continue };
            let kept = match (first.as_str(), told.cancelled) {
                (_, true) => status == Some("CANCELLED"),
                ("BOOKING_STATUS_CONFIRMED", false) => status == Some("CONFIRMED"),
                _ => status.is_some(),
            };
            assert!(kept, "{booking} was acknowledged as {told:?} and is {status:?}");
        }
        // A refused wish may leave a rejected booking, whose id its buyer does not keep.
        let unknown = found.iter().filter(|(_, status)| *status != "REJECTED");
        let unknown: Vec<_> = unknown.filter(|(id, _)| !acknowledged.contains_key(*id)).collect();
        assert!(unknown.is_empty(), "bookings that nobody was told of: {unknown:?}");
        let left = AT_REST_WITHIN.saturating_sub(started.elapsed());
        let clean =
            tokio::time::timeout(left.max(Duration::from_secs(10)), self.platform.audit_is_clean());
        clean.await.unwrap_or_else(|_| panic!("the audit is not clean in time"));
        tell(&format!(
            "{} wishes were answered and what was told is so; at rest after {:.1} s",
            acknowledged.len(),
            started.elapsed().as_secs_f64()
        ));
    }

    /// A buyer's bookings, once none of them is under way.
    async fn at_rest(&self, buyer: usize) -> BTreeMap<String, String> {
        let token = self.buyer(buyer);
        eventually_within(AT_REST_WITHIN, "bookings at rest", || async {
            let all = all_bookings(&self.platform.http, &token).await?;
            let under_way = all.iter().find(|(_, status)| !AT_REST.contains(&status.as_str()));
            under_way.map_or(Ok(all.clone()), |(id, status)| Err(format!("{id} is {status}")))
        })
        .await
    }

    fn buyers(&self, count: usize) -> Vec<String> {
        (0..count).map(|number| self.buyer(number)).collect()
    }

    /// The token of a buyer of the load.
    ///
    /// # Panics
    /// When none is given.
    #[must_use]
    pub fn buyer(&self, number: usize) -> String {
        self.platform.buyer(&format!("buyer-{number}"))
    }
}

fn databases(
    shape: Shape,
    folder: &std::path::Path,
) -> Result<(Option<Server>, Option<Server>), String> {
    let (postgres, mariadb) = match shape {
        Shape::Embedded => (false, false),
        Shape::Postgres => (true, false),
        Shape::MariaDb => (false, true),
        Shape::Mixed => (true, true),
    };
    let life = Life::WithStarter;
    let postgres =
        postgres.then(|| servers::postgres(&folder.join("postgres"), life)).transpose()?;
    let mariadb = mariadb.then(|| servers::mariadb(&folder.join("mariadb"), life)).transpose()?;
    Ok((postgres, mariadb))
}

/// Every booking of a buyer with its status.
async fn all_bookings(http: &HttpClient, token: &str) -> Result<BTreeMap<String, String>, String> {
    let rows = all_rows(http, token, "bookings").await?;
    let status = |row: &Value| text(row, "status").replace("BOOKING_STATUS_", "");
    Ok(rows.iter().map(|row| (text(row, "bookingId"), status(row))).collect())
}

/// Every row of a caller's own list, page by page: of `bookings`, of `notifications`.
///
/// # Errors
/// What was answered instead.
pub async fn all_rows(http: &HttpClient, token: &str, list: &str) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let path = format!("/v1/{list}?pageSize={PAGE}&pageToken={page_token}");
        let answer =
            http.get(&path).token(token).send().await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("{} {}", answer.status, answer.json));
        }
        let rows = answer.json.get(list).and_then(Value::as_array);
        all.extend(rows.into_iter().flatten().cloned());
        page_token = text(&answer.json, "nextPageToken");
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
