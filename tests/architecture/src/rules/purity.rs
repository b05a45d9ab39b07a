//! The domain decides; it does not wait and does not look around.

use super::{Breach, Broken, Rule, at, breach};
use crate::house::House;
use crate::source::lines_with;

/// Waiting happens at ports, and use cases call them.
pub(super) const NO_ASYNC: Rule = Rule {
    says: "in the domain only ports and use cases are async",
    check: |house| {
        let pure = house.files_under("domain/").filter(|file| !may_wait(&file.path));
        pure.flat_map(|file| {
            let lines = lines_with(&file.product_code(), "async");
            lines.into_iter().map(|line| breach(at(&file.path, line), "async in a pure file"))
        })
        .collect()
    },
    broken: || {
        let text = "//! x\n// async\npub async fn expire() {}\n#[cfg(test)]\nmod tests { async fn a() {} }";
        let path = "domain/ticket/src/hold.rs";
        vec![Broken {
            house: House::default().with_file(path, text),
            place: "domain/ticket/src/hold.rs:3",
        }]
    },
};

fn may_wait(path: &str) -> bool {
    path.ends_with("/ports.rs")
        || path.contains("/use_cases/")
        // The two ports of a bus, which every context shares.
        || path == "domain/kernel/src/message.rs"
}

const OUTSIDE: [&str; 9] = [
    "SystemTime",
    "Instant",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "now_v7",
];

/// Time, chance and the machine enter as arguments.
pub(super) const NO_OUTSIDE_WORLD: Rule = Rule {
    says: "the domain takes time, identifiers and everything else from its ports",
    check: outside,
    broken: || {
        let text = "//! x\nuse std::time::SystemTime;\n";
        let path = "domain/booking/src/checkout.rs";
        vec![Broken {
            house: House::default().with_file(path, text),
            place: "domain/booking/src/checkout.rs:2",
        }]
    },
};

fn outside(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in house.files_under("domain/") {
        let code = file.product_code();
        for name in OUTSIDE {
            let lines = lines_with(&code, name).into_iter();
            breaches.extend(
                lines.map(|line| breach(at(&file.path, line), format!("{name} in the domain"))),
            );
        }
    }
    breaches
}
