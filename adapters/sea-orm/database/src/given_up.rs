//! Work at a database whose caller went away before its end. The connection of a BEGIN that nobody waited for comes back
//! inside a transaction that the driver does not know of, and later statements would be acknowledged and lost in it (F1);
//! the connection of a server that stopped answering would never come back at all. Only then is a connection
//! rolled back before it is used again: two more round trips for each use are a fifth of what a booking costs its
//! database.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Long after a connection that was given up has come back.
const DOUBTED_FOR: Duration = Duration::from_secs(60);

/// Whether something was given up a moment ago. Clones know the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct GivenUp(Arc<Mutex<Option<Instant>>>);

impl GivenUp {
    /// Does some work, and notes it if that is dropped half-way, before its connection is.
    pub(crate) async fn noting<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        // Declared after the work, so that it is dropped before it.
        let mut unfinished = Unfinished(Some(self));
        let done = work.as_mut().await;
        unfinished.0 = None;
        done
    }

    /// Notes that nobody knows how something ended.
    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether connections that come back are to be rolled back.
    pub(crate) fn recently(&self) -> bool {
        let noted = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.is_some_and(|at| at.elapsed() < DOUBTED_FOR)
    }
}

struct Unfinished<'a>(Option<&'a GivenUp>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(given_up) = self.0 {
            given_up.note();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use futures::FutureExt;

    use super::*;

    #[test]
    fn f1_what_ends_is_not_noted_and_what_is_dropped_is_noted_before_its_connection_comes_back() {
        struct Connection<'a>(&'a GivenUp, &'a Cell<bool>);
        impl Drop for Connection<'_> {
            fn drop(&mut self) {
                self.1.set(self.0.recently());
            }
        }
        let (given_up, known) = (GivenUp::default(), Cell::new(false));
        assert_eq!(given_up.noting(ready(7)).now_or_never(), Some(7));
        assert!(!given_up.recently());
        let mut work = Box::pin(given_up.noting(async {
            let _connection = Connection(&given_up, &known);
            pending::<()>().await;
        }));
        assert_eq!(work.as_mut().now_or_never(), None);
        assert!(!given_up.recently());
        drop(work);
        assert!(known.get());
    }
}
