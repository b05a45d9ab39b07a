//! One ticket as a row, and the same with its counters.

use std::time::Duration;

use kernel::{
    Currency, Locale, Money, OrganizerId, Percent, Quantity, StoreError, TicketId, TimeZoneName,
    Timestamp,
};
use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;
use ticket::{Allocation, CancelPolicy, Stock, Terms, Ticket, TicketKind, TicketStatus};

use super::{corrupt, named, sections};
use crate::search::search_text::search_text;

const TABLE: &str = "ticket";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ticket")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) organizer_id: String,
    pub(crate) organizer_locale: String,
    pub(crate) kind: String,
    pub(crate) allocation: String,
    pub(crate) status: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) venue: String,
    pub(crate) category: String,
    pub(crate) search_text: String,
    pub(crate) time_zone: String,
    pub(crate) currency: String,
    pub(crate) unit_price_minor: i64,
    pub(crate) sale_starts_at_us: Option<i64>,
    pub(crate) sale_ends_at_us: Option<i64>,
    pub(crate) starts_at_us: Option<i64>,
    pub(crate) ends_at_us: Option<i64>,
    pub(crate) max_per_buyer: i64,
    pub(crate) hold_ttl_us: i64,
    pub(crate) sections: Option<String>,
    pub(crate) min_nights: i64,
    pub(crate) max_nights: i64,
    pub(crate) cancel_free_before_us: Option<i64>,
    /// There where the ticket has a policy at all.
    pub(crate) cancel_fee_percent: Option<i64>,
    pub(crate) cancel_closed_before_us: Option<i64>,
    pub(crate) created_at_us: i64,
    pub(crate) updated_at_us: i64,
    pub(crate) revision: i64,
    pub(crate) event_version: i64,
    /// Whether searches find it.
    pub(crate) findable: bool,
    /// When it begins; at the end of time if nobody knows.
    pub(crate) starts_first_us: i64,
    /// When it begins; at the beginning of time if nobody knows.
    pub(crate) starts_last_us: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A ticket and the database's own time when it was read.
#[derive(Debug, FromQueryResult)]
pub(crate) struct TimedRow {
    #[sea_orm(nested)]
    pub(crate) ticket: Model,
    pub(crate) now_us: i64,
}

impl From<&Ticket> for Model {
    fn from(ticket: &Ticket) -> Self {
        let terms = &ticket.terms;
        let micros = |at: Option<Timestamp>| at.map(Timestamp::as_micros);
        let policy = terms.cancel_policy;
        // At most a year or so, by the domain's limit, so it fits.
        let span = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self {
            id: ticket.id.to_string(),
            organizer_id: ticket.organizer_id.to_string(),
            organizer_locale: ticket.organizer_locale.tag().to_owned(),
            kind: kind_name(ticket.kind).to_owned(),
            allocation: allocation_name(ticket.allocation).to_owned(),
            status: status_name(ticket.status).to_owned(),
            name: terms.name.clone(),
            description: terms.description.clone(),
            venue: terms.venue.clone(),
            category: terms.category.clone(),
            search_text: search_text(&terms.search_words()),
            time_zone: terms.time_zone.as_str().to_owned(),
            currency: terms.unit_price.currency().code().to_owned(),
            unit_price_minor: terms.unit_price.minor(),
            sale_starts_at_us: micros(terms.sale_starts_at),
            sale_ends_at_us: micros(terms.sale_ends_at),
            starts_at_us: micros(terms.starts_at),
            ends_at_us: micros(terms.ends_at),
            max_per_buyer: terms.max_per_buyer.map_or(0, |max| i64::from(max.get())),
            hold_ttl_us: span(terms.hold_ttl),
            sections: sections::text(&terms.sections),
            min_nights: i64::from(terms.min_nights),
            max_nights: i64::from(terms.max_nights),
            cancel_free_before_us: policy.and_then(|policy| policy.free_before).map(span),
            cancel_fee_percent: policy.map(|policy| i64::from(policy.fee_percent.get())),
            cancel_closed_before_us: policy.and_then(|policy| policy.closed_before).map(span),
            created_at_us: ticket.created_at.as_micros(),
            updated_at_us: ticket.updated_at.as_micros(),
            revision: ticket.revision,
            event_version: ticket.event_version,
            findable: !ticket.is_deleted(),
            starts_first_us: micros(terms.starts_at).unwrap_or(i64::MAX),
            starts_last_us: micros(terms.starts_at).unwrap_or(i64::MIN),
        }
    }
}

impl TryFrom<Model> for Ticket {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let corrupt = corrupt(TABLE, &row.id);
        Ok(Self {
            id: row.id.parse().map_err(|_| corrupt("id"))?,
            organizer_id: OrganizerId::new(row.organizer_id.as_str())
                .map_err(|_| corrupt("organizer_id"))?,
            organizer_locale: named(&[Locale::En, Locale::Ko], Locale::tag, &row.organizer_locale)
                .ok_or_else(|| corrupt("organizer_locale"))?,
            kind: named(&KINDS, kind_name, &row.kind).ok_or_else(|| corrupt("kind"))?,
            allocation: named(&ALLOCATIONS, allocation_name, &row.allocation)
                .ok_or_else(|| corrupt("allocation"))?,
            status: named(&STATUSES, status_name, &row.status).ok_or_else(|| corrupt("status"))?,
            created_at: Timestamp::from_micros(row.created_at_us),
            updated_at: Timestamp::from_micros(row.updated_at_us),
            revision: row.revision,
            event_version: row.event_version,
            terms: terms(row)?,
        })
    }
}

/// Reads counters; `None` if they break I1.
pub(crate) fn read_stock(capacity: i64, held: i64, sold: i64) -> Option<Stock> {
    let count = |count: i64| u64::try_from(count).ok();
    Stock::new(count(capacity)?, count(held)?, count(sold)?).ok()
}

/// The error where they do.
pub(crate) fn broken_stock(ticket_id: TicketId) -> StoreError {
    corrupt("stock", &ticket_id.to_string())("capacity, held, sold")
}

/// The text of a status.
pub(crate) const fn status_name(status: TicketStatus) -> &'static str {
    match status {
        TicketStatus::OnSale => "ON_SALE",
        TicketStatus::Paused => "PAUSED",
        TicketStatus::Retiring => "RETIRING",
        TicketStatus::Retired => "RETIRED",
    }
}

/// The text of a kind.
pub(crate) const fn kind_name(kind: TicketKind) -> &'static str {
    match kind {
        TicketKind::Admission => "ADMISSION",
        TicketKind::Seated => "SEATED",
        TicketKind::Nightly => "NIGHTLY",
    }
}

const STATUSES: [TicketStatus; 4] =
    [TicketStatus::OnSale, TicketStatus::Paused, TicketStatus::Retiring, TicketStatus::Retired];
const KINDS: [TicketKind; 3] = [TicketKind::Admission, TicketKind::Seated, TicketKind::Nightly];
const ALLOCATIONS: [Allocation; 2] = [Allocation::HoldFirst, Allocation::PayFirst];

const fn allocation_name(allocation: Allocation) -> &'static str {
    match allocation {
        Allocation::HoldFirst => "HOLD_FIRST",
        Allocation::PayFirst => "PAY_FIRST",
    }
}

fn terms(row: Model) -> Result<Terms, StoreError> {
    let corrupt = corrupt(TABLE, &row.id);
    let instant = |micros: Option<i64>| micros.map(Timestamp::from_micros);
    let currency = Currency::from_code(&row.currency).map_err(|_| corrupt("currency"))?;
    let max_per_buyer = match row.max_per_buyer {
        0 => None,
        max => Some(Quantity::new(max).map_err(|_| corrupt("max_per_buyer"))?),
    };
    let hold_ttl_us = u64::try_from(row.hold_ttl_us).map_err(|_| corrupt("hold_ttl_us"))?;
    let nights = |count: i64| u32::try_from(count).map_err(|_| corrupt("min_nights, max_nights"));
    let sections = sections::read(row.sections.as_deref(), currency);
    Ok(Terms {
        cancel_policy: cancel_policy(&row).ok_or_else(|| corrupt("cancel_fee_percent"))?,
        sections: sections.ok_or_else(|| corrupt("sections"))?,
        min_nights: nights(row.min_nights)?,
        max_nights: nights(row.max_nights)?,
        time_zone: TimeZoneName::new(&row.time_zone).map_err(|_| corrupt("time_zone"))?,
        unit_price: Money::from_minor(row.unit_price_minor, currency),
        sale_starts_at: instant(row.sale_starts_at_us),
        sale_ends_at: instant(row.sale_ends_at_us),
        starts_at: instant(row.starts_at_us),
        ends_at: instant(row.ends_at_us),
        max_per_buyer,
        hold_ttl: Duration::from_micros(hold_ttl_us),
        name: row.name,
        description: row.description,
        venue: row.venue,
        category: row.category,
    })
}

/// The policy if there is one; `None` where its columns make no sense.
#[expect(clippy::option_option, reason = "whether it can be read, and whether there is one")]
fn cancel_policy(row: &Model) -> Option<Option<CancelPolicy>> {
    let span = |micros: Option<i64>| micros.map(u64::try_from).transpose().ok();
    let free_before = span(row.cancel_free_before_us)?.map(Duration::from_micros);
    let closed_before = span(row.cancel_closed_before_us)?.map(Duration::from_micros);
    let Some(fee_percent) = row.cancel_fee_percent else {
        return (free_before.is_none() && closed_before.is_none()).then_some(None);
    };
    let fee_percent = Percent::new(fee_percent).ok()?;
    Some(Some(CancelPolicy { free_before, fee_percent, closed_before }))
}
