//! TLS for every port of the house, and for the calls between our servers: certificates are files, which are read
//! again while they change, so that a new one needs no restart and ends no connection.
//!
//! Without files ports speak plainly, as in development. One provider of cryptography does it all: ring, through
//! rustls, which knows neither versions below 1.2 nor ciphers that are weak.

mod acceptor;
mod certificates;
mod files;
mod limits;
mod material;
mod stream;

pub use acceptor::{Acceptor, Protocol};
pub use certificates::Certificates;
pub use files::{Pair, TlsFiles, TlsProblem};
pub use material::ClientTls;
pub use stream::Stream;
