//! The command line and the environment, read once at the start.

use std::ffi::{OsStr, OsString};
use std::io::Write;

use clap::error::{ContextKind, ErrorKind};
use clap::{Command, CommandFactory, Parser};

use crate::config::Settings;
use crate::program::Program;
use crate::start_error::StartError;

/// Reads the command line and the environment. `None` when that was all there was to do: help, the
/// version or the settings were printed.
///
/// # Errors
/// [`StartError`] that names the first wrong flag or variable.
pub fn read<C: Parser + AsRef<Settings>>() -> Result<Option<C>, StartError> {
    read_from(Program::Platform, C::command(), std::env::args_os(), |_| Vec::new())
}

/// Reads the words for this command of the program; `more` gives the settings of it that are not in [`Settings`].
pub(crate) fn read_from<C: CommandFactory + clap::FromArgMatches + AsRef<Settings>>(
    program: Program,
    command: Command,
    words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    more: impl FnOnce(&C) -> Vec<(&'static str, String)>,
) -> Result<Option<C>, StartError> {
    let command = without_empty_variables(program.without_others(command));
    let matched = command.try_get_matches_from(words);
    let command_line = match matched.and_then(|matches| C::from_arg_matches(&matches)) {
        Ok(command_line) => command_line,
        Err(answer) if is_answer(answer.kind()) => {
            answer.print().map_err(|e| StartError::Other(format!("cannot write: {e}")))?;
            return Ok(None);
        }
        Err(error) => return Err(StartError::Usage(one_line(&error))),
    };
    let settings = command_line.as_ref();
    settings.check()?;
    if !settings.print_config {
        return Ok(Some(command_line));
    }
    let read = settings.effective().into_iter().filter(|(name, _)| program.reads(name));
    let lines = read.chain(more(&command_line));
    let lines = lines.map(|(name, value)| format!("{name}={value}\n")).collect::<String>();
    let printed = std::io::stdout().write_all(lines.as_bytes());
    printed.map_err(|e| StartError::Other(format!("cannot write: {e}")))?;
    Ok(None)
}

/// A variable that is there and empty is not set: templates of orchestrators leave such ones behind.
fn without_empty_variables(command: Command) -> Command {
    command.mut_args(|arg| if arg.get_env().is_some_and(is_empty) { arg.env(None) } else { arg })
}

#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
fn is_empty(variable: &OsStr) -> bool {
    std::env::var_os(variable).is_some_and(|value| value.is_empty())
}

fn is_answer(kind: ErrorKind) -> bool {
    [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion].contains(&kind)
}

/// Which flag and variable is wrong and why. A value that was refused is not repeated: it may hold a
/// password.
fn one_line(error: &clap::Error) -> String {
    let flag = error.get(ContextKind::InvalidArg);
    if let (ErrorKind::ValueValidation, Some(flag), Some(problem)) =
        (error.kind(), flag, std::error::Error::source(error))
    {
        return format!("{flag}: {problem}");
    }
    let word = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    if error.kind() == ErrorKind::UnknownArgument && !word.starts_with('-') {
        return "there is a word that is neither a flag nor a command; a value with spaces needs quotes"
            .to_owned();
    }
    let text = error.to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let commands = text.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names = commands.map_while(|line| line.split_whitespace().next());
        let names = names.filter(|name| *name != "help").collect::<Vec<_>>().join(", ");
        return format!("what is to be done is missing, one of: {names}; --help says more");
    }
    let paragraph = text.lines().take_while(|line| !line.trim().is_empty());
    let line = paragraph.map(str::trim).collect::<Vec<_>>().join(" ");
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    impl AsRef<Settings> for Line {
        fn as_ref(&self) -> &Settings {
            &self.settings
        }
    }

    fn settings(words: &[&str]) -> Result<Settings, StartError> {
        let words = [&["boxoffice"], words].concat();
        read_from::<Line>(Program::Platform, Line::command(), words, |_| Vec::new())
            .map(|line| line.expect("to be run").settings)
    }

    #[derive(Debug, Parser)]
    #[command(name = "boxoffice", subcommand_required = true, arg_required_else_help = true)]
    enum Desk {
        /// Shows them.
        List,
        /// Tries again.
        Retry,
    }

    #[test]
    fn a_missing_command_names_those_there_are() {
        let error = Desk::command().try_get_matches_from(["boxoffice"]).expect_err("nothing said");
        let expected = "what is to be done is missing, one of: list, retry; --help says more";
        assert_eq!(one_line(&error), expected);
        assert!(Desk::try_parse_from(["boxoffice", "list"]).is_ok());
    }

    #[test]
    fn the_defaults_are_the_contracts() {
        let settings = settings(&[]).expect("all have defaults");
        let effective = settings.effective();
        for (name, value) in [
            ("REST_ADDR", "127.0.0.1:8080"),
            ("GRPC_ADDR", "127.0.0.1:50051"),
            ("ADMIN_ADDR", "127.0.0.1:3100"),
            ("DATA_DIR", "./boxoffice-data"),
            ("PAYMENT_PROVIDER", "simulated"),
            ("PAYMENT_SUCCESS_RATE", "1"),
            ("OIDC_AUDIENCE", "boxoffice"),
            ("IN_FLIGHT_MAX", "4096"),
            ("BOOKINGS_AT_ONCE", "96"),
            ("WATCHERS_MAX", "10000"),
            ("WATCHERS_PER_SUBJECT_MAX", "16"),
            ("WATCHERS_PER_ADDRESS_MAX", "1000"),
        ] {
            assert!(effective.contains(&(name, value.to_owned())), "{name}");
        }
    }

    #[test]
    fn every_setting_is_a_variable_and_is_printed() {
        let line = Line::command();
        let variables: BTreeSet<_> = line
            .get_arguments()
            .filter(|flag| !["help", "print_config"].contains(&flag.get_id().as_str()))
            .map(|flag| {
                let variable = flag.get_env().and_then(|name| name.to_str()).expect("a variable");
                assert_eq!(variable, flag.get_id().as_str().to_uppercase());
                assert!(flag.get_help().is_some(), "{variable}");
                variable.to_owned()
            })
            .collect();
        let settings = settings(&[]).expect("all have defaults");
        let printed = settings.effective().into_iter().map(|(name, _)| name.to_owned());
        assert_eq!(variables, printed.collect());
    }

    #[test]
    fn a_wrong_value_is_one_line_that_names_the_variable() {
        for (words, name) in [
            (&["--rest-addr", "nowhere"][..], "REST_ADDR"),
            (&["--cors-origins", "https://shop.example/"], "CORS_ORIGINS"),
            (&["--cors-origins", "https://shop.example,"], "CORS_ORIGINS"),
            (&["--cors-origins", "shop.example"], "CORS_ORIGINS"),
            (&["--cors-origins", "https://Shop.example"], "CORS_ORIGINS"),
            (&["--grpc-addr", "127.0.0.1"], "GRPC_ADDR"),
            (&["--admin-addr", "127.0.0.1:99999"], "ADMIN_ADDR"),
            (&["--payment-success-rate", "1.5"], "PAYMENT_SUCCESS_RATE"),
            (&["--payment-success-rate", "NaN"], "PAYMENT_SUCCESS_RATE"),
            (&["--payment-processing-min-ms=-1"], "PAYMENT_PROCESSING_MIN_MS"),
            (&["--payment-processing-min-ms", "5"], "PAYMENT_PROCESSING_MAX_MS"),
            (&["--payment-processing-max-ms", "600001"], "PAYMENT_PROCESSING_MAX_MS"),
            (&["--payment-provider", "cash"], "PAYMENT_PROVIDER"),
            (&["--payment-seed", "x"], "PAYMENT_SEED"),
            (&["--stripe-api-key", ""], "STRIPE_API_KEY"),
            (&["--stripe-webhook-addr", "nowhere"], "STRIPE_WEBHOOK_ADDR"),
            (&["--log-level", "loud"], "LOG_LEVEL"),
            (&["--in-flight-max", "0"], "IN_FLIGHT_MAX"),
            (&["--in-flight-max", "5000", "--watchers-max", "10760"], "WATCHERS_MAX"),
            (&["--in-flight-max", "20000"], "IN_FLIGHT_MAX"),
            (&["--watchers-max", "0"], "WATCHERS_MAX"),
            (&["--watchers-per-subject-max", "16385"], "WATCHERS_PER_SUBJECT_MAX"),
            (&["--watchers-per-address-max", "0"], "WATCHERS_PER_ADDRESS_MAX"),
            (&["--bookings-at-once", "0"], "BOOKINGS_AT_ONCE"),
            (&["--bookings-at-once", "65537"], "BOOKINGS_AT_ONCE"),
            (&["--database-url", "oracle://box:secret@db/x"], "DATABASE_URL"),
            (&["--nats-url", "http://box:secret@bus"], "NATS_URL"),
            (&["--nats-stream-replicas", "2"], "NATS_STREAM_REPLICAS"),
            (&["--oidc-issuer", "http://id.test"], "OIDC_ISSUER"),
            (&["--oidc-issuer", "https://id.test?a=b"], "OIDC_ISSUER"),
            (&["--oidc-client-id", "a"], "OIDC_CLIENT_SECRET_FILE"),
            (&["--oidc-client-secret-file", "a"], "OIDC_CLIENT_ID"),
            (&["--oidc-client-id", "a", "--oidc-client-secret-file", "b"], "OIDC_ISSUER"),
            (&["--oidc-jwks-ttl-ms", "999"], "OIDC_JWKS_TTL_MS"),
            (&["--oidc-roles-claim", "a..b"], "OIDC_ROLES_CLAIM"),
            (&["--oidc-roles-map", "chef=cook"], "OIDC_ROLES_MAP"),
            (&["--oidc-jwks-file", "keys.json"], "OIDC_ISSUER"),
        ] {
            let line = settings(words).expect_err("wrong").to_string();
            assert!(line.contains(name) && !line.contains('\n'), "{line}");
            assert!(!line.contains("secret"), "{line}");
        }
    }

    #[test]
    fn watchers_and_calls_fit_into_one_connection_to_the_last() {
        assert!(settings(&["--in-flight-max", "5000", "--watchers-max", "10759"]).is_ok());
    }

    #[test]
    fn secrets_are_printed_as_set_and_no_more() {
        let words = ["--payment-provider", "stripe", "--stripe-api-key", "sk_live_secret"];
        let settings = settings(&words).expect("right");
        let effective = settings.effective();
        assert!(effective.contains(&("STRIPE_API_KEY", "(set)".to_owned())));
        assert!(effective.contains(&("PAYMENT_PROVIDER", "stripe".to_owned())));
        assert!(!format!("{settings:?} {effective:?}").contains("sk_live_secret"));
    }

    #[test]
    fn unknown_flags_are_refused() {
        let line = settings(&["--reset-addr", "127.0.0.1:1"]).expect_err("unknown").to_string();
        assert!(line.contains("--reset-addr"), "{line}");
    }

    #[test]
    fn hosts_may_have_names_and_levels_may_have_targets() {
        let words = ["--rest-addr", "localhost:0", "--log-level", "info,booking=debug"];
        assert!(settings(&words).expect("right").rest_addr.ip().is_loopback());
    }
}
