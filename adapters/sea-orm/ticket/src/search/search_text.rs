//! The words of tickets as text that every engine's full-text index takes as it is.
//!
//! Engines have ideas of their own about words: MariaDB leaves out short and common ones and knows no parts of
//! Korean ones, PostgreSQL's trigrams and SQLite's find no word of two syllables. So the domain's words
//! ([`SearchWord`]) are spelt in letters and digits that none of them parts, drops or folds: each begins with
//! [`BEGIN`], and other letters are written as `q` and their number. A word's beginning stays the beginning of its
//! spelling, so an index by beginnings of words tells what the domain would.

use std::collections::BTreeSet;

use sea_orm::DbBackend;
use sea_orm::sea_query::{Expr, ExprTrait};
use ticket::SearchWord;

use crate::rows::ticket::{Column, Entity};

/// Makes the shortest word long enough for MariaDB (three letters), and none a stop word. The longest has 82
/// letters; 84 is the most.
const BEGIN: &str = "zz";
const ESCAPE: char = 'q';
/// Digits of a letter's number to base 36. None begins with [`ESCAPE`], which stands for itself when doubled.
const PLACES: [u32; 4] = [36 * 36 * 36, 36 * 36, 36, 1];
/// The full-text index is asked for so many words, the longest ones; the text itself is asked for all.
const ASKED_MAX: usize = 6;

/// What a ticket's row keeps of its words.
pub(crate) fn search_text(words: &BTreeSet<SearchWord>) -> String {
    words.iter().fold(String::new(), |text, word| text + " " + &spelt(word))
}

/// Whether one of the words in a ticket's row begins with this one.
pub(super) fn contains(word: &SearchWord) -> Expr {
    Expr::col((Entity, Column::SearchText)).like(format!("% {}%", spelt(word)))
}

/// The same by the engine's index, for all words or the longest of them.
pub(super) fn full_text(words: &[SearchWord], backend: DbBackend) -> Expr {
    let mut spelt: Vec<_> = words.iter().map(spelt).collect();
    spelt.sort_by_key(|word| std::cmp::Reverse(word.len()));
    spelt.truncate(ASKED_MAX);
    match backend {
        DbBackend::Postgres => Expr::cust_with_values(
            "to_tsvector('simple', ticket.search_text) @@ to_tsquery('simple', $1)",
            [spelt.join(":* & ") + ":*"],
        ),
        DbBackend::MySql => Expr::cust_with_values(
            "MATCH (ticket.search_text) AGAINST (? IN BOOLEAN MODE)",
            [format!("+{}*", spelt.join("* +"))],
        ),
        DbBackend::Sqlite | _ => Expr::cust_with_values(
            "ticket.id IN (SELECT ticket_id FROM ticket_search WHERE doc IN \
             (SELECT rowid FROM ticket_words WHERE ticket_words MATCH ?))",
            [spelt.join("* ") + "*"],
        ),
    }
}

fn spelt(word: &SearchWord) -> String {
    let mut spelt = String::from(BEGIN);
    for letter in word.as_str().chars() {
        match letter {
            ESCAPE => spelt.extend([ESCAPE, ESCAPE]),
            'a'..='z' | '0'..='9' => spelt.push(letter),
            other => {
                spelt.push(ESCAPE);
                let digit = |place| char::from_digit(u32::from(other) / place % 36, 36);
                spelt.extend(PLACES.into_iter().filter_map(digit));
            }
        }
    }
    spelt
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Vec<String> {
        SearchWord::asked(text).iter().map(spelt).collect()
    }

    #[test]
    fn t03_words_are_spelt_in_letters_no_engine_minds() {
        assert_eq!(one("The Quartet 9"), ["zzthe", "zzqquartet", "zz9"]);
        assert_eq!(one("세종 é"), ["zzq1260q13lx", "zzq006h"].map(String::from).to_vec());
        let longest = one(&"é".repeat(40));
        assert_eq!(longest.iter().map(String::len).collect::<Vec<_>>(), [82]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn t03_the_spelling_keeps_beginnings_and_nothing_else(text in ".{0,20}", asked in ".{1,3}") {
            let words = SearchWord::of_ticket(&text, "", "");
            let kept = search_text(&words);
            for word in SearchWord::asked(&asked).into_iter().chain(SearchWord::asked(&text)) {
                let found = kept.contains(&format!(" {}", spelt(&word)));
                prop_assert_eq!(found, word.begins_one_of(&words));
                prop_assert!(spelt(&word).bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
            }
        }
    }
}
