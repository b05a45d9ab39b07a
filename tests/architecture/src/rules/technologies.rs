//! Where each technology may be named.

use super::{Breach, Broken, Rule, breach};
use crate::house::House;

/// A technology stays in its column of the matrix.
pub(super) const TECHNOLOGIES: Rule = Rule {
    says: "a technology is used in its own adapters and where the apps join them, nowhere else",
    check,
    broken: || {
        vec![
            Broken {
                house: House::default().with_crate("adapters/grpc/ticket", &["sea-orm"]),
                place: "grpc-ticket",
            },
            Broken {
                house: House::default().with_crate("apps/ticket", &["sea-orm"]),
                place: "boxoffice-ticket",
            },
            Broken {
                house: House::default().with_crate("adapters/in-process/bus", &["async-nats"]),
                place: "in-process-bus",
            },
            Broken {
                house: House::default().with_crate("domain/ticket", &["autometrics"]),
                place: "ticket",
            },
            Broken {
                house: House::default().with_crate("adapters/sea-orm/ticket", &["tonic-types"]),
                place: "sea-orm-ticket",
            },
        ]
    },
};

struct Home {
    /// Names of packages, or their beginnings where they end in `-`.
    packages: &'static [&'static str],
    folders: &'static [&'static str],
}

const HOMES: &[Home] = &[
    Home {
        packages: &["sea-orm", "sea-orm-migration", "sea-query", "sqlx", "sqlx-"],
        // The provider's own ledger, the audit over all databases, and tests that damage a database to be found out.
        folders: &["adapters/sea-orm/", "adapters/provider/simulated", "apps/boxoffice", "tests/"],
    },
    // Tests look into streams and damage them to be found out.
    Home { packages: &["async-nats"], folders: &["adapters/nats/", "tests/"] },
    Home {
        packages: &["tonic", "tonic-"],
        folders: &["proto", "adapters/grpc/", "adapters/rest/", "apps/", "tests/"],
    },
    Home {
        packages: &[
            "opentelemetry",
            "opentelemetry-",
            "tracing-opentelemetry",
            "prometheus-client",
        ],
        folders: &["adapters/telemetry/", "apps/runtime", "tests/"],
    },
    Home {
        packages: &["tokio-rustls", "x509-cert", "socket2"],
        folders: &["adapters/tls/", "tests/"],
    },
    Home { packages: &["autometrics"], folders: &["adapters/", "apps/runtime"] },
    Home { packages: &["axum"], folders: &["adapters/rest/", "apps/", "tests/"] },
    Home { packages: &["jsonwebtoken"], folders: &["adapters/grpc/server", "apps/", "tests/"] },
];

fn check(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for member in &house.crates {
        for dependency in &member.dependencies {
            let name = dependency.name.as_str();
            // A cell may bear its technology's name.
            let foreign = house.own(name).is_none();
            let strayed = HOMES.iter().any(|home| {
                home.packages.iter().any(|package| is_package(name, package))
                    && !home.folders.iter().any(|folder| member.folder.starts_with(folder))
            });
            if foreign && strayed {
                breaches.push(breach(&member.name, format!("{name} has no place here")));
            }
        }
    }
    breaches
}

fn is_package(name: &str, package: &str) -> bool {
    name == package || package.ends_with('-') && name.starts_with(package)
}
