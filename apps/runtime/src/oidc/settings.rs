//! How an issuer somewhere else is asked, and how its tokens are read.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use grpc_server::{ClaimNames, ClaimPath, RoleNames};
use oidc_issuer::{Credentials, IssuerAddress};

use crate::config::shown;
use crate::start_error::StartError;

/// A secret is a line.
const SECRET_BYTES_MAX: usize = 4096;

/// How an issuer somewhere else is asked, and how its tokens are read.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct OidcSettings {
    /// How long the keys of OIDC_ISSUER are good without a look at whether they still are, in milliseconds; they stay
    /// while the issuer is away. A token with a key that is not among them has them fetched at once, every 5 seconds at
    /// most
    #[arg(long, env = "OIDC_JWKS_TTL_MS", global = true, default_value = "300000", value_parser = value_parser!(u64).range(1_000..=3_600_000))]
    pub oidc_jwks_ttl_ms: u64,

    /// PEM file with the authorities whose certificates OIDC_ISSUER may show, beside the public ones
    #[arg(long, env = "OIDC_CA_FILE", global = true)]
    pub oidc_ca_file: Option<PathBuf>,

    /// Where tokens of OIDC_ISSUER have the list of roles: a claim's name, names with dots between, as in
    /// realm_access.roles, or a JSON pointer
    #[arg(long, env = "OIDC_ROLES_CLAIM", global = true, default_value = "roles")]
    pub oidc_roles_claim: ClaimPath,

    /// Where they have the organizer's id, likewise
    #[arg(long, env = "OIDC_ORGANIZER_CLAIM", global = true, default_value = "organizer_id")]
    pub oidc_organizer_claim: ClaimPath,

    /// What OIDC_ISSUER calls our roles, such as customer=buyer,staff=admin: with it no other name gives a role.
    /// Without it buyer, organizer, admin and service
    #[arg(long, env = "OIDC_ROLES_MAP", global = true)]
    pub oidc_roles_map: Option<RoleNames>,

    /// As whom our servers get the tokens for calls between them from OIDC_ISSUER, by client credentials; the tokens must
    /// give the role service. Without it they sign them themselves, with SERVICE_KEY_FILE
    #[arg(long, env = "OIDC_CLIENT_ID", global = true)]
    pub oidc_client_id: Option<String>,

    /// File with the secret of OIDC_CLIENT_ID, read again at every renewal
    #[arg(long, env = "OIDC_CLIENT_SECRET_FILE", global = true)]
    pub oidc_client_secret_file: Option<PathBuf>,

    /// The scope that OIDC_CLIENT_ID asks for, where the issuer wants to be told
    #[arg(long, env = "OIDC_CLIENT_SCOPE", global = true)]
    pub oidc_client_scope: Option<String>,
}

/// Credentials whose secret is in a file.
#[derive(Debug, Clone)]
pub(crate) struct CredentialsFile {
    file: PathBuf,
    client_id: String,
    audience: String,
    scope: Option<String>,
}

impl OidcSettings {
    /// Checks them together with the issuer and whether its keys are in a file.
    pub(crate) fn check(&self, issuer: Option<&str>, keys_in_file: bool) -> Result<(), StartError> {
        let refuse =
            |name, problem: &str| Err(StartError::Setting { name, problem: problem.to_owned() });
        match (&self.oidc_client_id, &self.oidc_client_secret_file) {
            (Some(_), None) => {
                return refuse("OIDC_CLIENT_SECRET_FILE", "is needed with OIDC_CLIENT_ID");
            }
            (None, Some(_)) => {
                return refuse("OIDC_CLIENT_ID", "is needed with OIDC_CLIENT_SECRET_FILE");
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        let Some(issuer) = issuer else {
            return match self.oidc_client_id {
                Some(_) => refuse("OIDC_CLIENT_ID", "needs OIDC_ISSUER, which is asked for tokens"),
                None => Ok(()),
            };
        };
        if keys_in_file && self.oidc_client_id.is_none() {
            return Ok(());
        }
        let address = issuer.parse::<IssuerAddress>();
        address.map(|_| ()).map_err(|problem| StartError::Setting { name: "OIDC_ISSUER", problem })
    }

    pub(crate) const fn keys_every(&self) -> Duration {
        Duration::from_millis(self.oidc_jwks_ttl_ms)
    }

    pub(crate) fn claim_names(&self) -> ClaimNames {
        ClaimNames {
            roles: self.oidc_roles_claim.clone(),
            organizer: self.oidc_organizer_claim.clone(),
            role_names: self.oidc_roles_map.clone(),
        }
    }

    pub(crate) fn credentials(&self, audience: &str) -> Option<CredentialsFile> {
        Some(CredentialsFile {
            file: self.oidc_client_secret_file.clone()?,
            client_id: self.oidc_client_id.clone()?,
            audience: audience.to_owned(),
            scope: self.oidc_client_scope.clone(),
        })
    }

    /// Each setting with its value.
    pub(crate) fn effective(&self) -> Vec<(&'static str, String)> {
        let path = |file: &Option<PathBuf>| shown(file.as_ref().map(|file| file.display()));
        vec![
            ("OIDC_JWKS_TTL_MS", self.oidc_jwks_ttl_ms.to_string()),
            ("OIDC_CA_FILE", path(&self.oidc_ca_file)),
            ("OIDC_ROLES_CLAIM", self.oidc_roles_claim.to_string()),
            ("OIDC_ORGANIZER_CLAIM", self.oidc_organizer_claim.to_string()),
            ("OIDC_ROLES_MAP", shown(self.oidc_roles_map.as_ref())),
            ("OIDC_CLIENT_ID", shown(self.oidc_client_id.as_ref())),
            ("OIDC_CLIENT_SECRET_FILE", path(&self.oidc_client_secret_file)),
            ("OIDC_CLIENT_SCOPE", shown(self.oidc_client_scope.as_ref())),
        ]
    }
}

impl CredentialsFile {
    /// The credentials with the secret that is in the file now.
    pub(crate) fn read(&self) -> Result<Credentials, StartError> {
        let name = "OIDC_CLIENT_SECRET_FILE";
        let path = self.file.clone();
        let secret = fs::read_to_string(&self.file).map_err(|cause| StartError::File {
            name,
            path,
            cause,
        })?;
        let secret = secret.trim();
        if secret.is_empty() || secret.len() > SECRET_BYTES_MAX {
            let problem = format!("must hold a secret of 1 to {SECRET_BYTES_MAX} bytes");
            return Err(StartError::Setting { name, problem });
        }
        Ok(Credentials {
            client_id: self.client_id.clone(),
            client_secret: secret.to_owned(),
            audience: self.audience.clone(),
            scope: self.scope.clone(),
        })
    }
}
