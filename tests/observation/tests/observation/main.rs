//! What the platform tells of itself, seen from outside: traces at a collector, numbers at a Prometheus, lines of logs.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what goes wrong in a test fails it, and says where"
)]

mod collected;
mod expressions;
mod logs;
mod nobody_watches;
mod panels;
mod private;
mod scraper;
mod trace;
mod world;
