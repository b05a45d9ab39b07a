//! I6: one client key, one outcome.

use std::collections::BTreeMap;

use booking::{BookingStore, Happening};
use futures::FutureExt;

use super::{Seen, Verdict, must};
use crate::people::Buyers;

/// By what is stored: each key that led to a booking led to one, and has its answer, which is what clients heard.
pub(super) fn at_rest(seen: &Seen<'_>, buyers: &Buyers) -> Verdict {
    let mut placed = BTreeMap::<String, Vec<String>>::new();
    seen.world.bus.with_told(|told| {
        let events = told.bookings.iter().map(|(_, recorded)| &recorded.event);
        for event in events.filter(|event| event.what == Happening::Placed) {
            let booking = &event.booking;
            placed.entry(booking.payment_method.clone()).or_default().push(booking.id.to_string());
        }
    });
    let histories = seen.world.clients.keys();
    for (key, token) in buyers.tokens() {
        let ids = placed.get(&token).cloned().unwrap_or_default();
        must!(ids.len() <= 1, "I6: {key:?} led to {ids:?}");
        let reply = seen.world.bookings.find_reply(&key).now_or_never().unwrap().unwrap();
        let heard = histories.get(&(key.scope.clone(), key.key.clone()));
        let body = reply.as_ref().and_then(|reply| reply.body.clone());
        let Some(id) = ids.first() else {
            let is_refusal = body.is_none_or(|body| body == b"SOLD_OUT");
            must!(is_refusal, "I6: {key:?} has an answer and no booking: {reply:?}");
            continue;
        };
        let body = body.unwrap_or_default();
        let names = body.starts_with(id.as_bytes());
        must!(names, "I6: {key:?} led to {id}, which its answer does not name: {reply:?}");
        let is_heard = heard.is_none_or(|heard| heard.led_to.iter().all(|what| what == id));
        must!(is_heard, "I6: {key:?} led to {id}, but clients heard {heard:?}");
        let replays = heard.iter().flat_map(|heard| &heard.replays);
        for replay in replays {
            must!(*replay == body, "I6: {key:?} was answered otherwise: {heard:?}, {reply:?}");
        }
    }
    Ok(())
}
