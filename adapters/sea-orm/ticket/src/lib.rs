//! sea-orm-ticket: see ARCHITECTURE.md.
