//! What a platform under test is made of, and the processes that follow from it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use servers::deployment::{self, CONTEXTS, GATEWAY};
use servers::free_address;

use super::child::PlatformServer;
use super::shape::Shape;
use crate::authority::TlsFolder;
use crate::place::binary;
use servers::{DatabaseServer, fresh_database};

/// A quick provider that always approves, so that only what a test scripts goes wrong; and no limit of how often one
/// subject may call, since loads come from a few, each of which calls more often than people do.
const DEFAULTS: [(&str, &str); 5] = [
    ("PAYMENT_SUCCESS_RATE", "1"),
    ("PAYMENT_PROCESSING_MIN_MS", "1"),
    ("PAYMENT_PROCESSING_MAX_MS", "20"),
    ("PAYMENT_SEED", "1"),
    ("RATE_LIMIT_SUBJECT_PER_SECOND", "0"),
];

const EVERY_SERVER: [&str; 6] = ["ticket", "booking", "payment", "notification", "mypage", GATEWAY];

/// What to start.
#[derive(Debug, Clone)]
pub struct Plan {
    /// In how many processes, over which servers.
    pub shape: Shape,
    /// How many of each server, where a context is one of its own; a SQLite file is served by one.
    pub replicas: usize,
    /// Which servers have that many; the others have one.
    pub replicated: &'static [&'static str],
    /// More settings from the environment, for every process.
    pub settings: Vec<(String, String)>,
    /// A PostgreSQL of one's own instead of the shared one: `postgres://user@host:port`.
    pub postgres: Option<String>,
    /// A MariaDB of one's own instead of the shared one.
    pub mariadb: Option<String>,
    /// The folder with the files of TLS, if every port speaks it.
    pub tls: Option<PathBuf>,
}

/// The processes of a platform, and the settings of `boxoffice` commands beside them.
pub(crate) struct Processes {
    pub(crate) servers: Vec<PlatformServer>,
    pub(crate) gateways: Vec<SocketAddr>,
    /// Where each server's gRPC is, the first replica's.
    pub(crate) grpc: Vec<(&'static str, SocketAddr)>,
    pub(crate) beside: Vec<(String, String)>,
}

impl Plan {
    /// One of each server over the shared ones.
    #[must_use]
    pub const fn of(shape: Shape) -> Self {
        Self {
            shape,
            replicas: 1,
            replicated: &EVERY_SERVER,
            settings: Vec::new(),
            postgres: None,
            mariadb: None,
            tls: None,
        }
    }

    /// With one more setting for every process.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With TLS on every port and between the servers, whose files are in this folder.
    #[must_use]
    pub fn over_tls(self, folder: &TlsFolder) -> Self {
        let plan = Self { tls: Some(folder.path()), ..self };
        let files = [("CERT", "cert.pem"), ("KEY", "key.pem"), ("CA", "ca.pem")];
        files.into_iter().fold(plan, |plan, (name, file)| {
            plan.with(&format!("TLS_{name}_FILE"), &folder.file(file))
        })
    }

    /// Whether it needs NATS.
    pub(crate) fn needs_nats(&self) -> bool {
        self.shape != Shape::Embedded
    }

    /// Lays it out over a folder, on free ports and fresh databases.
    pub(crate) fn lay_out(&self, folder: &Path, nats: Option<&str>) -> Processes {
        if self.shape.is_distributed() {
            self.distributed(folder, nats.unwrap_or_default())
        } else {
            self.in_one(folder, nats)
        }
    }

    fn in_one(&self, folder: &Path, nats: Option<&str>) -> Processes {
        let free = || free_address().unwrap_or_else(|error| panic!("{error}"));
        let (rest, grpc, admin) = (free(), free(), free());
        let mut environment = self.settings_over(&folder.to_string_lossy());
        let mut set = |name: &str, value: String| environment.push((name.to_owned(), value));
        set("REST_ADDR", rest.to_string());
        set("GRPC_ADDR", grpc.to_string());
        set("ADMIN_ADDR", admin.to_string());
        if let Some(nats) = nats {
            set("NATS_URL", nats.to_owned());
            set("DATABASE_URL", self.fresh(DatabaseServer::MariaDb));
        }
        // What a test sets itself counts.
        environment.extend(self.settings.iter().cloned());
        let beside = environment.clone();
        let server = PlatformServer {
            name: "boxoffice".to_owned(),
            program: binary("boxoffice"),
            arguments: vec!["serve"],
            environment,
            admin,
            tls: self.tls.clone(),
            log: folder.join("boxoffice.log"),
            child: None,
        };
        let grpc = CONTEXTS.map(|context| (context, grpc)).into();
        Processes { servers: vec![server], gateways: vec![rest], grpc, beside }
    }

    fn distributed(&self, folder: &Path, nats: &str) -> Processes {
        let databases = CONTEXTS.map(|context| (context, self.database(context)));
        let database = |name: &str| {
            let named = databases.iter().find(|(context, _)| *context == name);
            named.and_then(|(_, url)| url.clone())
        };
        let data_dir = folder.to_string_lossy();
        let count =
            |server: &str| if self.replicated.contains(&server) { self.replicas } else { 1 };
        let replicas = deployment::replicas(count, nats, &data_dir, database);
        let replicas = replicas.unwrap_or_else(|error| panic!("{error}"));
        let of = |server| replicas.iter().filter(move |replica| replica.server == server);
        let gateways: Vec<_> = of(GATEWAY).map(|gateway| gateway.rest).collect();
        let first = |server| of(server).next().map(|replica| (server, replica.grpc));
        let grpc = CONTEXTS.into_iter().chain([GATEWAY]).filter_map(first).collect();

        let mut beside = self.settings_over(&data_dir);
        beside.extend(gateways.first().map(|rest| ("REST_ADDR".to_owned(), rest.to_string())));
        if database("payment").is_none() {
            let ledger = format!("sqlite:{data_dir}/payment_provider.db");
            beside.push(("PROVIDER_DATABASE_URL".to_owned(), ledger));
        }
        for (context, url) in databases.iter().filter_map(|(name, url)| Some((name, url.clone()?)))
        {
            if *context == "payment" {
                beside.push(("PROVIDER_DATABASE_URL".to_owned(), format!("{url}_provider")));
            }
            beside.push((format!("{}_DATABASE_URL", context.to_uppercase()), url));
        }
        let server = |replica: &deployment::Replica| {
            let settings = DEFAULTS.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let own = replica.environment.iter().cloned().map(|(name, value)| {
                let called = self.tls.is_some() && name.ends_with("_ENDPOINT");
                (name, if called { value.replace("http://", "https://") } else { value })
            });
            PlatformServer {
                name: replica.name(),
                program: binary(&replica.program()),
                arguments: Vec::new(),
                environment: settings.into_iter().chain(own).chain(self.settings.clone()).collect(),
                admin: replica.admin,
                tls: self.tls.clone(),
                log: folder.join(format!("{}.log", replica.name())),
                child: None,
            }
        };
        Processes { servers: replicas.iter().map(server).collect(), gateways, grpc, beside }
    }

    /// A context's fresh database; none for a file.
    fn database(&self, context: &str) -> Option<String> {
        let server = match (self.shape, context) {
            (Shape::Postgres, _) | (Shape::Mixed, "ticket") => DatabaseServer::Postgres,
            (Shape::MariaDb, _) | (Shape::Mixed, "booking") => DatabaseServer::MariaDb,
            (Shape::Embedded | Shape::Mixed, _) => return None,
        };
        Some(format!("{}_{context}", self.fresh(server)))
    }

    fn fresh(&self, server: DatabaseServer) -> String {
        let own = match server {
            DatabaseServer::Postgres => &self.postgres,
            DatabaseServer::MariaDb => &self.mariadb,
        };
        // A server of one's own has no other tests' databases.
        own.as_ref().map_or_else(|| fresh_database(server), |url| format!("{url}/boxoffice"))
    }

    fn settings_over(&self, data_dir: &str) -> Vec<(String, String)> {
        let defaults = DEFAULTS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let place = [("DATA_DIR".to_owned(), data_dir.to_owned())];
        place.into_iter().chain(defaults).collect()
    }
}
