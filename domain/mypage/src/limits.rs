//! The limits of this context, named with their units.

/// The most changed rows one look of a watcher takes; it looks again at once after a full one.
pub const WATCH_ROWS_MAX: u32 = 100;

/// Rows that a rebuild holds in memory at once.
pub const REBUILD_ROWS_MAX: u32 = 200;

/// How often a rebuild looks again at rows that changed under its hands, before it leaves them to their writers.
pub const REBUILD_TRIES_MAX: u32 = 10;
