//! Faults of a running platform under load: what was acknowledged is kept, what was begun is finished, the books are
//! right. `cargo xtask faults` runs them at full length.

mod kill_servers;
