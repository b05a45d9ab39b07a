//! What was learned of a recipient, as a row.

use kernel::{Locale, StoreError};
use notification::{Learned, Recipient};
use sea_orm::entity::prelude::*;

use crate::row::kind_of;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recipient")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) name: String,
    pub(crate) locale: String,
    pub(crate) learned_at_us: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Learned> for Model {
    fn from(learned: &Learned) -> Self {
        Self {
            kind: kind_of(&learned.recipient).to_owned(),
            name: learned.recipient.name().to_owned(),
            locale: learned.locale.tag().to_owned(),
            learned_at_us: learned.at.as_micros(),
        }
    }
}

impl Model {
    pub(crate) fn locale(&self) -> Result<Locale, StoreError> {
        [Locale::En, Locale::Ko].into_iter().find(|locale| locale.tag() == self.locale).ok_or_else(
            || StoreError::CorruptRow {
                table: "recipient",
                id: self.name.clone(),
                column: "locale",
            },
        )
    }
}

/// The row of a recipient.
pub(crate) fn key(recipient: &Recipient) -> (String, String) {
    (kind_of(recipient).to_owned(), recipient.name().to_owned())
}
