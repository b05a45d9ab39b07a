//! provider-simulated: see ARCHITECTURE.md.
