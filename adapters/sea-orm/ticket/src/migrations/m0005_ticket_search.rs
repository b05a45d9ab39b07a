//! What searches need: an index for each order, and the engine's full-text index of the words.

use sea_orm::DbBackend;
use sea_orm_database::{add_column, create_index};
use sea_orm_migration::prelude::*;
use ticket::SearchWord;

use crate::search::search_text::search_text;

const BATCH: u64 = 500;

/// Neither gathers the tickets that were found, and none stands in an order that is asked for.
const REPLACED: [&str; 5] =
    ["ticket_created", "ticket_organizer", "ticket_category", "ticket_starts", "ticket_price"];

/// Words need no parsing, only parting at spaces; the configuration has no stop words.
const POSTGRES_WORDS: &str = "CREATE INDEX ticket_words ON ticket \
                              USING gin (to_tsvector('simple', search_text))";
/// The index knows its rows by number, and the ticket's own row has none that stays: VACUUM gives new ones. It
/// keeps no texts and no places within them. Triggers keep it, so that a ticket is written as on every engine.
const SQLITE_WORDS: &str = "
    CREATE TABLE ticket_search (doc INTEGER PRIMARY KEY, ticket_id TEXT NOT NULL UNIQUE);
    CREATE VIRTUAL TABLE ticket_words
        USING fts5 (words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');
    INSERT INTO ticket_search (ticket_id) SELECT id FROM ticket;
    INSERT INTO ticket_words (rowid, words)
        SELECT doc, search_text FROM ticket_search JOIN ticket ON ticket.id = ticket_id;
    CREATE TRIGGER ticket_words_begin AFTER INSERT ON ticket BEGIN
        INSERT INTO ticket_search (ticket_id) VALUES (new.id);
        INSERT INTO ticket_words (rowid, words)
            SELECT doc, new.search_text FROM ticket_search WHERE ticket_id = new.id;
    END;
    CREATE TRIGGER ticket_words_change AFTER UPDATE OF search_text ON ticket
        WHEN old.search_text <> new.search_text BEGIN
        UPDATE ticket_words SET words = new.search_text
            WHERE rowid = (SELECT doc FROM ticket_search WHERE ticket_id = new.id);
    END;";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden, Clone, Copy)]
enum Ticket {
    Table,
    Id,
    OrganizerId,
    Category,
    Status,
    Name,
    Description,
    Venue,
    SearchText,
    UnitPriceMinor,
    CreatedAtUs,
    StartsAtUs,
    Findable,
    StartsFirstUs,
    StartsLastUs,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut column in [
            ColumnDef::new(Ticket::Findable).boolean().not_null().default(false).take(),
            ColumnDef::new(Ticket::StartsFirstUs).big_integer().not_null().default(i64::MAX).take(),
            ColumnDef::new(Ticket::StartsLastUs).big_integer().not_null().default(i64::MIN).take(),
        ] {
            add_column(manager, Ticket::Table, column.take()).await?;
        }
        fill(manager).await?;
        for name in REPLACED {
            if manager.has_index("ticket", name).await? {
                let old = Index::drop().name(name).table(Ticket::Table).to_owned();
                manager.drop_index(old).await?;
            }
        }
        for (name, columns) in [
            ("ticket_status", &[Ticket::Status][..]),
            ("ticket_by_created", &[Ticket::Findable, Ticket::CreatedAtUs]),
            ("ticket_by_start_first", &[Ticket::Findable, Ticket::StartsFirstUs]),
            ("ticket_by_start_last", &[Ticket::Findable, Ticket::StartsLastUs]),
            ("ticket_by_price", &[Ticket::Findable, Ticket::UnitPriceMinor]),
            ("ticket_of_organizer", &[Ticket::Findable, Ticket::OrganizerId, Ticket::CreatedAtUs]),
            ("ticket_of_category", &[Ticket::Findable, Ticket::Category, Ticket::CreatedAtUs]),
        ] {
            let mut index = Index::create().name(name).table(Ticket::Table).take();
            for column in columns.iter().chain(&[Ticket::Id]) {
                index.col(*column);
            }
            create_index(manager, index).await?;
        }
        index_words(manager).await
    }
}

/// Tickets that are there already get their words and places. Doing it twice changes nothing.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let starts_or =
        |unknown: i64| Func::coalesce([Expr::col(Ticket::StartsAtUs), Expr::val(unknown)]);
    let places = Query::update()
        .table(Ticket::Table)
        .value(Ticket::Findable, Expr::col(Ticket::Status).is_in(["ON_SALE", "PAUSED"]))
        .value(Ticket::StartsFirstUs, starts_or(i64::MAX))
        .value(Ticket::StartsLastUs, starts_or(i64::MIN))
        .take();
    let connection = manager.get_connection();
    connection.execute(&places).await?;
    let mut after = String::new();
    loop {
        let batch = Query::select()
            .columns([Ticket::Id, Ticket::Name, Ticket::Venue, Ticket::Description])
            .from(Ticket::Table)
            .and_where(Expr::col(Ticket::Id).gt(after.as_str()))
            .order_by(Ticket::Id, Order::Asc)
            .limit(BATCH)
            .take();
        let rows = connection.query_all(&batch).await?;
        for row in &rows {
            let text = |column: &str| row.try_get::<String>("", column);
            let (id, name, venue) = (text("id")?, text("name")?, text("venue")?);
            let words = SearchWord::of_ticket(&name, &venue, &text("description")?);
            let update = Query::update()
                .table(Ticket::Table)
                .value(Ticket::SearchText, search_text(&words))
                .and_where(Expr::col(Ticket::Id).eq(id.as_str()))
                .take();
            connection.execute(&update).await?;
            after = id;
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

async fn index_words(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    match manager.get_database_backend() {
        DbBackend::Postgres => connection.execute_unprepared(POSTGRES_WORDS).await.map(drop),
        DbBackend::MySql => {
            let words = Index::create()
                .name("ticket_words")
                .table(Ticket::Table)
                .col(Ticket::SearchText)
                .full_text()
                .take();
            create_index(manager, words).await
        }
        DbBackend::Sqlite | _ => connection.execute_unprepared(SQLITE_WORDS).await.map(drop),
    }
}
