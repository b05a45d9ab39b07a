//! Buyers over gRPC: as many as there are, each one wish after the other, or as they come, whether the platform keeps
//! up or not.

use std::time::{Duration, SystemTime};

use proto::boxoffice::booking::v1::booking_service_client::BookingServiceClient;
use proto::boxoffice::booking::v1::{Booking, BookingStatus, CreateBookingRequest};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::answered::{Answer, Call, Calls, Window};
use super::stage::Stage;

/// Whoever has no answer by then hangs up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Until then everybody who asks again and again has a definite answer.
const DEFINITE_WITHIN: Duration = Duration::from_secs(120);
/// Before asking again, where no answer says how long.
const LATER: Duration = Duration::from_millis(50);

/// What buyers who come by chance do once they are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// They go.
    Once,
    /// They ask again until they know.
    UntilDefinite,
}

/// One who books.
#[derive(Clone)]
pub(crate) struct Buyer {
    number: usize,
    channel: Channel,
    token: MetadataValue<Ascii>,
    method: &'static str,
}

impl Stage {
    /// The buyer of that number.
    pub(crate) fn buyer(&self, number: usize) -> Buyer {
        let (channel, token) = self.door(number);
        Buyer { number, channel, token, method: self.method }
    }

    /// So many buyers, each one wish after the other until the window ends. `choose` says which ticket by the buyer's
    /// number and the wish's. They need nothing of the stage any more once they have begun.
    pub(crate) fn crowd(
        &self,
        callers: u16,
        window: Window,
        tickets: &[String],
        choose: fn(usize, usize) -> usize,
    ) -> impl Future<Output = Calls> + use<> {
        self.crowd_within(Duration::ZERO, callers, window, tickets, choose)
    }

    /// The same, who do not begin all at once but one after the other within this time: what takes its time for each
    /// would else keep them together as one wave.
    pub(crate) fn crowd_within(
        &self,
        time: Duration,
        callers: u16,
        window: Window,
        tickets: &[String],
        choose: fn(usize, usize) -> usize,
    ) -> impl Future<Output = Calls> + use<> {
        let (mut buying, now) = (JoinSet::new(), Instant::now());
        for number in 0..callers {
            let (buyer, tickets) = (self.buyer(usize::from(number)), tickets.to_vec());
            let begins = now + time * u32::from(number) / u32::from(callers);
            buying.spawn(async move {
                sleep_until(begins).await;
                buyer.book_until(window, &tickets, choose).await
            });
        }
        gathered(buying)
    }

    /// Buyers who come by chance, so many a second on the average until the window ends, each with one wish for one
    /// of the tickets. The same seed gives the same arrivals.
    pub(crate) async fn arrivals(
        &self,
        (per_second, seed): (f64, u64),
        window: Window,
        tickets: &[String],
        asking: Asking,
    ) -> Calls {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut buying = JoinSet::new();
        let mut due = Instant::now();
        let mut number = 0;
        while due < window.until {
            sleep_until(due).await;
            let ticket = chance.random_range(0..tickets.len().max(1));
            let id = tickets.get(ticket).cloned().unwrap_or_default();
            let buyer = self.buyer(number);
            buying.spawn(async move {
                match asking {
                    Asking::Once => Calls(vec![buyer.wish(&id, due).await.0]),
                    Asking::UntilDefinite => {
                        let key = format!("arrival-{number}");
                        buyer.until_definite(&id, &key, due).await
                    }
                }
            });
            number += 1;
            // The time between two arrivals that know nothing of each other.
            let gap = -(1.0 - chance.random::<f64>()).ln() / per_second;
            due += Duration::from_secs_f64(gap);
        }
        gathered(buying).await
    }
}

impl Buyer {
    async fn book_until(
        self,
        window: Window,
        tickets: &[String],
        choose: fn(usize, usize) -> usize,
    ) -> Calls {
        let mut calls = Calls::default();
        let mut wish = 0;
        while Instant::now() < window.until {
            let ticket = choose(self.number, wish) % tickets.len().max(1);
            let id = tickets.get(ticket).map_or("", String::as_str);
            let (call, later) = self.wish(id, Instant::now()).await;
            calls.0.push(call);
            sleep(later).await;
            wish += 1;
        }
        calls
    }

    /// Asks for one unit until it has a booking or knows that there is none to have: with one idempotency key, so that
    /// it never has two, and after as long a wait as it was told. Every try was due when the first one was.
    pub(crate) async fn until_definite(&self, ticket: &str, key: &str, due: Instant) -> Calls {
        let mut calls = Calls::default();
        loop {
            let mut request = self.request(ticket);
            let key = key.parse().unwrap_or_else(|error| panic!("{key}: {error}"));
            request.metadata_mut().insert("idempotency-key", key);
            let (call, later) = self.ask(request, due).await;
            let is_definite = call.is_confirmed() || call.answer == Answer::SoldOut;
            calls.0.push(call);
            if is_definite {
                return calls;
            }
            assert!(due.elapsed() < DEFINITE_WITHIN, "no definite answer: {:?}", calls.0.last());
            sleep(later).await;
        }
    }

    /// Asks once for one unit; beside the answer stands how long to wait before asking anything again.
    pub(crate) async fn wish(&self, ticket: &str, due: Instant) -> (Call, Duration) {
        self.ask(self.request(ticket), due).await
    }

    async fn ask(&self, request: Request<CreateBookingRequest>, due: Instant) -> (Call, Duration) {
        let mut bookings = BookingServiceClient::new(self.channel.clone());
        let answered = bookings.create_booking(request).await;
        let (answer, later) = match answered {
            Ok(answer) => {
                let booking = answer.into_inner().booking.unwrap_or_default();
                if booking.status() == BookingStatus::Confirmed {
                    let age = age(&booking);
                    let (booking, version) = (booking.booking_id, booking.version);
                    (Answer::Confirmed { booking, version, age }, Duration::ZERO)
                } else if booking.status() == BookingStatus::AwaitingPayment {
                    (Answer::PayLater, Duration::ZERO)
                } else {
                    (Answer::Unclear, LATER)
                }
            }
            Err(refused) => refusal(&refused),
        };
        let answered = Instant::now();
        (Call { due, answered, answer }, later)
    }

    fn request(&self, ticket: &str) -> Request<CreateBookingRequest> {
        let mut request = Request::new(CreateBookingRequest {
            ticket_id: ticket.to_owned(),
            quantity: 1,
            payment_method: self.method.to_owned(),
            ..CreateBookingRequest::default()
        });
        request.metadata_mut().insert("authorization", self.token.clone());
        request.set_timeout(PATIENCE);
        request
    }
}

/// How long ago it changed by its server's clock, which is this machine's.
fn age(booking: &Booking) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a benchmark has no clock of its own to hand")]
    let now = SystemTime::now();
    let changed = booking.update_time.and_then(|changed| SystemTime::try_from(changed).ok());
    changed.and_then(|changed| now.duration_since(changed).ok()).unwrap_or_default()
}

fn refusal(refused: &Status) -> (Answer, Duration) {
    let details = refused.get_error_details();
    let reason = details.error_info().map_or("", |info| info.reason.as_str());
    if reason == "SOLD_OUT" {
        return (Answer::SoldOut, Duration::ZERO);
    }
    let advised = details.retry_info().and_then(|info| info.retry_delay);
    let later = advised.unwrap_or(LATER);
    if refused.code() == Code::ResourceExhausted {
        assert!(advised.is_some(), "refused without a word when to come again: {refused}");
        return (Answer::Shed, later);
    }
    // Unknown, cancelled and internal are also what is told of a connection that broke.
    let passing = [
        Code::Unavailable,
        Code::DeadlineExceeded,
        Code::Aborted,
        Code::Unknown,
        Code::Cancelled,
        Code::Internal,
    ];
    assert!(passing.contains(&refused.code()), "{refused}");
    (Answer::Unclear, later)
}

async fn gathered(mut buying: JoinSet<Calls>) -> Calls {
    let mut all = Calls::default();
    while let Some(ended) = buying.join_next().await {
        all.extend(ended.unwrap_or_else(|error| panic!("a buyer: {error}")));
    }
    all
}
