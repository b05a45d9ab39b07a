//! The payment context: money in, money back, and what became of either when nobody answered.
//!
//! Start with [`Paying`], whose methods are the use cases, then [`Settlement`], which decides.

mod breaker;
mod events;
mod guard;
mod limits;
mod orders;
mod payment;
mod ports;
mod refund;
mod review;
mod settlement;
mod use_cases;

pub use breaker::{Breaker, BreakerState, CallNumber, GuardRules, ProviderAway};
pub use events::PaymentEvent;
pub use guard::{Guard, Refused};
pub use limits::{
    ATTEMPTS_MAX, BREAKER_REST, CALL_LEASE, PAYMENT_METHOD_CHARS_MAX, PROVIDER_REF_CHARS_MAX,
    PROVIDER_TIMEOUT, REFUSALS_MAX, RESOLVE_BACKOFF_MAX, RESOLVE_BACKOFF_MIN,
};
pub use orders::{ChargeAnswer, ChargeFinding, ChargeKey, ChargeOrder, RefundAnswer, RefundOrder};
pub use payment::{Payer, Payment, PaymentState, PaymentStatus};
pub use ports::{Change, PaymentFilter, PaymentProvider, SettlementStore};
pub use refund::{Refund, RefundState};
pub use review::{NotInReview, OUTSIDE};
pub use settlement::{Ask, ChargeRefused, Decision, Settlement};
pub use use_cases::{
    ChargePayment, ChargePaymentError, CommitFailed, GetPaymentError, ListPayments,
    ListPaymentsError, Paying, PaymentPage, RefundDesk, RefundPaymentError, RefundReviewError,
};
