//! Letters and learned languages written inside a transaction, of as many events as come at once.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Committed;
use notification::{Change, Learned, Notification};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use sea_orm_database::{
    Admission, Job, Marks, Run, TxError, filled, insert_all, overwrite_all, write_admitted,
};

use crate::{recipient_row, row};

/// Decides and writes changes in their order; each has its own verdict.
pub(crate) async fn deliver_all(
    tx: &DatabaseTransaction,
    jobs: &[Job<Change>],
    run: Run,
) -> Result<Vec<Committed>, TxError> {
    let marks: Vec<_> = jobs.iter().map(|job| Marks::of(job.work.caused_by.clone())).collect();
    let mut admission = Admission::of_new(tx, &marks, run).await?;
    let mut sent = sent(tx, jobs, run).await?;
    let (mut verdicts, mut admitted) = (Vec::new(), Vec::new());
    let (mut letters, mut learned) = (Vec::new(), Vec::new());
    for (Job { work: change, .. }, marks) in jobs.iter().zip(marks) {
        let identities = || change.notifications.iter().map(identity);
        // One that is there was written for the same event by another consumer (invariant I7).
        if identities().any(|identity| sent.contains(&identity)) {
            verdicts.push(Committed::AlreadyHandled);
            continue;
        }
        let verdict = admission.admit_alone(&marks);
        if verdict == Committed::Done {
            sent.extend(identities());
            letters.extend(change.notifications.iter().map(row::Model::from));
            learned.extend(&change.learned);
            admitted.push(marks);
        }
        verdicts.push(verdict);
    }
    learn(tx, learned).await?;
    let letters = letters.into_iter().map(IntoActiveModel::into_active_model).collect();
    insert_all::<row::ActiveModel>(tx, letters).await?;
    write_admitted(tx, admitted).await?;
    Ok(verdicts)
}

/// There is one letter of each.
type Identity = (String, &'static str, String, &'static str);

fn identity(letter: &Notification) -> Identity {
    (
        letter.event_id.to_string(),
        row::kind_of(&letter.recipient),
        letter.recipient.name().to_owned(),
        row::channel_text(letter.channel),
    )
}

/// The letters of these events that are there. As of their causes, a first run takes for granted that there are none.
async fn sent(
    tx: &DatabaseTransaction,
    jobs: &[Job<Change>],
    run: Run,
) -> Result<BTreeSet<Identity>, TxError> {
    let letters = jobs.iter().flat_map(|job| &job.work.notifications);
    let events: BTreeSet<_> = letters.map(|letter| letter.event_id.to_string()).collect();
    if run == Run::First || events.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows =
        row::Entity::find().filter(row::Column::EventId.is_in(filled(events))).all(tx).await?;
    let letters = rows.into_iter().map(Notification::try_from);
    Ok(letters.map(|letter| letter.map(|letter| identity(&letter))).collect::<Result<_, _>>()?)
}

/// Keeps the language of the latest event for each recipient.
async fn learn(tx: &DatabaseTransaction, learned: Vec<&Learned>) -> Result<(), DbErr> {
    use recipient_row::{ActiveModel, Model, key};
    let mut latest = BTreeMap::<_, &Learned>::new();
    for learned in learned {
        let known = latest.entry(key(&learned.recipient)).or_insert(learned);
        if known.at < learned.at {
            *known = learned;
        }
    }
    let known = known(tx, latest.keys()).await?;
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (key, learned) in latest {
        let row = Model::from(learned);
        match known.get(&key) {
            None => new.push(row.into_active_model()),
            Some(at_us) if *at_us < row.learned_at_us => changed.push(row.into_active_model()),
            Some(_later) => {}
        }
    }
    insert_all::<ActiveModel>(tx, new).await?;
    overwrite_all::<ActiveModel>(tx, changed).await
}

/// When something was last learned of these recipients, locked in one order.
async fn known(
    tx: &DatabaseTransaction,
    recipients: impl Iterator<Item = &(String, String)>,
) -> Result<BTreeMap<(String, String), i64>, DbErr> {
    use recipient_row::{Column, Entity};
    let mut names = BTreeMap::<_, Vec<_>>::new();
    for (kind, name) in recipients {
        names.entry(kind.as_str()).or_default().push(name.as_str());
    }
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let any = names.into_iter().fold(Condition::any(), |any, (kind, names)| {
        let named = Column::Name.is_in(filled(names));
        any.add(Condition::all().add(Column::Kind.eq(kind)).add(named))
    });
    let rows = Entity::find()
        .filter(any)
        .order_by_asc(Column::Kind)
        .order_by_asc(Column::Name)
        .lock_exclusive()
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(|row| ((row.kind, row.name), row.learned_at_us)).collect())
}
