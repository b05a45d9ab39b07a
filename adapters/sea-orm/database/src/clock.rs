//! The database's clock without asking for each look at it. All that is due is due by the one clock of its database
//! (trap R43), which is asked once a second; what has passed since then is told by the monotonic clock of this process.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kernel::Timestamp;
use sea_orm::{ConnectionTrait, DbErr};

use crate::Database;
use crate::engine::database_now;

/// How long an answer counts: two clocks drift apart by microseconds in it, and a clock that is set is followed in it.
const COUNTS_FOR: Duration = Duration::from_secs(1);
/// An answer that was as long on its way counts for its caller alone: nobody knows how old it is.
const PROMPT: Duration = Duration::from_millis(20);

/// What the database said last, and when that was heard.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Option<(Instant, Timestamp)>>);

impl Clock {
    fn told(&self) -> Option<Timestamp> {
        let (heard, time) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let passed = heard.elapsed();
        (passed < COUNTS_FOR).then(|| time.plus(passed))
    }
}

impl Database {
    /// The database's own time, never ahead of it unless it was set back within the last second, and at most 20 ms behind.
    /// Asked over `conn` if it has to be.
    ///
    /// # Errors
    /// The database's, unchanged: the caller says what it was doing.
    pub async fn now(&self, conn: &impl ConnectionTrait) -> Result<Timestamp, DbErr> {
        if let Some(time) = self.clock().told() {
            return Ok(time);
        }
        let asked = Instant::now();
        let time = database_now(conn).await?;
        // Counted from when it was heard, the time cannot run ahead of the database.
        let heard = Instant::now();
        if heard - asked < PROMPT {
            let told = &self.clock().0;
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some((heard, time));
        }
        Ok(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r43_an_answer_goes_on_for_a_second_and_no_longer() {
        let time = Timestamp::from_micros(1_000_000);
        let heard = |ago| {
            let heard = Instant::now().checked_sub(ago).unwrap();
            Clock(Mutex::new(Some((heard, time)))).told()
        };
        let passed = Duration::from_millis(300);
        let told = heard(passed).unwrap();
        assert!(told >= time.plus(passed) && told < time.plus(COUNTS_FOR), "{told:?}");
        assert_eq!((heard(COUNTS_FOR), Clock::default().told()), (None, None));
    }
}
