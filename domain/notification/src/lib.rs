//! notification: see ARCHITECTURE.md.
