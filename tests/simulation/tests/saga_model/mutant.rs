//! Rules taken away, one at a time. Each must be found, as the breach of the promise that it is there for.

use crate::promises;

/// A rule that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Giving up a hold that never was leaves nothing behind (rule R3).
    ReleaseLeavesNoTombstone,
    /// Voiding a booking that was never charged leaves nothing behind (rule R4).
    VoidLeavesNoTombstone,
    /// The provider takes the money again for a key that it has (trap R05).
    ProviderIgnoresTheKey,
    /// An attempt that is asked for again is charged again, under another key (rule R2).
    RepeatedChargeIsAnother,
    /// Booking counts the attempt up when a charge was not answered (trap R05).
    NewAttemptAfterTimeout,
    /// The same, and the payment context lets a second attempt live.
    NewAttemptAfterTimeoutIsTaken,
    /// An expired hold is sold without taking its stock again (rule R6).
    CommitTakesNoStock,
    /// Cancelling while a charge may be on its way asks nobody for the money (rule R5).
    CancelSkipsRefund,
    /// The sweep lets pinned holds go, too.
    ExpiryTakesPinned,
    /// A deleted ticket is still sold, to holds that are there.
    RetiringSells,
    /// A hold that was pinned again is trusted as if it had never been let go.
    TrustsEveryPin,
    /// A booking that is paid again and finds its stock gone believes that the charge before was not sent, as it was
    /// told (trap R04). It hears of most such charges by message, but one that comes while it is driven is left to that
    /// drive.
    BelievesNotSent,
    /// A booking that is taken over while its hold is pinned, and whose pin is refused, expires as if nobody could have
    /// charged it before.
    ForgetsAnEarlierDrive,
    /// Paid first, a booking that finds no stock then is rejected as one that never was paid.
    StockRefusedIsNoRefund,
    /// Paid first, a booking is confirmed before it has its stock.
    PaidIsConfirmed,
    /// Paid first, a booking is charged whatever was said of its stock.
    ChargesUnchecked,
}

impl Mutant {
    /// Of tickets whose stock is set aside before they are paid.
    pub(crate) const HOLD_FIRST: [Self; 12] = [
        Self::ReleaseLeavesNoTombstone,
        Self::VoidLeavesNoTombstone,
        Self::ProviderIgnoresTheKey,
        Self::RepeatedChargeIsAnother,
        Self::NewAttemptAfterTimeout,
        Self::NewAttemptAfterTimeoutIsTaken,
        Self::CommitTakesNoStock,
        Self::CancelSkipsRefund,
        Self::ExpiryTakesPinned,
        Self::RetiringSells,
        Self::TrustsEveryPin,
        Self::ForgetsAnEarlierDrive,
    ];

    /// Of those that are paid first.
    pub(crate) const PAY_FIRST: [Self; 6] = [
        Self::StockRefusedIsNoRefund,
        Self::PaidIsConfirmed,
        Self::ChargesUnchecked,
        Self::RepeatedChargeIsAnother,
        Self::NewAttemptAfterTimeoutIsTaken,
        Self::CancelSkipsRefund,
    ];

    /// The promise that does not hold without the rule.
    pub(crate) const fn breaks(self) -> &'static str {
        match self {
            Self::ReleaseLeavesNoTombstone
            | Self::VoidLeavesNoTombstone
            | Self::CancelSkipsRefund
            | Self::BelievesNotSent
            | Self::ForgetsAnEarlierDrive
            | Self::StockRefusedIsNoRefund => promises::CLOSED_KEEPS_NOTHING,
            Self::ProviderIgnoresTheKey
            | Self::RepeatedChargeIsAnother
            | Self::NewAttemptAfterTimeoutIsTaken => promises::CHARGED_ONCE,
            // The payment context refuses a second live attempt: no money is lost, but nothing ends.
            Self::NewAttemptAfterTimeout => promises::COMES_TO_REST,
            Self::CommitTakesNoStock => promises::NO_OVERSELL,
            Self::ExpiryTakesPinned | Self::TrustsEveryPin | Self::PaidIsConfirmed => {
                promises::CONFIRMED_IS_PAID_AND_KEPT
            }
            Self::RetiringSells => promises::RETIRED_KEEPS_NOTHING,
            Self::ChargesUnchecked => promises::LATE_IS_NOT_CHARGED,
        }
    }
}
