//! The bodies of requests that are still coming, of all connections together: how much of them may be held.
//!
//! What is there already goes ahead: whoever comes finds room, and where there is none left it is made by those who
//! have been on their way the longest. So a crowd of slow bodies costs slow bodies alone.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use grpc_client::overloaded;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::limits::{BODY_BYTES_MAX, COMING_BYTES_EACH};
use crate::violations::Violations;

/// Room for what is coming. Clones share it.
#[derive(Clone)]
pub(crate) struct Bodies {
    coming: Arc<Mutex<Coming>>,
    bytes_max: usize,
}

#[derive(Default)]
struct Coming {
    bytes: usize,
    next: u64,
    /// Who came first is first.
    bodies: BTreeMap<u64, Held>,
}

struct Held {
    bytes: usize,
    /// Cancelled when its room is taken away.
    gone: CancellationToken,
}

/// The room of one body, until it is dropped.
struct Share {
    bodies: Bodies,
    number: u64,
    gone: CancellationToken,
}

impl Bodies {
    /// Room for so much.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { coming: Arc::default(), bytes_max }
    }

    /// The whole body, as soon as it has come.
    ///
    /// # Errors
    /// It is too large or breaks off, or its room is needed for others.
    pub(crate) async fn read<B>(&self, body: B) -> Result<Bytes, Status>
    where
        B: Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>> + Display>,
    {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let share = self.enter();
        tokio::select! {
            biased;
            whole = collect(body, &share) => whole,
            () = share.gone.cancelled() => Err(overloaded()),
        }
    }

    fn enter(&self) -> Share {
        let gone = CancellationToken::new();
        let mut coming = self.lock();
        let number = coming.next;
        coming.next += 1;
        coming.bodies.insert(number, Held { bytes: 0, gone: gone.clone() });
        drop(coming);
        let share = Share { bodies: self.clone(), number, gone };
        share.grow(COMING_BYTES_EACH);
        share
    }

    /// What a panic leaves is sums that still hold.
    fn lock(&self) -> MutexGuard<'_, Coming> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Coming {
    fn remove(&mut self, number: u64) -> Option<Held> {
        let held = self.bodies.remove(&number)?;
        self.bytes -= held.bytes;
        Some(held)
    }
}

impl Share {
    /// Takes room for more, if need be that of those who came first.
    fn grow(&self, more: usize) {
        let mut coming = self.bodies.lock();
        // One whose room is taken away is about to end.
        let Some(held) = coming.bodies.get_mut(&self.number) else { return };
        held.bytes += more;
        coming.bytes += more;
        while coming.bytes > self.bodies.bytes_max {
            let Some(first) = coming.bodies.keys().next().copied() else { return };
            if let Some(held) = coming.remove(first) {
                held.gone.cancel();
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.bodies.lock().remove(self.number);
    }
}

/// Copies what comes: the smallest pieces would each keep more than they hold.
async fn collect<B>(body: B, share: &Share) -> Result<Bytes, Status>
where
    B: Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>> + Display>,
{
    let mut body = std::pin::pin!(Limited::new(body, BODY_BYTES_MAX));
    let mut whole = BytesMut::new();
    while let Some(frame) = body.as_mut().frame().await {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() {
                grpc_client::too_large(BODY_BYTES_MAX)
            } else {
                Violations::one("body", "broke off")
            }
        })?;
        // Trailers say nothing to us.
        if let Ok(mut piece) = frame.into_data() {
            share.grow(piece.remaining());
            whole.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
        }
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::{Context, Poll, Waker};

    use futures::FutureExt;
    use futures::channel::mpsc;
    use futures::stream::StreamExt;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use tonic::Code;
    use tonic_types::StatusExt;

    use super::*;

    type Reading = futures::future::BoxFuture<'static, Result<Bytes, Status>>;

    /// A body of which so much has come, and the rest not.
    fn slow(bodies: &Bodies, bytes: usize) -> (Reading, mpsc::UnboundedSender<Bytes>) {
        let (sender, pieces) = mpsc::unbounded();
        sender.unbounded_send(Bytes::from(vec![b' '; bytes])).unwrap();
        let body = StreamBody::new(pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece))));
        let bodies = bodies.clone();
        let mut reading = async move { bodies.read(body).await }.boxed();
        assert!(poll(&mut reading).is_pending());
        (reading, sender)
    }

    fn poll(reading: &mut Reading) -> Poll<Result<Bytes, Status>> {
        reading.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn who_has_been_coming_the_longest_makes_room() {
        let room = Bodies::new(3 * COMING_BYTES_EACH);
        let (mut first, _open) = slow(&room, 0);
        let (mut second, sender) = slow(&room, 0);
        let (_third, _open_too) = slow(&room, 0);
        assert!(poll(&mut first).is_pending());
        // What is there already waits for nobody.
        let small = room.read(Full::new(Bytes::from_static(b"{}"))).now_or_never().unwrap();
        assert_eq!(small.unwrap(), "{}");
        let Poll::Ready(Err(refused)) = poll(&mut first) else { panic!("it still comes") };
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(refused.get_details_error_info().unwrap().reason, "OVERLOADED");
        assert!(refused.get_details_retry_info().is_some());
        sender.unbounded_send(Bytes::from_static(b"{}")).unwrap();
        drop(sender);
        let Poll::Ready(Ok(whole)) = poll(&mut second) else { panic!("it has come") };
        assert_eq!(whole, "{}");
    }

    #[test]
    fn what_has_come_counts_and_is_given_back() {
        let room = Bodies::new(4 * COMING_BYTES_EACH);
        let (mut large, _open) = slow(&room, 2 * COMING_BYTES_EACH);
        let (mut other, _open_too) = slow(&room, 0);
        assert!(poll(&mut large).is_pending());
        let (third, _open_as_well) = slow(&room, 0);
        assert!(matches!(poll(&mut large), Poll::Ready(Err(_))));
        assert!(poll(&mut other).is_pending());
        drop((other, large));
        assert_eq!(room.lock().bytes, COMING_BYTES_EACH);
        drop(third);
        let left = room.lock();
        assert_eq!((left.bytes, left.bodies.len()), (0, 0));
    }

    #[test]
    fn one_that_is_more_than_all_may_be_is_refused_itself() {
        let room = Bodies::new(2 * COMING_BYTES_EACH);
        let body = Full::new(Bytes::from(vec![b' '; BODY_BYTES_MAX + 1]));
        let refused = room.read(body).now_or_never().unwrap().unwrap_err();
        assert_eq!(refused.get_details_error_info().unwrap().reason, "MESSAGE_TOO_LARGE");
        let (sender, pieces) = mpsc::unbounded::<Bytes>();
        sender.unbounded_send(Bytes::from(vec![b' '; 2 * COMING_BYTES_EACH])).unwrap();
        let body = StreamBody::new(pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece))));
        let refused = room.read(body).now_or_never().unwrap().unwrap_err();
        assert_eq!(refused.get_details_error_info().unwrap().reason, "OVERLOADED");
    }
}
