//! One booking of the view as a row. The money columns `gross_minor` and `given_back_minor` repeat what the fold
//! says, so that the database can add rows up; reading a row proves them.

use std::str::FromStr;

use kernel::{
    BookingId, BuyerId, CivilDate, Currency, Money, OrganizerId, Quantity, StoreError, Timestamp,
};
use mypage::{BookingSeen, BookingSnapshot, BookingView, PaymentSeen, PaymentSnapshot, Tally};
use sea_orm::JsonValue;
use sea_orm::entity::prelude::*;

use crate::names::{booking_status, booking_status_text, payment_status, payment_status_text};

const TABLE: &str = "booking_view";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "booking_view")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) booking_id: String,
    pub(crate) revision: i64,
    pub(crate) booking_version: Option<i64>,
    pub(crate) ticket_id: Option<String>,
    pub(crate) ticket_name: Option<String>,
    pub(crate) organizer_id: Option<String>,
    pub(crate) buyer_id: Option<String>,
    pub(crate) quantity: Option<i64>,
    pub(crate) seats: Option<JsonValue>,
    pub(crate) check_in: Option<String>,
    pub(crate) check_out: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) total_minor: Option<i64>,
    pub(crate) refunded_minor: Option<i64>,
    pub(crate) status: Option<String>,
    pub(crate) status_reason: Option<String>,
    pub(crate) pay_by_us: Option<i64>,
    pub(crate) create_time_us: Option<i64>,
    pub(crate) booking_update_time_us: Option<i64>,
    pub(crate) payment_version: Option<i64>,
    pub(crate) payment_status: Option<String>,
    pub(crate) payment_currency: Option<String>,
    pub(crate) payment_refunded_minor: Option<i64>,
    pub(crate) payment_update_time_us: Option<i64>,
    pub(crate) gross_minor: i64,
    pub(crate) given_back_minor: i64,
    pub(crate) change_number: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The row of a view, as its buyer's change of this number.
    pub(crate) fn new(view: &BookingView, change_number: i64) -> Self {
        let booking = view.booking.as_ref();
        let state = booking.map(|seen| &seen.booking);
        let payment = view.payment.as_ref();
        let paid = payment.map(|seen| &seen.payment);
        let (gross_minor, given_back_minor) = sums(view);
        Self {
            booking_id: view.booking_id.to_string(),
            revision: view.revision,
            booking_version: booking.map(|seen| seen.version),
            ticket_id: state.map(|b| b.ticket_id.to_string()),
            ticket_name: state.map(|b| b.ticket_name.clone()),
            organizer_id: state.map(|b| b.organizer_id.to_string()),
            buyer_id: state.map(|b| b.buyer_id.to_string()),
            quantity: state.map(|b| i64::from(b.quantity.get())),
            seats: state.map(|b| JsonValue::from(b.seats.clone())),
            check_in: state.and_then(|b| b.check_in).map(|date| date.to_string()),
            check_out: state.and_then(|b| b.check_out).map(|date| date.to_string()),
            currency: state.map(|b| b.total.currency().code().to_owned()),
            total_minor: state.map(|b| b.total.minor()),
            refunded_minor: state.map(|b| b.refunded.minor()),
            status: state.map(|b| booking_status_text(b.status).to_owned()),
            status_reason: state.map(|b| b.status_reason.clone()),
            pay_by_us: state.and_then(|b| b.pay_by).map(Timestamp::as_micros),
            create_time_us: state.map(|b| b.create_time.as_micros()),
            booking_update_time_us: state.map(|b| b.update_time.as_micros()),
            payment_version: payment.map(|seen| seen.version),
            payment_status: paid.map(|p| payment_status_text(p.status).to_owned()),
            payment_currency: paid.map(|p| p.refunded.currency().code().to_owned()),
            payment_refunded_minor: paid.map(|p| p.refunded.minor()),
            payment_update_time_us: paid.map(|p| p.update_time.as_micros()),
            gross_minor,
            given_back_minor,
            change_number,
        }
    }

    fn booking(&self) -> Result<Option<BookingSeen>, StoreError> {
        let Some(version) = self.booking_version else {
            let empty = self.buyer_id.is_none() && self.status.is_none();
            return if empty { Ok(None) } else { Err(self.corrupt("booking_version")) };
        };
        let currency = self.read("currency", self.currency.as_deref(), Currency::from_code)?;
        let money = |minor| Money::from_minor(minor, currency);
        let booking = BookingSnapshot {
            ticket_id: self.read("ticket_id", self.ticket_id.as_deref(), str::parse)?,
            ticket_name: self.present("ticket_name", self.ticket_name.clone())?,
            organizer_id: self.read(
                "organizer_id",
                self.organizer_id.as_deref(),
                OrganizerId::new,
            )?,
            buyer_id: self.read("buyer_id", self.buyer_id.as_deref(), BuyerId::new)?,
            quantity: self.read("quantity", self.quantity, Quantity::new)?,
            seats: self.read("seats", self.seats.as_ref(), texts)?,
            check_in: self.date("check_in", self.check_in.as_deref())?,
            check_out: self.date("check_out", self.check_out.as_deref())?,
            total: money(self.present("total_minor", self.total_minor)?),
            refunded: money(self.present("refunded_minor", self.refunded_minor)?),
            status: self
                .read("status", self.status.as_deref(), |text| booking_status(text).ok_or(()))?,
            status_reason: self.present("status_reason", self.status_reason.clone())?,
            pay_by: self.pay_by_us.map(Timestamp::from_micros),
            create_time: self.instant("create_time_us", self.create_time_us)?,
            update_time: self.instant("booking_update_time_us", self.booking_update_time_us)?,
        };
        Ok(Some(BookingSeen { version, booking }))
    }

    fn payment(&self) -> Result<Option<PaymentSeen>, StoreError> {
        let Some(version) = self.payment_version else {
            let empty = self.payment_status.is_none() && self.payment_refunded_minor.is_none();
            return if empty { Ok(None) } else { Err(self.corrupt("payment_version")) };
        };
        let code = self.payment_currency.as_deref();
        let currency = self.read("payment_currency", code, Currency::from_code)?;
        let refunded = self.present("payment_refunded_minor", self.payment_refunded_minor)?;
        let status = self.payment_status.as_deref();
        let payment = PaymentSnapshot {
            status: self.read("payment_status", status, |text| payment_status(text).ok_or(()))?,
            refunded: Money::from_minor(refunded, currency),
            update_time: self.instant("payment_update_time_us", self.payment_update_time_us)?,
        };
        Ok(Some(PaymentSeen { version, payment }))
    }

    fn present<T>(&self, column: &'static str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.corrupt(column))
    }

    fn read<T, U, E>(
        &self,
        column: &'static str,
        value: Option<T>,
        read: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<U, StoreError> {
        read(self.present(column, value)?).map_err(|_| self.corrupt(column))
    }

    fn date(
        &self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<CivilDate>, StoreError> {
        text.map(|text| CivilDate::from_str(text).map_err(|_| self.corrupt(column))).transpose()
    }

    fn instant(&self, column: &'static str, micros: Option<i64>) -> Result<Timestamp, StoreError> {
        self.present(column, micros).map(Timestamp::from_micros)
    }

    fn corrupt(&self, column: &'static str) -> StoreError {
        StoreError::CorruptRow { table: TABLE, id: self.booking_id.clone(), column }
    }
}

impl TryFrom<Model> for BookingView {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let view = Self {
            booking_id: BookingId::from_str(&row.booking_id)
                .map_err(|_| row.corrupt("booking_id"))?,
            revision: row.revision,
            booking: row.booking()?,
            payment: row.payment()?,
        };
        if sums(&view) != (row.gross_minor, row.given_back_minor) {
            return Err(row.corrupt("gross_minor, given_back_minor"));
        }
        Ok(view)
    }
}

/// What the row adds to its organizer's sums: taken and given back.
fn sums(view: &BookingView) -> (i64, i64) {
    let tally = view.shown().map(|row| Tally::of(&row));
    tally.map_or((0, 0), |tally| (tally.gross.minor(), tally.refunded.minor()))
}

/// A JSON array of texts and nothing else.
fn texts(json: &JsonValue) -> Result<Vec<String>, ()> {
    let items = json.as_array().ok_or(())?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or(())).collect()
}

#[cfg(test)]
mod tests {
    use kernel::{TicketId, Uuid};
    use mypage::{BookingStatus, PaymentStatus};
    use proptest::prelude::*;

    use super::*;

    fn money(code: &'static str) -> impl Strategy<Value = Money> {
        let currency = Currency::from_code(code).unwrap();
        (0..i64::MAX).prop_map(move |minor| Money::from_minor(minor, currency))
    }

    fn instant() -> impl Strategy<Value = Timestamp> {
        any::<i64>().prop_map(Timestamp::from_micros)
    }

    fn date() -> impl Strategy<Value = Option<CivilDate>> {
        let some =
            (1..=9999, 1..=12, 1..=28).prop_map(|(y, m, d)| CivilDate::new(y, m, d).unwrap());
        proptest::option::of(some)
    }

    fn status() -> impl Strategy<Value = BookingStatus> {
        let names = ["PENDING", "AWAITING_PAYMENT", "CONFIRMED", "CANCELLING", "CANCELLED"];
        proptest::sample::select(names.to_vec()).prop_map(|name| booking_status(name).unwrap())
    }

    prop_compose! {
        fn booking()(
            version in 1..i64::MAX,
            (ticket, ticket_name) in (any::<u128>(), any::<String>()),
            (organizer, buyer) in ("[!-~]{1,128}", "[!-~]{1,128}"),
            quantity in 1..=10_000_i64,
            seats in proptest::collection::vec(any::<String>(), 0..4),
            (check_in, check_out) in (date(), date()),
            (total, refunded) in (money("KRW"), money("KRW")),
            (status, status_reason) in (status(), "[A-Z_]{0,20}"),
            pay_by in proptest::option::of(instant()),
            (create_time, update_time) in (instant(), instant()),
        ) -> BookingSeen {
            BookingSeen {
                version,
                booking: BookingSnapshot {
                    ticket_id: TicketId::new(Uuid::from_u128(ticket)),
                    ticket_name,
                    organizer_id: OrganizerId::new(organizer).unwrap(),
                    buyer_id: BuyerId::new(buyer).unwrap(),
                    quantity: Quantity::new(quantity).unwrap(),
                    seats,
                    check_in,
                    check_out,
                    total,
                    refunded,
                    status,
                    status_reason,
                    pay_by,
                    create_time,
                    update_time,
                },
            }
        }
    }

    prop_compose! {
        fn payment()(
            version in 1..i64::MAX,
            name in proptest::sample::select(vec!["APPROVED", "DECLINED", "REFUNDED"]),
            refunded in prop_oneof![money("KRW"), money("USD")],
            update_time in instant(),
        ) -> PaymentSeen {
            let status: PaymentStatus = payment_status(name).unwrap();
            PaymentSeen { version, payment: PaymentSnapshot { status, refunded, update_time } }
        }
    }

    prop_compose! {
        fn view()(
            id in any::<u128>(),
            revision in 1..i64::MAX,
            booking in proptest::option::of(booking()),
            payment in proptest::option::of(payment()),
        ) -> BookingView {
            let booking_id = BookingId::new(Uuid::from_u128(id));
            BookingView { booking_id, revision, booking, payment }
        }
    }

    proptest! {
        #[test]
        fn every_view_round_trips(view in view()) {
            prop_assert_eq!(BookingView::try_from(Model::new(&view, 7)), Ok(view));
        }

        #[test]
        fn a_half_without_its_version_is_corrupt(mut view in view(), booking in booking()) {
            view.booking = Some(booking);
            let row = Model { booking_version: None, ..Model::new(&view, 7) };
            let read = BookingView::try_from(row);
            let is_corrupt = matches!(read, Err(StoreError::CorruptRow { column: "booking_version", .. }));
            prop_assert!(is_corrupt);
        }

        #[test]
        fn money_that_contradicts_the_fold_is_corrupt(view in view(), by in 1..i64::MAX) {
            let row = Model::new(&view, 7);
            let row = Model { gross_minor: row.gross_minor.wrapping_add(by), ..row };
            let is_corrupt =
                matches!(BookingView::try_from(row), Err(StoreError::CorruptRow { .. }));
            prop_assert!(is_corrupt);
        }
    }
}
