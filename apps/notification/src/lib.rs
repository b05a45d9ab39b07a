//! boxoffice-notification: see ARCHITECTURE.md.
