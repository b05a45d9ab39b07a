//! Everything that servers are at, one step at a time and in any order. A killed server leaves what it was at where
//! it stood; what is on its way to it over the network arrives all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::BoxFuture;
use futures::task::noop_waker_ref;
use kernel::{Clock, Timestamp};
use testkit::ManualClock;

use crate::chance::{Chance, Lie};

/// How long a server waits for another one.
const CALL: Duration = booking::PROCESS_CALL;
/// The longest a request may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(120);
/// The longest a killed server is away.
const AWAY: Duration = Duration::from_secs(30);
/// The longest a server stands still without knowing.
const FROZEN: Duration = Duration::from_secs(90);

/// A process. Of booking there are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Server {
    Ticket,
    Booking(usize),
    Payment,
    Notification,
    MyPage,
}

/// What a call gets if it gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It provably never left.
    NeverSent,
    /// It may have had its effect, or may have it yet.
    Somewhere,
}

struct Task {
    server: Server,
    not_before: Timestamp,
    has_arrived: bool,
    work: BoxFuture<'static, ()>,
}

/// The servers and what they are at.
pub(crate) struct Tasks {
    clock: Arc<ManualClock>,
    chance: Arc<Chance>,
    all: Mutex<Vec<Task>>,
    doomed: Mutex<BTreeSet<Server>>,
    away_until: Mutex<BTreeMap<Server, Timestamp>>,
    frozen_until: Mutex<BTreeMap<Server, Timestamp>>,
    /// Who has written something since somebody looked.
    written: Mutex<BTreeSet<Server>>,
}

impl Tasks {
    pub(crate) fn new(clock: Arc<ManualClock>, chance: Arc<Chance>) -> Self {
        let (all, doomed) = (Mutex::default(), Mutex::default());
        let (away_until, frozen_until) = (Mutex::default(), Mutex::default());
        let written = Mutex::default();
        Self { clock, chance, all, doomed, away_until, frozen_until, written }
    }

    /// Gives a server something to do.
    pub(crate) fn spawn(&self, server: Server, work: impl Future<Output = ()> + Send + 'static) {
        self.spawn_later(server, Duration::ZERO, Box::pin(work));
    }

    fn spawn_later(&self, server: Server, wait: Duration, work: BoxFuture<'static, ()>) {
        let not_before = self.clock.now().plus(wait);
        self.all.lock().unwrap().push(Task { server, not_before, has_arrived: false, work });
    }

    pub(crate) fn count(&self) -> usize {
        self.all.lock().unwrap().len()
    }

    /// One step of one of them; gives the servers that were killed in it, and `None` if there is nothing to do now.
    pub(crate) fn step(&self) -> Option<BTreeSet<Server>> {
        let mut task = self.take_one()?;
        if !task.has_arrived && self.is_away(task.server) {
            // There is nobody to take it.
            drop(task);
            return Some(BTreeSet::new());
        }
        task.has_arrived = true;
        let is_done =
            task.work.as_mut().poll(&mut Context::from_waker(noop_waker_ref())).is_ready();
        if !is_done {
            self.all.lock().unwrap().push(task);
        }
        let doomed = std::mem::take(&mut *self.doomed.lock().unwrap());
        doomed.iter().for_each(|server| self.kill(*server));
        Some(doomed)
    }

    fn take_one(&self) -> Option<Task> {
        let now = self.clock.now();
        let frozen = self.frozen_until.lock().unwrap();
        let is_frozen = |server| frozen.get(&server).is_some_and(|until| now < *until);
        let mut all = self.all.lock().unwrap();
        let is_due = |task: &Task| task.not_before <= now && !is_frozen(task.server);
        let due = all.iter().enumerate().filter(|(_, task)| is_due(task));
        let due: Vec<_> = due.map(|(place, _)| place).collect();
        self.chance.pick(&due).map(|place| all.remove(place))
    }

    /// All that it is at stops where it stands.
    fn kill(&self, server: Server) {
        let stopped = {
            let mut all = self.all.lock().unwrap();
            let is_its = |task: &Task| task.server == server && task.has_arrived;
            let (stopped, others): (Vec<_>, Vec<_>) =
                std::mem::take(&mut *all).into_iter().partition(is_its);
            *all = others;
            stopped
        };
        self.chance.tell(|| format!("! {server:?} is killed at {} tasks", stopped.len()));
        // Whoever waits for it learns of it, and a message that it was at comes again.
        drop(stopped);
        let back = self.clock.now().plus(self.chance.wait(AWAY));
        self.away_until.lock().unwrap().insert(server, back);
    }

    /// The last that this server does is what it does now.
    pub(crate) fn doom(&self, server: Server) {
        self.doomed.lock().unwrap().insert(server);
    }

    pub(crate) fn is_doomed(&self, server: Server) -> bool {
        self.doomed.lock().unwrap().contains(&server)
    }

    pub(crate) fn is_away(&self, server: Server) -> bool {
        let now = self.clock.now();
        self.away_until.lock().unwrap().get(&server).is_some_and(|back| now < *back)
    }

    /// It stands still and goes on where it stood, as if no time had passed.
    pub(crate) fn freeze(&self, server: Server) {
        let until = self.clock.now().plus(self.chance.wait(FROZEN));
        self.frozen_until.lock().unwrap().insert(server, until);
    }

    /// All servers are there and go on.
    pub(crate) fn bring_back(&self) {
        self.away_until.lock().unwrap().clear();
        self.frozen_until.lock().unwrap().clear();
    }

    pub(crate) fn set_written(&self, by: Server) {
        self.written.lock().unwrap().insert(by);
    }

    /// Who has written something since this was asked last.
    pub(crate) fn take_written(&self) -> BTreeSet<Server> {
        std::mem::take(&mut *self.written.lock().unwrap())
    }

    /// One server calls another. What is asked runs on that one, whatever becomes of who asked.
    pub(crate) async fn call<A: Send + 'static>(
        &self,
        (from, to): (Server, Server),
        ask: impl Fn() -> BoxFuture<'static, A> + Send,
    ) -> Result<A, Lost> {
        if self.is_doomed(from) {
            return pending().await;
        }
        if self.is_away(to) || self.chance.fault("call never sent", 40) {
            return Err(Lost::NeverSent);
        }
        if self.chance.lies(Lie::NeverSent) {
            self.send_late(to, ask());
            return Err(Lost::NeverSent);
        }
        if self.chance.fault("request lost", 50) {
            return Err(Lost::Somewhere);
        }
        if self.chance.fault("request late", 40) {
            self.send_late(to, ask());
            return Err(Lost::Somewhere);
        }
        if self.chance.fault("request doubled", 50) {
            self.send_late(to, ask());
        }
        let (tell, answer) = oneshot::channel();
        let asked = ask();
        self.spawn(to, async move { drop(tell.send(asked.await)) });
        let answer = self.answer(answer).await;
        if self.chance.fault("answer lost", 40) {
            return Err(Lost::Somewhere);
        }
        answer.ok_or(Lost::Somewhere)
    }

    fn send_late<A: Send + 'static>(&self, to: Server, asked: BoxFuture<'static, A>) {
        let late = Box::pin(async move { drop(asked.await) });
        self.spawn_later(to, self.chance.wait(ON_ITS_WAY), late);
    }

    /// In time, or not at all.
    async fn answer<A>(&self, mut answer: oneshot::Receiver<A>) -> Option<A> {
        let until = self.clock.now().plus(CALL);
        poll_fn(move |context| match Pin::new(&mut answer).poll(context) {
            Poll::Ready(answer) => Poll::Ready(answer.ok()),
            Poll::Pending if until <= self.clock.now() => Poll::Ready(None),
            Poll::Pending => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await
    }
}

/// Lets others go first, once.
pub(crate) async fn others_first() {
    let mut is_my_turn = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_my_turn, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
