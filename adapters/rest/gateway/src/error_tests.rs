//! Tests of the table from status to HTTP.
