//! The sections of a ticket that have a price of their own, as one text: a line each, its price in minor units before
//! its name. No name has a line feed.

use kernel::{Currency, Money};
use ticket::SectionPrice;

/// The text; `None` for no sections.
pub(super) fn text(sections: &[SectionPrice]) -> Option<String> {
    let line = |section: &SectionPrice| format!("{} {}", section.unit_price.minor(), section.name);
    let lines: Vec<_> = sections.iter().map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The sections; `None` if the text is none of ours.
pub(super) fn read(text: Option<&str>, currency: Currency) -> Option<Vec<SectionPrice>> {
    let Some(text) = text else { return Some(Vec::new()) };
    let section = |line: &str| {
        let (minor, name) = line.split_once(' ')?;
        let unit_price = Money::from_minor(minor.parse().ok()?, currency);
        Some(SectionPrice { name: name.to_owned(), unit_price })
    };
    text.split('\n').map(section).collect()
}
