//! sea-orm-payment: see ARCHITECTURE.md.
