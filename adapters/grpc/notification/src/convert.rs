//! Between the contract's notification messages and this context's types.

use grpc_server::wire::{self, Check};
use kernel::Invalid;
use notification::{Channel, DeliveryStatus, ListNotifications, Notification, Page, Recipient};
use prost::Message;
use proto::boxoffice::notification::v1 as pb;

/// The query, and the conditions that its page tokens are bound to.
pub(crate) fn list_notifications(
    request: &pb::ListNotificationsRequest,
) -> Result<(ListNotifications, Vec<u8>), Invalid> {
    let alone = pb::ListNotificationsRequest {
        booking_id: request.booking_id.clone(),
        ticket_id: request.ticket_id.clone(),
        ..Default::default()
    };
    let conditions = [b"ListNotifications".as_slice(), &alone.encode_to_vec()].concat();
    let mut check = Check::new();
    let booking_id = check.optional_id("booking_id", &request.booking_id);
    let ticket_id = check.optional_id("ticket_id", &request.ticket_id);
    let page = check.page(request.page_size, &request.page_token, &conditions);
    check.finish()?;
    let (page_size, after) = page.ok_or_else(|| Invalid(Vec::new()))?;
    Ok((ListNotifications { booking_id, ticket_id, page_size, after }, conditions))
}

pub(crate) fn notifications(page: Page, conditions: &[u8]) -> pb::ListNotificationsResponse {
    pb::ListNotificationsResponse {
        next_page_token: wire::page_token(page.next, conditions),
        notifications: page.notifications.into_iter().map(notification).collect(),
    }
}

fn notification(message: Notification) -> pb::Notification {
    pb::Notification {
        notification_id: message.id.to_string(),
        event_type: message.event_type,
        booking_id: message.booking_id.map(|id| id.to_string()).unwrap_or_default(),
        ticket_id: message.ticket_id.map(|id| id.to_string()).unwrap_or_default(),
        recipient: message.recipient.name().to_owned(),
        recipient_kind: match message.recipient {
            Recipient::Buyer(_) => pb::RecipientKind::Buyer,
            Recipient::Organizer(_) => pb::RecipientKind::Organizer,
        }
        .into(),
        channel: match message.channel {
            Channel::Inbox => pb::Channel::Inbox,
        }
        .into(),
        subject: message.subject,
        body: message.body,
        status: match message.status {
            DeliveryStatus::Pending => pb::NotificationStatus::Pending,
            DeliveryStatus::Sent => pb::NotificationStatus::Sent,
            DeliveryStatus::Failed => pb::NotificationStatus::Failed,
        }
        .into(),
        create_time: Some(wire::timestamp(message.create_time)),
    }
}
