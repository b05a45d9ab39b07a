//! Many rows of one table in few statements, of few lengths: drivers and servers keep a statement prepared for its
//! text, and a batch that is as long as chance has it would be a text of its own.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, DatabaseTransaction, DbErr, EntityTrait, IdenStatic, Iterable,
    PrimaryKeyToColumn,
};

/// SQLite takes no more than 32,766 values in one statement, the others twice as many.
const VALUES_MAX: usize = 32_000;

/// Writes rows that are not there.
///
/// # Errors
/// The database's.
pub async fn insert_all<A: ActiveModelTrait>(
    tx: &DatabaseTransaction,
    rows: Vec<A>,
) -> Result<(), DbErr> {
    for some in parts(rows, rows_max::<A>()) {
        A::Entity::insert_many(some).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Overwrites rows that are there. MUST have read and locked them in this transaction, and MUST NOT change a unique
/// column besides the primary key: what some engines call an upsert would overwrite the row that has its value.
///
/// # Errors
/// The database's.
pub async fn overwrite_all<A: ActiveModelTrait>(
    tx: &DatabaseTransaction,
    rows: Vec<A>,
) -> Result<(), DbErr> {
    let key = || <A::Entity as EntityTrait>::PrimaryKey::iter().map(|key| key.into_column());
    let is_key = |column: &<A::Entity as EntityTrait>::Column| {
        key().any(|key| key.as_str() == column.as_str())
    };
    let columns = <A::Entity as EntityTrait>::Column::iter();
    let mut there = OnConflict::columns(key());
    there.update_columns(columns.filter(|column| !is_key(column)));
    for some in parts(rows, rows_max::<A>()) {
        let overwriting = A::Entity::insert_many(some).on_conflict(there.clone());
        overwriting.exec_without_returning(tx).await?;
    }
    Ok(())
}

/// The same in parts whose lengths are powers of two, the longest first, and none above `length_max`.
pub fn parts<T>(items: Vec<T>, length_max: usize) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.into_iter();
    std::iter::from_fn(move || {
        let length = items.len().min(length_max).checked_ilog2().map_or(0, |log| 1 << log);
        let part: Vec<_> = items.by_ref().take(length).collect();
        (!part.is_empty()).then_some(part)
    })
}

/// Values for an IN, the last one repeated up to a power of two.
pub fn filled<T: Clone>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<_> = values.into_iter().collect();
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

fn rows_max<A: ActiveModelTrait>() -> usize {
    let columns = <A::Entity as EntityTrait>::Column::iter().count().max(1);
    VALUES_MAX / columns
}

#[cfg(test)]
mod tests {
    use super::{filled, parts};

    #[test]
    fn parts_have_few_lengths_and_hold_everything_in_its_order() {
        for (items, length_max) in [(0, 8), (1, 8), (7, 8), (255, 256), (256, 256), (700, 100)] {
            let items: Vec<_> = (0..items).collect();
            let parts: Vec<_> = parts(items.clone(), length_max).collect();
            assert!(parts.iter().all(|part| part.len().is_power_of_two()));
            assert!(parts.iter().all(|part| part.len() <= length_max));
            assert_eq!(parts.concat(), items);
        }
    }

    #[test]
    fn what_fills_a_list_up_is_in_it_already() {
        assert!(filled(Vec::<u8>::new()).is_empty());
        assert_eq!(filled([1]), [1]);
        assert_eq!(filled([1, 2, 3, 4, 5]), [1, 2, 3, 4, 5, 5, 5, 5]);
    }
}
