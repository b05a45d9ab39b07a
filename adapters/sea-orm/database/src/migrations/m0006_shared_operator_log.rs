//! The operators' log: what was changed by hand, by whom and why. Nothing is ever removed from it.

use sea_orm_migration::prelude::*;

use crate::steps::create_table;
use crate::tables::OperatorLog;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let number = ColumnDef::new(OperatorLog::Seq)
            .big_integer()
            .not_null()
            .auto_increment()
            .primary_key()
            .take();
        let table = Table::create()
            .table(OperatorLog::Table)
            .col(number)
            .col(ColumnDef::new(OperatorLog::AtUs).big_integer().not_null())
            .col(ColumnDef::new(OperatorLog::Operator).string_len(128).not_null())
            .col(ColumnDef::new(OperatorLog::Command).string_len(64).not_null())
            .col(ColumnDef::new(OperatorLog::SubjectId).string_len(64).not_null())
            .col(ColumnDef::new(OperatorLog::Reason).string_len(500).not_null())
            .col(ColumnDef::new(OperatorLog::Outcome).string_len(64).not_null())
            .check(Expr::col(OperatorLog::Operator).ne(""))
            .check(Expr::col(OperatorLog::Reason).ne(""))
            .to_owned();
        create_table(manager, table).await
    }
}
