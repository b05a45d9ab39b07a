//! grpc-booking: see ARCHITECTURE.md.
