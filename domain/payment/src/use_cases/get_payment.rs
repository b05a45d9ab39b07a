//! Reads one payment of the caller; somebody else's does not exist.

use kernel::{AccessDenied, Caller, Fault, FaultClass, PaymentId, StoreError};

use super::Paying;
use crate::Payment;

/// Why there is no payment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetPaymentError {
    /// The caller is no buyer.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// There is none, or it is not the caller's.
    #[error("there is no payment {0}")]
    NotFound(PaymentId),
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Paying {
    /// One of the caller's payments.
    ///
    /// # Errors
    /// [`GetPaymentError`].
    pub async fn get_payment(
        &self,
        caller: &Caller,
        payment_id: PaymentId,
    ) -> Result<Payment, GetPaymentError> {
        let buyer_id = caller.buyer()?;
        let found = self.settlements.find_payment(payment_id).await?;
        found
            .filter(|payment| payment.payer.buyer_id == buyer_id)
            .ok_or(GetPaymentError::NotFound(payment_id))
    }
}

impl Fault for GetPaymentError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(error) => error.class(),
            Self::NotFound(_) => FaultClass::NotFound,
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(error) => error.reason(),
            Self::NotFound(_) => "PAYMENT_NOT_FOUND",
            Self::Store(error) => error.reason(),
        }
    }
}
