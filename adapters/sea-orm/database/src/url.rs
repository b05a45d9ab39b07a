//! Where a context's database is: a file of SQLite, or a database of a server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;

/// A database by its address: `sqlite:PATH`, `postgres://user:password@host:port/name` or
/// `mysql://user:password@host:port/name`. Shows itself without its password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file of this process's own machine, made when it is missing.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server.
    Postgres(ServerUrl),
    /// A database of a MySQL or MariaDB server.
    MySql(ServerUrl),
}

/// A server's database: the address without the database's name, and the name.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    address: String,
    database: String,
    parameters: String,
}

/// What is wrong with an address of a database; never repeats the address, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidDatabaseUrl(String);

impl DatabaseUrl {
    /// The database of the same place under its name and this suffix: `boxoffice` becomes
    /// `boxoffice_ticket`, `data/boxoffice.db` becomes `data/boxoffice_ticket.db`.
    #[must_use]
    pub fn sibling(&self, suffix: &str) -> Self {
        match self {
            Self::Sqlite(path) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let ending = path.extension().map(|e| format!(".{}", e.to_string_lossy()));
                let name = format!("{stem}_{suffix}{}", ending.unwrap_or_default());
                Self::Sqlite(path.with_file_name(name))
            }
            Self::Postgres(server) => Self::Postgres(server.sibling(suffix)),
            Self::MySql(server) => Self::MySql(server.sibling(suffix)),
        }
    }

    /// The file, of a SQLite database.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) | Self::MySql(_) => None,
        }
    }
}

impl ServerUrl {
    fn sibling(&self, suffix: &str) -> Self {
        Self { database: format!("{}_{suffix}", self.database), ..self.clone() }
    }

    /// The name of the database on its server.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// The whole address, password and all.
    pub(crate) fn secret(&self) -> String {
        self.with_database(&self.database)
    }

    /// The whole address of another database of the same server.
    pub(crate) fn with_database(&self, database: &str) -> String {
        format!("{}/{database}{}", self.address, self.parameters)
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        let wrong = |problem: &str| InvalidDatabaseUrl(problem.to_owned());
        let shapes = "must be sqlite:PATH, postgres://user@host/name or mysql://user@host/name";
        let (scheme, rest) = text.split_once(':').ok_or_else(|| wrong(shapes))?;
        if scheme == "sqlite" {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path.contains(['?', '\0']) || path == ":memory:" {
                return Err(wrong("must name a file after sqlite:, without parameters"));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if !["postgres", "postgresql", "mysql"].contains(&scheme) {
            return Err(wrong(shapes));
        }
        let rest = rest.strip_prefix("//").ok_or_else(|| wrong(shapes))?;
        let (place, parameters) = match rest.find('?') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (server, database) = place.split_once('/').unwrap_or((place, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if database.is_empty() || !database.chars().all(plain) {
            return Err(wrong("must end with the database's name, of letters, digits and _"));
        }
        let server = ServerUrl {
            // The driver knows PostgreSQL by the shorter of its two names only.
            address: format!(
                "{}://{server}",
                if scheme == "postgresql" { "postgres" } else { scheme }
            ),
            database: database.to_owned(),
            parameters: parameters.to_owned(),
        };
        let unreadable = |_| wrong("cannot be read as an address of a database server");
        if scheme == "mysql" {
            server.secret().parse::<MySqlConnectOptions>().map_err(unreadable)?;
            return Ok(Self::MySql(server));
        }
        server.secret().parse::<PgConnectOptions>().map_err(unreadable)?;
        Ok(Self::Postgres(server))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(server) | Self::MySql(server) => server.fmt(f),
        }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, server) = self.address.split_once("://").unwrap_or_default();
        let (user, host) = server.rsplit_once('@').map_or(("", server), |(user, host)| {
            (user.split_once(':').map_or(user, |(name, _password)| name), host)
        });
        let at = if user.is_empty() { "" } else { "@" };
        write!(f, "{scheme}://{user}{at}{host}/{}", self.database)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> DatabaseUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_password_is_never_shown() {
        let shown = url("postgres://box:secret@db.test:5432/ticket?sslmode=require");
        assert_eq!(shown.to_string(), "postgres://box@db.test:5432/ticket");
        assert!(!format!("{shown:?}").contains("secret"));
    }

    #[test]
    fn siblings_stand_in_the_same_place() {
        for (whole, sibling) in [
            ("sqlite:data/boxoffice.db", "sqlite:data/boxoffice_ticket.db"),
            ("postgres://box@db/boxoffice", "postgres://box@db/boxoffice_ticket"),
            ("mysql://box@db:3306/boxoffice", "mysql://box@db:3306/boxoffice_ticket"),
        ] {
            assert_eq!(url(whole).sibling("ticket").to_string(), sibling);
        }
    }

    #[test]
    fn what_is_no_database_is_refused_without_repeating_it() {
        for wrong in [
            "",
            "ticket.db",
            "sqlite:",
            "sqlite::memory:",
            "postgres:secret",
            "postgres://box:secret@db",
            "postgres://box:secret@db/",
            "mysql://box:secret@db/a-b",
            "oracle://box:secret@db/name",
        ] {
            let error = wrong.parse::<DatabaseUrl>().expect_err(wrong).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
