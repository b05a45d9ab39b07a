//! A fresh database of an engine.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement, TryGetable};
use sea_orm_database::{Database, DatabaseUrl, MigrationTrait, Schema};
use servers::{DatabaseServer, fresh_database};
use tempfile::TempDir;

/// The engines that stores run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// The running PostgreSQL.
    Postgres,
    /// The running MariaDB.
    MariaDb,
}

/// A migrated database that nobody else uses. It is removed at the end, unless the test has failed.
pub struct Fresh {
    /// Its connections.
    pub db: Database,
    /// Where it is.
    pub url: DatabaseUrl,
    /// The server's own database, from which this one can be removed.
    admin: Option<String>,
    _folder: Option<TempDir>,
}

impl Fresh {
    /// Makes and migrates it.
    ///
    /// # Panics
    /// When its server does not run.
    pub async fn new(engine: Engine, migrations: Vec<Box<dyn MigrationTrait>>) -> Self {
        let (address, admin, folder) = place(engine);
        let url: DatabaseUrl = address.parse().unwrap_or_else(|error| panic!("{error}"));
        let db = open(&url, migrations).await;
        Self { db, url, admin, _folder: folder }
    }

    /// Opens the same database once more.
    pub async fn open_again(&self, migrations: Vec<Box<dyn MigrationTrait>>) -> Database {
        open(&self.url, migrations).await
    }

    /// The only value that a query gives.
    pub async fn value<T: TryGetable>(&self, sql: &str) -> T {
        let row = self.db.reader().query_one_raw(self.statement(sql)).await.unwrap();
        row.unwrap().try_get_by_index(0).unwrap()
    }

    /// Changes rows behind the store's back; says what the database has against it.
    pub async fn tamper(&self, sql: &str) -> Result<(), String> {
        let statement = self.statement(sql);
        let tampering = self.db.write("tampering", move |tx| {
            let statement = statement.clone();
            Box::pin(async move {
                tx.execute_raw(statement).await?;
                Ok(())
            })
        });
        tampering.await.map_err(|error| error.to_string())
    }

    fn statement(&self, sql: &str) -> Statement {
        Statement::from_string(self.db.reader().get_database_backend(), sql)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let Some(admin) = self.admin.take().filter(|_| !std::thread::panicking()) else { return };
        let name = self.url.to_string();
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        // A destructor cannot wait, and this runtime's threads must not.
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(remove(&admin, &name))
        });
        if let Ok(Err(error)) = removing.join() {
            #[expect(clippy::print_stderr, reason = "it belongs to the test's own output")]
            {
                eprintln!("a database of a test stays behind: {error}");
            }
        }
    }
}

async fn open(url: &DatabaseUrl, migrations: Vec<Box<dyn MigrationTrait>>) -> Database {
    let db = Database::open(url, Schema::Migrate, migrations).await.unwrap();
    db.migrate().await.unwrap();
    db
}

fn place(engine: Engine) -> (String, Option<String>, Option<TempDir>) {
    let of_server = |server, own: &str| {
        let address = fresh_database(server);
        let admin = address.rsplit_once('/').map(|(server, _)| format!("{server}/{own}"));
        (address, admin, None)
    };
    match engine {
        Engine::Sqlite => {
            let folder = TempDir::new().unwrap();
            let file = folder.path().join("fresh.db");
            (format!("sqlite:{}", file.display()), None, Some(folder))
        }
        Engine::Postgres => of_server(DatabaseServer::Postgres, "postgres"),
        Engine::MariaDb => of_server(DatabaseServer::MariaDb, "mysql"),
    }
}

async fn remove(admin: &str, name: &str) -> Result<(), DbErr> {
    let server: DatabaseConnection = Box::pin(sea_orm::Database::connect(admin)).await?;
    let force = if admin.starts_with("mysql") { "" } else { " WITH (FORCE)" };
    server.execute_unprepared(&format!("DROP DATABASE {name}{force}")).await?;
    server.close().await
}
