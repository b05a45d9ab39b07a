//! A provider with books of its own that loses, delays and refuses by a script.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kernel::RefundId;
use payment::{
    ChargeAnswer, ChargeFinding, ChargeKey, ChargeOrder, PaymentProvider, RefundAnswer, RefundOrder,
};

use crate::stepped::Fuse;
use crate::world::PRICE_MINOR;

/// What the provider does with the calls that come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Approve,
    Decline,
    /// Takes the money or gives it back, and the reply is lost.
    DoAndLose,
    /// Never hears of it.
    Miss,
    /// Refuses a refund; declines a charge and the reply is lost.
    Refuse,
    /// Takes the money, and tells of it later. Of a refund nothing is heard.
    Later,
    /// Begins nothing, and says so. Of a refund nothing is heard.
    NoRoom,
}

pub(crate) const ACTS: [Act; 7] =
    [Act::Approve, Act::Decline, Act::DoAndLose, Act::Miss, Act::Refuse, Act::Later, Act::NoRoom];

/// A provider with books of its own. Acts by its script, then by `otherwise`.
pub(crate) struct ScriptedProvider {
    script: Mutex<Vec<Act>>,
    otherwise: Act,
    pub(crate) charges: Mutex<BTreeMap<ChargeKey, ChargeAnswer>>,
    pub(crate) refunds: Mutex<BTreeMap<RefundId, i64>>,
    pub(crate) calls: AtomicU32,
    fuse: Arc<Fuse>,
}

impl ScriptedProvider {
    pub(crate) fn new(script: &[Act], otherwise: Act, fuse: Arc<Fuse>) -> Self {
        Self {
            script: Mutex::new(script.to_vec()),
            otherwise,
            charges: Mutex::default(),
            refunds: Mutex::default(),
            calls: AtomicU32::new(0),
            fuse,
        }
    }

    fn act(&self) -> Act {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut script = self.script.lock().unwrap();
        if script.is_empty() { self.otherwise } else { script.remove(0) }
    }

    fn charge_now(&self, order: &ChargeOrder) -> ChargeAnswer {
        let act = self.act();
        let fresh = match act {
            Act::Approve | Act::DoAndLose | Act::Later => {
                ChargeAnswer::Approved { provider_ref: order.key.to_string() }
            }
            Act::Decline | Act::Refuse => {
                ChargeAnswer::Declined { reason: "card declined".to_owned() }
            }
            Act::Miss => return ChargeAnswer::Unknown,
            Act::NoRoom => return ChargeAnswer::NotTried { retry_after: None },
        };
        let kept = self.charges.lock().unwrap().entry(order.key).or_insert(fresh).clone();
        match act {
            Act::DoAndLose | Act::Refuse => ChargeAnswer::Unknown,
            Act::Later => ChargeAnswer::UnderWay,
            Act::Approve | Act::Decline | Act::Miss | Act::NoRoom => kept,
        }
    }

    fn refund_now(&self, order: &RefundOrder) -> RefundAnswer {
        let charge = self.charges.lock().unwrap().get(&order.charge).cloned();
        assert!(
            matches!(charge, Some(ChargeAnswer::Approved { .. })),
            "refunds what was not taken"
        );
        let provider_ref = order.refund_id.to_string();
        let mut refunds = self.refunds.lock().unwrap();
        if refunds.contains_key(&order.refund_id) {
            return RefundAnswer::Succeeded { provider_ref };
        }
        match self.act() {
            Act::Miss | Act::Later | Act::NoRoom => RefundAnswer::Unknown,
            Act::Decline | Act::Refuse => RefundAnswer::Refused { reason: "no balance".to_owned() },
            Act::Approve => {
                refunds.insert(order.refund_id, order.amount.minor());
                RefundAnswer::Succeeded { provider_ref }
            }
            Act::DoAndLose => {
                refunds.insert(order.refund_id, order.amount.minor());
                RefundAnswer::Unknown
            }
        }
    }

    /// Money taken less money given back, by the provider's books.
    pub(crate) fn net_minor(&self) -> i64 {
        let charges = self.charges.lock().unwrap();
        let taken = charges.values().filter(|c| matches!(c, ChargeAnswer::Approved { .. })).count();
        let back: i64 = self.refunds.lock().unwrap().values().sum();
        i64::try_from(taken).unwrap() * PRICE_MINOR - back
    }
}

#[async_trait]
impl PaymentProvider for ScriptedProvider {
    async fn charge(&self, order: &ChargeOrder) -> ChargeAnswer {
        self.fuse.step().await;
        let answer = self.charge_now(order);
        self.fuse.step().await;
        answer
    }

    async fn query(&self, key: ChargeKey) -> ChargeFinding {
        self.fuse.step().await;
        let known = self.charges.lock().unwrap().get(&key).cloned();
        known.map_or(ChargeFinding::NotFound, ChargeFinding::Known)
    }

    async fn refund(&self, order: &RefundOrder) -> RefundAnswer {
        self.fuse.step().await;
        let answer = self.refund_now(order);
        self.fuse.step().await;
        answer
    }
}
