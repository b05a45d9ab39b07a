//! Whose tokens count, who signs for our own servers, and the issuer that is asked for both where it is somewhere else.

mod granted;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use grpc_server::{KeyRotation, Verifier};
use https_client::Roots;
use kernel::Role;
use oidc_issuer::{IssuerAddress, OidcIssuer};

pub(crate) use granted::GrantedToken;
pub use settings::OidcSettings;

use crate::config::Settings;
use crate::issuer::{self, Issuer};
use crate::process::Process;
use crate::service_token::ServiceToken;
use crate::start_error::StartError;

/// Whose tokens count, and what our own servers show each other.
pub(crate) struct Trust {
    pub(crate) verifier: Verifier,
    pub(crate) service_token: ServiceToken,
    pub(crate) fetched: Option<FetchedKeys>,
}

/// Keys that are fetched from an issuer.
#[derive(Debug, Clone)]
pub(crate) struct FetchedKeys {
    issuer: OidcIssuer,
    rotation: KeyRotation,
    every: Duration,
}

impl Trust {
    /// As the settings say. Nobody is asked yet.
    pub(crate) fn new(settings: &Settings) -> Result<Self, StartError> {
        let Some(name) = &settings.oidc_issuer else {
            let issuer = Issuer::development(settings)?;
            let verifier = issuer.verifier()?;
            return Ok(Self { verifier, service_token: signed(issuer), fetched: None });
        };
        let (outside, fetched) = match &settings.oidc_jwks_file {
            Some(jwks) => (issuer::configured(name, jwks, &settings.oidc_audience)?, None),
            None => fetching(name, settings)?,
        };
        let outside = outside.reading(settings.oidc.claim_names());
        let Some(credentials) = settings.oidc.credentials(&settings.oidc_audience) else {
            let internal = Issuer::internal(settings)?;
            let verifier = outside.or(&internal.verifier()?.only_for(Role::Service));
            return Ok(Self { verifier, service_token: signed(internal), fetched });
        };
        let granted = GrantedToken::new(asked(name, settings)?, credentials);
        let service_token = ServiceToken::granted(granted);
        Ok(Self { verifier: outside, service_token, fetched })
    }
}

impl Process {
    /// Fetches the issuer's keys from now on, where they are not in a file: for a process that verifies tokens. It is
    /// not ready before it has had them once; afterwards it does without the issuer.
    pub fn keep_keys(&self) {
        let Some(keys) = self.fetched.clone() else { return };
        self.needs_at_first("issuer", keys.rotation.fetched());
        self.workers.spawn("issuer", move |stopping| {
            let FetchedKeys { issuer, rotation, every } = keys.clone();
            async move {
                let fetch = || async { issuer.keys().await.map_err(|error| error.to_string()) };
                rotation.keep(every, fetch, stopping).await;
            }
        });
    }

    /// Never fetches the issuer's keys: for a process whose own port serves nothing that a token counts for. One that
    /// comes all the same is refused at once.
    pub fn forgo_keys(&self) {
        if let Some(keys) = &self.fetched {
            keys.rotation.forgo();
        }
    }
}

fn signed(issuer: Issuer) -> ServiceToken {
    ServiceToken::signed(Arc::new(issuer))
}

fn fetching(
    name: &str,
    settings: &Settings,
) -> Result<(Verifier, Option<FetchedKeys>), StartError> {
    let issuer = asked(name, settings)?;
    let (verifier, rotation) = Verifier::fetching(name, &settings.oidc_audience);
    let every = settings.oidc.keys_every();
    Ok((verifier, Some(FetchedKeys { issuer, rotation, every })))
}

/// The issuer as somebody to ask.
fn asked(name: &str, settings: &Settings) -> Result<OidcIssuer, StartError> {
    let address: IssuerAddress =
        name.parse().map_err(|problem| StartError::Setting { name: "OIDC_ISSUER", problem })?;
    let roots = match &settings.oidc.oidc_ca_file {
        None => Roots::public(),
        Some(file) => Roots::public().and_of(file).map_err(|problem| {
            let problem = format!("{}: {problem}", file.display());
            StartError::Setting { name: "OIDC_CA_FILE", problem }
        })?,
    };
    OidcIssuer::new(address, roots).map_err(|error| StartError::Other(format!("TLS: {error}")))
}
