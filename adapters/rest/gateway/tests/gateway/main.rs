//! The gateway in front of a server that knows only descriptors.

#![cfg(test)]

mod again;
mod binding;
mod cross_origin;
mod errors;
mod hostile;
mod openapi;
mod refusals;
mod represented;
mod rules;
mod server;
mod specification;
mod streams;
mod support;
mod telling;
