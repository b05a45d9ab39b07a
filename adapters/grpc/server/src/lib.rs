//! grpc-server: see ARCHITECTURE.md.
