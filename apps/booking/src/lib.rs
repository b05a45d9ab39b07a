//! boxoffice-booking: see ARCHITECTURE.md.
