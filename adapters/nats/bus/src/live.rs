//! What is of use only now, to those who hear it now: said over NATS itself, kept by nobody.

use async_nats::Client;
use async_nats::connection::State;
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::watch;

/// Words between the processes that speak of the same topic. Who is away misses them.
pub struct Live {
    client: Client,
    subject: String,
    heard: async_nats::Subscriber,
    connected: watch::Receiver<bool>,
}

impl Live {
    pub(crate) async fn open(
        client: Client,
        root: &str,
        topic: &str,
        connected: watch::Receiver<bool>,
    ) -> Option<Self> {
        // No stream keeps it: names of streams have no hyphen.
        let subject = format!("{root}-live.{topic}");
        let heard = client.subscribe(subject.clone()).await.ok()?;
        Some(Self { client, subject, heard, connected })
    }

    /// Says it to all who listen now, this process among them. `false` where it cannot be said.
    pub async fn say(&self, words: String) -> bool {
        // What waits inside the client for a connection would be said long after.
        self.client.connection_state() == State::Connected
            && self.client.publish(self.subject.clone(), Bytes::from(words)).await.is_ok()
    }

    /// What is said next; `None` after the connection was away, when something may have been missed. May be dropped
    /// while it waits without losing a word.
    pub async fn hear(&mut self) -> Option<String> {
        loop {
            tokio::select! {
                said = self.heard.next() => match said {
                    Some(said) => return String::from_utf8(said.payload.to_vec()).ok(),
                    // The client is closed: the process ends.
                    None => std::future::pending().await,
                },
                changed = self.connected.changed() => match changed {
                    Ok(()) if *self.connected.borrow() => return None,
                    Ok(()) => {}
                    Err(_) => std::future::pending().await,
                },
            }
        }
    }
}
