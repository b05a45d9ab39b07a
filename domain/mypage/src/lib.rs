//! mypage: see ARCHITECTURE.md.
