//! sea-orm-database: see ARCHITECTURE.md.
