//! sea-orm-booking: see ARCHITECTURE.md.
