//! architecture: see ARCHITECTURE.md.
