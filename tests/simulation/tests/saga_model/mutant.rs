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
    /// A charge is said not to have been sent, and arrives all the same (trap R04). Booking hears of most such charges
    /// by message, but a message that comes while the next drive is under way is left to that drive.
    NotSentIsNotTrue,
}

impl Mutant {
    pub(crate) const ALL: [Self; 12] = [
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
        Self::NotSentIsNotTrue,
    ];

    /// The promise that does not hold without the rule.
    pub(crate) const fn breaks(self) -> &'static str {
        match self {
            Self::ReleaseLeavesNoTombstone
            | Self::VoidLeavesNoTombstone
            | Self::CancelSkipsRefund
            | Self::NotSentIsNotTrue => promises::CLOSED_KEEPS_NOTHING,
            Self::ProviderIgnoresTheKey
            | Self::RepeatedChargeIsAnother
            | Self::NewAttemptAfterTimeoutIsTaken => promises::CHARGED_ONCE,
            // The payment context refuses a second live attempt: no money is lost, but nothing ends.
            Self::NewAttemptAfterTimeout => promises::COMES_TO_REST,
            Self::CommitTakesNoStock => promises::NO_OVERSELL,
            Self::ExpiryTakesPinned | Self::TrustsEveryPin => promises::CONFIRMED_IS_PAID_AND_KEPT,
            Self::RetiringSells => promises::RETIRED_KEEPS_NOTHING,
        }
    }
}
