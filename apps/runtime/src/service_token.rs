//! How our servers show each other who they are: a short-lived token, renewed in time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::issuer::{Bearer, Issuer};
use crate::limits::SERVICE_TOKEN;
use crate::oidc::GrantedToken;

/// Puts the service token on every call of a client; clones share the token.
#[derive(Debug, Clone)]
pub struct ServiceToken(Source);

#[derive(Debug, Clone)]
enum Source {
    Signed(Arc<SignedToken>),
    Granted(Arc<GrantedToken>),
}

/// A token that an issuer in this process signs.
#[derive(Debug)]
struct SignedToken {
    issuer: Arc<Issuer>,
    valid_for: Duration,
    current: Mutex<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    header: MetadataValue<Ascii>,
    renew_at: Instant,
}

impl ServiceToken {
    /// Tokens of this issuer with the role `service`.
    #[must_use]
    pub fn signed(issuer: Arc<Issuer>) -> Self {
        let token = SignedToken { issuer, valid_for: SERVICE_TOKEN, current: Mutex::default() };
        Self(Source::Signed(Arc::new(token)))
    }

    /// Tokens that an issuer somewhere else grants.
    pub(crate) fn granted(token: GrantedToken) -> Self {
        Self(Source::Granted(Arc::new(token)))
    }

    /// What has to be kept for it while the process runs.
    pub(crate) const fn kept(&self) -> Option<&Arc<GrantedToken>> {
        match &self.0 {
            Source::Signed(_) => None,
            Source::Granted(token) => Some(token),
        }
    }

    /// The value for the `authorization` metadata.
    ///
    /// # Errors
    /// UNAVAILABLE when there is none.
    pub fn current(&self) -> Result<MetadataValue<Ascii>, Status> {
        match &self.0 {
            Source::Signed(token) => token.current(),
            Source::Granted(token) => token.current().ok_or_else(unavailable),
        }
    }
}

impl SignedToken {
    /// Made anew once half of its time has passed.
    fn current(&self) -> Result<MetadataValue<Ascii>, Status> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = current.as_ref().filter(|current| Instant::now() < current.renew_at)
        {
            return Ok(current.header.clone());
        }
        let header = self.fresh()?;
        let renew_at = Instant::now() + self.valid_for / 2;
        *current = Some(Current { header: header.clone(), renew_at });
        Ok(header)
    }

    fn fresh(&self) -> Result<MetadataValue<Ascii>, Status> {
        let bearer = Bearer {
            subject: "boxoffice".to_owned(),
            roles: vec!["service".to_owned()],
            ..Bearer::default()
        };
        let token = self.issuer.mint(&bearer, self.valid_for).map_err(|e| e.to_string());
        let value =
            token.and_then(|t| format!("Bearer {t}").parse().map_err(|_| "no token".into()));
        value.map_err(|error: String| {
            tracing::error!(error, "no service token");
            unavailable()
        })
    }
}

fn unavailable() -> Status {
    Status::unavailable("our own servers cannot be called for the moment")
}

impl Interceptor for ServiceToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.current()?);
        Ok(request)
    }
}
