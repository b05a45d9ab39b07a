//! The accounts of one slot as they stand, damaged or not: read to explain a difference between them, and the
//! counters set anew where the domain allows it.

mod read;

use kernel::StoreError;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use sea_orm_database::{Database, TxError, unavailable};
use ticket::{CannotMend, SlotAccounts, SlotCounts};

use crate::rows::{stock, ticket as ticket_row};

/// A slot by the texts of its row, which need not be a slot's that can be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotName {
    /// The ticket.
    pub ticket_id: String,
    /// The slot of it.
    pub slot: String,
}

/// What is known of a slot at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotAccountsRead {
    /// What the accounts say.
    pub accounts: SlotAccounts,
    /// Holds whose row says something else than their entries; some, in the order of their identifiers.
    pub apart: Vec<HoldApart>,
    /// The slot's last entries, the newest first.
    pub last: Vec<LedgerLine>,
}

/// A hold that differs from its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldApart {
    /// The hold.
    pub hold_id: String,
    /// The state its row says; `None` where there is no row.
    pub state: Option<String>,
    /// What its state and its line of the slot say.
    pub row: SlotCounts,
    /// What its entries of the slot add up to.
    pub ledger: SlotCounts,
    /// Those entries, the newest first; the last of them, where there are many.
    pub entries: Vec<LedgerLine>,
}

/// An entry of the ledger as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// Its number.
    pub seq: i64,
    /// The hold that moved.
    pub hold_id: String,
    /// What moved.
    pub kind: String,
    /// Change of the units held.
    pub d_held: i64,
    /// Change of the units sold.
    pub d_sold: i64,
    /// When, in microseconds since 1970.
    pub at_us: i64,
}

/// Counters that were set anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mended {
    /// What they said.
    pub before: SlotCounts,
    /// What they say.
    pub after: SlotCounts,
}

/// Reads all that is known of a slot, at one moment and with nobody kept waiting.
///
/// # Errors
/// [`StoreError`]
pub async fn explain(db: &Database, slot: &SlotName) -> Result<SlotAccountsRead, StoreError> {
    let failed = unavailable("reading the accounts of a slot");
    let snapshot = db.reader().snapshot().await.map_err(&failed)?;
    let found = stock::Entity::find_by_id((slot.ticket_id.clone(), slot.slot.clone()));
    let counters = found.one(&snapshot).await.map_err(&failed)?;
    Ok(SlotAccountsRead {
        accounts: read::accounts(&snapshot, slot, counters).await.map_err(&failed)?,
        apart: read::apart(&snapshot, slot).await.map_err(&failed)?,
        last: read::last(&snapshot, slot).await.map_err(&failed)?,
    })
}

/// Sets the counters of a slot to what ledger and holds agree on, beside servers at work: the ticket's row and then
/// the slot's are locked as a hold locks them, and all is read again under the locks. `None` where they are right.
///
/// # Errors
/// [`StoreError`]; the inner error says why the counters were left as they are.
pub async fn mend(
    db: &Database,
    slot: &SlotName,
) -> Result<Result<Option<Mended>, CannotMend>, StoreError> {
    let slot = slot.clone();
    db.write("mending the counters of a slot", move |tx| {
        let slot = slot.clone();
        Box::pin(async move { mend_locked(tx, &slot).await })
    })
    .await
}

async fn mend_locked(
    tx: &DatabaseTransaction,
    slot: &SlotName,
) -> Result<Result<Option<Mended>, CannotMend>, TxError> {
    let ticket = ticket_row::Entity::find_by_id(slot.ticket_id.clone()).lock_exclusive();
    if ticket.one(tx).await?.is_none() {
        return Ok(Err(CannotMend::NoTicket));
    }
    let key = (slot.ticket_id.clone(), slot.slot.clone());
    let counters = stock::Entity::find_by_id(key).lock_exclusive().one(tx).await?;
    let accounts = read::accounts(tx, slot, counters).await?;
    let (after, before) = match (accounts.mend(), accounts.counters) {
        (Err(why), _) => return Ok(Err(why)),
        (Ok(Some(after)), Some(found)) => (after, found.counts),
        (Ok(_), _) => return Ok(Ok(None)),
    };
    stock::Entity::update_many()
        .col_expr(stock::Column::Held, Expr::val(after.held))
        .col_expr(stock::Column::Sold, Expr::val(after.sold))
        .filter(stock::Column::TicketId.eq(slot.ticket_id.as_str()))
        .filter(stock::Column::Slot.eq(slot.slot.as_str()))
        .exec(tx)
        .await?;
    Ok(Ok(Some(Mended { before, after })))
}
