//! sea-orm-notification: see ARCHITECTURE.md.
