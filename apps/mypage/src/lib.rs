//! boxoffice-mypage: see ARCHITECTURE.md.
