//! One message as a row.

use std::str::FromStr;

use kernel::{BuyerId, NotificationId, OrganizerId, StoreError, Timestamp};
use notification::{Channel, DeliveryStatus, Notification, Recipient};
use sea_orm::entity::prelude::*;

const TABLE: &str = "notification";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notification")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) booking_id: Option<String>,
    pub(crate) ticket_id: Option<String>,
    pub(crate) recipient_kind: String,
    pub(crate) recipient: String,
    pub(crate) channel: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) status: String,
    pub(crate) create_time_us: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Notification> for Model {
    fn from(message: &Notification) -> Self {
        Self {
            id: message.id.to_string(),
            event_id: message.event_id.to_string(),
            event_type: message.event_type.clone(),
            booking_id: message.booking_id.map(|id| id.to_string()),
            ticket_id: message.ticket_id.map(|id| id.to_string()),
            recipient_kind: kind_of(&message.recipient).to_owned(),
            recipient: message.recipient.name().to_owned(),
            channel: channel_text(message.channel).to_owned(),
            subject: message.subject.clone(),
            body: message.body.clone(),
            status: status_text(message.status).to_owned(),
            create_time_us: message.create_time.as_micros(),
        }
    }
}

impl TryFrom<Model> for Notification {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::CorruptRow { table: TABLE, id: row.id.clone(), column };
        Ok(Self {
            id: NotificationId::from_str(&row.id).map_err(|_| corrupt("id"))?,
            event_id: row.event_id.parse().map_err(|_| corrupt("event_id"))?,
            booking_id: optional(row.booking_id.as_deref()).map_err(|_| corrupt("booking_id"))?,
            ticket_id: optional(row.ticket_id.as_deref()).map_err(|_| corrupt("ticket_id"))?,
            recipient: recipient(&row.recipient_kind, &row.recipient)
                .ok_or_else(|| corrupt("recipient"))?,
            channel: channel(&row.channel).ok_or_else(|| corrupt("channel"))?,
            status: status(&row.status).ok_or_else(|| corrupt("status"))?,
            create_time: Timestamp::from_micros(row.create_time_us),
            event_type: row.event_type,
            subject: row.subject,
            body: row.body,
        })
    }
}

/// In what part a recipient is told, as text.
pub(crate) const fn kind_of(recipient: &Recipient) -> &'static str {
    match recipient {
        Recipient::Buyer(_) => "BUYER",
        Recipient::Organizer(_) => "ORGANIZER",
    }
}

fn recipient(kind: &str, name: &str) -> Option<Recipient> {
    match kind {
        "BUYER" => BuyerId::new(name).ok().map(Recipient::Buyer),
        "ORGANIZER" => OrganizerId::new(name).ok().map(Recipient::Organizer),
        _ => None,
    }
}

fn optional<T: FromStr>(text: Option<&str>) -> Result<Option<T>, T::Err> {
    text.map(str::parse).transpose()
}

/// A channel as text.
pub(crate) const fn channel_text(channel: Channel) -> &'static str {
    match channel {
        Channel::Inbox => "INBOX",
    }
}

fn channel(text: &str) -> Option<Channel> {
    Channel::ALL.into_iter().find(|channel| channel_text(*channel) == text)
}

const fn status_text(status: DeliveryStatus) -> &'static str {
    match status {
        DeliveryStatus::Pending => "PENDING",
        DeliveryStatus::Sent => "SENT",
        DeliveryStatus::Failed => "FAILED",
    }
}

fn status(text: &str) -> Option<DeliveryStatus> {
    [DeliveryStatus::Pending, DeliveryStatus::Sent, DeliveryStatus::Failed]
        .into_iter()
        .find(|status| status_text(*status) == text)
}

#[cfg(test)]
mod tests {
    use kernel::{BookingId, EventId, TicketId, Uuid};
    use proptest::option;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn any_recipient() -> impl Strategy<Value = Recipient> {
        (select(vec!["BUYER", "ORGANIZER"]), "[!-~]{1,128}")
            .prop_map(|(kind, name)| recipient(kind, &name).unwrap())
    }

    prop_compose! {
        fn message()(
            (id, event_id) in (any::<u128>(), any::<u128>()),
            event_type in "[A-Za-z]{1,40}",
            (booking_id, ticket_id) in (option::of(any::<u128>()), option::of(any::<u128>())),
            recipient in any_recipient(),
            (subject, body) in (any::<String>(), any::<String>()),
            name in select(vec!["PENDING", "SENT", "FAILED"]),
            at in any::<i64>(),
        ) -> Notification {
            Notification {
                id: NotificationId::new(Uuid::from_u128(id)),
                event_id: EventId::new(Uuid::from_u128(event_id)),
                event_type,
                booking_id: booking_id.map(|id| BookingId::new(Uuid::from_u128(id))),
                ticket_id: ticket_id.map(|id| TicketId::new(Uuid::from_u128(id))),
                recipient,
                channel: Channel::Inbox,
                subject,
                body,
                status: status(name).unwrap(),
                create_time: Timestamp::from_micros(at),
            }
        }
    }

    proptest! {
        #[test]
        fn every_message_round_trips(message in message()) {
            prop_assert_eq!(Notification::try_from(Model::from(&message)), Ok(message));
        }

        #[test]
        fn an_unknown_word_is_corrupt(message in message(), word in "[a-z]{1,9}") {
            let row = Model { recipient_kind: word.clone(), ..Model::from(&message) };
            prop_assert!(Notification::try_from(row).is_err());
            let row = Model { channel: word.clone(), ..Model::from(&message) };
            prop_assert!(Notification::try_from(row).is_err());
            let row = Model { status: word, ..Model::from(&message) };
            prop_assert!(Notification::try_from(row).is_err());
        }
    }
}
