//! The switch.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// Whether what comes at once goes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batching {
    /// Whatever waits goes together.
    On,
    /// Each goes by itself: what gathering is measured against.
    Off,
}

impl Display for Batching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::On { "on" } else { "off" })
    }
}

impl FromStr for Batching {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err("must be on or off".to_owned()),
        }
    }
}
