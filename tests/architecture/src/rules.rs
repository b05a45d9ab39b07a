//! The rules. Each says in one sentence what holds, checks it, and brings houses in which it fails.

use std::fmt;

use crate::house::House;

mod calls;
mod contract;
mod events;
mod files;
mod layers;
mod manifests;
mod proofs;
mod publishing;
mod purity;
mod technologies;
mod use_cases;

/// One rule of the house.
pub struct Rule {
    /// What holds.
    pub says: &'static str,
    /// Finds where it does not.
    pub check: fn(&House) -> Vec<Breach>,
    /// Houses in which it does not hold.
    pub broken: fn() -> Vec<Broken>,
}

/// A place where a rule does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// A file and line, a crate, an rpc.
    pub place: String,
    /// What is wrong there.
    pub why: String,
}

/// An example that a rule must find fault with.
pub struct Broken {
    /// The house.
    pub house: House,
    /// The place where the fault is.
    pub place: &'static str,
}

/// Every rule.
pub const RULES: &[Rule] = &[
    layers::DOMAIN,
    layers::CELLS,
    layers::ONE_CONTEXT,
    layers::REST_KNOWS_NO_DOMAIN,
    technologies::TECHNOLOGIES,
    use_cases::EVERY_RPC_HAS_ITS_USE_CASE,
    use_cases::EVERY_USE_CASE_IS_REACHED,
    events::EVERY_EVENT_IS_PUBLISHED,
    events::EVERY_EVENT_IS_HEARD,
    purity::NO_ASYNC,
    purity::NO_OUTSIDE_WORLD,
    calls::WHO_CALLS_WHOM,
    calls::WHO_KNOWS_WHOSE_ADDRESS,
    files::EVERY_FILE_SAYS_WHAT_IT_IS,
    files::FILES_ARE_SMALL,
    files::NO_DRAWERS,
    proofs::NO_UNPROVED_UNWRAP,
    proofs::NO_SILENT_ALLOW,
    publishing::ONLY_THE_RELAY_PUBLISHES,
    manifests::LINTS_AND_VERSIONS_ARE_THE_WORKSPACES,
    contract::EVERYTHING_IS_SAID,
    contract::PUBLIC_RPCS_HAVE_ROUTES,
];

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}

fn breach(place: impl fmt::Display, why: impl Into<String>) -> Breach {
    Breach { place: place.to_string(), why: why.into() }
}

fn at(path: &str, line: usize) -> String {
    format!("{path}:{line}")
}

/// `RegisterTicket` as a file or function is named: `register_ticket`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
