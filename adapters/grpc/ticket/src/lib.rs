//! grpc-ticket: see ARCHITECTURE.md.
