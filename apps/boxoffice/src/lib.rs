//! boxoffice: see ARCHITECTURE.md.
