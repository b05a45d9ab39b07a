//! The rows that a run has met, each kept once, and what was decided on them. So a state of the model is a few numbers,
//! and the real code makes each distinct decision once, however many states need it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::RwLock;

/// A row, by the number under which its rulebook keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RowNo(usize);

/// What a rule makes of a row, and what it answers.
type Rule<Row, Heard, Answer> = Box<dyn Fn(&mut Row, Heard) -> Answer + Send + Sync>;

/// The rows of one context and the rule that moves them. `Seen` is what the rest of the model may know of a row.
pub(crate) struct Rulebook<Row, Seen, Heard, Answer> {
    rows: RwLock<Vec<(Row, Seen)>>,
    decided: RwLock<HashMap<(RowNo, Heard), (RowNo, Answer)>>,
    rule: Rule<Row, Heard, Answer>,
    see: fn(&Row) -> Seen,
}

impl<Row, Seen, Heard, Answer> Rulebook<Row, Seen, Heard, Answer>
where
    Row: Clone + PartialEq,
    Seen: Copy,
    Heard: Copy + Eq + Hash,
    Answer: Copy,
{
    /// The row that all begins with.
    pub(crate) const FIRST: RowNo = RowNo(0);

    pub(crate) fn new(
        first: Row,
        see: fn(&Row) -> Seen,
        rule: impl Fn(&mut Row, Heard) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let rows = RwLock::new(vec![(first.clone(), see(&first))]);
        Self { rows, decided: RwLock::default(), rule: Box::new(rule), see }
    }

    pub(crate) fn see(&self, row: RowNo) -> Seen {
        self.rows.read().unwrap()[row.0].1
    }

    /// The row after hearing something, and the answer.
    pub(crate) fn decide(&self, row: RowNo, heard: Heard) -> (RowNo, Answer) {
        if let Some(known) = self.decided.read().unwrap().get(&(row, heard)) {
            return *known;
        }
        let mut after = self.rows.read().unwrap()[row.0].0.clone();
        let answer = (self.rule)(&mut after, heard);
        let decision = (self.number(after), answer);
        self.decided.write().unwrap().insert((row, heard), decision);
        decision
    }

    /// How many rows were met.
    pub(crate) fn rows(&self) -> usize {
        self.rows.read().unwrap().len()
    }

    fn number(&self, row: Row) -> RowNo {
        let mut rows = self.rows.write().unwrap();
        let known = rows.iter().position(|(known, _)| *known == row);
        RowNo(known.unwrap_or_else(|| {
            let seen = (self.see)(&row);
            rows.push((row, seen));
            rows.len() - 1
        }))
    }
}
