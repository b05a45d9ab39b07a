//! The words by which tickets are found: what is asked for must begin words of the ticket.
//!
//! This is the one rule of what a word is. Stores compare the words made here, so that all of them find the
//! same, whatever their engines would take for a word:
//! - case, width and composition of letters do not count (NFKC, folded letter by letter);
//! - letters and digits make words, all else parts them;
//! - a word counts by its first [`WORD_CHARS_MAX`] characters;
//! - Korean, Chinese, Japanese, Thai and the like write words without spaces between them, so there a word
//!   begins with every character. It has [`PIECE_CHARS`] of them; who asks for more asks for several.

use std::collections::BTreeSet;
use std::ops::Bound;

use unicode_normalization::UnicodeNormalization;

use crate::{SEARCHED_DESCRIPTION_CHARS_MAX, Terms};

/// So many characters of a word count.
pub const WORD_CHARS_MAX: usize = 16;
/// Characters of a word where none are parted by spaces: a name in Korean has three.
pub const PIECE_CHARS: usize = 3;

/// Where words begin without a space before them, as first and last letters.
const UNSPACED: [(char, char); 14] = [
    ('\u{e00}', '\u{eff}'),     // Thai, Lao
    ('\u{1000}', '\u{109f}'),   // Burmese
    ('\u{1100}', '\u{11ff}'),   // Korean, in single letters
    ('\u{1780}', '\u{17ff}'),   // Khmer
    ('\u{3005}', '\u{3007}'),   // marks that stand for a Chinese character
    ('\u{3041}', '\u{30ff}'),   // Japanese
    ('\u{3105}', '\u{31ff}'),   // phonetic letters of Chinese, Korean and Japanese
    ('\u{3400}', '\u{4dbf}'),   // Chinese
    ('\u{4e00}', '\u{9fff}'),   // Chinese
    ('\u{a960}', '\u{a97f}'),   // Korean, old letters
    ('\u{ac00}', '\u{d7ff}'),   // Korean
    ('\u{f900}', '\u{faff}'),   // Chinese
    ('\u{1b000}', '\u{1b16f}'), // Japanese, old letters
    ('\u{20000}', '\u{3ffff}'), // Chinese
];
/// Marks that follow the letter they belong to, where no letter has them built in.
const MARKS: (char, char) = ('\u{300}', '\u{36f}');

/// A word as it is compared: folded, and no longer than counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchWord(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Spaced,
    Unspaced,
}

impl SearchWord {
    /// The words that somebody asks for, each once. None where the text has neither letters nor digits.
    #[must_use]
    pub fn asked(text: &str) -> Vec<Self> {
        let mut words = Vec::new();
        for (writing, run) in runs(text) {
            match writing {
                Writing::Unspaced if run.len() > PIECE_CHARS => {
                    words.extend(run.windows(PIECE_CHARS).map(Self::of));
                }
                Writing::Unspaced | Writing::Spaced => words.push(Self::of(&run)),
            }
        }
        let mut known = BTreeSet::new();
        words.retain(|word| known.insert(word.clone()));
        words
    }

    /// The words that a ticket is found by.
    #[must_use]
    pub fn of_ticket(name: &str, venue: &str, description: &str) -> BTreeSet<Self> {
        let begun = description.nfkc().take(SEARCHED_DESCRIPTION_CHARS_MAX).collect::<String>();
        let mut words = BTreeSet::new();
        for (writing, run) in [name, venue, &begun].into_iter().flat_map(runs) {
            match writing {
                Writing::Spaced => {
                    words.insert(Self::of(&run));
                }
                Writing::Unspaced => {
                    let piece = |at: usize| Self::of(run.get(at..).unwrap_or_default());
                    words.extend((0..run.len()).map(piece).map(Self::cut_to_piece));
                }
            }
        }
        words
    }

    /// Whether it is the beginning of one of these words.
    #[must_use]
    pub fn begins_one_of(&self, words: &BTreeSet<Self>) -> bool {
        let mut from_here = words.range::<Self, _>((Bound::Included(self), Bound::Unbounded));
        from_here.next().is_some_and(|word| word.0.starts_with(&self.0))
    }

    /// Its letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(letters: &[char]) -> Self {
        Self(letters.iter().take(WORD_CHARS_MAX).collect())
    }

    fn cut_to_piece(self) -> Self {
        Self(self.0.chars().take(PIECE_CHARS).collect())
    }
}

impl Terms {
    /// The words of name, venue and description.
    #[must_use]
    pub fn search_words(&self) -> BTreeSet<SearchWord> {
        SearchWord::of_ticket(&self.name, &self.venue, &self.description)
    }
}

/// The letters that stand together in one kind of writing.
fn runs(text: &str) -> Vec<(Writing, Vec<char>)> {
    let folded = text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let mut runs: Vec<(Writing, Vec<char>)> = Vec::new();
    let mut before = None;
    for letter in folded {
        let writing = writing_of(letter);
        match (writing, runs.last_mut()) {
            (Some(_), Some((_, run))) if writing == before => run.push(letter),
            (Some(writing), _) => runs.push((writing, vec![letter])),
            (None, _) => {}
        }
        before = writing;
    }
    runs
}

/// `None` for what is no part of a word.
fn writing_of(letter: char) -> Option<Writing> {
    let among = |(first, last): (char, char)| (first..=last).contains(&letter);
    let is_letter = letter.is_alphanumeric() || among(MARKS);
    if UNSPACED.into_iter().any(among) {
        // Vowel signs and tones above their letter count as parts of it; signs between words do not.
        return (is_letter || is_thai_mark(letter)).then_some(Writing::Unspaced);
    }
    is_letter.then_some(Writing::Spaced)
}

/// Those that Unicode does not count among letters.
const fn is_thai_mark(letter: char) -> bool {
    matches!(letter, '\u{e47}'..='\u{e4e}' | '\u{ec8}'..='\u{ecd}')
}

#[cfg(test)]
mod tests;
