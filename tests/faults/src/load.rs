//! Buyers who book, pay and cancel over several gateways, each call with a key and sent again until it is answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use boxoffice::http::HttpAnswer;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::gateways::Gateway;
use crate::measured::{Call, Measured};

/// A call that has no answer by then is sent again. It is longer than any call may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);
/// One wish of a buyer comes true within this, whatever dies meanwhile.
const WISH_WITHIN: Duration = Duration::from_secs(120);
/// Every such booking is cancelled by its buyer.
const CANCELLED_ONE_IN: usize = 5;
/// What a client may be told while servers die; all else is a definite answer.
const ASK_AGAIN: [u16; 5] = [429, 500, 502, 503, 504];

/// What the buyers do.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// The tickets they want, each booking the next.
    pub tickets: Vec<String>,
    /// How many of them at once, each a caller of its own.
    pub buyers: usize,
    /// How they pay, each booking in turn: `ok`, `declined`, `lost_reply`, ….
    pub methods: Vec<&'static str>,
    /// How long a buyer rests between two wishes.
    pub rest: Duration,
    /// Whether buyers look at everything that is theirs after each booking.
    pub reads: bool,
}

impl LoadPlan {
    /// Buyers of these tickets who pay in these ways, without rest.
    #[must_use]
    pub fn on(tickets: Vec<String>, buyers: usize, methods: &[&'static str]) -> Self {
        let (methods, rest) = (methods.to_vec(), Duration::ZERO);
        Self { tickets, buyers, methods, rest, reads: false }
    }
}

/// What the platform has acknowledged, and so must keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Whose it is: the number of the buyer.
    pub buyer: usize,
    /// The key of the call.
    pub key: String,
    /// The status it was acknowledged with; none for a definite refusal such as SOLD_OUT.
    pub status: Option<String>,
    /// Whether its cancellation was acknowledged too.
    pub cancelled: bool,
}

/// Buyers at work. They stop when told to, each after its last wish.
pub struct Load {
    buyers: JoinSet<()>,
    _asking: JoinSet<()>,
    shared: Arc<Shared>,
}

struct Shared {
    plan: LoadPlan,
    gateways: Vec<Gateway>,
    stopping: AtomicBool,
    /// By the booking's id, or by the key where there is no booking.
    acknowledged: Mutex<BTreeMap<String, Acknowledged>>,
    calls: Mutex<Vec<Call>>,
}

impl Load {
    /// Lets the buyers begin; `tokens` are theirs, `asking` watches the gateways.
    #[must_use]
    pub(crate) fn begin(
        plan: LoadPlan,
        (gateways, asking): (Vec<Gateway>, JoinSet<()>),
        tokens: Vec<String>,
    ) -> Self {
        let shared = Arc::new(Shared {
            plan,
            gateways,
            stopping: AtomicBool::new(false),
            acknowledged: Mutex::default(),
            calls: Mutex::default(),
        });
        let mut buyers = JoinSet::new();
        for (number, token) in tokens.into_iter().enumerate() {
            let buyer = Buyer { number, token, shared: Arc::clone(&shared) };
            buyers.spawn(buyer.book_and_book());
        }
        Self { buyers, _asking: asking, shared }
    }

    /// How many wishes have been answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.shared.acknowledged().len()
    }

    /// How the calls went that ended since this was last asked.
    #[must_use]
    pub fn measured(&self) -> Measured {
        Measured(std::mem::take(&mut *self.shared.calls()))
    }

    /// Waits until so many more wishes have been answered: the platform works.
    ///
    /// # Panics
    /// When none is for a long time.
    pub async fn goes_on_for(&self, more: usize) {
        let wanted = self.answered() + more;
        while self.answered() < wanted {
            let before = self.answered();
            testkit::eventually_within(WISH_WITHIN, "the load goes on", || async {
                let answered = self.answered();
                if answered > before { Ok(()) } else { Err(format!("{answered} of {wanted}")) }
            })
            .await;
        }
    }

    /// Waits until calls have been answered for so long: at the end as at its beginning.
    ///
    /// # Panics
    /// When they are not answered any more.
    pub async fn goes_on_until(&self, moment: Instant) {
        while Instant::now() < moment {
            self.goes_on_for(1).await;
        }
    }

    /// Lets every buyer finish its last wish and gives what was acknowledged.
    ///
    /// # Panics
    /// When a wish was refused wrongly or not answered in time.
    pub async fn stop(self) -> BTreeMap<String, Acknowledged> {
        self.stop_measured().await.0
    }

    /// The same, and how the calls went since that was last asked.
    ///
    /// # Panics
    /// When a wish was refused wrongly or not answered in time.
    pub async fn stop_measured(mut self) -> (BTreeMap<String, Acknowledged>, Measured) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        while let Some(ended) = self.buyers.join_next().await {
            ended.unwrap_or_else(|error| panic!("a buyer: {error}"));
        }
        let acknowledged = self.shared.acknowledged().clone();
        (acknowledged, self.measured())
    }
}

impl Shared {
    /// One of those in use, in turn.
    fn gateway(&self, turn: usize) -> Option<&Gateway> {
        let in_use: Vec<_> = self.gateways.iter().filter(|gateway| gateway.is_in_use()).collect();
        in_use.get(turn % in_use.len().max(1)).copied()
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acknowledged(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Acknowledged>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Buyer {
    number: usize,
    token: String,
    shared: Arc<Shared>,
}

impl Buyer {
    async fn book_and_book(self) {
        let LoadPlan { rest, buyers, .. } = self.shared.plan;
        // Not all of them at once.
        let share = |whole: usize| u32::try_from(whole).unwrap_or(u32::MAX);
        sleep(rest * share(self.number) / share(buyers).max(1)).await;
        let mut wish = 0;
        while !self.shared.stopping.load(Ordering::SeqCst) {
            self.book(wish).await;
            wish += 1;
            sleep(rest).await;
        }
    }

    async fn book(&self, wish: usize) {
        let key = format!("wish-{}-{wish}", self.number);
        let LoadPlan { tickets, methods, .. } = &self.shared.plan;
        let turn = self.number + wish;
        let method = methods.get(turn % methods.len().max(1)).unwrap_or(&"ok");
        let ticket = tickets.get(turn % tickets.len().max(1));
        let body = json!({"ticketId": ticket, "quantity": 1, "paymentMethod": method});
        let answer = self.ask("/v1/bookings", &key, Some(body)).await;
        let mut acknowledged =
            Acknowledged { buyer: self.number, key: key.clone(), status: None, cancelled: false };
        if answer.status != 201 {
            let reason = answer.reason();
            assert_eq!(reason, "SOLD_OUT", "{key}: {} {}", answer.status, answer.json);
            self.shared.acknowledged().insert(key, acknowledged);
            return;
        }
        let booking = answer.text("bookingId").to_owned();
        acknowledged.status = Some(answer.text("status").to_owned());
        self.shared.acknowledged().insert(booking.clone(), acknowledged);
        if self.shared.plan.reads {
            self.look_at(&booking, ticket.map_or("", String::as_str)).await;
        }
        if wish % CANCELLED_ONE_IN == CANCELLED_ONE_IN - 1 {
            self.cancel(&booking).await;
        }
    }

    /// One reading call to each server.
    async fn look_at(&self, booking: &str, ticket: &str) {
        let paths = [
            format!("/v1/tickets/{ticket}"),
            format!("/v1/bookings/{booking}"),
            format!("/v1/payments?bookingId={booking}"),
            "/v1/notifications".to_owned(),
            "/v1/mypage/bookings".to_owned(),
        ];
        for path in paths {
            let answer = self.ask(&path, "", None).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.json);
        }
    }

    async fn cancel(&self, booking: &str) {
        let path = format!("/v1/bookings/{booking}:cancel");
        let answer = self.ask(&path, &format!("cancel-{booking}"), Some(json!({}))).await;
        // One that was rejected or has expired meanwhile is closed as well.
        let closed = answer.status == 200 || answer.reason() == "NOT_CANCELLABLE";
        assert!(closed, "{path}: {} {}", answer.status, answer.json);
        if answer.status == 200
            && let Some(acknowledged) = self.shared.acknowledged().get_mut(booking)
        {
            acknowledged.cancelled = true;
        }
    }

    /// Sends a call until it has a definite answer, to another gateway each time: one that changes something with its
    /// body and its key.
    async fn ask(&self, path: &str, key: &str, body: Option<Value>) -> HttpAnswer {
        let patience = Instant::now() + WISH_WITHIN;
        let what = format!("{path} {key}");
        let mut last = String::new();
        for turn in self.number.. {
            assert!(Instant::now() < patience, "{what} is not answered; last: {last}");
            let sent = Instant::now();
            let told = match self.shared.gateway(turn) {
                None => Err("no gateway is ready".to_owned()),
                Some(gateway) => {
                    let call = match body.clone() {
                        Some(body) => gateway.client.post(path).key(key).json(body),
                        None => gateway.client.get(path),
                    };
                    match timeout(ANSWERED_WITHIN, call.token(&self.token).send()).await {
                        Ok(Ok(answer)) if is_definite(&answer) => Ok(answer),
                        Ok(Ok(answer)) => Err(format!("{} {}", answer.status, answer.json)),
                        Ok(Err(error)) => Err(error.to_string()),
                        Err(_) => Err("no answer".to_owned()),
                    }
                }
            };
            let failure = told.as_ref().err().cloned();
            let call = Call { what: what.clone(), took: sent.elapsed(), failure };
            self.shared.calls().push(call);
            match told {
                Ok(answer) => return answer,
                Err(failure) => last = failure,
            }
            sleep(PAUSE).await;
        }
        panic!("no gateway to ask")
    }
}

fn is_definite(answer: &HttpAnswer) -> bool {
    let in_use = answer.reason() == "IDEMPOTENCY_KEY_IN_USE";
    !in_use && !ASK_AGAIN.contains(&answer.status.as_u16())
}
