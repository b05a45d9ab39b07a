//! The idempotency keys of stock orders: each is recorded with the answer of its order, in the transaction that decides
//! it.

use kernel::{Committed, ReplyChange, ReplyKey};
use sea_orm::{DatabaseTransaction, DbErr};
use sea_orm_database::{Admission, Job, Marks, Run};
use ticket::{OrderKey, StockOrder, StockOutcome, StockRefusal, StockVerdict};

use super::seat_maps::Work;

/// Which keys are taken, and what is to be recorded of those that were not.
pub(super) struct Keys {
    admission: Admission,
    answered: Vec<Marks>,
}

impl Keys {
    /// Looks for the keys of these jobs, few of which have one.
    pub(super) async fn of(
        tx: &DatabaseTransaction,
        jobs: &[Job<Work>],
        run: Run,
    ) -> Result<Self, DbErr> {
        let orders = jobs.iter().flat_map(|job| job.work.orders.iter());
        let keys = orders.filter_map(|order| order.key.as_ref());
        let wanted: Vec<_> = keys.map(|wanted| answered(&wanted.key, Vec::new())).collect();
        Ok(Self { admission: Admission::of_new(tx, &wanted, run).await?, answered: Vec::new() })
    }

    /// An order's verdict, decided unless its key is taken.
    pub(super) fn decide(
        &mut self,
        order: &StockOrder,
        decide: impl FnOnce() -> StockVerdict,
    ) -> StockVerdict {
        let Some(OrderKey { key, encode }) = &order.key else { return decide() };
        if self.admission.admit_alone(&answered(key, Vec::new())) != Committed::Done {
            return Err(StockRefusal::KeyTaken);
        }
        let verdict = decide();
        if let Ok(StockOutcome::Hold(hold)) = &verdict {
            self.answered.push(answered(key, encode(hold)));
        }
        verdict
    }

    /// What is to be written beside the changes.
    pub(super) fn into_marks(self) -> Vec<Marks> {
        self.answered
    }
}

fn answered(key: &ReplyKey, body: Vec<u8>) -> Marks {
    Marks { reply: ReplyChange::Record { key: key.clone(), body }, ..Marks::default() }
}
