//! What every context shares: typed ids, money, quantities, civil dates, time, callers, fault classes,
//! and the envelope in which facts travel. Nothing here performs I/O or reads a clock.

mod caller;
mod civil;
mod fault;
mod ids;
mod message;
mod money;
mod operator;
mod page;
mod percent;
mod quantity;
mod reply;
mod store;
mod time;

pub use caller::{AccessDenied, Caller, Locale, Role};
pub use civil::{CivilDate, InvalidDate, InvalidTimeZone, TimeZoneName};
pub use fault::{Fault, FaultClass, Invalid, Violation, with_causes};
pub use ids::{
    BookingId, BuyerId, EventId, HoldId, IdSource, InvalidId, InvalidName, NotificationId,
    OrganizerId, PaymentId, RefundId, TicketId, Uuid,
};
pub use message::{Envelope, EventHandler, HandlerError, PublishError, Publisher, Recorded};
pub use money::{Currency, Money, MoneyError};
pub use operator::{
    Instruction, InvalidInstruction, OPERATOR_NAME_CHARS_MAX, OPERATOR_REASON_CHARS_MAX,
    OperatorEntry,
};
pub use page::{Cursor, InvalidPageSize, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PageSize};
pub use percent::{InvalidPercent, Percent};
pub use quantity::{InvalidQuantity, QUANTITY_MAX, Quantity};
pub use reply::{Answered, KeyRefused, judge_key};
pub use store::{Cause, Committed, KeyedReply, ReplyChange, ReplyKey, StoreError};
pub use time::{Clock, Timestamp};
