//! The rows of the view: facts folded in with their inbox marks, and what is shown of them.

use async_trait::async_trait;
use kernel::{
    BookingId, BuyerId, Cause, Committed, Currency, Cursor, Envelope, Money, OrganizerId,
    StoreError, TicketId,
};
use mypage::{BookingView, Changed, Fact, Filter, MyBooking, Tally, ViewStore, Viewer};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
};
use sea_orm_database::{Batching, Database, Group, unavailable, whole_number};

use crate::fold::{Folding, fold_all};
use crate::names::{booking_status, booking_status_text};
use crate::row::{Column, Entity, Model};

/// The view in a database.
pub struct SeaOrmViewStore {
    db: Database,
    folds: Group<Folding, Committed>,
}

impl SeaOrmViewStore {
    /// Over a database that [`crate::migrations`] have run on; `batching` says whether facts share transactions.
    #[must_use]
    pub fn new(db: Database, batching: Batching) -> Self {
        let doing = "folding events into the view";
        let watched = db.changes().clone();
        let folds = Group::unhurried(db.clone(), doing, batching, move |tx, jobs, run| {
            let watched = watched.clone();
            Box::pin(async move { fold_all(tx, &jobs, run, &watched).await })
        });
        Self { db, folds }
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.db
    }
}

#[async_trait]
impl ViewStore for SeaOrmViewStore {
    async fn find(&self, booking_id: BookingId) -> Result<Option<BookingView>, StoreError> {
        let found = Entity::find_by_id(booking_id.to_string())
            .one(self.db.reader())
            .await
            .map_err(unavailable("reading a row of the view"))?;
        found.map(BookingView::try_from).transpose()
    }

    async fn fold(&self, fact: &Fact, caused_by: Cause) -> Result<Committed, StoreError> {
        let (key, folding) = (fact.booking_id(), Folding { fact: fact.clone(), caused_by });
        self.folds.submit(key.as_uuid(), folding.weight(), folding).await
    }

    async fn list(
        &self,
        of: &Filter,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Vec<MyBooking>, StoreError> {
        let rows = Entity::find()
            .filter(wanted(of, after))
            .order_by_desc(Column::CreateTimeUs)
            .order_by_desc(Column::BookingId)
            .limit(u64::from(rows_max))
            .all(self.db.reader())
            .await
            .map_err(unavailable("listing rows of the view"))?;
        rows.into_iter().filter_map(|row| shown(row).transpose()).collect()
    }

    async fn tallies(
        &self,
        organizer_id: &OrganizerId,
        ticket_id: Option<TicketId>,
    ) -> Result<Vec<Tally>, StoreError> {
        let whole = whole_number(self.db.reader().get_database_backend());
        let sum = |column: Column| Expr::col(column).sum().cast_as(whole);
        let sums = Entity::find()
            .select_only()
            .column(Column::Status)
            .column(Column::Currency)
            .column_as(Column::BookingId.count(), "bookings")
            .column_as(sum(Column::Quantity), "quantity")
            .column_as(sum(Column::GrossMinor), "gross_minor")
            .column_as(sum(Column::GivenBackMinor), "given_back_minor")
            .filter(Column::OrganizerId.eq(organizer_id.as_str()))
            .filter(of_ticket(ticket_id))
            .group_by(Column::Status)
            .group_by(Column::Currency)
            .into_model::<Sums>()
            .all(self.db.reader())
            .await
            .map_err(unavailable("adding up sales"))?;
        sums.into_iter().map(Tally::try_from).collect()
    }

    async fn changed_since(
        &self,
        buyer_id: &BuyerId,
        after: i64,
        rows_max: u32,
    ) -> Result<Vec<Changed>, StoreError> {
        let rows = Entity::find()
            .filter(Column::BuyerId.eq(buyer_id.as_str()))
            .filter(Column::ChangeNumber.gt(after))
            .order_by_asc(Column::ChangeNumber)
            .limit(u64::from(rows_max))
            .all(self.db.reader())
            .await
            .map_err(unavailable("looking for changed rows of the view"))?;
        let changed = |row: Model| {
            let change_number = row.change_number;
            let found = shown(row).transpose()?;
            Some(found.map(|booking| Changed { booking, change_number }))
        };
        rows.into_iter().filter_map(changed).collect()
    }

    async fn park(
        &self,
        consumer: &'static str,
        message: &Envelope,
        reason: &str,
    ) -> Result<(), StoreError> {
        sea_orm_database::park(&self.db, consumer, message, reason).await
    }
}

/// Rows of one status and currency, added up by the database.
#[derive(FromQueryResult)]
struct Sums {
    status: String,
    currency: String,
    bookings: i64,
    quantity: i64,
    gross_minor: i64,
    given_back_minor: i64,
}

impl TryFrom<Sums> for Tally {
    type Error = StoreError;

    fn try_from(sums: Sums) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::CorruptRow {
            table: "booking_view",
            id: "sums of an organizer".to_owned(),
            column,
        };
        let currency = Currency::from_code(&sums.currency).map_err(|_| corrupt("currency"))?;
        Ok(Self {
            status: booking_status(&sums.status).ok_or_else(|| corrupt("status"))?,
            bookings: sums.bookings,
            quantity: sums.quantity,
            gross: Money::from_minor(sums.gross_minor, currency),
            refunded: Money::from_minor(sums.given_back_minor, currency),
        })
    }
}

fn shown(row: Model) -> Result<Option<MyBooking>, StoreError> {
    BookingView::try_from(row).map(|view| view.shown())
}

fn wanted(of: &Filter, after: Option<Cursor>) -> Condition {
    let viewer = match &of.viewer {
        Viewer::Buyer(buyer) => Column::BuyerId.eq(buyer.as_str()),
        Viewer::Organizer(organizer) => Column::OrganizerId.eq(organizer.as_str()),
    };
    let beyond = |after: Cursor| {
        Condition::any().add(Column::CreateTimeUs.lt(after.sort)).add(
            Condition::all()
                .add(Column::CreateTimeUs.eq(after.sort))
                .add(Column::BookingId.lt(after.id.to_string())),
        )
    };
    of_ticket(of.ticket_id)
        .add(viewer)
        .add_option(of.status.map(|status| Column::Status.eq(booking_status_text(status))))
        .add_option(after.map(beyond))
}

fn of_ticket(ticket_id: Option<TicketId>) -> Condition {
    Condition::all().add_option(ticket_id.map(|id| Column::TicketId.eq(id.to_string())))
}
