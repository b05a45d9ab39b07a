//! sea-orm-mypage: see ARCHITECTURE.md.
