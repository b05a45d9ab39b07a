//! The limits of this context, named with their units.

/// The longest subject line; a longer ticket name is cut.
pub const SUBJECT_CHARS_MAX: usize = 200;
