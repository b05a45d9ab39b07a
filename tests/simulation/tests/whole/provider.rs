//! A provider of payments with books of its own, that approves, declines, is slow, has no room, refuses refunds for a
//! while, and whose messages get lost in both directions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Clock, RefundId, Timestamp};
use payment::{
    ChargeAnswer, ChargeFinding, ChargeKey, ChargeOrder, PaymentProvider, REFUSALS_MAX,
    RefundAnswer, RefundOrder,
};
use testkit::ManualClock;

use crate::chance::Lie;
use crate::gate::Gate;

/// The longest it thinks about a charge.
const SLOW: Duration = Duration::from_secs(90);
/// What it says, if it does, of when to come again after it had no room.
const NO_ROOM_FOR: Duration = Duration::from_secs(5);

/// A charge in the provider's books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Charged {
    pub(crate) amount_minor: i64,
    pub(crate) is_approved: bool,
    /// Before that it says nothing definite.
    decided_at: Timestamp,
}

/// A refund in the provider's books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GivenBack {
    pub(crate) charge: ChargeKey,
    pub(crate) amount_minor: i64,
    pub(crate) is_done: bool,
    refusals_left: u32,
}

/// The provider's books.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    pub(crate) charges: BTreeMap<ChargeKey, Charged>,
    pub(crate) refunds: BTreeMap<RefundId, GivenBack>,
    /// What nobody should ever have asked.
    pub(crate) nonsense: Vec<String>,
}

pub(crate) struct Provider {
    clock: Arc<ManualClock>,
    /// The payment server's, which is at work while it calls.
    gate: Gate,
    books: Mutex<Books>,
}

impl Provider {
    pub(crate) fn new(clock: Arc<ManualClock>, gate: Gate) -> Self {
        Self { clock, gate, books: Mutex::default() }
    }

    pub(crate) fn books(&self) -> Books {
        self.books.lock().unwrap().clone()
    }

    /// The first time a key comes it is decided what becomes of it; after that it stays so.
    fn charged(&self, order: &ChargeOrder) -> Charged {
        let (chance, now) = (&self.gate.chance, self.clock.now());
        let mut books = self.books.lock().unwrap();
        let amount_minor = order.amount.minor();
        let known = books.charges.get(&order.key).copied();
        if let Some(known) = known {
            if known.amount_minor != amount_minor {
                let wrong = format!("{} is charged {amount_minor} after {known:?}", order.key);
                books.nonsense.push(wrong);
            }
            return known;
        }
        let is_slow = chance.one_in(8);
        let wait = if is_slow { chance.wait(SLOW) } else { Duration::ZERO };
        if is_slow {
            chance.count("provider slow");
        }
        let is_approved = !chance.one_in(4);
        if !is_approved {
            chance.count("charge declined");
        }
        let charged = Charged { amount_minor, is_approved, decided_at: now.plus(wait) };
        chance.tell(|| format!("  provider: {} {charged:?}", order.key));
        books.charges.insert(order.key, charged);
        charged
    }

    fn answer(&self, key: ChargeKey, charged: Charged) -> ChargeAnswer {
        if self.clock.now() < charged.decided_at {
            ChargeAnswer::UnderWay
        } else if charged.is_approved {
            ChargeAnswer::Approved { provider_ref: key.to_string() }
        } else {
            ChargeAnswer::Declined { reason: "card declined".to_owned() }
        }
    }

    /// Gives it back now or refuses to.
    fn give_back(&self, order: &RefundOrder) -> RefundAnswer {
        let chance = &self.gate.chance;
        let mut books = self.books.lock().unwrap();
        let amount_minor = order.amount.minor();
        let charge = books.charges.get(&order.charge).copied();
        let others = books.refunds.iter().filter(|(id, given)| {
            **id != order.refund_id && given.charge == order.charge && given.is_done
        });
        let before: i64 = others.map(|(_, given)| given.amount_minor).sum();
        let can_be = charge.is_some_and(|charge| {
            charge.is_approved && before + amount_minor <= charge.amount_minor
        });
        if !can_be {
            books.nonsense.push(format!("{order:?} of {charge:?}, {before} given back before"));
        }
        let known = books.refunds.get(&order.refund_id).copied();
        let mut given = known.unwrap_or_else(|| {
            let refusals_left = refusals(chance.below(40));
            GivenBack { charge: order.charge, amount_minor, is_done: false, refusals_left }
        });
        let answer = if given.refusals_left > 0 && !given.is_done {
            given.refusals_left -= 1;
            chance.count("refund refused");
            RefundAnswer::Refused { reason: "no balance".to_owned() }
        } else {
            given.is_done = !chance.lies(Lie::NotGivenBack);
            RefundAnswer::Succeeded { provider_ref: order.refund_id.to_string() }
        };
        books.refunds.insert(order.refund_id, given);
        self.gate.set_written();
        answer
    }
}

/// How often a refund is refused before it is made: mostly never, now and then so often that an operator must look.
const fn refusals(roll: usize) -> u32 {
    match roll {
        0 => REFUSALS_MAX + 1,
        1 => REFUSALS_MAX - 1,
        2..=6 => 1,
        7 | 8 => 3,
        _ => 0,
    }
}

#[async_trait]
impl PaymentProvider for Provider {
    async fn charge(&self, order: &ChargeOrder) -> ChargeAnswer {
        self.gate.pause().await;
        if self.gate.chance.fault("charge never arrived", 10) {
            return ChargeAnswer::Unknown;
        }
        if self.gate.chance.fault("no room for a charge", 10) {
            let says = self.gate.chance.one_in(2);
            return ChargeAnswer::NotTried { retry_after: says.then_some(NO_ROOM_FOR) };
        }
        let charged = self.charged(order);
        self.gate.set_written();
        self.gate.pause().await;
        if self.gate.chance.fault("charge taken, no reply", 10) {
            return ChargeAnswer::Unknown;
        }
        self.answer(order.key, charged)
    }

    async fn query(&self, key: ChargeKey) -> ChargeFinding {
        self.gate.pause().await;
        if self.gate.chance.fault("query without reply", 10) {
            return ChargeFinding::Known(ChargeAnswer::Unknown);
        }
        let known = self.books.lock().unwrap().charges.get(&key).copied();
        known.map_or(ChargeFinding::NotFound, |known| ChargeFinding::Known(self.answer(key, known)))
    }

    async fn refund(&self, order: &RefundOrder) -> RefundAnswer {
        self.gate.pause().await;
        if self.gate.chance.fault("refund never arrived", 10) {
            return RefundAnswer::Unknown;
        }
        let answer = self.give_back(order);
        self.gate.pause().await;
        if self.gate.chance.fault("refund made or refused, no reply", 10) {
            return RefundAnswer::Unknown;
        }
        answer
    }
}
