//! The limits of this context, named with their units.

/// The longest subject line; a longer ticket name is cut.
pub const SUBJECT_CHARS_MAX: usize = 200;

/// The most seats a letter names; of more it says how many.
pub(crate) const SEATS_NAMED_MAX: usize = 20;
