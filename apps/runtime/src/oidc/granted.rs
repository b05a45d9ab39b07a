//! A service token that an issuer grants: renewed before its end, and in use to its end while the issuer is away.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use grpc_server::dice;
use oidc_issuer::{Grant, OidcIssuer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};

use super::settings::CredentialsFile;
use crate::start_error::StartError;

/// Between two tries while the issuer gives none.
const AGAIN: Duration = Duration::from_secs(2);
/// However short a token's life is, another one is not asked for sooner.
const RENEW_MIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct GrantedToken {
    issuer: OidcIssuer,
    credentials: CredentialsFile,
    held: RwLock<Option<Held>>,
    first: watch::Sender<bool>,
}

#[derive(Debug)]
struct Held {
    authorization: MetadataValue<Ascii>,
    until: Instant,
}

impl GrantedToken {
    /// None yet.
    pub(crate) fn new(issuer: OidcIssuer, credentials: CredentialsFile) -> Self {
        let first = watch::Sender::new(false);
        Self { issuer, credentials, held: RwLock::default(), first }
    }

    /// Whether there is a secret to ask with, so that a wrong file is known at once; it is read again at every renewal.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        self.credentials.read().map(|_| ())
    }

    /// Whether there ever was one.
    pub(crate) fn granted(&self) -> watch::Receiver<bool> {
        self.first.subscribe()
    }

    /// The header of the present one, while it is good.
    pub(crate) fn current(&self) -> Option<MetadataValue<Ascii>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|held| Instant::now() < held.until).map(|it| it.authorization.clone())
    }

    /// Renews it until it is stopped.
    pub(crate) async fn keep(&self, stopping: CancellationToken) {
        let mut fails = false;
        while !stopping.is_cancelled() {
            let asked_at = Instant::now();
            let Some(answer) = stopping.run_until_cancelled(self.ask()).await else { return };
            let pause = match answer {
                Ok((authorization, valid_for)) => {
                    if fails {
                        tracing::info!("the issuer gives service tokens again");
                    }
                    fails = false;
                    self.hold(Held { authorization, until: asked_at + valid_for });
                    // Between three and six eighths of its life: servers that started together part.
                    dice::about(valid_for * 3 / 4).max(RENEW_MIN)
                }
                Err(error) => {
                    if !fails {
                        tracing::warn!(
                            error,
                            "no new service token; the one there is stays in use while it is good"
                        );
                    }
                    fails = true;
                    dice::about(AGAIN)
                }
            };
            stopping.run_until_cancelled(sleep(pause)).await;
        }
    }

    async fn ask(&self) -> Result<(MetadataValue<Ascii>, Duration), String> {
        let credentials = self.credentials.read().map_err(|error| error.to_string())?;
        let granted = self.issuer.grant(&credentials).await;
        let Grant { authorization, valid_for } = granted.map_err(|error| error.to_string())?;
        let mut header = MetadataValue::try_from(authorization.as_bytes())
            .map_err(|_| "the token does not fit a header".to_owned())?;
        header.set_sensitive(true);
        Ok((header, valid_for))
    }

    fn hold(&self, held: Held) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
        self.first.send_if_modified(|first| !std::mem::replace(first, true));
    }
}
