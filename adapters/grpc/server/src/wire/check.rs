//! Reads the fields of a request and collects everything that is wrong with them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use kernel::{
    CivilDate, Cursor, Invalid, Money, MoneyError, PageSize, Quantity, Timestamp, Violation,
};
use proto::google::r#type as google;

use super::{instant, length, page, resume};

const REQUIRED: &str = "must be given";

/// The violations found so far. Each reader gives `None` and notes why when a field is wrong, so
/// that a caller hears of all wrong fields at once.
#[derive(Debug, Default)]
pub struct Check {
    violations: Vec<Violation>,
}

impl Check {
    /// Nothing wrong yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a field is wrong and what would be right.
    pub fn violate(&mut self, field: impl Into<String>, description: impl Display) {
        self.violations.push(Violation::new(field, description.to_string()));
    }

    /// Takes what a constructor of the domain says about a field.
    pub fn take<T, E: Display>(&mut self, field: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.violate(field, error)).ok()
    }

    /// An identifier that must be there.
    pub fn id<T: FromStr<Err: Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        if text.is_empty() {
            self.violate(field, REQUIRED);
            return None;
        }
        self.take(field, text.parse())
    }

    /// An identifier that may be left out.
    pub fn optional_id<T: FromStr<Err: Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        if text.is_empty() { None } else { self.take(field, text.parse()) }
    }

    /// How far a stream of `what` had come before, by its resume token; `None` to begin it from its beginning.
    pub fn resume_token(&mut self, field: &str, text: &str, what: &[u8]) -> Option<u64> {
        self.take(field, resume::read_token(text, what)).flatten()
    }

    /// An amount that must be there.
    pub fn money(&mut self, field: &str, wire: Option<&google::Money>) -> Option<Money> {
        if wire.is_none() {
            self.violate(field, REQUIRED);
        }
        self.optional_money(field, wire)
    }

    /// An amount that may be left out.
    pub fn optional_money(&mut self, field: &str, wire: Option<&google::Money>) -> Option<Money> {
        let wire = wire?;
        Money::from_units(&wire.currency_code, wire.units, wire.nanos)
            .map_err(|error| self.violate(money_path(field, error), error))
            .ok()
    }

    /// An instant that may be left out.
    pub fn optional_timestamp(
        &mut self,
        field: &str,
        wire: Option<&prost_types::Timestamp>,
    ) -> Option<Timestamp> {
        let read = instant(wire?);
        if read.is_none() {
            self.violate(field, "must be an instant in the years 1 to 9999");
        }
        read
    }

    /// A length of time that may be left out.
    pub fn optional_duration(
        &mut self,
        field: &str,
        wire: Option<&prost_types::Duration>,
    ) -> Option<Duration> {
        let read = length(wire?);
        if read.is_none() {
            self.violate(field, "must be a length of time that is not negative");
        }
        read
    }

    /// A civil date that may be left out.
    pub fn optional_date(&mut self, field: &str, wire: Option<&google::Date>) -> Option<CivilDate> {
        let wire = wire?;
        self.take(field, CivilDate::new(wire.year, wire.month, wire.day))
    }

    /// A number of units that must be there.
    pub fn quantity(&mut self, field: &str, count: i32) -> Option<Quantity> {
        self.take(field, Quantity::new(i64::from(count)))
    }

    /// A text with so many characters, none of them a control character but line feed and tab, and
    /// not blank where it must not be empty.
    pub fn text(
        &mut self,
        field: &str,
        value: &str,
        chars: RangeInclusive<usize>,
    ) -> Option<String> {
        let blank = *chars.start() > 0 && value.trim().is_empty();
        if blank || !chars.contains(&value.chars().count()) {
            let (least, most) = chars.into_inner();
            self.violate(field, format_args!("must have {least} to {most} characters"));
            return None;
        }
        if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            self.violate(field, "must not have control characters but line feed and tab");
            return None;
        }
        Some(value.to_owned())
    }

    /// The page asked for. `conditions` is the rest of the request, encoded: a token continues only
    /// the list that it came from.
    pub fn page(
        &mut self,
        page_size: i32,
        page_token: &str,
        conditions: &[u8],
    ) -> Option<(PageSize, Option<Cursor>)> {
        let size = self.take("page_size", PageSize::new(page_size));
        let cursor = self.take("page_token", page::read_token(page_token, conditions));
        Some((size?, cursor?))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Invalid`] with everything noted.
    pub fn finish(self) -> Result<(), Invalid> {
        if self.violations.is_empty() { Ok(()) } else { Err(Invalid(self.violations)) }
    }

    /// What was read, or all that is wrong with it.
    ///
    /// # Errors
    /// [`Invalid`] with every violation.
    pub fn read<T>(self, read: Option<T>) -> Result<T, Invalid> {
        self.finish()?;
        // Every reader that gives nothing for a needed field has noted why.
        read.ok_or_else(|| Invalid(Vec::new()))
    }
}

fn money_path(field: &str, error: MoneyError) -> String {
    match error {
        MoneyError::UnknownCurrency => format!("{field}.currency_code"),
        MoneyError::TooPrecise => format!("{field}.nanos"),
        MoneyError::MixedSigns | MoneyError::Overflow | MoneyError::CurrencyMismatch => {
            field.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::TicketId;

    use super::*;

    fn fields(check: Check) -> Vec<String> {
        check.finish().expect_err("wrong").0.into_iter().map(|v| v.field).collect()
    }

    #[test]
    fn all_wrong_fields_are_told_at_once() {
        let mut check = Check::new();
        let wrong = google::Money { currency_code: "won".to_owned(), units: 1, nanos: 0 };
        assert_eq!(check.id::<TicketId>("ticket_id", ""), None);
        assert_eq!(check.optional_id::<TicketId>("other_id", "7"), None);
        assert_eq!(check.money("unit_price", Some(&wrong)), None);
        assert_eq!(check.money("total", None), None);
        assert_eq!(check.quantity("quantity", 0), None);
        let date = google::Date { year: 2027, month: 2, day: 29 };
        assert_eq!(check.optional_date("check_in", Some(&date)), None);
        let instant = prost_types::Timestamp { seconds: 0, nanos: -1 };
        assert_eq!(check.optional_timestamp("start_time", Some(&instant)), None);
        assert_eq!(check.page(-1, "x", b""), None);
        check.violate("seats[0]", "must be given");
        assert_eq!(
            fields(check),
            [
                "ticket_id",
                "other_id",
                "unit_price.currency_code",
                "total",
                "quantity",
                "check_in",
                "start_time",
                "page_size",
                "page_token",
                "seats[0]",
            ]
        );
    }

    #[test]
    fn what_may_be_left_out_may_be_left_out() {
        let mut check = Check::new();
        assert_eq!(check.optional_id::<TicketId>("a", ""), None);
        assert_eq!(check.optional_money("b", None), None);
        assert_eq!(check.optional_timestamp("c", None), None);
        assert_eq!(check.optional_date("d", None), None);
        assert_eq!(check.text("e", "", 0..=10).as_deref(), Some(""));
        assert!(check.page(0, "", b"").is_some_and(|(_, cursor)| cursor.is_none()));
        assert_eq!(check.finish(), Ok(()));
    }

    #[test]
    fn texts_count_characters_and_refuse_control_characters() {
        let mut check = Check::new();
        for good in ["김치 콘서트", "a\nb\tc", "😀😀"] {
            assert_eq!(check.text("name", good, 1..=10).as_deref(), Some(good));
        }
        assert_eq!(check.text("name", "가나다", 1..=3).as_deref(), Some("가나다"));
        for bad in ["", "   ", "abcd", "a\0b", "a\u{7f}", "a\r"] {
            assert_eq!(check.text("name", bad, 1..=3), None, "{bad:?}");
        }
        assert_eq!(fields(check).len(), 6);
    }
}
