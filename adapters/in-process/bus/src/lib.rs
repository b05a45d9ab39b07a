//! in-process-bus: see ARCHITECTURE.md.
