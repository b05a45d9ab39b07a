//! The payment context's ports in memory: for tests, proved by the contract suites.
