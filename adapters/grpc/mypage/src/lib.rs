//! grpc-mypage: see ARCHITECTURE.md.
