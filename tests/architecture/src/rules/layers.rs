//! Who may depend on whom.

use std::collections::BTreeSet;

use super::{Breach, Broken, Rule, breach};
use crate::house::{Crate, House};

/// The domain knows the rules of the trade and nothing else.
pub(super) const DOMAIN: Rule = Rule {
    says: "a domain crate depends on the kernel and a named few",
    check: domain,
    broken: || {
        vec![
            Broken {
                house: House::default().with_crate("domain/ticket", &["kernel", "tokio"]),
                place: "ticket",
            },
            Broken {
                house: House::default().with_crate("domain/kernel", &["serde"]),
                place: "kernel",
            },
            Broken {
                house: House::default()
                    .with_crate("domain/booking", &[])
                    .with_crate("domain/ticket", &["booking"]),
                place: "ticket",
            },
            Broken {
                house: House::default().with_crate("domain/mypage", &["futures"]),
                place: "mypage",
            },
        ]
    },
};

const EVERY_DOMAIN_CRATE: [&str; 3] = ["kernel", "async-trait", "thiserror"];
const BESIDES: [(&str, &str); 6] = [
    ("kernel", "uuid"),
    ("kernel", "jiff"),
    ("kernel", "iso_currency"),
    // For the words of a search.
    ("ticket", "unicode-normalization"),
    // For bounded concurrency in sweeps.
    ("booking", "futures"),
    ("payment", "futures"),
];
/// `futures` runs a use case in a test without a runtime.
const DOMAIN_TESTS: [&str; 2] = ["proptest", "futures"];

fn domain(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for member in members(house, "domain/") {
        for dependency in &member.dependencies {
            let name = dependency.name.as_str();
            let allowed = EVERY_DOMAIN_CRATE.contains(&name)
                || BESIDES.contains(&(member.name.as_str(), name))
                || dependency.for_tests
                    && (DOMAIN_TESTS.contains(&name) || name == format!("memory-{}", member.name));
            if !allowed {
                breaches
                    .push(breach(&member.name, format!("the domain does not depend on {name}")));
            }
        }
    }
    breaches
}

/// A cell of the matrix of technologies and contexts sees its own row and column only.
pub(super) const CELLS: Rule = Rule {
    says: "a cell sees its own context, the kernel, the contract and its technology's shell",
    check: cells,
    broken: || {
        let house =
            || House::default().with_crate("domain/ticket", &[]).with_crate("domain/booking", &[]);
        vec![
            Broken {
                house: house().with_crate("adapters/grpc/ticket", &["ticket", "booking"]),
                place: "grpc-ticket",
            },
            Broken {
                house: house()
                    .with_crate("adapters/sea-orm/database", &[])
                    .with_crate("adapters/grpc/booking", &["sea-orm-database"]),
                place: "grpc-booking",
            },
            Broken {
                house: house().with_crate("adapters/sea-orm/database", &["ticket"]),
                place: "sea-orm-database",
            },
            Broken {
                house: house()
                    .with_crate("adapters/in-process/gather", &[])
                    .with_crate("adapters/nats/bus", &["in-process-gather"]),
                place: "nats-bus",
            },
        ]
    },
};

/// What every adapter may tell of itself with.
const TELEMETRY: [&str; 2] = ["telemetry-traces", "telemetry-metrics"];
const SHELLS: [(&str, &str); 15] = [
    ("grpc", "grpc-server"),
    ("grpc", "grpc-client"),
    // What it shares with gRPC: it calls the same servers, and one crate says how.
    ("rest", "grpc-client"),
    ("sea-orm", "sea-orm-database"),
    // What waits and goes together is no technology's own: transactions and calls are gathered by one algorithm.
    ("sea-orm", "in-process-gather"),
    ("grpc", "in-process-gather"),
    // How often a caller may call.
    ("grpc", "in-process-rates"),
    // Connections begin alike on every port, and calls between servers show the same certificate.
    ("grpc", "tls-certificates"),
    ("rest", "tls-certificates"),
    // What is watched is no technology's own either: stores tell what changed, streams hear it.
    ("sea-orm", "in-process-watching"),
    ("grpc", "in-process-watching"),
    ("memory", "in-process-watching"),
    // Where tests end a server in the middle of its work.
    ("grpc", "in-process-kill-points"),
    // Whom others ask over HTTPS is their own; how, one crate says.
    ("provider", "https-client"),
    ("oidc", "https-client"),
];
/// Technologies whose every cell serves one context.
const PORTS_OF: [(&str, &str); 2] = [("provider", "payment"), ("channel", "notification")];
/// The simulated provider keeps a ledger of its own, as the real one does, and has points where tests end its server.
const CELLS_BESIDES: [(&str, &str); 2] =
    [("provider-simulated", "sea-orm-database"), ("provider-simulated", "in-process-kill-points")];
/// A cancelled BEGIN is tried on the pools that serve, which nobody else sees, over real servers.
const CELLS_TEST_WITH: [(&str, &str); 1] = [("sea-orm-database", "servers")];

fn cells(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for member in members(house, "adapters/") {
        let Some(("adapters", technology, cell)) = three(&member.folder) else {
            breaches
                .push(breach(&member.name, "an adapter stands at adapters/<technology>/<context>"));
            continue;
        };
        let port_of =
            PORTS_OF.iter().find(|(ports, _)| *ports == technology).map(|(_, context)| *context);
        let context = port_of.unwrap_or(cell);
        for dependency in &member.dependencies {
            let name = dependency.name.as_str();
            let Some(other) = house.own(name) else { continue };
            let own_context = house.contexts().any(|known| known == context)
                && (name == context
                    || dependency.for_tests && other.folder.ends_with(&format!("/{context}")));
            let allowed = ["kernel", "proto"].contains(&name)
                || TELEMETRY.contains(&name)
                || own_context
                || SHELLS.contains(&(technology, name))
                || CELLS_BESIDES.contains(&(member.name.as_str(), name))
                || dependency.for_tests && CELLS_TEST_WITH.contains(&(member.name.as_str(), name));
            if !allowed {
                breaches.push(breach(&member.name, format!("this cell does not see {name}")));
            }
        }
    }
    breaches
}

/// Each server is one context; only the all-in-one joins them, and it joins apps.
pub(super) const ONE_CONTEXT: Rule = Rule {
    says: "a context's server reaches that context alone; the gateway and the runtime reach none",
    check: one_context,
    broken: || {
        let house = || {
            House::default()
                .with_crate("domain/ticket", &[])
                .with_crate("domain/booking", &[])
                .with_crate("adapters/grpc/ticket", &["ticket"])
        };
        vec![
            Broken {
                house: house().with_crate("apps/booking", &["booking", "grpc-ticket"]),
                place: "boxoffice-booking",
            },
            Broken {
                house: house().with_crate("apps/runtime", &["grpc-ticket"]),
                place: "runtime",
            },
            Broken {
                house: house().with_crate("apps/gateway", &["booking"]),
                place: "boxoffice-gateway",
            },
        ]
    },
};

fn one_context(house: &House) -> Vec<Breach> {
    let servers = members(house, "apps/").filter(|member| member.name != "boxoffice");
    let mut breaches = Vec::new();
    for member in servers {
        let own = member.folder.trim_start_matches("apps/");
        let reached = reached_from(house, member);
        let foreign =
            house.contexts().filter(|context| reached.contains(context) && *context != own);
        breaches.extend(
            foreign.map(|context| breach(&member.name, format!("reaches the {context} context"))),
        );
    }
    breaches
}

/// REST is made from descriptors alone.
pub(super) const REST_KNOWS_NO_DOMAIN: Rule = Rule {
    says: "REST knows no domain crate, not even the kernel",
    check: |house| {
        let rest = members(house, "adapters/rest/");
        rest.flat_map(|member| {
            let reached = reached_from(house, member);
            let domain = members(house, "domain/")
                .filter(move |other| reached.contains(other.name.as_str()));
            domain.map(|other| breach(&member.name, format!("reaches {}", other.folder)))
        })
        .collect()
    },
    broken: || {
        let house = || House::default().with_crate("domain/kernel", &[]);
        vec![
            Broken {
                house: house().with_crate("adapters/rest/gateway", &["kernel"]),
                place: "rest-gateway",
            },
            Broken {
                house: house()
                    .with_crate("adapters/grpc/server", &["kernel"])
                    .with_crate("adapters/rest/gateway", &["grpc-server"]),
                place: "rest-gateway",
            },
        ]
    },
};

fn members<'a>(house: &'a House, folder: &'static str) -> impl Iterator<Item = &'a Crate> {
    house.crates.iter().filter(move |member| member.folder.starts_with(folder))
}

fn three(folder: &str) -> Option<(&str, &str, &str)> {
    let (top, rest) = folder.split_once('/')?;
    let (middle, last) = rest.split_once('/')?;
    (!last.contains('/')).then_some((top, middle, last))
}

/// The house's own crates that are linked with this one.
fn reached_from<'a>(house: &'a House, from: &'a Crate) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(member) = open.pop() {
        let linked = member.dependencies.iter().filter(|dependency| !dependency.for_tests);
        for other in linked.filter_map(|dependency| house.own(&dependency.name)) {
            if reached.insert(other.name.as_str()) {
                open.push(other);
            }
        }
    }
    reached
}
