//! The whole platform in one process.
fn main() {}
