//! What operators change by hand: on whose word, why, and what became of it.

/// The longest reason, in characters.
pub const OPERATOR_REASON_CHARS_MAX: usize = 500;
/// The longest name of an operator, in characters.
pub const OPERATOR_NAME_CHARS_MAX: usize = 128;

/// Who has something changed by hand, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    operator: String,
    reason: String,
}

/// Not the words of an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstruction {
    /// Nobody says so.
    #[error("the operator's name must be 1 to {OPERATOR_NAME_CHARS_MAX} characters")]
    Operator,
    /// Nobody could tell later why it was done.
    #[error("the reason must be 1 to {OPERATOR_REASON_CHARS_MAX} characters")]
    Reason,
}

/// One change by an operator, as it is kept for ever beside what was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorEntry {
    /// On whose word and why.
    pub instruction: Instruction,
    /// The command: `refunds settle`.
    pub command: &'static str,
    /// The id of what it was given for.
    pub subject_id: String,
    /// What that has become.
    pub outcome: &'static str,
}

impl Instruction {
    /// Checks the words; space around them is none of them.
    ///
    /// # Errors
    /// [`InvalidInstruction`] where a word is missing or too long.
    pub fn new(operator: &str, reason: &str) -> Result<Self, InvalidInstruction> {
        let fits = |text: &str, chars_max| (1..=chars_max).contains(&text.chars().count());
        let (operator, reason) = (operator.trim(), reason.trim());
        if !fits(operator, OPERATOR_NAME_CHARS_MAX) {
            return Err(InvalidInstruction::Operator);
        }
        if !fits(reason, OPERATOR_REASON_CHARS_MAX) {
            return Err(InvalidInstruction::Reason);
        }
        Ok(Self { operator: operator.to_owned(), reason: reason.to_owned() })
    }

    /// Who.
    #[must_use]
    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What is kept of a change on this word.
    #[must_use]
    pub fn entry(
        &self,
        command: &'static str,
        subject_id: impl ToString,
        outcome: &'static str,
    ) -> OperatorEntry {
        let (instruction, subject_id) = (self.clone(), subject_id.to_string());
        OperatorEntry { instruction, command, subject_id, outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_by_hand_has_a_name_and_a_reason() {
        let said = Instruction::new(" kim ", " the card is closed; paid by transfer 4711\n");
        let said = said.map(|said| (said.operator().to_owned(), said.reason().to_owned()));
        let kept = ("kim".to_owned(), "the card is closed; paid by transfer 4711".to_owned());
        assert_eq!(said, Ok(kept));
        let (longest, too_long) = ("취".repeat(500), "취".repeat(501));
        assert!(Instruction::new("kim", &longest).is_ok());
        for wrong in ["", " \n", &too_long] {
            assert_eq!(Instruction::new("kim", wrong), Err(InvalidInstruction::Reason), "{wrong}");
        }
        for wrong in ["", " ", &"k".repeat(129)] {
            assert_eq!(Instruction::new(wrong, "y"), Err(InvalidInstruction::Operator), "{wrong}");
        }
    }
}
