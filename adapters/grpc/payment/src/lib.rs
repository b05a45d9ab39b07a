//! grpc-payment: see ARCHITECTURE.md.
