//! The programs there are, and which settings each of them reads.

use clap::{Arg, Command};

/// A program that reads settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// The whole platform in one process, which reads all of them.
    Platform,
    /// The gateway as a server of its own.
    Gateway,
    /// A context's own server.
    Context(&'static str),
}

/// What only servers with a database and a bus read.
const OF_CONTEXTS: [&str; 6] = [
    "BATCHING",
    "DATABASE_URL",
    "NATS_URL",
    "NATS_STREAM_REPLICAS",
    "NATS_STREAM_MAX_BYTES",
    "NATS_MONITOR_URL",
];

/// What only the server with the payment provider reads.
const OF_PAYMENT: [&str; 5] = [
    "PAYMENT_PROVIDER",
    "PAYMENT_SUCCESS_RATE",
    "PAYMENT_PROCESSING_MIN_MS",
    "PAYMENT_PROCESSING_MAX_MS",
    "PAYMENT_SEED",
];

impl Program {
    /// Whether a variable means anything to this program.
    pub(crate) fn reads(self, variable: &str) -> bool {
        let of_contexts = OF_CONTEXTS.contains(&variable);
        let of_payment = OF_PAYMENT.contains(&variable);
        match self {
            Self::Platform => true,
            Self::Gateway => !of_contexts && !of_payment,
            Self::Context(context) => {
                variable != "REST_ADDR" && (!of_payment || context == "payment")
            }
        }
    }

    /// The command without the settings that mean nothing to this program: neither help nor environment have them.
    pub(crate) fn without_others(self, command: Command) -> Command {
        let reads = |arg: &Arg| arg.get_env().is_none_or(|env| self.reads(&env.to_string_lossy()));
        command.mut_args(|arg| if reads(&arg) { arg } else { arg.hide(true).env(None) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_reads_what_means_something_to_it() {
        let (payment, ticket) = (Program::Context("payment"), Program::Context("ticket"));
        for (variable, readers) in [
            ("DATABASE_URL", [true, true, true, false]),
            ("REST_ADDR", [true, false, false, true]),
            ("PAYMENT_SEED", [true, true, false, false]),
            ("OIDC_ISSUER", [true; 4]),
        ] {
            let programs = [Program::Platform, payment, ticket, Program::Gateway];
            assert_eq!(programs.map(|program| program.reads(variable)), readers, "{variable}");
        }
    }
}
