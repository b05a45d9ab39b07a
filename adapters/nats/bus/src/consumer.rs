//! Pulling messages for one handler: only as many as it has free places for, so that none waits here
//! while the server's patience runs out.
//!
//! Every wait has an end of its own. A pull that says nothing for too long is given up with its
//! subscription, and so is one that brings nothing for too long while messages wait.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::jetstream::{AckKind, Context, Message};
use async_nats::{Client, StatusCode, Subject, Subscriber};
use futures::StreamExt;
use kernel::EventHandler;
use telemetry_metrics::names::{CONSUMER_PENDING, CONSUMER_UNACKNOWLEDGED};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::NatsSettings;
use crate::connection::REQUEST_WITHIN;
use crate::delivery::{Delivery, Made};
use crate::topology::ensure_consumer;

/// A pull ends by itself after it.
const PULL: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(3);
/// Two heartbeats missed and a bit.
const SILENCE_MAX: Duration = Duration::from_secs(8);
/// How often the server is asked what waits.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
const PAUSE_AFTER_TROUBLE: Duration = Duration::from_millis(250);
/// For messages under way to come back when the consumer stops.
const HAND_BACK_WITHIN: Duration = Duration::from_secs(2);

/// One handler's share of its durable consumer.
pub(crate) struct Consumer {
    pub(crate) client: Client,
    pub(crate) js: Context,
    pub(crate) settings: Arc<NatsSettings>,
    pub(crate) connected: watch::Receiver<bool>,
    /// Told when the stream or the consumer is missing.
    pub(crate) missed: Arc<Notify>,
    pub(crate) tasks: TaskTracker,
    pub(crate) handler: Arc<dyn EventHandler>,
    /// Empty while no session is open.
    pub(crate) made_now: watch::Sender<Option<Made>>,
}

/// A row of pulls over one subscription.
struct Session {
    consumer: PullConsumer,
    inbox: Subject,
    messages: Subscriber,
    delivery: Arc<Delivery>,
    last_message: Instant,
}

impl Consumer {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let handlings_max = self.settings.delivery.handlings_max;
        let places = Arc::new(Semaphore::new(handlings_max));
        let mut said = BTreeSet::new();
        tell(self.handler.name(), 0, 0);
        while let Some(()) = stop.run_until_cancelled(self.wait_for_the_bus()).await {
            let opened = match stop.run_until_cancelled(self.open(&mut said)).await {
                None => break,
                Some(Ok(session)) => {
                    let measuring = measure(session.consumer.clone(), self.handler.name());
                    tokio::select! {
                        ended = self.pull(session, &places, &stop) => ended,
                        never = measuring => match never {},
                    }
                }
                Some(Err(error)) => Err(error),
            };
            let Err(trouble) = opened else { break };
            self.made_now.send_replace(None);
            tracing::info!(consumer = self.handler.name(), trouble, "consuming begins anew");
            self.missed.notify_one();
            let _ = stop.run_until_cancelled(sleep(PAUSE_AFTER_TROUBLE)).await;
        }
        let places_max = u32::try_from(handlings_max).unwrap_or(u32::MAX);
        // All places are free once everything that ran has ended.
        let _all = places.acquire_many(places_max).await;
    }

    async fn wait_for_the_bus(&mut self) {
        if self.connected.wait_for(|connected| *connected).await.is_err() {
            // The bus is gone for good; only `stop` ends this.
            std::future::pending::<()>().await;
        }
    }

    async fn open(&self, said: &mut BTreeSet<String>) -> Result<Session, String> {
        let ensured = ensure_consumer(&self.js, &self.settings, self.handler.as_ref());
        let (consumer, weaker) = Box::pin(ensured).await?;
        for news in weaker {
            if !said.contains(&news) {
                tracing::warn!("{news}");
                said.insert(news);
            }
        }
        let inbox = Subject::from(self.client.new_inbox());
        let messages = timeout(REQUEST_WITHIN, self.client.subscribe(inbox.clone())).await;
        let messages = messages.map_err(|_| "the subscription was not taken".to_owned())?;
        let messages = messages.map_err(|error| error.to_string())?;
        let made = consumer.cached_info().created.unix_timestamp_nanos();
        self.made_now.send_replace(Some(made));
        let delivery = Arc::new(Delivery {
            handler: self.handler.clone(),
            settings: self.settings.delivery,
            ack_wait: consumer.cached_info().config.ack_wait,
            made,
            made_now: self.made_now.subscribe(),
        });
        Ok(Session { consumer, inbox, messages, delivery, last_message: Instant::now() })
    }

    /// Returns `Ok` once stopped, and else why this session cannot go on.
    async fn pull(
        &mut self,
        mut session: Session,
        places: &Arc<Semaphore>,
        stop: &CancellationToken,
    ) -> Result<(), String> {
        while let Some(free) = stop.run_until_cancelled(free_places(places)).await {
            session.ask_for(free.len()).await?;
            if !self.receive(&mut session, free, stop).await? {
                break;
            }
        }
        session.hand_back(&self.client).await;
        Ok(())
    }

    /// Starts what one pull brings. Says `false` when it was stopped.
    async fn receive(
        &mut self,
        session: &mut Session,
        mut free: Vec<OwnedSemaphorePermit>,
        stop: &CancellationToken,
    ) -> Result<bool, String> {
        while let Some(place) = free.pop() {
            let message = loop {
                let next = tokio::select! {
                    biased;
                    () = stop.cancelled() => return Ok(false),
                    _ = self.connected.changed() => return Err("the connection changed".to_owned()),
                    next = timeout(SILENCE_MAX, session.messages.next()) => next,
                };
                let next = next.map_err(|_| "the server fell silent".to_owned())?;
                let message = next.ok_or("the subscription ended")?;
                match message.status {
                    None | Some(StatusCode::OK) => break message,
                    Some(StatusCode::IDLE_HEARTBEAT) => session.notice_being_stuck().await?,
                    Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => return Ok(true),
                    Some(status) => {
                        let why = message.description.unwrap_or_default();
                        return Err(format!("the pull was refused: {status} {why}"));
                    }
                }
            };
            session.last_message = Instant::now();
            let message = Message { message, context: self.js.clone() };
            self.tasks.spawn(session.delivery.clone().run(message, place));
        }
        Ok(true)
    }
}

impl Session {
    async fn ask_for(&self, batch: usize) -> Result<(), String> {
        let pull = BatchConfig {
            batch,
            expires: Some(PULL),
            idle_heartbeat: HEARTBEAT,
            ..BatchConfig::default()
        };
        let asked = timeout(REQUEST_WITHIN, self.consumer.request_batch(pull, self.inbox.clone()));
        let asked = asked.await.map_err(|_| "the pull was not taken".to_owned())?;
        asked.map_err(|error| error.to_string())
    }

    async fn notice_being_stuck(&mut self) -> Result<(), String> {
        if self.last_message.elapsed() < self.delivery.settings.stuck_after {
            return Ok(());
        }
        let info = self.consumer.get_info().await.map_err(|error| error.to_string())?;
        if info.num_pending > 0 {
            return Err(format!("{} messages wait and none comes", info.num_pending));
        }
        self.last_message = Instant::now();
        Ok(())
    }

    /// Gives what was on its way here to the other replicas at once.
    async fn hand_back(mut self, client: &Client) {
        let handing_back = async {
            self.messages.drain().await.map_err(|error| error.to_string())?;
            while let Some(message) = self.messages.next().await {
                if let (None | Some(StatusCode::OK), Some(reply)) = (message.status, message.reply)
                {
                    let back = client.publish(reply, AckKind::Nak(None).into()).await;
                    back.map_err(|error| error.to_string())?;
                }
            }
            Ok::<(), String>(())
        };
        let handed_back = timeout(HAND_BACK_WITHIN, handing_back).await;
        tracing::debug!(?handed_back, "stopped pulling");
    }
}

/// Tells again and again what the server knows of a consumer, also while this process has no free place.
/// Ends never: it is dropped with the session, to which a question without an answer means nothing.
async fn measure(consumer: PullConsumer, name: &'static str) -> Infallible {
    let mut ticks = interval(MEASURE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match timeout(REQUEST_WITHIN, consumer.get_info()).await {
            Ok(Ok(info)) => tell(name, info.num_pending, info.num_ack_pending as u64),
            Ok(Err(error)) => tracing::debug!(consumer = name, %error, "not measured"),
            Err(_late) => tracing::debug!(consumer = name, "not measured: no answer"),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of messages is far below 2^52")]
fn tell(consumer: &'static str, pending: u64, unacknowledged: u64) {
    CONSUMER_PENDING.set([consumer], pending as f64);
    CONSUMER_UNACKNOWLEDGED.set([consumer], unacknowledged as f64);
}

/// At least one.
async fn free_places(places: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let mut free = Vec::new();
    free.extend(places.clone().acquire_owned().await);
    while let Ok(place) = places.clone().try_acquire_owned() {
        free.push(place);
    }
    free
}
