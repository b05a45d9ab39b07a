//! Many rows of one table in one statement.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, DatabaseTransaction, DbErr, EntityTrait, IdenStatic, Iterable,
    PrimaryKeyToColumn,
};

/// SQLite takes no more than 32,766 values in one statement, the others twice as many.
const VALUES_MAX: usize = 32_000;

/// Writes rows that are not there: in one statement, unless they are thousands.
///
/// # Errors
/// The database's.
pub async fn insert_all<A: ActiveModelTrait>(
    tx: &DatabaseTransaction,
    rows: Vec<A>,
) -> Result<(), DbErr> {
    for some in parts(rows) {
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
    for some in parts(rows) {
        let overwriting = A::Entity::insert_many(some).on_conflict(there.clone());
        overwriting.exec_without_returning(tx).await?;
    }
    Ok(())
}

/// As many rows as one statement takes, again and again.
fn parts<A: ActiveModelTrait>(rows: Vec<A>) -> impl Iterator<Item = Vec<A>> {
    let columns = <A::Entity as EntityTrait>::Column::iter().count().max(1);
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let some: Vec<_> = rows.by_ref().take(VALUES_MAX / columns).collect();
        (!some.is_empty()).then_some(some)
    })
}
