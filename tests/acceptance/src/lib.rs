//! The platform as its users meet it: the real binary over real sockets. The tests stand under `tests/`.
