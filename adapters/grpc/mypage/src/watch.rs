//! The stream of a buyer's bookings: each now, and again whenever it changes. All who watch the same buyer's share one
//! reader, which reads once for each change that it hears of and hands the changed rows to all; so a stream without news
//! costs no read.
//!
//! A row that changes gets a number above those of all changes before, and numbers become visible in their order. So a
//! stream is as far as the last number that it has seen, and nothing is missed however long it was away: who begins, who
//! comes back and who is too slow for the reader reads by itself from there. A row that changed twice meanwhile is sent
//! once, as it is then.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use grpc_server::wire::{Check, resume_token};
use grpc_server::{WatcherPlace, Watchers, caller_of, refuse, stopping};
use in_process_watching::{Changes, Pace, Readers, Source, Watched};
use kernel::Caller;
use mypage::{Changed, MyPage, ReadError, WATCH_ROWS_MAX};
use proto::boxoffice::mypage::v1 as pb;
use telemetry_metrics::names::WATCH_LOOKS;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::convert::my_booking;

/// A buyer's bookings change seldom, and then step by step: each step is worth a look.
const PACE: Pace = Pace {
    rest: Duration::from_millis(100),
    retry: Duration::from_secs(1),
    relook: Duration::from_secs(15 * 60),
    looks_at_once: 2,
};

/// Rows that wait for one stream; one that is further behind reads by itself.
const NEWS_MAX: usize = 32;

/// The streams of buyers' bookings.
pub struct BookingStreams {
    my_page: Arc<MyPage>,
    readers: Readers<(), Feed>,
    watchers: Watchers,
    stopping: CancellationToken,
}

/// The changes of one buyer's rows.
struct Feed {
    my_page: Arc<MyPage>,
    caller: Caller,
    /// The number of the last change that its reader has told; none while nobody has said where it begins.
    told: Mutex<Option<i64>>,
    news: broadcast::Sender<Arc<Changed>>,
}

/// One stream.
struct Stream {
    watched: Arc<Watched<(), Feed>>,
    news: broadcast::Receiver<Arc<Changed>>,
    /// The number of the last change that was sent or is about to be.
    seen: i64,
    unsent: VecDeque<Changed>,
    /// Whether it has yet to read by itself up to what the reader tells.
    behind: bool,
    whose: String,
    stopping: CancellationToken,
    _place: WatcherPlace,
}

pub(crate) type Answers = BoxStream<'static, Result<pb::WatchMyBookingsResponse, Status>>;

impl BookingStreams {
    /// Streams that follow these changes, in the room for watchers, until the server stops.
    #[must_use]
    pub fn new(
        my_page: Arc<MyPage>,
        changes: &Changes,
        watchers: Watchers,
        stopping: CancellationToken,
    ) -> Self {
        WATCH_LOOKS.begin(["WatchMyBookings"]);
        Self { my_page, readers: Readers::new(changes, PACE), watchers, stopping }
    }

    /// Begins a stream with a first look of its own, so that a caller who may not watch is refused at once.
    pub(crate) async fn watch(
        &self,
        request: Request<pb::WatchMyBookingsRequest>,
    ) -> Result<Response<Answers>, Status> {
        let caller = caller_of(&request);
        let whose = caller.buyer().map_err(|e| refuse(&e))?.to_string();
        let mut check = Check::new();
        let wire = request.get_ref();
        let known = check.resume_token("resume_token", &wire.resume_token, whose.as_bytes());
        check.finish().map_err(|e| refuse(&e))?;
        let place = self.watchers.enter(&request)?;
        let watched = self.readers.watch(&whose, (), || Feed {
            my_page: Arc::clone(&self.my_page),
            caller,
            told: Mutex::default(),
            news: broadcast::Sender::new(NEWS_MAX),
        });
        let known = known.and_then(|known| i64::try_from(known).ok()).unwrap_or_default();
        // Before anything is read: what changes from now on is told or read.
        let news = watched.source().news.subscribe();
        let seen = watched.source().place_of(known).await.map_err(|e| refuse(&e))?;
        let mut stream = Stream {
            watched,
            news,
            seen,
            unsent: VecDeque::new(),
            behind: true,
            whose,
            stopping: self.stopping.clone(),
            _place: place,
        };
        stream.catch_up().await.map_err(|e| refuse(&e))?;
        let answers = stream::unfold(Some(stream), |stream| async move {
            let mut stream = stream?;
            let next = stream.next().await;
            let goes_on = next.is_ok().then_some(stream);
            Some((next, goes_on))
        });
        Ok(Response::new(answers.boxed()))
    }
}

impl Stream {
    async fn next(&mut self) -> Result<pb::WatchMyBookingsResponse, Status> {
        loop {
            if self.stopping.is_cancelled() {
                return Err(stopping());
            }
            if let Some(changed) = self.unsent.pop_front() {
                return Ok(self.answer(&changed));
            }
            if self.behind {
                self.catch_up().await.map_err(|e| refuse(&e))?;
                continue;
            }
            let told = tokio::select! {
                () = self.stopping.cancelled() => continue,
                told = self.news.recv() => told,
            };
            match told {
                Ok(changed) if changed.change_number > self.seen => {
                    self.seen = changed.change_number;
                    return Ok(self.answer(&changed));
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Err(stopping()),
            }
        }
    }

    /// Reads what changed since, a page at a time, until it is as far as the reader.
    async fn catch_up(&mut self) -> Result<(), ReadError> {
        let feed = self.watched.source();
        let told = *feed.told();
        let rows = feed.read(self.seen).await?;
        if let Some(last) = rows.last() {
            self.seen = last.change_number;
        }
        if rows.len() < WATCH_ROWS_MAX as usize {
            // Rows up to what was told before the read are all there, even where the last of them is gone again.
            self.seen = self.seen.max(told.unwrap_or_default());
            self.behind = !feed.goes_on_from(self.seen);
            if told.is_none() {
                // What changed before the reader knew where to begin.
                self.watched.look_again();
            }
        }
        self.unsent.extend(rows);
        Ok(())
    }

    fn answer(&self, changed: &Changed) -> pb::WatchMyBookingsResponse {
        let number = u64::try_from(changed.change_number).unwrap_or_default();
        pb::WatchMyBookingsResponse {
            booking: Some(my_booking(changed.booking.clone())),
            resume_token: resume_token(number, self.whose.as_bytes()),
        }
    }
}

impl Feed {
    async fn read(&self, after: i64) -> Result<Vec<Changed>, ReadError> {
        WATCH_LOOKS.add(["WatchMyBookings"]);
        self.my_page.watch_my_bookings(&self.caller, after).await
    }

    /// Where a stream goes on whose client has seen this change; at the beginning where there is none of this number or
    /// above, as when the view was made anew.
    async fn place_of(&self, known: i64) -> Result<i64, ReadError> {
        if known <= 0 {
            return Ok(0);
        }
        let there = !self.read(known - 1).await?.is_empty();
        Ok(if there { known } else { 0 })
    }

    /// Whether who has seen this misses nothing of what is told from now on.
    fn goes_on_from(&self, seen: i64) -> bool {
        *self.told().get_or_insert(seen) <= seen
    }

    fn told(&self) -> MutexGuard<'_, Option<i64>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Source for Feed {
    async fn look(&self) -> bool {
        loop {
            let Some(after) = *self.told() else { return true };
            let Ok(rows) = self.read(after).await else { return false };
            let full = rows.len() >= WATCH_ROWS_MAX as usize;
            for changed in rows {
                *self.told() = Some(changed.change_number);
                // Nobody listens: then the last one has just left.
                let _ = self.news.send(Arc::new(changed));
            }
            if !full {
                return true;
            }
        }
    }
}
