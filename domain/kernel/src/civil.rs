//! Civil dates and time zones: a night is a date at the place, never an instant (trap R25).

use std::fmt;
use std::str::FromStr;

use jiff::Span;
use jiff::civil::{Date, date};

use crate::Timestamp;

/// A calendar date without a time or a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDate(Date);

/// Not a date of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a date that exists, with year, month and day")]
pub struct InvalidDate;

/// The name of a time zone in the IANA database.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TimeZoneName(String);

/// Not a time zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an IANA time zone such as Asia/Seoul")]
pub struct InvalidTimeZone;

impl CivilDate {
    /// Checks a year, month and day.
    ///
    /// # Errors
    /// [`InvalidDate`] unless the day exists and the year is 1 to 9999.
    pub fn new(year: i32, month: i32, day: i32) -> Result<Self, InvalidDate> {
        let year = i16::try_from(year).map_err(|_| InvalidDate)?;
        let month = i8::try_from(month).map_err(|_| InvalidDate)?;
        let day = i8::try_from(day).map_err(|_| InvalidDate)?;
        if year < 1 {
            return Err(InvalidDate);
        }
        Date::new(year, month, day).map(Self).map_err(|_| InvalidDate)
    }

    /// The date of an instant in UTC.
    #[must_use]
    pub fn in_utc(instant: Timestamp) -> Self {
        date_in(jiff::tz::TimeZone::UTC, instant)
    }

    /// The year, 1 to 9999.
    #[must_use]
    pub fn year(self) -> i32 {
        i32::from(self.0.year())
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> i32 {
        i32::from(self.0.month())
    }

    /// The day of the month, 1 to 31.
    #[must_use]
    pub fn day(self) -> i32 {
        i32::from(self.0.day())
    }

    /// The date so many days later, or earlier; `None` outside the years 1 to 9999.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Option<Self> {
        let date = self.0.checked_add(Span::new().try_days(days).ok()?).ok()?;
        (date.year() >= 1).then_some(Self(date))
    }

    /// Days from this date until another; negative if that one is earlier.
    #[must_use]
    pub fn days_until(self, other: Self) -> i32 {
        // Both are within the years 1 to 9999, which are fewer than four million days.
        i32::try_from(self.0.duration_until(other.0).as_hours() / 24).unwrap_or(i32::MAX)
    }
}

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl FromStr for CivilDate {
    type Err = InvalidDate;
    /// Reads `YYYY-MM-DD` and nothing else.
    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let mut parts = text.splitn(3, '-').map(|part| (part.len(), part.parse::<u16>()));
        match (parts.next(), parts.next(), parts.next()) {
            (Some((4, Ok(year))), Some((2, Ok(month))), Some((2, Ok(day)))) => {
                Self::new(i32::from(year), i32::from(month), i32::from(day))
            }
            _ => Err(InvalidDate),
        }
    }
}

impl TimeZoneName {
    /// Checks a name against the time zone database that is part of the program.
    ///
    /// # Errors
    /// [`InvalidTimeZone`] for a name the database does not have.
    pub fn new(name: &str) -> Result<Self, InvalidTimeZone> {
        let zone = jiff::tz::TimeZone::get(name).map_err(|_| InvalidTimeZone)?;
        zone.iana_name().map(|name| Self(name.to_owned())).ok_or(InvalidTimeZone)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The date on the calendars of the place at this instant.
    #[must_use]
    pub fn date_of(&self, instant: Timestamp) -> CivilDate {
        // Its name was found before, so it is found again.
        let zone = jiff::tz::TimeZone::get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC);
        date_in(zone, instant)
    }

    /// The instant at which a date begins at the place: midnight, or where clocks pass over it the first one after.
    #[must_use]
    pub fn start_of(&self, date: CivilDate) -> Timestamp {
        let zone = jiff::tz::TimeZone::get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC);
        let start = date.0.to_zoned(zone).map(|start| start.timestamp());
        // The very last date begins past the last instant in some places.
        Timestamp::from_micros(start.unwrap_or(jiff::Timestamp::MAX).as_microsecond())
    }
}

/// The date at an instant; what lies before the year 1 counts as its first day.
fn date_in(zone: jiff::tz::TimeZone, instant: Timestamp) -> CivilDate {
    let (least, most) = (jiff::Timestamp::MIN, jiff::Timestamp::MAX);
    let micros = instant.as_micros().clamp(least.as_microsecond(), most.as_microsecond());
    let there = jiff::Timestamp::from_microsecond(micros).unwrap_or(most).to_zoned(zone);
    CivilDate(there.date().max(date(1, 1, 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r25_dates_are_civil_and_exist() {
        let leap: CivilDate = "2028-02-29".parse().expect("exists");
        assert_eq!((leap.year(), leap.month(), leap.day()), (2028, 2, 29));
        assert_eq!(leap.to_string(), "2028-02-29");
        for bad in [
            "2027-02-29",
            "20240221",
            "2024-1-01",
            "1717200000000",
            "-024-01-01",
            "2024-01-01T00:00",
        ] {
            assert_eq!(bad.parse::<CivilDate>(), Err(InvalidDate), "{bad}");
        }
    }

    #[test]
    fn r25_days_are_counted_on_the_calendar() {
        let date = |text: &str| text.parse::<CivilDate>().expect("exists");
        for (from, days, to) in [
            ("2024-12-30", 2, "2025-01-01"),
            ("2024-02-21", 9, "2024-03-01"),
            ("2028-02-28", 2, "2028-03-01"),
            ("2025-01-01", -2, "2024-12-30"),
            // A night of 23 hours and one of 25 in Berlin are a day each.
            ("2026-03-28", 2, "2026-03-30"),
            ("2026-10-24", 2, "2026-10-26"),
        ] {
            assert_eq!(date(from).plus_days(days), Some(date(to)), "{from} and {days}");
            assert_eq!(date(from).days_until(date(to)), days);
        }
        assert_eq!(date("9999-12-31").plus_days(1), None);
        assert_eq!(date("0001-01-01").plus_days(-1), None);
        assert_eq!(date("0001-01-01").plus_days(i32::MAX), None);
    }

    #[test]
    fn r25_today_is_the_places_own_also_where_clocks_change() {
        // Half an hour before and after midnight, on the days on which clocks change, and on one like any other.
        for (zone, midnight_utc_secs, day) in [
            ("Asia/Seoul", 1_735_484_400, "2024-12-30"),
            ("Europe/Berlin", 1_774_738_800, "2026-03-29"),
            ("America/New_York", 1_772_946_000, "2026-03-08"),
            ("Australia/Lord_Howe", 1_775_307_600, "2026-04-05"),
            ("America/Santiago", 1_788_667_200, "2026-09-06"),
        ] {
            let zone = TimeZoneName::new(zone).expect("known");
            let today: CivilDate = day.parse().expect("exists");
            let at = |secs: i64| zone.date_of(Timestamp::from_micros(secs * 1_000_000));
            assert_eq!(at(midnight_utc_secs - 1_800), today.plus_days(-1).expect("exists"));
            // Santiago has no half past midnight on that day: the clock goes from 24:00 to 1:00.
            assert_eq!(at(midnight_utc_secs + 1_800), today, "{zone:?}");
            assert_eq!(zone.start_of(today).as_micros(), midnight_utc_secs * 1_000_000, "{zone:?}");
        }
        let utc = TimeZoneName::new("UTC").expect("known");
        assert_eq!(utc.date_of(Timestamp::from_micros(i64::MAX)).year(), 9999);
        assert_eq!(utc.date_of(Timestamp::from_micros(-i64::MAX / 8)).year(), 1);
        for date in ["0001-01-01", "9999-12-31"] {
            let date: CivilDate = date.parse().expect("exists");
            assert!(date.days_until(utc.date_of(utc.start_of(date))) >= -1, "{date}");
        }
    }

    #[test]
    fn zones_come_from_the_iana_database() {
        assert_eq!(TimeZoneName::new("Asia/Seoul").expect("known").as_str(), "Asia/Seoul");
        assert_eq!(TimeZoneName::new("Mars/Olympus"), Err(InvalidTimeZone));
    }
}
