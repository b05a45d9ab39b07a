//! The databases that an operator's command works on: where they are, and opened as they are.

use std::convert::Infallible;
use std::str::FromStr;

use clap::Args;
use runtime::{Settings, StartError};
use sea_orm_database::{Database, DatabaseUrl, InvalidDatabaseUrl, Schema};

/// The contexts, each with a database of its own.
pub(crate) const CONTEXTS: [&str; 5] = ["ticket", "booking", "payment", "notification", "mypage"];
/// The contexts that tell others what happened to them.
pub(crate) const PUBLISHERS: [&str; 3] = ["ticket", "booking", "payment"];

/// Where each database is, if not where the platform's own settings put it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Databases (without a URL: where DATABASE_URL or DATA_DIR put it)")]
pub struct DatabaseArguments {
    /// The ticket context's: sqlite:PATH, postgres://user@host/name or mysql://user@host/name
    #[arg(long, value_name = "URL", env = "TICKET_DATABASE_URL", hide_env_values = true)]
    ticket: Option<Address>,

    /// The booking context's
    #[arg(long, value_name = "URL", env = "BOOKING_DATABASE_URL", hide_env_values = true)]
    booking: Option<Address>,

    /// The payment context's
    #[arg(long, value_name = "URL", env = "PAYMENT_DATABASE_URL", hide_env_values = true)]
    payment: Option<Address>,

    /// The notification context's
    #[arg(long, value_name = "URL", env = "NOTIFICATION_DATABASE_URL", hide_env_values = true)]
    notification: Option<Address>,

    /// The my page context's
    #[arg(long, value_name = "URL", env = "MYPAGE_DATABASE_URL", hide_env_values = true)]
    mypage: Option<Address>,

    /// The simulated payment provider's own ledger; beside payment's where that is given, named …_provider
    #[arg(long, value_name = "URL", env = "PROVIDER_DATABASE_URL", hide_env_values = true)]
    provider: Option<Address>,
}

/// An address as it was given. A wrong one is told of later, by name: what the command line's reader says of a
/// wrong value repeats it, password and all.
#[derive(Debug, Clone)]
struct Address(Result<DatabaseUrl, InvalidDatabaseUrl>);

impl FromStr for Address {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse()))
    }
}

impl DatabaseArguments {
    /// Opens a database as it is: nothing is made and no schema is changed.
    ///
    /// # Errors
    /// [`StartError`] that says which database cannot be used and why.
    pub(crate) async fn open(
        &self,
        settings: &Settings,
        name: &'static str,
    ) -> Result<Database, StartError> {
        let url = self.existing(settings, name)?;
        let unusable = |error| StartError::Other(format!("{name}: {error}"));
        // The tables that every context has are all that is needed, so only their migrations are expected.
        let database = Database::open(&url, Schema::Expect, Vec::new()).await.map_err(unusable)?;
        database.check().await.map_err(unusable)?;
        Ok(database)
    }

    /// Where a database is that is there already.
    ///
    /// # Errors
    /// As [`Self::url`], and [`StartError`] that names a file that is not there.
    pub(crate) fn existing(
        &self,
        settings: &Settings,
        name: &'static str,
    ) -> Result<DatabaseUrl, StartError> {
        let url = self.url(settings, name)?;
        match url.file().filter(|file| !file.exists()) {
            Some(file) => {
                Err(StartError::Other(format!("{name}: {} does not exist", file.display())))
            }
            None => Ok(url),
        }
    }

    /// Where a database is.
    ///
    /// # Errors
    /// [`StartError`] that names the variable of a wrong address.
    pub(crate) fn url(
        &self,
        settings: &Settings,
        name: &'static str,
    ) -> Result<DatabaseUrl, StartError> {
        let (variable, given) = match name {
            "ticket" => ("TICKET_DATABASE_URL", &self.ticket),
            "booking" => ("BOOKING_DATABASE_URL", &self.booking),
            "payment" => ("PAYMENT_DATABASE_URL", &self.payment),
            "notification" => ("NOTIFICATION_DATABASE_URL", &self.notification),
            "mypage" => ("MYPAGE_DATABASE_URL", &self.mypage),
            _ => ("PROVIDER_DATABASE_URL", &self.provider),
        };
        let Some(Address(given)) = given else {
            return match (name, &self.payment) {
                // Where payment's own server puts it.
                ("provider", Some(_)) => Ok(self.url(settings, "payment")?.sibling(name)),
                _ => Ok(settings.database(name)),
            };
        };
        given.clone().map_err(|wrong| StartError::Setting {
            name: variable,
            problem: format!("{wrong} (or --{name}, where it was given)"),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        databases: DatabaseArguments,
    }

    fn line(words: &[&str]) -> Line {
        Line::try_parse_from([&["boxoffice"], words].concat()).expect("can be read")
    }

    #[test]
    fn a_database_is_where_it_was_said_to_be_or_in_the_data_folder() {
        let Line { settings, databases } = line(&["--data-dir", "d", "--booking", "mysql://u@h/b"]);
        let url = |name| databases.url(&settings, name).expect("right").to_string();
        assert_eq!(url("booking"), "mysql://u@h/b");
        assert_eq!(url("ticket"), "sqlite:d/ticket.db");
        assert_eq!(url("provider"), "sqlite:d/provider.db");
        let Line { settings, databases } = line(&["--payment", "mysql://u@h/pay"]);
        let provider = databases.url(&settings, "provider").expect("right").to_string();
        assert_eq!(provider, "mysql://u@h/pay_provider", "beside payment's, as its server has it");
    }

    #[test]
    fn a_wrong_address_is_named_and_not_repeated() {
        let Line { settings, databases } = line(&["--ticket", "oracle://box:secret@h/t"]);
        let error = databases.url(&settings, "ticket").expect_err("wrong").to_string();
        assert!(error.contains("TICKET_DATABASE_URL") && !error.contains("secret"), "{error}");
        assert!(!format!("{databases:?}").contains("secret"));
    }
}
