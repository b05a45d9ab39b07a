//! Facts folded into their rows, as many in one transaction as come at once.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Cause, Committed};
use mypage::{BookingView, Fact};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use sea_orm_database::{Admission, Changes, Job, Marks, Run, TxError, filled, write_admitted};

use crate::row::{Column, Entity};
use crate::write::write_views;

/// A fact, and the message that told it.
#[derive(Debug, Clone)]
pub(crate) struct Folding {
    pub(crate) fact: Fact,
    pub(crate) caused_by: Cause,
}

impl Folding {
    /// How much of a batch it is.
    pub(crate) fn weight(&self) -> usize {
        match &self.fact {
            Fact::Booking { booking, .. } => 1 + booking.seats.len() / 16,
            Fact::Payment { .. } => 1,
        }
    }
}

/// Folds facts in their order; each has its own verdict.
pub(crate) async fn fold_all(
    tx: &DatabaseTransaction,
    jobs: &[Job<Folding>],
    run: Run,
    watched: &Changes,
) -> Result<Vec<Committed>, TxError> {
    let marks: Vec<_> = jobs.iter().map(|job| Marks::of(job.work.caused_by.clone())).collect();
    let mut views = read_locked(tx, jobs).await?;
    let stored: BTreeSet<_> = views.keys().cloned().collect();
    let mut admission = Admission::of_new(tx, &marks, run).await?;
    let (mut verdicts, mut admitted, mut changed) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (Job { work: Folding { fact, .. }, .. }, marks) in jobs.iter().zip(marks) {
        let verdict = admission.admit_alone(&marks);
        if verdict == Committed::Done {
            let id = fact.booking_id().to_string();
            let empty = || BookingView::empty(fact.booking_id());
            if views.entry(id.clone()).or_insert_with(empty).fold(fact) {
                changed.insert(id);
            }
            admitted.push(marks);
        }
        verdicts.push(verdict);
    }
    views.retain(|id, _| changed.contains(id));
    write_views(tx, views.into_values().collect(), &stored, watched).await?;
    write_admitted(tx, admitted).await?;
    Ok(verdicts)
}

/// The rows that are there, by their keys, locked in one order so that nobody else moves them meanwhile.
async fn read_locked(
    tx: &DatabaseTransaction,
    jobs: &[Job<Folding>],
) -> Result<BTreeMap<String, BookingView>, TxError> {
    let ids: BTreeSet<_> = jobs.iter().map(|job| job.work.fact.booking_id().to_string()).collect();
    let rows = Entity::find()
        .filter(Column::BookingId.is_in(filled(ids)))
        .order_by_asc(Column::BookingId)
        .lock_exclusive()
        .all(tx)
        .await?;
    let read = |row| BookingView::try_from(row).map(|view| (view.booking_id.to_string(), view));
    Ok(rows.into_iter().map(read).collect::<Result<_, _>>()?)
}
