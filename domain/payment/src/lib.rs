//! payment: see ARCHITECTURE.md.
