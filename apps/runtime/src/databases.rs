//! Which database is whose, and opening it.

use std::fs;

use sea_orm_database::{Database, DatabaseUrl, MigrationTrait, Schema};

use crate::config::Settings;
use crate::start_error::StartError;

impl Settings {
    /// The database of a context, or of what stands beside one: `ticket`, `provider`.
    #[must_use]
    pub fn database(&self, name: &str) -> DatabaseUrl {
        match &self.database_url {
            Some(url) if self.context == Some(name) => url.clone(),
            Some(url) => url.sibling(name),
            None => DatabaseUrl::Sqlite(self.data_dir.join(format!("{name}.db"))),
        }
    }

    /// The variable that says where the databases are.
    pub(crate) const fn database_variable(&self) -> &'static str {
        if self.database_url.is_some() { "DATABASE_URL" } else { "DATA_DIR" }
    }

    /// A server's database that several processes share is migrated by a step of its own.
    fn schema(&self, url: &DatabaseUrl) -> Schema {
        if self.context.is_none() || url.file().is_some() {
            Schema::Migrate
        } else {
            Schema::Expect
        }
    }
}

/// Opens a database: files are made and migrated at once, a server may be away now.
///
/// # Errors
/// [`StartError`] when it cannot be used.
pub async fn open_database(
    settings: &Settings,
    name: &'static str,
    migrations: Vec<Box<dyn MigrationTrait>>,
) -> Result<Database, StartError> {
    let (url, variable) = (settings.database(name), settings.database_variable());
    if let Some(folder) = url.file().and_then(|file| file.parent()) {
        let file = |cause| StartError::File { name: variable, path: folder.to_owned(), cause };
        fs::create_dir_all(folder).map_err(file)?;
    }
    let opened = Database::open(&url, settings.schema(&url), migrations).await;
    let opened = opened.map_err(|error| StartError::Other(format!("{variable}: {error}")));
    opened.map(|database| database.named(name))
}

/// Brings databases to this version's schema and closes them.
///
/// # Errors
/// [`StartError`] for the first that cannot be; running it again goes on where it stopped.
pub async fn migrate_databases(
    settings: &Settings,
    databases: Vec<Database>,
) -> Result<(), StartError> {
    for database in databases {
        let migrated = database.migrate().await;
        database.close().await;
        let variable = settings.database_variable();
        migrated.map_err(|error| StartError::Other(format!("{variable}: {error}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn database(words: &[&str], context: Option<&'static str>, name: &str) -> String {
        let words = [&["boxoffice", "--data-dir", "data"], words].concat();
        let line = Line::try_parse_from(words).expect("right");
        Settings { context, ..line.settings }.database(name).to_string()
    }

    #[test]
    fn each_context_has_a_database_of_its_own() {
        let server = ["--database-url", "postgres://box@db/boxoffice"];
        assert_eq!(database(&[], None, "ticket"), "sqlite:data/ticket.db");
        assert_eq!(database(&[], Some("ticket"), "ticket"), "sqlite:data/ticket.db");
        assert_eq!(database(&server, None, "ticket"), "postgres://box@db/boxoffice_ticket");
        assert_eq!(database(&server, None, "provider"), "postgres://box@db/boxoffice_provider");
    }

    #[test]
    fn a_contexts_own_server_uses_the_database_it_is_told() {
        let own = ["--database-url", "mysql://box@db/pay"];
        assert_eq!(database(&own, Some("payment"), "payment"), "mysql://box@db/pay");
        assert_eq!(database(&own, Some("payment"), "provider"), "mysql://box@db/pay_provider");
    }
}
