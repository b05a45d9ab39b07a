//! The shell of every SeaORM store: connections, migrations, the unit of work, and what every
//! context's database holds beside its own tables: outbox, inbox, reply records, dead letters, leases,
//! the operators' log.
//!
//! Rules that hold here and nowhere else need to be repeated:
//! - nobody can cancel a begun transaction: bodies run in tasks of the [`Database`], not of the caller;
//! - a message is published by the [`Relay`] alone, from the outbox, in the order of its aggregate;
//! - leases go by the database's own time.

mod clock;
mod connect;
mod dead_letters;
mod engine;
mod envelope;
mod given_up;
mod group;
mod lease;
mod lookup;
mod marks;
mod measure;
mod migrations;
mod operator_log;
mod prune;
mod reader;
mod relay;
mod rows;
mod schema;
mod steps;
mod tables;
mod unit_of_work;
mod url;

pub use connect::{Commits, Database, Schema};
pub use dead_letters::{DeadLetter, DeadLetters};
pub use engine::{database_now, is_out_of_time, now_expr, utc_date_expr, whole_number};
pub use group::{Batching, Group, Job, Run};
pub use in_process_watching::Changes;
pub use lease::Lease;
pub use lookup::Lookup;
pub use marks::{Admission, Marks, find_reply, park, write_admitted, write_marks};
pub use measure::Standings;
pub use operator_log::LoggedEntry;
pub use reader::Reader;
pub use relay::{OutboxLag, Relay};
pub use rows::{filled, insert_all, overwrite_all, parts};
pub use sea_orm_migration::MigrationTrait;
pub use steps::{add_column, create_index, create_table, long_blob};
pub use unit_of_work::{TxError, at_commit, count_at_commit, tell_at_commit, unavailable};
pub use url::{DatabaseUrl, InvalidDatabaseUrl, ServerUrl};
