//! The notification context: who is told what of a fact, in which words, once for each channel.

mod details;
mod letters;
mod limits;
mod news;
mod notification;
mod ports;
mod templates;
mod use_cases;

pub use letters::{Letter, Told, told, write};
pub use limits::SUBJECT_CHARS_MAX;
pub use news::{BookingCard, BookingNews, News, PaymentCard, PaymentNews, TicketCard, TicketNews};
pub use notification::{Channel, DeliveryStatus, Learned, Notification, Recipient};
pub use ports::{Change, Filter, NotificationStore};
pub use use_cases::{Fact, ListNotifications, ListNotificationsError, Notifying, Page, TellError};
