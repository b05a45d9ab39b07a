//! Live views: what changed, told as it is committed, and one reader of each watched thing for all who watch it. While
//! nothing changes nothing is read, however many watch. What is watched, and how it is read, is its user's.

mod changes;
mod readers;

pub use changes::{Change, Changes, Listener};
pub use readers::{Pace, Readers, Source, Watched};
