//! acceptance: see ARCHITECTURE.md.
