//! What a started context does by itself: it tells its events, hears those of others, sweeps and prunes.

use std::sync::Arc;
use std::time::Duration;

use kernel::{EventHandler, StoreError};
use nats_bus::NatsBus;
use sea_orm_database::{Database, Relay};
use telemetry_metrics::events;
use telemetry_metrics::names::MESSAGES_DUPLICATES;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::bus::Bus;
use crate::platform::{Context, Platform};
use crate::process::Process;
use crate::readiness::Part;
use crate::replicas::share;

/// A sweep looks at least this often, whatever commits tell it; a failed one waits this long.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How often somebody's wish for another try of dead letters is looked for.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// How often what waits in a database is counted.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// How soon a sweep may follow the one before, however many commits there are.
const SWEEP_PACE: Duration = Duration::from_millis(50);
/// How often old rows are pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
/// How often a database that answers is asked whether it still does, and one that does not.
const CHECK_EVERY: Duration = Duration::from_secs(2);
const CHECK_AGAIN: Duration = Duration::from_millis(500);
/// A file is served by one process, so a killed one's successor leads at once under the same name.
const RELAY_OF_A_FILE: &str = "embedded";

/// When a pass that has found all there was is followed by the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// At the next commit of this process, and soon anyway: other processes commit too. Under load that is many
    /// commits a second, of which a pass takes several together.
    AtCommit,
    After(Duration),
}

impl Next {
    /// The shortest time between two passes.
    const fn pace(self) -> Duration {
        match self {
            Self::AtCommit => SWEEP_PACE,
            Self::After(_) => Duration::ZERO,
        }
    }

    const fn pause(self) -> Duration {
        match self {
            Self::AtCommit => SWEEP_EVERY,
            Self::After(pause) => pause,
        }
    }
}

impl Platform {
    /// Runs `pass` after every commit of the database and every second, while the database can be
    /// used. A pass that says it found as much as it may take is followed by another at once.
    pub fn sweep<F>(
        &self,
        name: &'static str,
        database: &Database,
        pass: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<bool, StoreError>> + Send,
    {
        self.repeat(Next::AtCommit, name, database, pass);
    }

    /// Runs `measure`, which tells numbers of what is in the database, every few seconds.
    pub fn measure<F>(
        &self,
        name: &'static str,
        database: &Database,
        measure: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<(), StoreError>> + Send,
    {
        self.repeat(Next::After(MEASURE_EVERY), name, database, move || {
            let measuring = measure();
            async move { measuring.await.map(|()| false) }
        });
    }

    /// Runs everything of a context that runs by itself, and gives the routes with its services added.
    pub fn host(
        &self,
        process: &mut Process,
        context: Context,
        bus: &Bus,
        routes: Routes,
    ) -> Routes {
        let Context { name, database, beside, hooks, handlers, add_services, .. } = context;
        self.keep(process, &database, name);
        if let Some((name, beside)) = &beside {
            self.keep(process, beside, name);
        }
        if let Some(hooks) = hooks {
            let (name, tasks) = (hooks.name(), self.tasks.clone());
            let drain = Duration::from_millis(self.settings.shutdown_drain_ms);
            process.outer_door(name, move |stopping| hooks.serve(tasks, drain, stopping));
        }
        self.relay(name, &database, bus);
        if let Some(nats) = bus.nats.as_ref().filter(|_| database.changes().are_followed()) {
            let (nats, me, changes) =
                (nats.clone(), self.owner.clone(), database.changes().clone());
            self.workers.spawn("replicas", move |stopping| {
                share(nats.clone(), name, me.clone(), changes.clone(), stopping)
            });
        }
        events::begin(name);
        for handler in handlers {
            MESSAGES_DUPLICATES.begin([handler.name()]);
            if let Some(nats) = &bus.nats {
                self.consume(&database, nats, &handler);
            }
            let retried = database.clone();
            self.repeat(Next::After(RETRY_EVERY), "dead letters", &database, move || {
                let (database, handler) = (retried.clone(), Arc::clone(&handler));
                async move { database.retry_pass(&*handler).await }
            });
        }
        let measured = database.clone();
        self.measure("measure", &database, move || {
            let database = measured.clone();
            async move { database.measure().await }
        });
        let (pruned, clock) = (database.clone(), Arc::clone(&self.clock));
        self.repeat(Next::After(PRUNE_EVERY), "prune", &database, move || {
            let (database, now) = (pruned.clone(), clock.now());
            async move { database.prune(now).await.map(|_rows| false) }
        });
        add_services(routes)
    }

    /// Says from now on whether a database can be used, and closes it at the end.
    fn keep(&self, process: &mut Process, database: &Database, name: &'static str) {
        let (part, watched) = (process.readiness.part(name), database.clone());
        self.workers.spawn("readiness", move |stopping| {
            watch(name, watched.clone(), part.clone(), stopping)
        });
        let database = database.clone();
        process.close_at_end(async move { database.close().await });
    }

    fn relay(&self, name: &str, database: &Database, bus: &Bus) {
        let of_a_file = self.settings.database(name).file().is_some();
        let owner = if of_a_file { RELAY_OF_A_FILE.to_owned() } else { self.owner.clone() };
        let (database, publisher) = (database.clone(), Arc::clone(&bus.publisher));
        self.workers.spawn("relay", move |stopping| {
            let (database, publisher, owner) =
                (database.clone(), Arc::clone(&publisher), owner.clone());
            async move {
                if usable(&database, &stopping).await {
                    Relay::new(database, publisher, owner).run(stopping).await;
                }
            }
        });
    }

    fn consume(&self, database: &Database, nats: &NatsBus, handler: &Arc<dyn EventHandler>) {
        let (database, nats, handler) = (database.clone(), nats.clone(), Arc::clone(handler));
        self.workers.spawn(handler.name(), move |stopping| {
            let (database, nats, handler) = (database.clone(), nats.clone(), Arc::clone(&handler));
            async move {
                if usable(&database, &stopping).await {
                    nats.consume(handler, stopping).await;
                }
            }
        });
    }

    /// Runs `pass` again and again while the database can be used.
    fn repeat<F>(
        &self,
        next: Next,
        name: &'static str,
        database: &Database,
        pass: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<bool, StoreError>> + Send,
    {
        let database = database.clone();
        self.workers.spawn(name, move |stopping| {
            let (pass, database) = (pass.clone(), database.clone());
            async move {
                let mut commits = database.committed();
                if !usable(&database, &stopping).await {
                    return;
                }
                while round(name, &database, &stopping, &pass).await {
                    if stopping.run_until_cancelled(sleep(next.pace())).await.is_none() {
                        return;
                    }
                    tokio::select! {
                        () = stopping.cancelled() => return,
                        () = sleep(next.pause()) => {}
                        () = commits.notified(), if next == Next::AtCommit => {}
                    }
                }
            }
        });
    }
}

/// Runs passes until one has found all there was. After a failure it waits until the database can be
/// used, so that an outage is told of once. `false` when the loop is to end.
async fn round<F>(
    name: &'static str,
    database: &Database,
    stopping: &CancellationToken,
    pass: &(impl Fn() -> F + Sync),
) -> bool
where
    F: Future<Output = Result<bool, StoreError>> + Send,
{
    while !stopping.is_cancelled() {
        match pass().await {
            Ok(true) => {}
            Ok(false) => return true,
            Err(error) => {
                tracing::warn!(name, %error, "a loop failed and will run again");
                stopping.run_until_cancelled(sleep(SWEEP_EVERY)).await;
                if !usable(database, stopping).await {
                    return false;
                }
            }
        }
    }
    false
}

/// Waits for the database to answer with a right schema; `false` when the loop is to end. What is
/// wrong with it [`watch`] has told already.
async fn usable(database: &Database, stopping: &CancellationToken) -> bool {
    while !stopping.is_cancelled() {
        if database.check().await.is_ok() {
            return true;
        }
        stopping.run_until_cancelled(sleep(CHECK_AGAIN)).await;
    }
    false
}

/// Says of a part whether its database can be used, and tells of every change once.
async fn watch(name: &'static str, database: Database, part: Part, stopping: CancellationToken) {
    let mut problem = None;
    while !stopping.is_cancelled() {
        let found = database.check().await.err().map(|error| error.to_string());
        part.set(found.is_none());
        match &found {
            Some(error) if problem.as_ref() != Some(error) => {
                tracing::warn!(database = name, error, "a database cannot be used");
            }
            None if problem.is_some() => tracing::info!(database = name, "a database is back"),
            Some(_) | None => {}
        }
        let pause = if found.is_none() { CHECK_EVERY } else { CHECK_AGAIN };
        problem = found;
        stopping.run_until_cancelled(sleep(pause)).await;
    }
}
