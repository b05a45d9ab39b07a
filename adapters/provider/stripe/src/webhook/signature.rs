//! Whether a message is Stripe's, and new.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use kernel::Timestamp;

use crate::InvalidSetting;

/// How far a message's time may be from ours: within it a message that was overheard can come again, which the inbox
/// and the question that follows make harmless.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// While a secret is changed there are two; more are nobody's.
const SIGNATURES_MAX: usize = 8;

/// The secret that signs what is posted to an endpoint. Shows itself to nobody.
#[derive(Clone)]
pub struct WebhookSecret(Arc<Key>);

/// Why a message is not taken for Stripe's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSignature {
    #[error("the signature is missing or cannot be read")]
    Unreadable,
    #[error("no signature is right")]
    Wrong,
    #[error("it was signed too long ago, or in the future")]
    OutOfTime,
}

impl WebhookSecret {
    /// A secret as Stripe shows it, `whsec_…`.
    ///
    /// # Errors
    /// [`InvalidSetting`], naming the variable.
    pub fn new(secret: &str) -> Result<Self, InvalidSetting> {
        let plain = secret.bytes().all(|byte| byte.is_ascii_graphic());
        if !secret.starts_with("whsec_") || !plain || secret.len() < 16 {
            let rule = "must be the secret of the endpoint, whsec_…";
            return Err(InvalidSetting { name: "STRIPE_WEBHOOK_SECRET", rule });
        }
        Ok(Self(Arc::new(Key::new(HMAC_SHA256, secret.as_bytes()))))
    }

    /// Whether the header `t=…,v1=…` signs this body, and not long ago.
    pub(crate) fn check(
        &self,
        header: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), BadSignature> {
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let time = parts().find(|(name, _)| *name == "t").map(|(_, time)| time);
        let time = time.ok_or(BadSignature::Unreadable)?;
        let signed_at = seconds(time).ok_or(BadSignature::Unreadable)?;
        let signatures = parts().filter(|(name, _)| *name == "v1").take(SIGNATURES_MAX);
        let right = self.sign(time, body);
        let mut found = Err(BadSignature::Unreadable);
        for (_, signature) in signatures {
            let signature = hex::decode(signature).unwrap_or_default();
            if verify_slices_are_equal(&signature, &right).is_ok() {
                found = Ok(());
                break;
            }
            found = Err(BadSignature::Wrong);
        }
        found?;
        let apart = now.since(signed_at).max(signed_at.since(now));
        if apart > TOLERANCE { Err(BadSignature::OutOfTime) } else { Ok(()) }
    }

    fn sign(&self, time: &str, body: &[u8]) -> Vec<u8> {
        let mut signed = Context::with_key(&self.0);
        for part in [time.as_bytes(), b".", body] {
            signed.update(part);
        }
        signed.sign().as_ref().to_vec()
    }

    /// The header of a body that was signed at this second.
    #[cfg(test)]
    pub(crate) fn header(&self, seconds: i64, body: &[u8]) -> String {
        format!("t={seconds},v1={}", hex::encode(self.sign(&seconds.to_string(), body)))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

fn seconds(text: &str) -> Option<Timestamp> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.then(|| text.parse::<i64>().ok()).flatten()?;
    seconds.checked_mul(1_000_000).map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_700_000_000;
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn secret() -> WebhookSecret {
        WebhookSecret::new("whsec_of_this_test").expect("sound")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn checked(header: &str) -> Result<(), BadSignature> {
        secret().check(header, BODY, at(NOW))
    }

    /// Made with another implementation: `printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac …`.
    #[test]
    fn r16_a_signature_is_the_hmac_of_time_and_body() {
        let known = "af786206f8cdf0f877d67615499d6a5663570b5a4176b3f1d87b79a733a49e4d";
        assert_eq!(checked(&format!("t={NOW},v1={known}")), Ok(()));
        assert_eq!(checked(&format!("t={NOW},v1={}", known.to_uppercase())), Ok(()));
    }

    #[test]
    fn r16_what_is_forged_old_or_broken_is_refused() {
        let right = secret().header(NOW, BODY);
        let signature = right.split_once("v1=").expect("it has one").1.to_owned();
        let other = WebhookSecret::new("whsec_of_somebody_else").expect("sound").header(NOW, BODY);
        let (unreadable, wrong) = (Err(BadSignature::Unreadable), Err(BadSignature::Wrong));
        for (header, expected) in [
            (right.clone(), Ok(())),
            (format!("t={NOW}, v1={signature}"), Ok(())),
            (format!("v1={signature},t={NOW}"), Ok(())),
            (format!("t={NOW},v1=00,v1={signature},v0=00"), Ok(())),
            (format!("t={NOW},v1=zz,v1={signature}"), Ok(())),
            (other, wrong),
            (secret().header(NOW, b"another body"), wrong),
            (format!("t={},v1={signature}", NOW + 1), wrong),
            (format!("t=0{NOW},v1={signature}"), wrong),
            (format!("t={NOW},v1={}", &signature[..62]), wrong),
            (format!("t={NOW},v1="), wrong),
            (format!("t={NOW}{},v1={signature}", ",v1=00".repeat(SIGNATURES_MAX)), wrong),
            (format!("t={NOW},v0={signature}"), unreadable),
            (format!("t={NOW}"), unreadable),
            (format!("t=+{NOW},v1={signature}"), unreadable),
            (format!("t=99999999999999999999,v1={signature}"), unreadable),
            (format!("v1={signature}"), unreadable),
            (String::new(), unreadable),
        ] {
            assert_eq!(checked(&header), expected, "{header}");
        }
    }

    #[test]
    fn r16_a_message_is_believed_for_five_minutes() {
        for (signed_at, expected) in [
            (NOW - 300, Ok(())),
            (NOW + 300, Ok(())),
            (NOW - 301, Err(BadSignature::OutOfTime)),
            (NOW + 301, Err(BadSignature::OutOfTime)),
            (0, Err(BadSignature::OutOfTime)),
        ] {
            assert_eq!(checked(&secret().header(signed_at, BODY)), expected, "{signed_at}");
        }
    }

    #[test]
    fn a_secret_is_checked_and_shown_to_nobody() {
        for wrong in ["", "whsec_", "sk_test_123456789012", "whsec_with a space in it"] {
            let refused = WebhookSecret::new(wrong).expect_err(wrong);
            assert_eq!(refused.name, "STRIPE_WEBHOOK_SECRET");
        }
        assert!(!format!("{:?}", secret()).contains("of_this_test"));
    }

    proptest! {
        #[test]
        fn r16_whatever_is_changed_the_signature_is_not_right_any_more(
            body in prop::collection::vec(any::<u8>(), 1..200),
            place in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let header = secret().header(NOW, &body);
            prop_assert_eq!(secret().check(&header, &body, at(NOW)), Ok(()));
            let mut changed = body.clone();
            changed[place.index(body.len())] ^= 1 << bit;
            prop_assert_eq!(secret().check(&header, &changed, at(NOW)), Err(BadSignature::Wrong));
        }

        #[test]
        fn r16_no_header_is_too_strange_to_be_read(header in ".{0,200}") {
            prop_assert!(checked(&header).is_err());
        }
    }
}
