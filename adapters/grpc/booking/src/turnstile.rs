//! The turnstile before bookings: so many are made at once as the servers make best, and the others wait in line for a
//! moment. A hot sale leaves room to other tickets, a crowd that stays is refused soon, and who comes for what is sold
//! out is told so without waiting. The rules are in `hall.rs`.

mod hall;

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grpc_server::Overloaded;
use kernel::TicketId;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use hall::{Arrival, Hall, Pass};

/// What takes longer waits for somebody outside, such as a payment's provider: several times what a server needs that
/// is well. Then the place is another one's meanwhile.
const OUTSIDE: Duration = Duration::from_millis(10);

/// Lets so many bookings be made at once. Clones are the same turnstile.
#[derive(Debug, Clone)]
pub struct Turnstile(Arc<Mutex<Hall>>);

/// A booking that is being made. It keeps its place until it is dropped, but for while it waits [`outside`]: whoever does
/// the work holds it.
#[derive(Debug)]
pub(crate) struct Inside {
    turnstile: Turnstile,
    ticket: TicketId,
    pass: Cell<Pass>,
}

/// Somebody in line, who leaves it however the waiting ends.
struct Waiter<'a> {
    turnstile: &'a Turnstile,
    ticket: TicketId,
    number: u64,
    told: oneshot::Receiver<Pass>,
    waits: bool,
}

impl Turnstile {
    /// With so many places.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self(Arc::new(Mutex::new(Hall::new(max))))
    }

    /// Waits for a place for a booking of this ticket, never beyond `until`. A caller that goes away leaves the line.
    ///
    /// # Errors
    /// [`Overloaded`] when there is none in time. As many wait as calls may be under way at all.
    pub(crate) async fn enter(
        &self,
        ticket: TicketId,
        until: Instant,
    ) -> Result<Inside, Overloaded> {
        let arrival = self.hall().come(ticket, Instant::now());
        match arrival {
            Arrival::In(pass) => Ok(self.inside(ticket, pass)),
            Arrival::Waits { number, patience_ends, told } => {
                let waiter = Waiter { turnstile: self, ticket, number, told, waits: true };
                waiter.wait(patience_ends, until).await
            }
        }
    }

    /// Hears that nothing is left of a ticket: all who wait for it are let in, and so is who comes in a moment.
    pub(crate) fn sold_out(&self, ticket: TicketId) {
        self.hall().sold_out(ticket, Instant::now());
    }

    /// Hears that a booking of a ticket was begun: from then on other tickets go in groups for a while.
    pub(crate) fn wanted(&self, ticket: TicketId) {
        self.hall().wanted(ticket, Instant::now());
    }

    /// Gives a place back. Whom a rest keeps waiting is let in after it.
    fn leave(&self, ticket: TicketId, pass: Pass) {
        let rests_until = self.hall().leave(ticket, pass, Instant::now());
        // Where nothing runs nobody waits.
        let (Some(until), Ok(runtime)) = (rests_until, Handle::try_current()) else { return };
        let turnstile = self.clone();
        runtime.spawn(async move {
            sleep_until(until).await;
            turnstile.hall().let_in(Instant::now());
        });
    }

    fn inside(&self, ticket: TicketId, pass: Pass) -> Inside {
        Inside { turnstile: self.clone(), ticket, pass: Cell::new(pass) }
    }

    fn hall(&self) -> MutexGuard<'_, Hall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tokio::task_local! {
    /// The place of the booking that this task makes.
    static HERE: Inside;
}

/// Awaits something that may be waiting for somebody outside. If it takes long, the booking that this task makes has no
/// place until it has ended; then it has one again at once, also where there is none.
pub(crate) async fn outside<T>(waiting: impl Future<Output = T>) -> T {
    let mut waiting = std::pin::pin!(waiting);
    if let Ok(soon) = timeout(OUTSIDE, &mut waiting).await {
        return soon;
    }
    let _outside = HERE.try_with(Inside::step_out).ok();
    waiting.await
}

/// Hears that nothing is left for the booking that this task makes.
pub(crate) fn heard_sold_out() {
    let _ = HERE.try_with(|inside| inside.turnstile.sold_out(inside.ticket));
}

/// Without its place for a while, until this is dropped.
struct Outside(Turnstile);

impl Drop for Outside {
    fn drop(&mut self) {
        self.0.hall().steps_in();
    }
}

impl Inside {
    /// Makes a booking, and has the place meanwhile, but for while it waits [`outside`].
    pub(crate) fn make<T>(self, making: impl Future<Output = T>) -> impl Future<Output = T> {
        HERE.scope(self, making)
    }

    fn step_out(&self) -> Option<Outside> {
        if self.pass.get() == Pass::Beyond || !self.turnstile.hall().steps_out() {
            return None;
        }
        self.turnstile.leave(self.ticket, self.pass.replace(Pass::Again));
        Some(Outside(self.turnstile.clone()))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.turnstile.leave(self.ticket, self.pass.get());
    }
}

impl Waiter<'_> {
    async fn wait(mut self, patience_ends: Instant, until: Instant) -> Result<Inside, Overloaded> {
        let told = timeout_at(patience_ends.min(until), &mut self.told).await;
        self.waits = false;
        let pass = match told {
            Ok(Ok(pass)) => Some(pass),
            // Who has no more time itself says nothing of how long the line is.
            Ok(Err(_)) | Err(_) => self.give_up(patience_ends <= until),
        };
        pass.map(|pass| self.turnstile.inside(self.ticket, pass)).ok_or(Overloaded)
    }

    /// Leaves the line, or learns that it was let in meanwhile.
    fn give_up(&mut self, waited_its_time: bool) -> Option<Pass> {
        let mut hall = self.turnstile.hall();
        if hall.leave_line(self.ticket, self.number) {
            if waited_its_time {
                hall.crowd_stays(self.ticket, Instant::now());
            }
            return None;
        }
        self.told.try_recv().ok()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if !self.waits {
            return;
        }
        if let Some(pass) = self.give_up(false) {
            // It was let in and never knew: the place is the next one's.
            drop(self.turnstile.inside(self.ticket, pass));
        }
    }
}

#[cfg(test)]
mod tests;
