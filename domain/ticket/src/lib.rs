//! ticket: see ARCHITECTURE.md.
