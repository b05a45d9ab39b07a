//! In how many processes and over which servers the platform under test runs.

use std::io::Write;

/// A shape of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One process over SQLite files; the default.
    Embedded,
    /// Six processes over PostgreSQL and NATS.
    Postgres,
    /// One process over MariaDB and NATS.
    MariaDb,
    /// Six processes over NATS: ticket on PostgreSQL, booking on MariaDB, the others on SQLite files.
    Mixed,
}

impl Shape {
    /// The shape that `BOXOFFICE_SHAPE` names: `embedded`, `postgres`, `mariadb` or `mixed`.
    ///
    /// # Panics
    /// When it names none.
    #[must_use]
    pub fn chosen() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "set by xtask for tests, no configuration of the platform"
        )]
        match std::env::var("BOXOFFICE_SHAPE").as_deref() {
            Err(_) | Ok("" | "embedded") => Self::Embedded,
            Ok("postgres") => Self::Postgres,
            Ok("mariadb") => Self::MariaDb,
            Ok("mixed") => Self::Mixed,
            Ok(other) => panic!("BOXOFFICE_SHAPE={other}: embedded, postgres, mariadb or mixed"),
        }
    }

    /// Whether a test that is about one shape alone is to be left out in the chosen one; says so.
    #[must_use]
    pub fn leaves_out(only: Self, why: &str) -> bool {
        let chosen = Self::chosen();
        if chosen != only {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            // Past the capture of the test's output: what is left out is to be seen.
            let _told = writeln!(std::io::stderr(), "left out in {chosen:?}: {test}: {why}");
        }
        chosen != only
    }

    /// Whether every context is a process of its own.
    #[must_use]
    pub const fn is_distributed(self) -> bool {
        matches!(self, Self::Postgres | Self::Mixed)
    }
}
