//! Delivers the letters that one event leads to, once however often the event comes (row T06, trap R29).

use kernel::{Cause, Committed, Fault, FaultClass, Locale, NotificationId, StoreError, Timestamp};

use super::Notifying;
use crate::{
    Change, Channel, Learned, News, Notification, Recipient, TicketNews, Told, told, write,
};

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub news: News,
}

/// Why the letters were not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TellError {
    /// The store could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store gave a verdict that its port does not allow.
    #[error("the store answered {0:?} to letters")]
    Verdict(Committed),
}

impl Notifying {
    /// Writes what the event's people are told and remembers their languages.
    ///
    /// # Errors
    /// [`TellError`]; nothing was delivered then and the same event may come again.
    pub async fn tell(&self, fact: &Fact, caused_by: Cause) -> Result<(), TellError> {
        let told = told(&fact.news);
        if told.is_empty() {
            // Nothing comes of it, however often it is heard.
            return Ok(());
        }
        let mut notifications = Vec::new();
        for told in told {
            let locale = self.locale_of(&told).await?;
            for channel in Channel::ALL {
                notifications.push(self.addressed(fact, &told, locale, channel, &caused_by));
            }
        }
        let change = Change { notifications, learned: learned(fact), caused_by };
        match self.store.commit(change).await? {
            Committed::Done | Committed::AlreadyHandled => Ok(()),
            verdict @ (Committed::Stale | Committed::KeyTaken) => Err(TellError::Verdict(verdict)),
        }
    }

    /// What the event says, else what an earlier one said, else English.
    async fn locale_of(&self, told: &Told) -> Result<Locale, StoreError> {
        match told.locale {
            Some(locale) => Ok(locale),
            None => Ok(self.store.locale_of(&told.recipient).await?.unwrap_or_default()),
        }
    }

    fn addressed(
        &self,
        fact: &Fact,
        told: &Told,
        locale: Locale,
        channel: Channel,
        caused_by: &Cause,
    ) -> Notification {
        let letter = write(told, &fact.news, locale);
        Notification {
            id: NotificationId::new(self.ids.next()),
            event_id: caused_by.event_id,
            event_type: fact.news.event_type().to_owned(),
            booking_id: fact.news.booking_id(),
            ticket_id: fact.news.ticket_id(),
            recipient: told.recipient.clone(),
            channel,
            subject: letter.subject,
            body: letter.body,
            status: channel.first_status(),
            create_time: self.clock.now(),
        }
    }
}

fn learned(fact: &Fact) -> Option<Learned> {
    let (recipient, locale) = match &fact.news {
        News::Ticket(TicketNews::Registered { organizer_locale }, ticket) => {
            (Recipient::Organizer(ticket.organizer_id.clone()), *organizer_locale)
        }
        News::Ticket(
            TicketNews::Changed | TicketNews::RetirementStarted | TicketNews::Retired,
            _,
        ) => return None,
        News::Booking(_, booking) => {
            (Recipient::Buyer(booking.buyer_id.clone()), booking.buyer_locale)
        }
        News::Payment(_, payment) => {
            (Recipient::Buyer(payment.buyer_id.clone()), payment.buyer_locale)
        }
    };
    locale.map(|locale| Learned { recipient, locale, at: fact.at })
}

impl Fault for TellError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Store(error) => error.class(),
            Self::Verdict(_) => FaultClass::Bug,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::Verdict(_) => "INTERNAL",
        }
    }
}
