//! The tests stand under `tests/`.
