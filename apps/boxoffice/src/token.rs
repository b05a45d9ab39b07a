//! `boxoffice token`: a token of the development issuer.

use clap::Args;
use kernel::{Clock, Timestamp};
use runtime::{Bearer, Issuer, Settings, StartError, SystemClock, prepare_data_dir};

/// For whom a token is made.
#[derive(Debug, Clone, Args)]
pub struct TokenArguments {
    /// What its bearer may act as: buyer, organizer, admin; may be given several times
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = ["buyer", "organizer", "admin", "service"])]
    pub roles: Vec<String>,

    /// Who its bearer is: the buyer's id
    #[arg(long, value_name = "ID")]
    pub sub: Option<String>,

    /// For which organizer its bearer acts; needed with the role organizer
    #[arg(long, value_name = "ID", required_if_eq("roles", "organizer"))]
    pub organizer: Option<String>,

    /// In which language its bearer is written to: en or ko
    #[arg(long, value_name = "TAG")]
    pub locale: Option<String>,

    /// For whom it is made, if not for OIDC_AUDIENCE
    #[arg(long, value_name = "NAME")]
    pub audience: Option<String>,

    /// For how many seconds it is valid; below zero it has expired already
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, allow_negative_numbers = true)]
    pub valid_secs: i64,
}

impl TokenArguments {
    /// Makes the token.
    ///
    /// # Errors
    /// [`StartError`] when the development issuer's key cannot be had.
    pub fn mint(&self, settings: &Settings) -> Result<String, StartError> {
        let mut settings = settings.clone();
        if let Some(audience) = &self.audience {
            settings.oidc_audience.clone_from(audience);
        }
        prepare_data_dir(&settings.data_dir)?;
        let issuer = Issuer::development(&settings)?;
        let subject = self.sub.clone().or_else(|| self.organizer.clone());
        let subject =
            subject.ok_or_else(|| StartError::Usage("--sub is needed: whose token?".to_owned()))?;
        let bearer = Bearer {
            subject,
            roles: self.roles.clone(),
            organizer_id: self.organizer.clone(),
            locale: self.locale.clone(),
        };
        let now = SystemClock.now().as_micros();
        let valid_us = self.valid_secs.saturating_mul(1_000_000);
        issuer.mint_until(&bearer, Timestamp::from_micros(now.saturating_add(valid_us)))
    }
}
