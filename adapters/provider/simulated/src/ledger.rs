//! The provider's own books, idempotent by key and in its own time.

use std::collections::HashMap;
use std::time::Duration;

use kernel::{StoreError, Timestamp};
use payment::{ChargeAnswer, ChargeKey, ChargeOrder, RefundAnswer, RefundOrder};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
};
use sea_orm_database::{
    Batching, Database, Group, Job, TxError, database_now, filled, insert_all, unavailable,
};

use crate::script::{Plan, Reply, refund_refusal};
use crate::{charge_row, refund_row};

pub(crate) struct Ledger {
    db: Database,
    charges: Group<(ChargeOrder, Plan), Booked>,
}

/// A charge that is in the books.
#[derive(Clone)]
pub(crate) struct Booked {
    charge: charge_row::Model,
    now: Timestamp,
    /// What its first call hears; every later one hears what the books say.
    pub(crate) reply: Reply,
    /// Whether this is that first call.
    pub(crate) is_new: bool,
}

impl Booked {
    /// Whether the books mean this order: a key stands for one amount.
    pub(crate) fn is_for(&self, order: &ChargeOrder) -> bool {
        self.charge.is_for(order)
    }

    /// How long until there is an outcome.
    pub(crate) fn wait(&self) -> Duration {
        self.charge.due_at().since(self.now)
    }

    /// The answer once that time has passed.
    pub(crate) fn outcome(&self) -> ChargeAnswer {
        self.charge.answer(self.charge.due_at())
    }

    /// What can be said before.
    pub(crate) fn answer_now(&self) -> ChargeAnswer {
        if self.is_new { ChargeAnswer::UnderWay } else { self.charge.answer(self.now) }
    }
}

impl Ledger {
    /// Charges share transactions however ours are set: what a provider costs is none of it.
    pub(crate) fn new(db: Database) -> Self {
        let doing = "booking simulated charges";
        let clock = db.clone();
        let charges = Group::new(db.clone(), doing, Batching::On, move |tx, orders, _| {
            let clock = clock.clone();
            Box::pin(async move { book_all((tx, &clock), &orders).await })
        });
        Self { db, charges }
    }

    /// Books a charge as planned, unless its key is in the books.
    pub(crate) async fn book(&self, order: &ChargeOrder, plan: Plan) -> Result<Booked, StoreError> {
        let key = order.key.booking_id.as_uuid();
        self.charges.submit(key, 1, (order.clone(), plan)).await
    }

    /// What is known of a charge now; `None` if nothing.
    pub(crate) async fn look_up(&self, key: ChargeKey) -> Result<Option<ChargeAnswer>, StoreError> {
        let failed = unavailable("looking up a simulated charge");
        let reader = self.db.reader();
        let found = charge_row::Entity::find_by_id(key.to_string()).one(reader).await;
        let Some(charge) = found.map_err(&failed)? else { return Ok(None) };
        let now = database_now(reader).await.map_err(&failed)?;
        Ok(Some(charge.answer(now)))
    }

    /// Gives money back, once for a refund's id.
    pub(crate) async fn refund(&self, order: &RefundOrder) -> Result<RefundAnswer, StoreError> {
        let order = order.clone();
        self.db
            .write("booking a simulated refund", move |tx| {
                let order = order.clone();
                Box::pin(async move { refund(tx, &order).await })
            })
            .await
    }
}

/// Each key once, whoever comes with it again.
async fn book_all(
    (tx, db): (&DatabaseTransaction, &Database),
    orders: &[Job<(ChargeOrder, Plan)>],
) -> Result<Vec<Booked>, TxError> {
    let now = db.now(tx).await?;
    let keys = orders.iter().map(|job| job.work.0.key.to_string());
    let known =
        charge_row::Entity::find().filter(charge_row::Column::Id.is_in(filled(keys))).all(tx);
    let known = known.await?.into_iter().map(|charge| (charge.id.clone(), charge));
    let (mut known, mut fresh): (HashMap<_, _>, _) = (known.collect(), Vec::new());
    let mut booked = Vec::with_capacity(orders.len());
    for Job { work: (order, plan), .. } in orders {
        if let Some(charge) = known.get(&order.key.to_string()).cloned() {
            booked.push(Booked { charge, now, reply: Reply::Sent, is_new: false });
            continue;
        }
        let charge = charge_row::Model::planned(order, *plan, now);
        fresh.push(charge.clone().into_active_model());
        known.insert(charge.id.clone(), charge.clone());
        booked.push(Booked { charge, now, reply: plan.reply, is_new: true });
    }
    insert_all(tx, fresh).await?;
    Ok(booked)
}

async fn refund(tx: &DatabaseTransaction, order: &RefundOrder) -> Result<RefundAnswer, TxError> {
    // The charge's lock comes first: refunds of one charge are decided one after the other.
    let charge = charge_row::Entity::find_by_id(order.charge.to_string());
    let charge = charge.lock_exclusive().one(tx).await?;
    let refund_id = order.refund_id.to_string();
    let succeeded = RefundAnswer::Succeeded { provider_ref: format!("sim_refund_{refund_id}") };
    if refund_row::Entity::find_by_id(refund_id).one(tx).await?.is_some() {
        return Ok(succeeded);
    }
    let now = database_now(tx).await?;
    let Some(charge) = charge.filter(|charge| is_taken(charge, now)) else {
        return Ok(RefundAnswer::Refused { reason: "no such charge was taken".to_owned() });
    };
    if let Some(reason) = refund_refusal(&charge.payment_method) {
        return Ok(RefundAnswer::Refused { reason: reason.to_owned() });
    }
    let earlier = refund_row::Entity::find()
        .filter(refund_row::Column::ChargeId.eq(&charge.id))
        .all(tx)
        .await?;
    let back: i64 = earlier.iter().map(|refund| refund.amount_minor).sum();
    if back.saturating_add(order.amount.minor()) > charge.amount_minor {
        return Ok(RefundAnswer::Refused { reason: "more than was taken".to_owned() });
    }
    refund_row::Entity::insert(refund_row::Model::of(order, now).into_active_model())
        .exec_without_returning(tx)
        .await?;
    Ok(succeeded)
}

fn is_taken(charge: &charge_row::Model, now: Timestamp) -> bool {
    match charge.answer(now) {
        ChargeAnswer::Approved { .. } => true,
        ChargeAnswer::Declined { .. }
        | ChargeAnswer::UnderWay
        | ChargeAnswer::NotTried { .. }
        | ChargeAnswer::Unknown => false,
    }
}
