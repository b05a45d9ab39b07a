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
const OF_PAYMENT: [&str; 13] = [
    "PAYMENT_PROVIDER",
    "PAYMENT_BREAKER",
    "PAYMENT_AT_ONCE",
    "PAYMENT_SLOW_MS",
    "PAYMENT_SUCCESS_RATE",
    "PAYMENT_PROCESSING_MIN_MS",
    "PAYMENT_PROCESSING_MAX_MS",
    "PAYMENT_SEED",
    "PAYMENT_ASYNC",
    "STRIPE_API_BASE",
    "STRIPE_API_KEY",
    "STRIPE_WEBHOOK_ADDR",
    "STRIPE_WEBHOOK_SECRET",
];

/// What only whoever serves REST reads.
const OF_REST: [&str; 2] = ["REST_ADDR", "CORS_ORIGINS"];

/// What only the server that makes bookings reads.
const OF_BOOKING: [&str; 1] = ["BOOKINGS_AT_ONCE"];

impl Program {
    /// Whether a variable means anything to this program.
    pub(crate) fn reads(self, variable: &str) -> bool {
        let of_contexts = OF_CONTEXTS.contains(&variable);
        let of_payment = OF_PAYMENT.contains(&variable);
        let of_booking = OF_BOOKING.contains(&variable);
        match self {
            Self::Platform => true,
            Self::Gateway => !of_contexts && !of_payment && !of_booking,
            Self::Context(context) => {
                !OF_REST.contains(&variable)
                    && (!of_payment || context == "payment")
                    && (!of_booking || context == "booking")
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
        let [payment, ticket, booking] = ["payment", "ticket", "booking"].map(Program::Context);
        for (variable, readers) in [
            ("DATABASE_URL", [true, true, true, true, false]),
            ("REST_ADDR", [true, false, false, false, true]),
            ("CORS_ORIGINS", [true, false, false, false, true]),
            ("PAYMENT_SEED", [true, true, false, false, false]),
            ("STRIPE_API_KEY", [true, true, false, false, false]),
            ("BOOKINGS_AT_ONCE", [true, false, false, true, false]),
            ("OIDC_ISSUER", [true; 5]),
        ] {
            let programs = [Program::Platform, payment, ticket, booking, Program::Gateway];
            assert_eq!(programs.map(|program| program.reads(variable)), readers, "{variable}");
        }
    }
}
