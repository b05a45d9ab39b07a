//! A payment provider that moves no money: outcomes by configured odds or by scripted tokens, and a
//! ledger of its own in a database of its own, so that it can be asked and audited like a real one.
//!
//! It answers with the result of a charge, or takes the charge and tells of the result later, by a message (row P02).
//!
//! Two tables, for plain SQL (invariant I9):
//! - `charge`: `id` (`<booking id>:<attempt>`), `amount_minor`, `currency`, `payment_method`,
//!   `outcome` (APPROVED or DECLINED), `decline_reason`, `received_at_us`, `due_at_us`. The outcome is
//!   decided on arrival and holds from `due_at_us` on; until then the charge is processing.
//! - `refund`: `id` (the refund's), `charge_id`, `amount_minor`, `currency`,
//!   `created_at_us`. Every row is money given back.

mod charge_row;
mod ledger;
mod messages;
mod migrations;
mod provider;
mod refund_row;
mod script;
mod settings;

pub use migrations::migrations;
pub use provider::SimulatedProvider;
pub use settings::{InvalidSetting, SimulatedSettings};
