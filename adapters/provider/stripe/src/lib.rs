//! A payment provider over HTTP as Stripe speaks it: PaymentIntents that are made and confirmed in one call, refunds,
//! and the events that Stripe posts to us.
//!
//! **What keeps it from charging twice.** A charge is sent with its [`payment::ChargeKey`] as `Idempotency-Key`, and
//! with the booking and the attempt in its metadata. Stripe answers the same key with the same answer for at least
//! 24 hours; its index finds a charge by metadata after a minute as a rule and after an hour at worst. So at every
//! moment after a charge has reached Stripe one of the two holds: its key still stands, and sending the charge again
//! repeats the answer; or it is old enough to be found, and is not sent again. That is why "not found" may be answered
//! from the index although the index is behind, and why whoever hears it may send the same charge, and no other.
//!
//! **What is believed.** A charge was declined when Stripe refuses it in words of its own (402, or 400 for a request
//! that it would not begin). It was taken when Stripe says so, of the amount and the currency that it was asked for.
//! Nothing was begun when Stripe has no room (429): the charge may come again, and nobody is sent there for as long as
//! `Retry-After` says. A 503 may come from somebody in between who has given up waiting. So all else is unknown: no answer,
//! half an answer, 409, 5xx, a key that is not allowed, an amount that is not ours.
//!
//! **Events are hints.** Their signature and their age are checked; then the object is fetched, and its answer counts.
//!
//! **Why no client library.** `async-stripe` is the kept one. Its released version brings a second hyper (0.14) and a
//! second rustls (0.21), which `deny.toml` refuses; its next one is a candidate, with types of the whole API that
//! take minutes to build. Neither bounds the size of an answer or says of a failure whether anything was sent, and
//! most of this crate, which is what an answer means, would still be here. Four requests over the hyper that is linked
//! anyway are less.

mod amount;
mod client;
mod failure;
mod form;
mod intent;
mod provider;
mod refund;
mod seen;
mod settings;
mod webhook;

pub use provider::StripeProvider;
pub use settings::{InvalidSetting, StripeSettings};
pub use webhook::{WEBHOOK_PATH, WebhookSecret, Webhooks};
