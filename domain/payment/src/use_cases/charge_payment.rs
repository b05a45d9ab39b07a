//! Takes the money for a booking, with an outcome that is definite or openly unknown (row T05).

use std::time::Duration;

use kernel::{AccessDenied, BookingId, Caller, Cause, Fault, FaultClass, Money, PaymentId};

use super::{CommitFailed, Ending, Paying};
use crate::guard::Pass;
use crate::{
    ChargeAnswer, ChargeOrder, ChargeRefused, Decision, Payer, Payment, ProviderAway, Settlement,
};

/// Asks to take the money for a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargePayment {
    /// The booking.
    pub booking_id: BookingId,
    /// Which attempt, from 1 to [`crate::ATTEMPTS_MAX`]; a higher one only after a definite decline.
    pub attempt: u32,
    /// Who pays.
    pub payer: Payer,
    /// How much; not negative.
    pub amount: Money,
    /// The provider's token for the means of payment.
    pub payment_method: String,
}

/// Why no attempt was made. After it, only the same attempt may be asked for again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChargePaymentError {
    /// The caller is not one of our servers.
    #[error(transparent)]
    Access(#[from] AccessDenied),
    /// The attempt may not be made.
    #[error(transparent)]
    Refused(#[from] ChargeRefused),
    /// The attempt could not be stored; the provider was not called.
    #[error(transparent)]
    Commit(#[from] CommitFailed),
    /// The provider is left alone for now or had no room: the attempt is not stored, and may be asked for again.
    #[error(transparent)]
    Away(#[from] ProviderAway),
}

impl Paying {
    /// Makes an attempt, or answers with what became of it when it was made before.
    ///
    /// # Errors
    /// [`ChargePaymentError`]. Once the provider may have begun something there is none: an attempt of
    /// which nothing definite is known is `Processing` or `Unknown`, and the sweep finds out.
    /// While the provider is left alone no attempt begins; what was begun before is answered all the same.
    pub async fn charge_payment(
        &self,
        caller: &Caller,
        asked: ChargePayment,
    ) -> Result<Payment, ChargePaymentError> {
        caller.service()?;
        let pass = match self.guard.enter(self.clock.now()) {
            Ok(pass) => pass,
            Err(away) => return self.begun_before(&asked).await?.ok_or(away.into()),
        };
        // Before a first attempt there is nothing, unless it is asked for again: then the commit says so.
        let settlement = if asked.attempt == 1 {
            Settlement::new(asked.booking_id)
        } else {
            self.settlement_of(asked.booking_id).await.map_err(CommitFailed::from)?
        };
        let payment_id = PaymentId::new(self.ids.next());
        let begin = |settlement: &mut Settlement, now| {
            settlement.begin_charge(&asked, payment_id, now).map_err(ChargePaymentError::from)
        };
        let settlement = match self.decide(settlement, None, begin).await {
            Ok(Ending::Committed(begun)) => self.call(begun, asked.attempt, pass).await?,
            Ok(Ending::Unchanged(settlement)) => {
                pass.returned();
                settlement
            }
            // Our own troubles say nothing of the provider.
            Err(error) => {
                pass.returned();
                return Err(error);
            }
        };
        let mut payments = settlement.payments.into_iter();
        // Only whoever begins an attempt takes it back, so the one just begun or found is there as a rule.
        let payment = payments.find(|payment| payment.attempt == asked.attempt);
        payment.ok_or(ChargePaymentError::Commit(CommitFailed::Contended))
    }

    /// The attempt if it was made before; whoever asks for it again must not hear that it was not tried.
    async fn begun_before(
        &self,
        asked: &ChargePayment,
    ) -> Result<Option<Payment>, ChargePaymentError> {
        let mut settlement =
            self.settlement_of(asked.booking_id).await.map_err(CommitFailed::from)?;
        let begun =
            settlement.begin_charge(asked, PaymentId::new(self.ids.next()), self.clock.now());
        match begun? {
            Decision::AlreadyDone => Ok(settlement.attempt(asked.attempt).cloned()),
            Decision::Happened(_) => Ok(None),
        }
    }

    /// Calls the provider for an attempt that is stored. No transaction is open meanwhile.
    async fn call(
        &self,
        begun: Settlement,
        attempt: u32,
        pass: Pass<'_>,
    ) -> Result<Settlement, ProviderAway> {
        let Some(order) = begun.attempt(attempt).map(Payment::charge_order) else {
            pass.returned();
            return Ok(begun);
        };
        let answer = self.send(&order, pass).await;
        if let ChargeAnswer::NotTried { retry_after } = answer
            && self.take_back(begun.clone(), attempt).await
        {
            return Err(ProviderAway::saturated(retry_after));
        }
        // The money may have moved, so a failure to store the answer is none of the call: the
        // attempt stays undecided until the sweep has found out.
        Ok(self.record_charge(begun.clone(), attempt, &answer, None).await.unwrap_or(begun))
    }

    /// Whether the attempt is as if it had never been begun. It is not once the sweep has gone on with it: that may have
    /// sent the charge again meanwhile, with another answer.
    async fn take_back(&self, begun: Settlement, attempt: u32) -> bool {
        let begun_at = begun.revision;
        let unmake = |settlement: &mut Settlement, _now| {
            Ok::<_, CommitFailed>(settlement.take_back(attempt, begun_at))
        };
        matches!(self.decide(begun, None, unmake).await, Ok(Ending::Committed(_)))
    }

    /// Sends a charge, for the first time or again, and notes how the provider took it.
    pub(super) async fn send(&self, order: &ChargeOrder, pass: Pass<'_>) -> ChargeAnswer {
        pass.sent(self.clock.now());
        let answer = self.provider.charge(order).await;
        let now = self.clock.now();
        if let ChargeAnswer::NotTried { retry_after } = answer {
            pass.turned_away(retry_after, now);
        } else {
            pass.ended(answer != ChargeAnswer::Unknown, now);
        }
        answer
    }

    pub(super) async fn record_charge(
        &self,
        settlement: Settlement,
        attempt: u32,
        answer: &ChargeAnswer,
        caused_by: Option<Cause>,
    ) -> Result<Settlement, CommitFailed> {
        let refund_id = self.refund_id();
        let ending = self.decide(settlement, caused_by, |settlement, now| {
            Ok::<_, CommitFailed>(settlement.charge_answered(attempt, answer, refund_id, now))
        });
        Ok(ending.await?.into_settlement())
    }
}

impl Fault for ChargePaymentError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Access(error) => error.class(),
            Self::Refused(_) => FaultClass::Refused,
            Self::Commit(error) => error.class(),
            Self::Away(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Access(error) => error.reason(),
            Self::Refused(ChargeRefused::AmountMismatch { .. }) => "AMOUNT_MISMATCH",
            Self::Refused(ChargeRefused::AttemptLive { .. }) => "ATTEMPT_LIVE",
            Self::Refused(ChargeRefused::OutOfTurn { .. }) => "ATTEMPT_OUT_OF_TURN",
            Self::Refused(ChargeRefused::Voided) => "PAYMENT_VOIDED",
            Self::Commit(error) => error.reason(),
            Self::Away(error) => error.reason(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Access(error) => error.retry_after(),
            Self::Refused(_) => None,
            Self::Commit(error) => error.retry_after(),
            Self::Away(error) => error.retry_after(),
        }
    }
}
