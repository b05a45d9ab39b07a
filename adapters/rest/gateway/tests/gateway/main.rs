//! The gateway in front of a server that knows only descriptors.

#![cfg(test)]

mod again;
mod binding;
mod errors;
mod hostile;
mod openapi;
mod refusals;
mod rules;
mod server;
mod streams;
mod support;
mod telling;
