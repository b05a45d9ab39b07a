//! How often one caller may call, as it is configured.

use std::num::NonZeroU32;

use clap::{Args, value_parser};
use in_process_rates::{Proxies, Rate};

use crate::config::shown;
use crate::start_error::StartError;

/// The most calls a second that may be configured for one caller.
const PER_SECOND_MAX: i64 = 1_000_000;

/// The limits of one caller. Each replica counts for itself.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct RateLimits {
    /// The most calls a second, in the long run, by one subject of tokens to one server, whichever door they come
    /// through; more are refused with RESOURCE_EXHAUSTED, reason RATE_LIMITED, and told when to come again. 0: no limit
    #[arg(long, env = "RATE_LIMIT_SUBJECT_PER_SECOND", global = true, default_value = "50", value_parser = value_parser!(u32).range(..=PER_SECOND_MAX))]
    pub rate_limit_subject_per_second: u32,

    /// The most calls at once by a subject that has not called for a while
    #[arg(long, env = "RATE_LIMIT_SUBJECT_BURST", global = true, default_value = "200", value_parser = value_parser!(u32).range(1..=PER_SECOND_MAX))]
    pub rate_limit_subject_burst: u32,

    /// The most requests a second, in the long run, from one address at REST_ADDR, with or without a token; many
    /// people may share one. Version 6 is counted by networks of 64 bits. 0: no limit
    #[arg(long, env = "RATE_LIMIT_ADDRESS_PER_SECOND", global = true, default_value = "500", value_parser = value_parser!(u32).range(..=PER_SECOND_MAX))]
    pub rate_limit_address_per_second: u32,

    /// The most requests at once from an address that has not sent any for a while
    #[arg(long, env = "RATE_LIMIT_ADDRESS_BURST", global = true, default_value = "2000", value_parser = value_parser!(u32).range(1..=PER_SECOND_MAX))]
    pub rate_limit_address_burst: u32,

    /// Networks whose requests are passed on for others, named in `x-forwarded-for`, separated by commas; who is not
    /// named there is not counted. `none` where clients reach REST_ADDR by themselves. Without it the private networks and
    /// this machine
    #[arg(long, env = "RATE_LIMIT_TRUSTED_PROXIES", global = true)]
    pub rate_limit_trusted_proxies: Option<Proxies>,
}

impl RateLimits {
    /// That of a subject, if there is one.
    #[must_use]
    pub fn of_subjects(&self) -> Option<Rate> {
        rate(self.rate_limit_subject_per_second, self.rate_limit_subject_burst)
    }

    /// That of an address, if there is one.
    #[must_use]
    pub fn of_addresses(&self) -> Option<Rate> {
        rate(self.rate_limit_address_per_second, self.rate_limit_address_burst)
    }

    /// Whose word counts about who calls.
    #[must_use]
    pub fn trusted_proxies(&self) -> Proxies {
        self.rate_limit_trusted_proxies.clone().unwrap_or_default()
    }

    /// Checks what the settings say together.
    ///
    /// # Errors
    /// [`StartError::Setting`].
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let rates = [
            ("RATE_LIMIT_SUBJECT_BURST", self.of_subjects()),
            ("RATE_LIMIT_ADDRESS_BURST", self.of_addresses()),
        ];
        let below = |(_, rate): &(_, Option<Rate>)| rate.is_some_and(|r| r.burst < r.per_second);
        let Some((name, _)) = rates.into_iter().find(below) else { return Ok(()) };
        let problem = "must not be below the calls of one second".to_owned();
        Err(StartError::Setting { name, problem })
    }

    pub(crate) fn effective(&self) -> [(&'static str, String); 5] {
        [
            ("RATE_LIMIT_SUBJECT_PER_SECOND", self.rate_limit_subject_per_second.to_string()),
            ("RATE_LIMIT_SUBJECT_BURST", self.rate_limit_subject_burst.to_string()),
            ("RATE_LIMIT_ADDRESS_PER_SECOND", self.rate_limit_address_per_second.to_string()),
            ("RATE_LIMIT_ADDRESS_BURST", self.rate_limit_address_burst.to_string()),
            ("RATE_LIMIT_TRUSTED_PROXIES", shown(self.rate_limit_trusted_proxies.as_ref())),
        ]
    }
}

fn rate(per_second: u32, burst: u32) -> Option<Rate> {
    Some(Rate { per_second: NonZeroU32::new(per_second)?, burst: NonZeroU32::new(burst)? })
}
