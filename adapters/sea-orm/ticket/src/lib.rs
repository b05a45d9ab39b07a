//! The ticket context's ports over SeaORM: tickets, stock, holds and the ledger of their movements.

mod accounts;
mod listings;
mod migrations;
mod rows;
mod search;
mod sold_out;
mod stock_store;
mod store;

use kernel::{Envelope, Recorded, StoreError, TicketId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sea_orm_database::{Batching, Database, Lookup, unavailable};
use ticket::{Listing, StockEntry, TicketEvent};

pub use accounts::{HoldApart, LedgerLine, Mended, SlotAccountsRead, SlotName, explain, mend};
pub use migrations::migrations;

use listings::read_by_id;
use rows::entry;
use sold_out::SoldOut;

/// Keeps tickets and stock in a database.
pub struct SeaOrmTicketStore {
    db: Database,
    envelope: fn(&Recorded<TicketEvent>) -> Envelope,
    stock: stock_store::Orders,
    sold_out: SoldOut,
    tickets: Lookup<TicketId, Result<Listing, StoreError>>,
}

impl SeaOrmTicketStore {
    /// Over a database that [`migrations`] have run on; `envelope` wraps events for the outbox, and `batching` says
    /// whether stock orders share transactions, and reads of tickets statements.
    pub fn new(
        db: Database,
        envelope: fn(&Recorded<TicketEvent>) -> Envelope,
        batching: Batching,
    ) -> Self {
        let sold_out = SoldOut::new(db.clone());
        let stock = stock_store::group(db.clone(), envelope, batching, sold_out.marks());
        let reading = db.clone();
        let tickets = Lookup::new(&db, "reading a ticket", batching, move |ids| {
            Box::pin(read_by_id(reading.clone(), ids))
        });
        Self { db, envelope, stock, sold_out, tickets }
    }

    /// The whole ledger of a ticket, for the audit.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn ledger(&self, ticket_id: TicketId) -> Result<Vec<StockEntry>, StoreError> {
        let rows = entry::Entity::find()
            .filter(entry::Column::TicketId.eq(ticket_id.to_string()))
            .order_by_asc(entry::Column::Seq)
            .all(self.db.reader())
            .await
            .map_err(unavailable("reading the stock ledger"))?;
        rows.into_iter().map(StockEntry::try_from).collect()
    }
}
