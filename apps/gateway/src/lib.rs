//! boxoffice-gateway: see ARCHITECTURE.md.
