//! simulation: see ARCHITECTURE.md.
