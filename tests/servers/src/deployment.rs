//! The platform as six servers with replicas: which program, at which ports, with which settings.

use std::net::SocketAddr;

use crate::ports::free_address;

/// The contexts with a database of their own, in the order in which they are told of.
pub const CONTEXTS: [&str; 5] = ["ticket", "booking", "payment", "notification", "mypage"];
/// The server in front of them.
pub const GATEWAY: &str = "gateway";

/// One process of the platform.
#[derive(Debug, Clone)]
pub struct Replica {
    /// Which server it is one of: `ticket`, …, `gateway`.
    pub server: &'static str,
    /// Which of them, from 1.
    pub number: usize,
    /// Where it serves REST, if it is a gateway.
    pub rest: SocketAddr,
    /// Where it serves gRPC, if it is not.
    pub grpc: SocketAddr,
    /// Where it tells of itself.
    pub admin: SocketAddr,
    /// Its settings, the addresses among them.
    pub environment: Vec<(String, String)>,
}

impl Replica {
    /// `booking-2`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.server, self.number)
    }

    /// The name of its program.
    #[must_use]
    pub fn program(&self) -> String {
        format!("boxoffice-{}", self.server)
    }
}

/// So many replicas of each server as `count` says, on free ports, each told where the others are. `database` gives a context's URL,
/// or none for a file in the data folder, which only one replica can serve.
///
/// # Errors
/// When no ports are free.
pub fn replicas(
    count: impl Fn(&str) -> usize,
    nats: &str,
    data_dir: &str,
    database: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Replica>, String> {
    let mut replicas = Vec::new();
    for server in CONTEXTS.into_iter().chain([GATEWAY]) {
        let alone = server != GATEWAY && database(server).is_none();
        for number in 1..=if alone { 1 } else { count(server) } {
            let (rest, grpc, admin) = (free_address()?, free_address()?, free_address()?);
            let environment = Vec::new();
            replicas.push(Replica { server, number, rest, grpc, admin, environment });
        }
    }
    let endpoints: Vec<_> = CONTEXTS.iter().map(|context| endpoint(context, &replicas)).collect();
    for replica in &mut replicas {
        let mut set =
            |name: &str, value: String| replica.environment.push((name.to_owned(), value));
        set("DATA_DIR", data_dir.to_owned());
        set("REST_ADDR", replica.rest.to_string());
        set("GRPC_ADDR", replica.grpc.to_string());
        set("ADMIN_ADDR", replica.admin.to_string());
        if replica.server != GATEWAY {
            set("NATS_URL", nats.to_owned());
            let file = || format!("sqlite:{data_dir}/{}.db", replica.server);
            set("DATABASE_URL", database(replica.server).unwrap_or_else(file));
        }
        replica.environment.extend(endpoints.iter().cloned());
    }
    Ok(replicas)
}

/// `BOOKING_ENDPOINT` and the addresses of all that serve it.
fn endpoint(context: &str, replicas: &[Replica]) -> (String, String) {
    let of_context = replicas.iter().filter(|replica| replica.server == context);
    let addresses: Vec<_> = of_context.map(|replica| format!("http://{}", replica.grpc)).collect();
    (format!("{}_ENDPOINT", context.to_uppercase()), addresses.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_replica_is_told_of_all_others_and_a_file_has_one() {
        let database =
            |context: &str| (context != "payment").then(|| format!("postgres://x/{context}"));
        let all = replicas(|_| 2, "nats://x", "data", database).unwrap();
        let count = |server| all.iter().filter(|replica| replica.server == server).count();
        assert_eq!((count("ticket"), count("payment"), count(GATEWAY)), (2, 1, 2));
        let last = all.last().unwrap();
        let setting =
            |name| last.environment.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        assert_eq!(setting("BOOKING_ENDPOINT").unwrap().split(',').count(), 2);
        assert_eq!(setting("DATABASE_URL"), None, "a gateway has none");
        assert_eq!(
            (last.name().as_str(), last.program().as_str()),
            ("gateway-2", "boxoffice-gateway")
        );
    }
}
