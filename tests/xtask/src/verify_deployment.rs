//! `cargo xtask verify-deployment`: whether a server is deployed as it should be, asked of the cluster and of
//! Prometheus. It changes nothing.

mod asking;
mod checks;
mod health;
mod objects;
mod scraped;

use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use servers::deployment::{CONTEXTS, GATEWAY};

use asking::Site;
use checks::Server;

const ALL: &str = "all";
const WRONG: u8 = 1;
const COULD_NOT_ASK: u8 = 2;

#[derive(Args)]
pub(crate) struct VerifyDeployment {
    /// Which server.
    #[arg(value_parser = PossibleValuesParser::new(CONTEXTS.into_iter().chain([GATEWAY, ALL])))]
    service: String,
    /// The namespace it is deployed to.
    #[arg(long, default_value = "boxoffice")]
    namespace: String,
    /// The cluster's API, as `kubectl proxy` brings it here with the rights of whoever starts that.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8001", value_parser = Site::parse)]
    api: Site,
    /// Prometheus, as `kubectl -n monitoring port-forward service/monitoring-kube-prometheus-prometheus 9090` brings
    /// it here.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090", value_parser = Site::parse)]
    prometheus: Site,
}

/// Why a check did not pass, and what to do.
pub(crate) enum Finding {
    /// Something is not as it should be.
    Wrong { what: String, todo: String },
    /// Nobody could tell.
    CouldNotAsk { what: String, todo: String },
}

impl Finding {
    fn wrong<T>(what: impl Into<String>, todo: impl Into<String>) -> Result<T, Self> {
        Err(Self::Wrong { what: what.into(), todo: todo.into() })
    }

    fn could_not_ask<T>(what: impl Into<String>, todo: impl Into<String>) -> Result<T, Self> {
        Err(Self::CouldNotAsk { what: what.into(), todo: todo.into() })
    }
}

/// Checks one server or all, tells on the terminal, and gives 0 when all is well, 1 when something is not, 2 when
/// nothing was found but not all could be asked.
pub(crate) fn run(asked: &VerifyDeployment) -> ExitCode {
    let all = CONTEXTS.into_iter().chain([GATEWAY]);
    let chosen: Vec<_> = all.filter(|name| [ALL, name].contains(&asked.service.as_str())).collect();
    let mut worst = 0;
    for name in chosen {
        let verdict = match verify(asked, name) {
            Ok(()) => 0,
            Err(Finding::Wrong { .. }) => WRONG,
            Err(Finding::CouldNotAsk { .. }) => COULD_NOT_ASK,
        };
        worst = match (worst, verdict) {
            (WRONG, _) | (_, WRONG) => WRONG,
            (so_far, verdict) => so_far.max(verdict),
        };
    }
    ExitCode::from(worst)
}

/// One check after the other, until one does not pass: what comes after it would only fail for the same reason.
fn verify(asked: &VerifyDeployment, name: &str) -> Result<(), Finding> {
    let server = Server { name, namespace: &asked.namespace, api: &asked.api };
    let pods = told(name, "deployment", checks::deployment(&server))?;
    let alone = |seen| (seen, ());
    told(name, "service", checks::services(&server, &pods).map(alone))?;
    told(name, "endpoints", checks::endpoints(&server, &pods).map(alone))?;
    told(name, "health", health::check(&server, &pods).map(alone))?;
    told(name, "prometheus", scraped::check(&asked.prometheus, &server, &pods).map(alone))
}

/// Prints how a check went.
fn told<T>(server: &str, check: &str, went: Result<(String, T), Finding>) -> Result<T, Finding> {
    let (verdict, what, todo) = match &went {
        Ok((seen, _)) => ("ok", seen, None),
        Err(Finding::Wrong { what, todo }) => ("FAILED", what, Some(todo)),
        Err(Finding::CouldNotAsk { what, todo }) => ("UNKNOWN", what, Some(todo)),
    };
    println!("{server:<12} {check:<10} {verdict:<7} {}", what.trim_end());
    if let Some(todo) = todo {
        println!("{:<12} what to do: {todo}", "");
    }
    went.map(|(_, found)| found)
}
