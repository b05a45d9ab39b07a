//! Which of some changes may be written: those at the revision they expect, whose causes and keys are new. Looked up
//! for all at once, or in a first run taken for new, and kept as each of them is admitted, so that changes that share a
//! transaction see each other.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Cause, Committed, ReplyChange, ReplyKey};
use sea_orm::sea_query::{Cond, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult};
use telemetry_metrics::names::MESSAGES_DUPLICATES;

use super::Marks;
use crate::group::Run;
use crate::rows::{filled, parts};
use crate::tables::{Inbox, Reply};

/// Each is a condition of its own, and a statement of too many takes longer to plan than two do.
const KEYS_AT_ONCE: usize = 32;

/// What stands in the way of changes.
#[derive(Debug, Default)]
pub struct Admission {
    revisions: BTreeMap<String, i64>,
    handled: BTreeSet<(String, String)>,
    taken: BTreeSet<(String, String)>,
}

impl Admission {
    /// Looks up what is known of the marks' causes and keys.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn read(tx: &DatabaseTransaction, marks: &[Marks]) -> Result<Self, DbErr> {
        let mut admission = Self::default();
        let mut causes = BTreeMap::<_, Vec<_>>::new();
        for cause in marks.iter().filter_map(|marks| marks.caused_by.as_ref()) {
            causes.entry(cause.consumer).or_default().push(cause);
        }
        for (consumer, causes) in causes {
            admission.handled.extend(pairs(tx, &handled(consumer, &causes)).await?);
        }
        for keys in parts(marks.iter().filter_map(key).collect(), KEYS_AT_ONCE) {
            admission.taken.extend(pairs(tx, &taken(&keys)).await?);
        }
        Ok(admission)
    }

    /// For what is almost always new, as messages and keys are: a first run takes that for granted and saves the look.
    /// One that is not fails by the table's key, and the run after it looks.
    ///
    /// # Errors
    /// The database's.
    pub async fn of_new(
        tx: &DatabaseTransaction,
        marks: &[Marks],
        run: Run,
    ) -> Result<Self, DbErr> {
        match run {
            Run::First => Ok(Self::default()),
            Run::Again => Self::read(tx, marks).await,
        }
    }

    /// With the revisions that aggregates are at, whose rows this transaction MUST have locked. Those that are not
    /// there are at none.
    #[must_use]
    pub fn at(self, revisions: impl IntoIterator<Item = (String, i64)>) -> Self {
        Self { revisions: revisions.into_iter().collect(), ..self }
    }

    /// Whether a change that takes an aggregate from one revision to another may be written; then it counts as
    /// written for those that come after it.
    pub fn admit(&mut self, id: &str, expected: i64, becomes: i64, marks: &Marks) -> Committed {
        if self.revisions.get(id).copied().unwrap_or(0) != expected {
            return Committed::Stale;
        }
        match self.admit_marks(marks) {
            Ok(()) => {
                self.revisions.insert(id.to_owned(), becomes);
                Committed::Done
            }
            Err(verdict) => verdict,
        }
    }

    /// Whether marks may be written that stand beside no aggregate; then they count as written, too.
    pub fn admit_alone(&mut self, marks: &Marks) -> Committed {
        self.admit_marks(marks).err().unwrap_or(Committed::Done)
    }

    pub(super) fn admit_marks(&mut self, marks: &Marks) -> Result<(), Committed> {
        let cause = marks.caused_by.as_ref().map(handled_as);
        if cause.as_ref().is_some_and(|cause| self.handled.contains(cause)) {
            marks.caused_by.iter().for_each(|cause| MESSAGES_DUPLICATES.add([cause.consumer]));
            return Err(Committed::AlreadyHandled);
        }
        let key = key(marks).map(taken_as);
        if key.as_ref().is_some_and(|key| self.taken.contains(key)) {
            return Err(Committed::KeyTaken);
        }
        self.handled.extend(cause);
        self.taken.extend(key);
        Ok(())
    }
}

/// The key that a change takes.
const fn key(marks: &Marks) -> Option<&ReplyKey> {
    match &marks.reply {
        ReplyChange::Begin { key, .. } | ReplyChange::Record { key, .. } => Some(key),
        ReplyChange::None | ReplyChange::Complete { .. } => None,
    }
}

fn handled_as(cause: &Cause) -> (String, String) {
    (cause.consumer.to_owned(), cause.event_id.to_string())
}

fn taken_as(key: &ReplyKey) -> (String, String) {
    (key.scope.clone(), key.key.clone())
}

fn handled(consumer: &str, causes: &[&Cause]) -> SelectStatement {
    let events = filled(causes.iter().map(|cause| cause.event_id.to_string()));
    Query::select()
        .columns([Inbox::Consumer, Inbox::EventId])
        .from(Inbox::Table)
        .and_where(Expr::col(Inbox::Consumer).eq(consumer))
        .and_where(Expr::col(Inbox::EventId).is_in(events))
        .to_owned()
}

/// Pair by pair: scopes and keys looked for apart would find every key of a caller.
fn taken(keys: &[&ReplyKey]) -> SelectStatement {
    let any = keys.iter().fold(Cond::any(), |any, key| {
        let scope = Expr::col(Reply::Scope).eq(key.scope.as_str());
        any.add(Cond::all().add(scope).add(Expr::col(Reply::Key).eq(key.key.as_str())))
    });
    Query::select()
        .columns([Reply::Scope, Reply::Key])
        .from(Reply::Table)
        .cond_where(any)
        .to_owned()
}

async fn pairs(
    tx: &DatabaseTransaction,
    query: &SelectStatement,
) -> Result<BTreeSet<(String, String)>, DbErr> {
    let pair = |row: QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    tx.query_all(query).await?.into_iter().map(pair).collect()
}
