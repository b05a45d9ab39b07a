//! A booking's state as columns, and back.

use booking::{
    AwaitReason, BookingStatus, CancelReason, ExpiryReason, Hold, MoneyBack, Refusal, Release,
    Sale, Stage, State, StockBack,
};
use kernel::{PaymentId, Timestamp};

/// The columns that a state is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StateColumns {
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) refusal: Option<Vec<u8>>,
    pub(crate) stage: Option<String>,
    pub(crate) unclear: bool,
    pub(crate) money: Option<String>,
    pub(crate) stock: Option<String>,
    pub(crate) pay_by: Option<Timestamp>,
    pub(crate) payment_id: Option<PaymentId>,
}

/// The column, or the first of those that contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contradiction(pub(crate) &'static str);

/// The stage of a booking that awaits payment before it has a hold.
const PAY_FIRST: &str = "PAY_FIRST";
/// What the hold is of a booking that only waits for its buyer.
pub(crate) const UNPINNED: &str = hold_name(Hold::Unpinned);

macro_rules! names {
    ($($write:ident $read:ident $kind:ty { $($variant:path = $text:literal),+ $(,)? })+) => {$(
        pub(crate) const fn $write(value: $kind) -> &'static str {
            match value { $($variant => $text),+ }
        }

        pub(crate) fn $read(text: Option<&str>) -> Option<$kind> {
            match text { $(Some($text) => Some($variant),)+ _ => None }
        }
    )+};
}

names! {
    hold_name read_hold Hold {
        Hold::UnpinDue = "UNPIN_DUE", Hold::Unpinned = "UNPINNED", Hold::NotTaken = "NOT_TAKEN"
    }
    sale_name read_sale Sale { Sale::CommitDue = "COMMIT_DUE", Sale::Committed = "COMMITTED" }
    release_name read_release Release { Release::Due = "RELEASE_DUE", Release::Done = "RELEASED" }
    stock_back_name read_stock_back StockBack {
        StockBack::Waiting = "WAITING", StockBack::Returned = "RETURNED"
    }
    money_back_name read_money_back MoneyBack {
        MoneyBack::NotTaken = "NOT_TAKEN",
        MoneyBack::Waiting = "WAITING",
        MoneyBack::Stuck = "STUCK",
        MoneyBack::Settled = "SETTLED",
    }
}

/// A status as text.
pub(crate) const fn status_name(status: BookingStatus) -> &'static str {
    match status {
        BookingStatus::Pending => "PENDING",
        BookingStatus::AwaitingPayment => "AWAITING_PAYMENT",
        BookingStatus::Confirmed => "CONFIRMED",
        BookingStatus::Cancelling => "CANCELLING",
        BookingStatus::Cancelled => "CANCELLED",
        BookingStatus::Rejected => "REJECTED",
        BookingStatus::Expired => "EXPIRED",
    }
}

impl StateColumns {
    pub(crate) fn of(state: &State, status: BookingStatus, payment_id: Option<PaymentId>) -> Self {
        let base = Self { status: status_name(status).to_owned(), payment_id, ..Self::default() };
        let some = |text: &str| Some(text.to_owned());
        match *state {
            State::Pending { stage, unclear } => {
                let (name, pay_by, after) = stage_columns(stage);
                let reason = after.map(|after| after.as_str().to_owned());
                Self { stage: some(name), unclear, pay_by, reason, ..base }
            }
            State::AwaitingPayment { pay_by, reason, hold } => {
                // The table was made when each of them had a hold, and its check knows no other name.
                let without = hold == Hold::NotTaken;
                let named = if without { Hold::Unpinned } else { hold };
                Self {
                    pay_by: Some(pay_by),
                    reason: some(reason.as_str()),
                    stock: some(hold_name(named)),
                    stage: without.then(|| PAY_FIRST.to_owned()),
                    ..base
                }
            }
            State::Confirmed { payment_id, sale } => {
                Self { payment_id: Some(payment_id), stock: some(sale_name(sale)), ..base }
            }
            State::Cancelling { reason, money, stock } => Self {
                reason: some(reason.as_str()),
                money: some(money_back_name(money)),
                stock: some(stock_back_name(stock)),
                ..base
            },
            State::Cancelled { reason } => Self { reason: some(reason.as_str()), ..base },
            State::Rejected { ref refusal, stock } => Self {
                reason: some(refusal.reason()),
                refusal: Some(refusal.words().to_vec()).filter(|words| !words.is_empty()),
                stock: some(release_name(stock)),
                ..base
            },
            State::Expired { reason, stock } => {
                Self { reason: some(reason.as_str()), stock: some(release_name(stock)), ..base }
            }
        }
    }

    pub(crate) fn state(&self) -> Result<State, Contradiction> {
        let status = BookingStatus::ALL
            .into_iter()
            .find(|status| status_name(*status) == self.status)
            .ok_or(Contradiction("status"))?;
        match status {
            BookingStatus::Pending => {
                Ok(State::Pending { stage: self.stage()?, unclear: self.unclear })
            }
            BookingStatus::AwaitingPayment => Ok(State::AwaitingPayment {
                pay_by: self.pay_by()?,
                reason: self.reason(AwaitReason::parse)?,
                hold: match self.stage.as_deref() {
                    Some(PAY_FIRST) => Hold::NotTaken,
                    Some(_) | None => self.stock(read_hold)?,
                },
            }),
            BookingStatus::Confirmed => {
                Ok(State::Confirmed { payment_id: self.paid()?, sale: self.stock(read_sale)? })
            }
            BookingStatus::Cancelling => Ok(State::Cancelling {
                reason: self.reason(CancelReason::parse)?,
                money: read_money_back(self.money.as_deref()).ok_or(Contradiction("money"))?,
                stock: self.stock(read_stock_back)?,
            }),
            BookingStatus::Cancelled => {
                Ok(State::Cancelled { reason: self.reason(CancelReason::parse)? })
            }
            BookingStatus::Rejected => {
                Ok(State::Rejected { refusal: self.refusal()?, stock: self.stock(read_release)? })
            }
            BookingStatus::Expired => Ok(State::Expired {
                reason: self.reason(ExpiryReason::parse)?,
                stock: self.stock(read_release)?,
            }),
        }
    }

    fn stage(&self) -> Result<Stage, Contradiction> {
        match self.stage.as_deref() {
            Some("HOLDING") => Ok(Stage::Holding { price_agreed: false }),
            Some("HOLDING_AT_PRICE") => Ok(Stage::Holding { price_agreed: true }),
            // A server that knew of no reasons here did not write them: then it may be either, which is the safer one.
            Some("PINNING") => Ok(Stage::Pinning {
                pay_by: self.pay_by()?,
                after: self.after()?.unwrap_or(AwaitReason::PaymentUnavailable),
            }),
            Some("CHECKING") => self.checking(false),
            Some("CHECKING_AT_PRICE") => self.checking(true),
            Some("CHARGING") => Ok(Stage::Charging { pay_by: self.pay_by()?, fresh: false }),
            Some("CHARGING_FRESH") => Ok(Stage::Charging { pay_by: self.pay_by()?, fresh: true }),
            Some("COMMITTING") => Ok(Stage::Committing { payment_id: self.paid()? }),
            Some("CHARGING_FIRST") => Ok(Stage::ChargingFirst { pay_by: self.pay_by()? }),
            Some("ALLOCATING") => Ok(Stage::Allocating { payment_id: self.paid()? }),
            _ => Err(Contradiction("stage")),
        }
    }

    fn checking(&self, price_agreed: bool) -> Result<Stage, Contradiction> {
        Ok(Stage::Checking { pay_by: self.pay_by()?, price_agreed, after: self.after()? })
    }

    /// Why a booking that is being paid was not paid before, if that is said.
    fn after(&self) -> Result<Option<AwaitReason>, Contradiction> {
        self.reason.as_ref().map(|_| self.reason(AwaitReason::parse)).transpose()
    }

    fn reason<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Contradiction> {
        self.reason.as_deref().and_then(parse).ok_or(Contradiction("reason"))
    }

    fn refusal(&self) -> Result<Refusal, Contradiction> {
        let words = self.refusal.as_deref().unwrap_or_default();
        self.reason(|reason| Refusal::passed_on(reason, words))
    }

    fn stock<T>(&self, read: fn(Option<&str>) -> Option<T>) -> Result<T, Contradiction> {
        read(self.stock.as_deref()).ok_or(Contradiction("stock"))
    }

    fn pay_by(&self) -> Result<Timestamp, Contradiction> {
        self.pay_by.ok_or(Contradiction("pay_by_us"))
    }

    fn paid(&self) -> Result<PaymentId, Contradiction> {
        self.payment_id.ok_or(Contradiction("payment_id"))
    }
}

/// Its name, until when it may be paid, and why it was not paid before.
const fn stage_columns(stage: Stage) -> (&'static str, Option<Timestamp>, Option<AwaitReason>) {
    match stage {
        Stage::Holding { price_agreed: false } => ("HOLDING", None, None),
        Stage::Holding { price_agreed: true } => ("HOLDING_AT_PRICE", None, None),
        Stage::Pinning { pay_by, after } => ("PINNING", Some(pay_by), Some(after)),
        Stage::Charging { pay_by, fresh: false } => ("CHARGING", Some(pay_by), None),
        Stage::Charging { pay_by, fresh: true } => ("CHARGING_FRESH", Some(pay_by), None),
        Stage::Committing { .. } => ("COMMITTING", None, None),
        Stage::Checking { pay_by, price_agreed: false, after } => ("CHECKING", Some(pay_by), after),
        Stage::Checking { pay_by, price_agreed: true, after } => {
            ("CHECKING_AT_PRICE", Some(pay_by), after)
        }
        Stage::ChargingFirst { pay_by } => ("CHARGING_FIRST", Some(pay_by), None),
        Stage::Allocating { .. } => ("ALLOCATING", None, None),
    }
}
