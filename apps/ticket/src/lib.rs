//! boxoffice-ticket: see ARCHITECTURE.md.
