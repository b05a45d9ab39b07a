//! The whole platform, tested from outside: the release of one binary, real sockets, real files.

mod access;
mod bad_input;
mod crash;
mod hang_up;
mod idempotency;
mod shutdown;
mod startup;
mod story_grpcurl;
mod story_http;
mod story_python;
mod story_streams;
mod world;
