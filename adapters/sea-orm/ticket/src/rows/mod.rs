//! Rows and their parsing into domain types. A row our own code cannot have written is `CorruptRow`.

pub(crate) mod entry;
pub(crate) mod hold;
pub(crate) mod line;
mod sections;
pub(crate) mod stock;
pub(crate) mod ticket;

use kernel::StoreError;

/// Finds the value whose text stands in a row.
fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|value| name(*value) == text)
}

/// Says which column of which row contradicts the rest.
fn corrupt(table: &'static str, id: &str) -> impl Fn(&'static str) -> StoreError + use<> {
    let id = id.to_owned();
    move |column| StoreError::CorruptRow { table, id: id.clone(), column }
}

#[cfg(test)]
mod tests;
