//! One hold, or the tombstone of one, as a row.

use kernel::{BuyerId, Currency, HoldId, Money, Quantity, StoreError, Timestamp};
use sea_orm::entity::prelude::*;
use ticket::{Hold, HoldOwner, HoldRecord, HoldState, Lines, Tombstone};

use super::{corrupt, line};

/// The text of a hold that is set aside.
pub(crate) const ACTIVE: &str = "ACTIVE";
/// The text of a hold that is sold.
pub(crate) const COMMITTED: &str = "COMMITTED";
/// The buyer of what is set aside for the house: no buyer has an empty name.
pub(crate) const HOUSE: &str = "";
const RETURNED: &str = "RETURNED";
const RELEASED: &str = "RELEASED";
const EXPIRED: &str = "EXPIRED";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "hold")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) told: bool,
    pub(crate) pinned_since_us: Option<i64>,
    pub(crate) ticket_id: Option<String>,
    pub(crate) buyer_id: Option<String>,
    pub(crate) quantity: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) unit_price_minor: Option<i64>,
    pub(crate) total_minor: Option<i64>,
    pub(crate) expires_at_us: Option<i64>,
    pub(crate) revision: i64,
    pub(crate) event_version: i64,
    pub(crate) house_note: Option<String>,
    pub(crate) house_since_us: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&HoldRecord> for Model {
    fn from(record: &HoldRecord) -> Self {
        match record {
            HoldRecord::Hold(hold) => Self::from(hold),
            HoldRecord::Tombstone(tombstone) => Self {
                id: tombstone.id.to_string(),
                state: RELEASED.to_owned(),
                told: tombstone.told,
                pinned_since_us: None,
                ticket_id: None,
                buyer_id: None,
                quantity: None,
                currency: None,
                unit_price_minor: None,
                total_minor: None,
                expires_at_us: None,
                revision: tombstone.revision,
                event_version: i64::from(tombstone.told),
                house_note: None,
                house_since_us: None,
            },
        }
    }
}

impl From<&Hold> for Model {
    fn from(hold: &Hold) -> Self {
        let (state, told, pinned_since) = match hold.state {
            HoldState::Active { pinned_since } => (ACTIVE, false, pinned_since),
            HoldState::Committed => (COMMITTED, false, None),
            HoldState::Returned => (RETURNED, true, None),
            HoldState::Released { told } => (RELEASED, told, None),
            HoldState::Expired => (EXPIRED, false, None),
        };
        let (buyer_id, house_note, house_since_us) = match &hold.owner {
            HoldOwner::Buyer(buyer_id) => (buyer_id.to_string(), None, None),
            HoldOwner::House { note, created_at } => {
                (HOUSE.to_owned(), Some(note.clone()), Some(created_at.as_micros()))
            }
        };
        Self {
            id: hold.id.to_string(),
            state: state.to_owned(),
            told,
            pinned_since_us: pinned_since.map(Timestamp::as_micros),
            ticket_id: Some(hold.ticket_id.to_string()),
            buyer_id: Some(buyer_id),
            quantity: Some(i64::from(hold.quantity.get())),
            currency: Some(hold.unit_price.currency().code().to_owned()),
            unit_price_minor: Some(hold.unit_price.minor()),
            total_minor: Some(hold.total.minor()),
            expires_at_us: Some(hold.expires_at.as_micros()),
            revision: hold.revision,
            event_version: hold.event_version,
            house_note,
            house_since_us,
        }
    }
}

impl Model {
    /// Reads a hold with its lines, which may stand among those of other holds.
    pub(crate) fn read(&self, lines: &[line::Model]) -> Result<HoldRecord, StoreError> {
        let corrupt = corrupt("hold", &self.id);
        let id: HoldId = self.id.parse().map_err(|_| corrupt("id"))?;
        let Some(ticket_id) = &self.ticket_id else {
            return match (self.state.as_str(), self.buyer_id.as_ref()) {
                (RELEASED, None) => {
                    let (told, revision) = (self.told, self.revision);
                    Ok(HoldRecord::Tombstone(Tombstone { id, told, revision }))
                }
                _ => Err(corrupt("ticket_id, buyer_id, state")),
            };
        };
        let own = lines.iter().filter(|line| line.hold_id == self.id);
        let lines: Lines = own.map(line::Model::read).collect::<Result<_, _>>()?;
        if lines.is_empty() {
            return Err(corrupt("its lines"));
        }
        // A server that knew of admission alone wrote none, and one line.
        let of_lines = || lines.values().map(|quantity| i64::from(quantity.get())).sum();
        let quantity = Quantity::new(self.quantity.unwrap_or_else(of_lines));
        let code = self.currency.as_deref();
        let currency = code.and_then(|code| Currency::from_code(code).ok());
        let currency = currency.ok_or_else(|| corrupt("currency"))?;
        let unit_price = self.unit_price_minor.ok_or_else(|| corrupt("unit_price_minor"))?;
        let total = self.total_minor.ok_or_else(|| corrupt("total_minor"))?;
        let expires_at = self.expires_at_us.ok_or_else(|| corrupt("expires_at_us"))?;
        Ok(HoldRecord::Hold(Hold {
            id,
            ticket_id: ticket_id.parse().map_err(|_| corrupt("ticket_id"))?,
            owner: self.owner().ok_or_else(|| corrupt("buyer_id, house_note, house_since_us"))?,
            quantity: quantity.map_err(|_| corrupt("quantity"))?,
            lines,
            unit_price: Money::from_minor(unit_price, currency),
            total: Money::from_minor(total, currency),
            state: self.state().ok_or_else(|| corrupt("state, told, pinned_since_us"))?,
            expires_at: Timestamp::from_micros(expires_at),
            revision: self.revision,
            event_version: self.event_version,
        }))
    }

    fn owner(&self) -> Option<HoldOwner> {
        match (self.buyer_id.as_deref()?, &self.house_note, self.house_since_us) {
            (HOUSE, Some(note), Some(since)) => {
                let created_at = Timestamp::from_micros(since);
                Some(HoldOwner::House { note: note.clone(), created_at })
            }
            (buyer_id, None, None) => BuyerId::new(buyer_id).ok().map(HoldOwner::Buyer),
            (_, Some(_), _) | (_, _, Some(_)) => None,
        }
    }

    fn state(&self) -> Option<HoldState> {
        let pinned_since = self.pinned_since_us.map(Timestamp::from_micros);
        match (self.state.as_str(), self.told, pinned_since) {
            (ACTIVE, false, pinned_since) => Some(HoldState::Active { pinned_since }),
            (COMMITTED, false, None) => Some(HoldState::Committed),
            (RETURNED, true, None) => Some(HoldState::Returned),
            (RELEASED, told, None) => Some(HoldState::Released { told }),
            (EXPIRED, false, None) => Some(HoldState::Expired),
            _ => None,
        }
    }
}
