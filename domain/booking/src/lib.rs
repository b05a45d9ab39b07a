//! booking: see ARCHITECTURE.md.
