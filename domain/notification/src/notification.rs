//! One message to one recipient about one event over one channel.

use kernel::{
    BookingId, BuyerId, Cursor, EventId, Locale, NotificationId, OrganizerId, TicketId, Timestamp,
};

/// Who is told, and in what part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// A buyer.
    Buyer(BuyerId),
    /// An organizer.
    Organizer(OrganizerId),
}

/// How a message reaches its recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// The inbox of the platform itself: the stored message is the delivery.
    Inbox,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// Not handed over yet.
    Pending,
    /// Handed over.
    Sent,
    /// Could not be handed over.
    Failed,
}

/// One message. There is one for each event, recipient and channel (invariant I7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Identifier.
    pub id: NotificationId,
    /// The event it tells of.
    pub event_id: EventId,
    /// That event's short name.
    pub event_type: String,
    /// The booking it is about.
    pub booking_id: Option<BookingId>,
    /// The ticket it is about.
    pub ticket_id: Option<TicketId>,
    /// Who is told.
    pub recipient: Recipient,
    /// How.
    pub channel: Channel,
    /// One line, in the recipient's language.
    pub subject: String,
    /// The text, in the recipient's language.
    pub body: String,
    /// What became of it.
    pub status: DeliveryStatus,
    /// When it was written.
    pub create_time: Timestamp,
}

/// The language of a recipient, as an event told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// Whose.
    pub recipient: Recipient,
    /// The language.
    pub locale: Locale,
    /// When the event happened: a later one wins, in whatever order they arrive.
    pub at: Timestamp,
}

impl Recipient {
    /// The buyer's or organizer's id as text.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Buyer(buyer) => buyer.as_str(),
            Self::Organizer(organizer) => organizer.as_str(),
        }
    }
}

impl Notification {
    /// Its place in a list by time of writing.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor { sort: self.create_time.as_micros(), id: self.id.as_uuid() }
    }
}

impl Channel {
    /// Every channel a letter goes out on.
    pub const ALL: [Self; 1] = [Self::Inbox];

    /// What a message of this channel is when it is written.
    #[must_use]
    pub const fn first_status(self) -> DeliveryStatus {
        match self {
            Self::Inbox => DeliveryStatus::Sent,
        }
    }
}
