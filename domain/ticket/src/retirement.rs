//! How a deleted ticket ends. A process over three parties, each step durable and repeatable:
//!
//! | step | asks | waits for | if it fails |
//! | --- | --- | --- | --- |
//! | its organizer deletes it | RETIRING: no new hold, no hold taken again, no commit | | the caller repeats; a second delete is the same answer |
//! | `TicketRetirementStarted` | booking cancels every open booking of it | `BookingCancellationRequested` of each | the event comes again |
//! | each cancellation | the hold is returned or released | no hold keeps stock | the event comes again; booking asks by call |
//! | `finish_retirements` sweeps | what is set aside for the house is given up | | the next sweep |
//! | the same sweep | RETIRED, `TicketRetired` | | the next sweep |
//!
//! Once RETIRING, holds that keep stock only get fewer. So a sweep that has seen none may decide on
//! what it saw: none can come after it.

use kernel::Timestamp;

use crate::ticket::{Decision, Ticket, TicketStatus};

impl Ticket {
    /// Deletes it: from now on nothing of it is held or sold.
    pub fn retire(&mut self, now: Timestamp) -> Decision {
        match self.status {
            TicketStatus::OnSale | TicketStatus::Paused => {
                self.status = TicketStatus::Retiring;
                self.touch(now);
                Decision::Happened
            }
            TicketStatus::Retiring | TicketStatus::Retired => Decision::AlreadyDone,
        }
    }

    /// Ends its life. The caller has seen that no hold of it keeps stock while it was RETIRING.
    pub fn end_retirement(&mut self, now: Timestamp) -> Decision {
        match self.status {
            TicketStatus::Retiring => {
                self.status = TicketStatus::Retired;
                self.touch(now);
                Decision::Happened
            }
            TicketStatus::OnSale | TicketStatus::Paused | TicketStatus::Retired => {
                Decision::AlreadyDone
            }
        }
    }
}
