//! The rules. Each says in one sentence what holds, checks it, and brings ways to break an overlay that it must notice.

use std::fmt;

use crate::manifests::Deployment;

mod custom;
mod environment;
mod exposure;
mod hardening;
mod images;
mod network;
mod probes;
mod secrets;
mod selection;
mod tls;

pub use custom::WITHOUT_SCHEMA;

/// One rule.
pub struct Rule {
    /// What holds.
    pub says: &'static str,
    /// Finds where it does not.
    pub check: fn(&Deployment) -> Vec<Breach>,
    /// Ways to break the production overlay.
    pub broken: &'static [Broken],
}

/// A place where a rule does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// An object, such as `Deployment/ticket`.
    pub place: String,
    /// What is wrong there.
    pub why: String,
}

/// One change after which a rule must find fault.
pub struct Broken {
    /// Makes it.
    pub change: fn(&mut Deployment),
    /// The object where the fault is.
    pub place: &'static str,
}

/// Every rule.
pub const RULES: &[Rule] = &[
    selection::EVERY_SERVER_HAS_ITS_SERVICES,
    probes::PROBES_NAME_PORTS_THAT_EXIST,
    hardening::SERVERS_CHANGE_WITHOUT_A_FAILED_CALL,
    hardening::PODS_HAVE_NO_RIGHTS,
    secrets::NO_SECRET_IS_TOLD,
    exposure::NOTHING_IS_OPEN_TO_THE_OUTSIDE,
    images::IMAGES_SAY_THEIR_VERSION,
    environment::WHAT_IS_READ_IS_DECLARED,
    environment::WHAT_IS_LEFT_OUT_IS_READ,
    environment::WHAT_IS_DECLARED_IS_READ,
    network::ONLY_WHO_MAY_CALLS,
    tls::CALLS_ARE_AS_PORTS_ARE,
    custom::KINDS_ARE_KNOWN,
    custom::DATA_OUTLIVES_ITS_NAMESPACE,
    custom::THE_MESH_TRIES_NOTHING_AGAIN,
];

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}

fn breach(place: impl Into<String>, why: impl Into<String>) -> Breach {
    Breach { place: place.into(), why: why.into() }
}
