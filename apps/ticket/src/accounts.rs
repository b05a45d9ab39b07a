//! The accounts of slots, explained and mended beside the context's server.

use kernel::StoreError;
use sea_orm_database::{Database, DatabaseUrl, Schema};
use sea_orm_ticket::migrations;
use ticket::CannotMend;

pub use sea_orm_ticket::{HoldApart, LedgerLine, Mended, SlotAccountsRead, SlotName};

/// The ticket context's database, as it keeps stock.
pub struct Accounts(Database);

impl Accounts {
    /// Opens it as it is, beside its server or without one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be used or its schema is older than this version's.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let database = Database::open(url, Schema::Expect, migrations()).await?;
        database.check().await?;
        Ok(Self(database))
    }

    /// All that is known of a slot.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn explain(&self, slot: &SlotName) -> Result<SlotAccountsRead, StoreError> {
        sea_orm_ticket::explain(&self.0, slot).await
    }

    /// Sets the counters of a slot to what ledger and holds agree on; `None` where they are right.
    ///
    /// # Errors
    /// [`StoreError`]; the inner error says why they were left as they are.
    pub async fn mend(
        &self,
        slot: &SlotName,
    ) -> Result<Result<Option<Mended>, CannotMend>, StoreError> {
        sea_orm_ticket::mend(&self.0, slot).await
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.0.close().await;
    }
}
