//! Holds of the house: a note, and when they were asked for. Such a row has an empty buyer, which is nobody's name, and
//! an end that no clock reaches: the sweep of a server that knows of no such holds passes over it, and whatever else
//! such a server was asked to do with it, it refuses, since it cannot read the buyer.

use sea_orm_database::add_column;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Hold {
    Table,
    HouseNote,
    HouseSinceUs,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let note = ColumnDef::new(Hold::HouseNote).string_len(200).to_owned();
        add_column(manager, Hold::Table, note).await?;
        let since = ColumnDef::new(Hold::HouseSinceUs).big_integer().to_owned();
        add_column(manager, Hold::Table, since).await
    }
}
