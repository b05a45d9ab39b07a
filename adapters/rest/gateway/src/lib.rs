//! rest-gateway: see ARCHITECTURE.md.
