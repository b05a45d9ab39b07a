//! Why a booking is where it is: the stable names of `status_reason`.

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$each])* $variant),+
        }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }

            /// Reads a stable name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
            }
        }
    };
}

reasons! {
    /// Why a booking was refused, where it is decided here or by every version of the ticket context. What else that
    /// context refuses is passed on by its own name, as a [`crate::Refusal`].
    RejectReason {
        /// Not enough is left.
        SoldOut = "SOLD_OUT",
        /// Paused, deleted, or outside its sale window.
        NotOnSale = "NOT_ON_SALE",
        /// It costs something else than the buyer expects.
        PriceMismatch = "PRICE_MISMATCH",
        /// The buyer would own more than one buyer may.
        LimitPerBuyer = "LIMIT_PER_BUYER",
    }
}

reasons! {
    /// Why a booking is not paid yet.
    AwaitReason {
        /// The provider said no.
        PaymentDeclined = "PAYMENT_DECLINED",
        /// The charge was never sent.
        PaymentUnavailable = "PAYMENT_UNAVAILABLE",
    }
}

reasons! {
    /// Why an unpaid booking ended.
    ExpiryReason {
        /// It was not paid in time.
        PayByPassed = "PAY_BY_PASSED",
        /// Its stock was gone when it was to be paid.
        SoldOut = "SOLD_OUT",
    }
}

reasons! {
    /// Why a booking was cancelled.
    CancelReason {
        /// Its buyer asked.
        BuyerCancelled = "BUYER_CANCELLED",
        /// Its organizer deleted the ticket.
        TicketDeleted = "TICKET_DELETED",
        /// It may be paid, but its stock is gone.
        StockGone = "STOCK_GONE",
        /// The payment context says that nothing can be taken for it any more.
        PaymentVoided = "PAYMENT_VOIDED",
        /// Money came after it had ended.
        PaidTooLate = "PAID_TOO_LATE",
        /// An operator had it cancelled, with a reason in the operators' log.
        OperatorCancelled = "OPERATOR_CANCELLED",
    }
}
