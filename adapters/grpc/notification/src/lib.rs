//! grpc-notification: see ARCHITECTURE.md.
