//! The inbound ports of the notification context.

mod list_notifications;
mod tell;

use std::sync::Arc;

use kernel::{Clock, IdSource};

pub use list_notifications::{ListNotifications, ListNotificationsError, Page};
pub use tell::{Fact, TellError};

use crate::NotificationStore;

/// Tells buyers and organizers what happened.
pub struct Notifying {
    /// The ledger of what was sent.
    pub store: Arc<dyn NotificationStore>,
    /// Dates messages.
    pub clock: Arc<dyn Clock>,
    /// Names messages.
    pub ids: Arc<dyn IdSource>,
}
