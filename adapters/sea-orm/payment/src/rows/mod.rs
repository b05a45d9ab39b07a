//! Rows and what they mean; nothing outside this crate sees them.

pub(crate) mod payment;
pub(crate) mod refund;
pub(crate) mod settlement;

use kernel::{Currency, Money, StoreError};

/// Names a row that our own code cannot have written.
fn corrupt(table: &'static str, id: &str) -> impl Fn(&'static str) -> StoreError {
    move |column| StoreError::CorruptRow { table, id: id.to_owned(), column }
}

fn money(minor: i64, code: &str) -> Option<Money> {
    Currency::from_code(code).ok().map(|currency| Money::from_minor(minor, currency))
}
