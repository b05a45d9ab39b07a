//! Who takes the money, as the settings say.

use std::sync::Arc;

use payment::{Paying, PaymentProvider};
use provider_simulated::{SimulatedProvider, SimulatedSettings};
use provider_stripe::{StripeProvider, StripeSettings, WebhookSecret, Webhooks};
use runtime::{Hooks, PaymentProvider as Chosen, Platform, Secret, Settings, StartError, Switch};
use sea_orm_database::Database;
use tls_certificates::Protocol;

use crate::open_provider;

/// A provider with what it needs beside it.
pub(crate) enum Provider {
    /// With its ledger.
    Simulated(Arc<SimulatedProvider>, Database),
    /// With the secret that its events are signed with, where they are taken.
    Stripe(Arc<StripeProvider>, Option<WebhookSecret>),
}

impl Provider {
    /// The one that the settings choose.
    pub(crate) async fn open(platform: &Platform) -> Result<Self, StartError> {
        match platform.settings.payment_provider {
            Chosen::Simulated => simulated(platform).await,
            Chosen::Stripe => stripe(&platform.settings),
        }
    }

    pub(crate) fn port(&self) -> Arc<dyn PaymentProvider> {
        match self {
            Self::Simulated(provider, _) => provider.clone(),
            Self::Stripe(provider, _) => provider.clone(),
        }
    }

    /// The database that it cannot do without.
    pub(crate) fn ledger(&self) -> Option<(&'static str, Database)> {
        match self {
            Self::Simulated(_, ledger) => Some(("provider", ledger.clone())),
            Self::Stripe(..) => None,
        }
    }

    /// Has it heard where it tells of its own accord: on a port, or in this process.
    pub(crate) async fn listen(
        self,
        platform: &Platform,
        paying: &Arc<Paying>,
    ) -> Result<Option<Hooks>, StartError> {
        let paying = Arc::clone(paying);
        let (provider, secret) = match self {
            Self::Stripe(provider, Some(secret)) => (provider, secret),
            Self::Stripe(_, None) => return Ok(None),
            Self::Simulated(provider, _) => {
                if platform.settings.payment_async == Switch::On {
                    hear_simulated(platform, &provider, &paying);
                }
                return Ok(None);
            }
        };
        let clock = Arc::clone(&platform.clock);
        let webhooks = Arc::new(Webhooks { secret, provider, paying, clock });
        let address = ("STRIPE_WEBHOOK_ADDR", platform.settings.stripe_webhook_addr);
        let acceptor = platform.certificates.acceptor(Protocol::Http1);
        let hooks = Hooks::bind("stripe", address, acceptor, move |request| {
            let webhooks = Arc::clone(&webhooks);
            async move { webhooks.receive(request).await }
        });
        hooks.await.map(Some)
    }
}

fn hear_simulated(platform: &Platform, provider: &Arc<SimulatedProvider>, paying: &Arc<Paying>) {
    let (provider, paying) = (Arc::clone(provider), Arc::clone(paying));
    platform.workers.spawn("payment.simulated", move |stopping| {
        let (provider, paying) = (Arc::clone(&provider), Arc::clone(&paying));
        async move {
            stopping.run_until_cancelled(provider.tell(&paying)).await;
        }
    });
}

async fn simulated(platform: &Platform) -> Result<Provider, StartError> {
    let settings = &platform.settings;
    let simulated = SimulatedSettings::new(
        settings.payment_success_rate,
        settings.payment_processing_min_ms,
        settings.payment_processing_max_ms,
        settings.payment_seed,
    );
    let simulated =
        simulated.map_err(|wrong| StartError::Setting { name: wrong.name, problem: wrong.rule })?;
    let simulated = match settings.payment_async {
        Switch::On => simulated.telling_later(),
        Switch::Off => simulated,
    };
    platform.claim("provider")?;
    let ledger = open_provider(settings).await?;
    Ok(Provider::Simulated(Arc::new(SimulatedProvider::new(simulated, ledger.clone())), ledger))
}

fn stripe(settings: &Settings) -> Result<Provider, StartError> {
    let wrong = |wrong: provider_stripe::InvalidSetting| StartError::Setting {
        name: wrong.name,
        problem: wrong.rule.to_owned(),
    };
    let needed = || StartError::Setting {
        name: "STRIPE_API_KEY",
        problem: "is needed with PAYMENT_PROVIDER=stripe".to_owned(),
    };
    let key = settings.stripe_api_key.as_ref().ok_or_else(needed)?;
    let ours = StripeSettings::new(&settings.stripe_api_base, key.secret()).map_err(wrong)?;
    let secret = settings.stripe_webhook_secret.as_ref().map(Secret::secret);
    let secret = secret.map(WebhookSecret::new).transpose().map_err(wrong)?;
    let provider =
        StripeProvider::new(ours).map_err(|error| StartError::Other(error.to_string()))?;
    Ok(Provider::Stripe(Arc::new(provider), secret))
}
