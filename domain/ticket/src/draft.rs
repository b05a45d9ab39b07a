//! What an organizer says about a ticket before it is checked, and the checks: all violations at once.

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::{Invalid, Money, QUANTITY_MAX, Quantity, TimeZoneName, Timestamp, Violation};

use crate::seats::wrong_in_section;
use crate::ticket::{SectionPrice, Terms, Ticket, TicketKind, TicketStatus};
use crate::{
    CATEGORY_CHARS_MAX, CancelPolicy, DESCRIPTION_CHARS_MAX, HOLD_TTL_DEFAULT, HOLD_TTL_MAX,
    HOLD_TTL_MIN, NAME_CHARS_MAX, NIGHTS_MAX, SECTIONS_MAX, UNIT_PRICE_MINOR_MAX, VENUE_CHARS_MAX,
};

/// What is said of a price that is none.
pub(crate) const PRICE: &str = "must not be negative or that large";

/// A ticket's changeable fields as given. Field names in violations are those of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketDraft {
    /// Its name.
    pub name: String,
    /// What a buyer should know.
    pub description: String,
    /// Where it takes place.
    pub venue: String,
    /// A word to search by.
    pub category: String,
    /// IANA name; UTC if empty.
    pub time_zone: String,
    /// Price of one unit.
    pub unit_price: Option<Money>,
    /// From when it can be booked.
    pub sale_starts_at: Option<Timestamp>,
    /// Until when it can be booked.
    pub sale_ends_at: Option<Timestamp>,
    /// When the event begins.
    pub starts_at: Option<Timestamp>,
    /// When the event ends.
    pub ends_at: Option<Timestamp>,
    /// Most units of one buyer; 0 for no limit.
    pub max_per_buyer: i64,
    /// How long an unpaid hold lives; [`HOLD_TTL_DEFAULT`] if `None`.
    pub hold_ttl: Option<Duration>,
    /// Sections of seats that have a price of their own.
    pub sections: Vec<SectionPrice>,
    /// Fewest nights of a stay; 0 for no such rule.
    pub min_nights: i64,
    /// Most nights of a stay; 0 for no such rule.
    pub max_nights: i64,
    /// Until when a booking may be cancelled, and what is kept.
    pub cancel_policy: Option<CancelPolicy>,
    /// Whether it is taken off sale for now.
    pub paused: bool,
}

/// One field of a ticket with its new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermsChange {
    /// Its name.
    Name(String),
    /// What a buyer should know.
    Description(String),
    /// Where it takes place.
    Venue(String),
    /// A word to search by.
    Category(String),
    /// The place's time zone.
    TimeZone(String),
    /// Price of one unit.
    UnitPrice(Option<Money>),
    /// From when it can be booked.
    SaleStartsAt(Option<Timestamp>),
    /// Until when it can be booked.
    SaleEndsAt(Option<Timestamp>),
    /// When the event begins.
    StartsAt(Option<Timestamp>),
    /// When the event ends.
    EndsAt(Option<Timestamp>),
    /// Most units of one buyer.
    MaxPerBuyer(i64),
    /// How long an unpaid hold lives.
    HoldTtl(Option<Duration>),
    /// All sections with a price of their own.
    Sections(Vec<SectionPrice>),
    /// Fewest nights of a stay.
    MinNights(i64),
    /// Most nights of a stay.
    MaxNights(i64),
    /// Until when a booking may be cancelled, and what is kept.
    CancelPolicy(Option<CancelPolicy>),
    /// Off sale for now, or on sale again.
    Paused(bool),
}

impl TicketDraft {
    /// What is said about a ticket now.
    #[must_use]
    pub fn of(ticket: &Ticket) -> Self {
        let terms = ticket.terms.clone();
        Self {
            name: terms.name,
            description: terms.description,
            venue: terms.venue,
            category: terms.category,
            time_zone: terms.time_zone.as_str().to_owned(),
            unit_price: Some(terms.unit_price),
            sale_starts_at: terms.sale_starts_at,
            sale_ends_at: terms.sale_ends_at,
            starts_at: terms.starts_at,
            ends_at: terms.ends_at,
            max_per_buyer: terms.max_per_buyer.map_or(0, |max| i64::from(max.get())),
            hold_ttl: Some(terms.hold_ttl),
            sections: terms.sections,
            min_nights: i64::from(terms.min_nights),
            max_nights: i64::from(terms.max_nights),
            cancel_policy: terms.cancel_policy,
            paused: ticket.status == TicketStatus::Paused,
        }
    }

    /// The same with one field changed.
    #[must_use]
    pub fn changed(mut self, change: TermsChange) -> Self {
        match change {
            TermsChange::Name(name) => self.name = name,
            TermsChange::Description(description) => self.description = description,
            TermsChange::Venue(venue) => self.venue = venue,
            TermsChange::Category(category) => self.category = category,
            TermsChange::TimeZone(name) => self.time_zone = name,
            TermsChange::UnitPrice(price) => self.unit_price = price,
            TermsChange::SaleStartsAt(at) => self.sale_starts_at = at,
            TermsChange::SaleEndsAt(at) => self.sale_ends_at = at,
            TermsChange::StartsAt(at) => self.starts_at = at,
            TermsChange::EndsAt(at) => self.ends_at = at,
            TermsChange::MaxPerBuyer(max) => self.max_per_buyer = max,
            TermsChange::HoldTtl(ttl) => self.hold_ttl = ttl,
            TermsChange::Sections(sections) => self.sections = sections,
            TermsChange::MinNights(nights) => self.min_nights = nights,
            TermsChange::MaxNights(nights) => self.max_nights = nights,
            TermsChange::CancelPolicy(policy) => self.cancel_policy = policy,
            TermsChange::Paused(paused) => self.paused = paused,
        }
        self
    }

    /// The status it asks for.
    #[must_use]
    pub const fn status(&self) -> TicketStatus {
        if self.paused { TicketStatus::Paused } else { TicketStatus::OnSale }
    }

    /// All that is wrong; `before` is what was said until now.
    #[must_use]
    pub fn violations(&self, now: Timestamp, before: Option<&Terms>) -> Vec<Violation> {
        self.check(now, before).err().map(|Invalid(found)| found).unwrap_or_default()
    }

    /// Checks it; `before` is what was said until now.
    ///
    /// # Errors
    /// [`Invalid`] with all that is wrong.
    pub fn check(&self, now: Timestamp, before: Option<&Terms>) -> Result<Terms, Invalid> {
        let mut found = Vec::new();
        self.check_texts(&mut found);
        self.check_windows(now, before, &mut found);
        let unit_price = self.checked_price(before, &mut found);
        let time_zone = self.checked_time_zone(&mut found);
        let max_per_buyer = self.checked_limit(&mut found);
        let hold_ttl = self.checked_ttl(&mut found);
        self.check_sections(&mut found);
        let (min_nights, max_nights) = self.checked_nights(&mut found);
        if let Some(policy) = self.cancel_policy {
            policy.check(&mut found);
        }
        let (true, Some(unit_price), Some(time_zone)) = (found.is_empty(), unit_price, time_zone)
        else {
            return Err(Invalid(found));
        };
        Ok(Terms {
            name: self.name.clone(),
            description: self.description.clone(),
            venue: self.venue.clone(),
            category: self.category.clone(),
            time_zone,
            unit_price,
            sale_starts_at: self.sale_starts_at,
            sale_ends_at: self.sale_ends_at,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            max_per_buyer,
            hold_ttl,
            sections: self.sections.clone(),
            min_nights,
            max_nights,
            cancel_policy: self.cancel_policy,
        })
    }

    /// What does not go with what the ticket admits to.
    pub(crate) fn violations_of_kind(&self, kind: TicketKind) -> Vec<Violation> {
        let mut found = Vec::new();
        let (seated, nightly) = (kind == TicketKind::Seated, kind == TicketKind::Nightly);
        if !seated && !self.sections.is_empty() {
            found.push(Violation::new("sections", "are only for kind SEATED"));
        }
        for (field, nights) in [("min_nights", self.min_nights), ("max_nights", self.max_nights)] {
            if !nightly && nights != 0 {
                found.push(Violation::new(field, "is only for kind NIGHTLY"));
            }
        }
        if let Some(policy) = self.cancel_policy {
            policy.check_start(kind, self.starts_at.is_some(), &mut found);
        }
        found
    }

    fn check_texts(&self, found: &mut Vec<Violation>) {
        if self.name.trim().is_empty() {
            found.push(Violation::new("name", "must not be empty"));
        }
        for (field, text, chars_max) in [
            ("name", &self.name, NAME_CHARS_MAX),
            ("description", &self.description, DESCRIPTION_CHARS_MAX),
            ("venue", &self.venue, VENUE_CHARS_MAX),
            ("category", &self.category, CATEGORY_CHARS_MAX),
        ] {
            if text.chars().count() > chars_max {
                let limit = format_args!("must be at most {chars_max} characters");
                found.push(Violation::new(field, limit));
            }
            if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
                found.push(Violation::new(field, "must not contain control characters"));
            }
        }
    }

    /// A window that has passed is wrong only where it is said anew: an old ticket keeps its dates.
    fn check_windows(&self, now: Timestamp, before: Option<&Terms>, found: &mut Vec<Violation>) {
        let passed = |at: Option<Timestamp>, was: Option<Timestamp>| {
            at.is_some_and(|at| at <= now) && (before.is_none() || at != was)
        };
        if passed(self.sale_ends_at, before.and_then(|terms| terms.sale_ends_at)) {
            found.push(Violation::new("sale_end_time", "must be in the future"));
        }
        if passed(self.starts_at, before.and_then(|terms| terms.starts_at)) {
            found.push(Violation::new("start_time", "must be in the future"));
        }
        if passed(self.ends_at, before.and_then(|terms| terms.ends_at)) {
            found.push(Violation::new("end_time", "must be in the future"));
        }
        if matches!((self.sale_starts_at, self.sale_ends_at), (Some(from), Some(to)) if to <= from)
        {
            found.push(Violation::new("sale_end_time", "must be after sale_start_time"));
        }
        if matches!((self.starts_at, self.ends_at), (Some(from), Some(to)) if to < from) {
            found.push(Violation::new("end_time", "must not be before start_time"));
        }
        if self.starts_at.is_none() && self.ends_at.is_some() {
            found.push(Violation::new("start_time", "must be given where end_time is"));
        }
    }

    fn checked_price(&self, before: Option<&Terms>, found: &mut Vec<Violation>) -> Option<Money> {
        let Some(price) = self.unit_price else {
            found.push(Violation::new("unit_price", "must be given"));
            return None;
        };
        if !is_price(price) {
            found.push(Violation::new("unit_price", PRICE));
        }
        if before.is_some_and(|terms| terms.unit_price.currency() != price.currency()) {
            found.push(Violation::new("unit_price.currency_code", "cannot change"));
        }
        Some(price)
    }

    fn check_sections(&self, found: &mut Vec<Violation>) {
        if self.sections.len() > SECTIONS_MAX {
            let limit = format_args!("must be at most {SECTIONS_MAX}").to_string();
            found.push(Violation::new("sections", limit));
            return;
        }
        let currency = self.unit_price.map(Money::currency);
        let mut names = BTreeSet::new();
        for (place, section) in self.sections.iter().enumerate() {
            let (name, price) = (section.name.as_str(), section.unit_price);
            let field = |field: &str| format!("sections[{place}].{field}");
            if let Some(wrong) = wrong_in_section(name) {
                found.push(Violation::new(field("name"), wrong));
            }
            if !names.insert(name) {
                found.push(Violation::new(field("name"), "stands there twice"));
            }
            if !is_price(price) {
                found.push(Violation::new(field("unit_price"), PRICE));
            }
            if currency.is_some_and(|currency| currency != price.currency()) {
                let wrong = "must be the currency of the ticket";
                found.push(Violation::new(field("unit_price.currency_code"), wrong));
            }
        }
    }

    fn checked_nights(&self, found: &mut Vec<Violation>) -> (u32, u32) {
        let mut checked = |field, nights: i64| {
            let read = u32::try_from(nights).ok().filter(|nights| *nights <= NIGHTS_MAX);
            if read.is_none() {
                let limit = format_args!("must be from 0 to {NIGHTS_MAX}").to_string();
                found.push(Violation::new(field, limit));
            }
            read.unwrap_or_default()
        };
        let least = checked("min_nights", self.min_nights);
        let most = checked("max_nights", self.max_nights);
        if most > 0 && most < least {
            found.push(Violation::new("max_nights", "must not be less than min_nights"));
        }
        (least, most)
    }

    fn checked_time_zone(&self, found: &mut Vec<Violation>) -> Option<TimeZoneName> {
        let name = if self.time_zone.is_empty() { "UTC" } else { &self.time_zone };
        TimeZoneName::new(name).map_err(|wrong| found.push(Violation::new("time_zone", wrong))).ok()
    }

    fn checked_limit(&self, found: &mut Vec<Violation>) -> Option<Quantity> {
        if self.max_per_buyer == 0 {
            return None;
        }
        let wrong = format_args!("must be from 0 to {QUANTITY_MAX}").to_string();
        Quantity::new(self.max_per_buyer)
            .map_err(|_| found.push(Violation::new("max_per_buyer", wrong)))
            .ok()
    }

    fn checked_ttl(&self, found: &mut Vec<Violation>) -> Duration {
        let ttl = self.hold_ttl.unwrap_or(HOLD_TTL_DEFAULT);
        if !(HOLD_TTL_MIN..=HOLD_TTL_MAX).contains(&ttl) {
            found.push(Violation::new("hold_ttl", "must be from 10 seconds to 24 hours"));
        }
        ttl
    }
}

/// Whether one unit may cost this.
pub(crate) fn is_price(price: Money) -> bool {
    (0..=UNIT_PRICE_MINOR_MAX).contains(&price.minor())
}

#[cfg(test)]
mod tests;
