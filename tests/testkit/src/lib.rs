//! What the tests share: the real programs as child processes, waiting for what must come, and time and identifiers
//! that a test decides.
#![expect(clippy::panic, reason = "a set-up that fails is a failed test, and says why")]

mod authority;
mod eventually;
mod known;
mod place;
mod plain_http;
mod platform;
mod private_data;

pub use authority::{Authority, Shown, TlsFolder, https};
pub use eventually::{eventually, eventually_within};
pub use known::{ManualClock, NumberedIds};
pub use place::{binary, repository, tool};
pub use plain_http::PlainAnswer;
pub use platform::{Plan, Platform, PlatformServer, Shape};
pub use private_data::private_data;
pub use servers::{DatabaseServer, fresh_database};
