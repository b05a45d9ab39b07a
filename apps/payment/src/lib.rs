//! boxoffice-payment: see ARCHITECTURE.md.
