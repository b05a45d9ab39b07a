//! A consumer that acts as it is told and writes down what it saw.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Envelope, EventHandler, EventId, HandlerError};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

/// What a consumer does with one try.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Handle,
    /// Handles it after a while.
    Slowly(Duration),
    /// Handles it once it is let go.
    Wait,
    FailForNow,
    FailForGood,
    Panic,
}

type Script = Box<dyn Fn(&Envelope, usize) -> Act + Send + Sync>;

pub(crate) struct Recorder {
    name: &'static str,
    events: &'static [&'static str],
    script: Script,
    tries: Mutex<HashMap<EventId, Vec<Instant>>>,
    handled: Mutex<Vec<Envelope>>,
    parked: Mutex<Vec<(EventId, String)>>,
    pub(crate) park_failures: Mutex<u32>,
    pub(crate) go: Semaphore,
}

impl Recorder {
    /// The script is asked with the message and how many tries of it there were before.
    pub(crate) fn acting(
        name: &'static str,
        script: impl Fn(&Envelope, usize) -> Act + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::of(name, &["Happened"], script)
    }

    pub(crate) fn of(
        name: &'static str,
        events: &'static [&'static str],
        script: impl Fn(&Envelope, usize) -> Act + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            events,
            script: Box::new(script),
            tries: Mutex::default(),
            handled: Mutex::default(),
            parked: Mutex::default(),
            park_failures: Mutex::default(),
            go: Semaphore::new(0),
        })
    }

    pub(crate) fn handling(name: &'static str) -> Arc<Self> {
        Self::acting(name, |_, _| Act::Handle)
    }

    pub(crate) fn handled(&self) -> Vec<Envelope> {
        self.handled.lock().unwrap().clone()
    }

    /// The numbers of the messages handled, sorted, each as often as it was.
    pub(crate) fn numbers(&self) -> Vec<u128> {
        let mut numbers: Vec<_> = self.handled().iter().map(number).collect();
        numbers.sort_unstable();
        numbers
    }

    pub(crate) fn tries(&self, number: u128) -> Vec<Instant> {
        let id = EventId::new(kernel::Uuid::from_u128(number));
        self.tries.lock().unwrap().get(&id).cloned().unwrap_or_default()
    }

    pub(crate) fn parked(&self) -> Vec<(EventId, String)> {
        self.parked.lock().unwrap().clone()
    }
}

pub(crate) fn number(message: &Envelope) -> u128 {
    message.id.as_uuid().as_u128()
}

#[async_trait]
impl EventHandler for Recorder {
    fn name(&self) -> &'static str {
        self.name
    }

    fn event_names(&self) -> &'static [&'static str] {
        self.events
    }

    async fn handle(&self, message: &Envelope) -> Result<(), HandlerError> {
        let before = {
            let mut all = self.tries.lock().unwrap();
            let tries = all.entry(message.id).or_default();
            tries.push(Instant::now());
            tries.len() - 1
        };
        match (self.script)(message, before) {
            Act::Handle => {}
            Act::Slowly(pause) => sleep(pause).await,
            Act::Wait => self.go.acquire().await.unwrap().forget(),
            Act::FailForNow => return Err(HandlerError::Transient("not now".to_owned())),
            Act::FailForGood => return Err(HandlerError::Poison("unreadable".to_owned())),
            Act::Panic => panic!("the script says so"),
        }
        self.handled.lock().unwrap().push(message.clone());
        Ok(())
    }

    async fn park(&self, message: &Envelope, reason: &str) -> Result<(), HandlerError> {
        {
            let mut failures = self.park_failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return Err(HandlerError::Transient("the database is away".to_owned()));
            }
        }
        self.parked.lock().unwrap().push((message.id, reason.to_owned()));
        Ok(())
    }
}
