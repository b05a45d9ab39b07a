//! One booking with its process as a row. Parsed, not trusted.

use booking::{
    Booked, BookedFields, Booking, BookingStatus, CancelTerms, Process, Reduction, Refusal, Stay,
    Stored, TicketSnapshot,
};
use kernel::{
    BookingId, BuyerId, CivilDate, Currency, Locale, Money, OrganizerId, PaymentId, Percent,
    StoreError, Timestamp,
};
use sea_orm::JsonValue;
use sea_orm::entity::prelude::*;

use crate::state_row::{
    StateColumns, money_back_name, read_money_back, read_stock_back, status_name, stock_back_name,
};

const TABLE: &str = "booking";
/// The columns that are read as one.
const BOOKED: &str = "quantity, seats, check_in, check_out";
const REDUCTION: &str = "reduction_due_minor, reduction_money, reduction_stock";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "booking")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) ticket_id: String,
    pub(crate) ticket_name: String,
    pub(crate) organizer_id: String,
    pub(crate) buyer_id: String,
    pub(crate) buyer_locale: String,
    pub(crate) quantity: i64,
    pub(crate) seats: Option<JsonValue>,
    pub(crate) check_in: Option<String>,
    pub(crate) check_out: Option<String>,
    pub(crate) currency: String,
    pub(crate) total_minor: i64,
    pub(crate) refunded_minor: i64,
    pub(crate) cancel_free_until_us: Option<i64>,
    pub(crate) cancel_fee_percent: i64,
    pub(crate) cancel_not_after_us: Option<i64>,
    pub(crate) cancel_fee_minor: i64,
    pub(crate) reduction_due_minor: Option<i64>,
    pub(crate) reduction_money: Option<String>,
    pub(crate) reduction_stock: Option<String>,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) refusal: Option<Vec<u8>>,
    pub(crate) stage: Option<String>,
    pub(crate) unclear: bool,
    pub(crate) money: Option<String>,
    pub(crate) stock: Option<String>,
    pub(crate) pay_by_us: Option<i64>,
    pub(crate) attempt: i64,
    pub(crate) payment_method: String,
    pub(crate) payment_id: Option<String>,
    pub(crate) revision: i64,
    pub(crate) event_version: i64,
    pub(crate) created_at_us: i64,
    pub(crate) updated_at_us: i64,
    pub(crate) next_action_at_us: Option<i64>,
    pub(crate) tries: i64,
    pub(crate) lease_owner: Option<String>,
    pub(crate) lease_until_us: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&Stored> for Model {
    fn from(Stored { booking, process }: &Stored) -> Self {
        let state = StateColumns::of(&booking.state, booking.status(), booking.payment_id);
        let (seats, stay) = (booking.booked.seats(), booking.booked.stay());
        let text = |date: CivilDate| date.to_string();
        let part = booking.reduction;
        Self {
            id: booking.id.to_string(),
            ticket_id: booking.ticket.id.to_string(),
            ticket_name: booking.ticket.name.clone(),
            organizer_id: booking.ticket.organizer_id.to_string(),
            buyer_id: booking.buyer_id.to_string(),
            buyer_locale: booking.buyer_locale.tag().to_owned(),
            quantity: i64::from(booking.booked.quantity().get()),
            seats: (!seats.is_empty()).then(|| JsonValue::from(seats)),
            check_in: stay.map(Stay::check_in).map(text),
            check_out: stay.map(Stay::check_out).map(text),
            currency: booking.total.currency().code().to_owned(),
            total_minor: booking.total.minor(),
            refunded_minor: booking.refunded.minor(),
            cancel_free_until_us: booking.cancel_terms.free_until.map(Timestamp::as_micros),
            cancel_fee_percent: i64::from(booking.cancel_terms.fee_percent.get()),
            cancel_not_after_us: booking.cancel_terms.not_after.map(Timestamp::as_micros),
            cancel_fee_minor: booking.cancel_fee.minor(),
            reduction_due_minor: part.map(|part| part.refund_due.minor()),
            reduction_money: part.map(|part| money_back_name(part.money).to_owned()),
            reduction_stock: part.map(|part| stock_back_name(part.stock).to_owned()),
            status: state.status,
            reason: state.reason,
            refusal: state.refusal.or_else(|| stock_refusal_column(booking)),
            stage: state.stage,
            unclear: state.unclear,
            money: state.money,
            stock: state.stock,
            pay_by_us: state.pay_by.map(Timestamp::as_micros),
            attempt: i64::from(booking.attempt),
            payment_method: booking.payment_method.clone(),
            payment_id: state.payment_id.map(|id| id.to_string()),
            revision: booking.revision,
            event_version: booking.event_version,
            created_at_us: booking.created_at.as_micros(),
            updated_at_us: booking.updated_at.as_micros(),
            next_action_at_us: process.next_action_at.map(Timestamp::as_micros),
            tries: i64::from(process.tries),
            lease_owner: process.lease_owner.clone(),
            lease_until_us: process.lease_until.map(Timestamp::as_micros),
        }
    }
}

impl TryFrom<Model> for Stored {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::CorruptRow { table: TABLE, id: row.id.clone(), column };
        let payment_id: Option<PaymentId> = row
            .payment_id
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|_| corrupt("payment_id"))?;
        let currency = Currency::from_code(&row.currency).map_err(|_| corrupt("currency"))?;
        let columns = state_columns(&row, payment_id);
        let booking = Booking {
            id: row.id.parse::<BookingId>().map_err(|_| corrupt("id"))?,
            ticket: ticket(&row)?,
            buyer_id: BuyerId::new(row.buyer_id.clone()).map_err(|_| corrupt("buyer_id"))?,
            buyer_locale: locale(&row.buyer_locale).ok_or_else(|| corrupt("buyer_locale"))?,
            booked: booked(&row).ok_or_else(|| corrupt(BOOKED))?,
            total: Money::from_minor(row.total_minor, currency),
            refunded: Money::from_minor(row.refunded_minor, currency),
            cancel_terms: cancel_terms(&row).ok_or_else(|| corrupt("cancel_fee_percent"))?,
            cancel_fee: Money::from_minor(row.cancel_fee_minor, currency),
            reduction: reduction(&row, currency).ok_or_else(|| corrupt(REDUCTION))?,
            state: columns.state().map_err(|contradiction| corrupt(contradiction.0))?,
            attempt: u32::try_from(row.attempt).map_err(|_| corrupt("attempt"))?,
            payment_id,
            stock_refusal: stock_refusal(&row).ok_or_else(|| corrupt("refusal"))?,
            revision: row.revision,
            event_version: row.event_version,
            created_at: Timestamp::from_micros(row.created_at_us),
            updated_at: Timestamp::from_micros(row.updated_at_us),
            payment_method: row.payment_method.clone(),
        };
        let process = Process {
            next_action_at: row.next_action_at_us.map(Timestamp::from_micros),
            tries: u32::try_from(row.tries).map_err(|_| corrupt("tries"))?,
            lease_owner: row.lease_owner.clone(),
            lease_until: row.lease_until_us.map(Timestamp::from_micros),
        };
        Ok(Self { booking, process })
    }
}

fn state_columns(row: &Model, payment_id: Option<PaymentId>) -> StateColumns {
    StateColumns {
        status: row.status.clone(),
        reason: row.reason.clone(),
        refusal: row.refusal.clone(),
        stage: row.stage.clone(),
        unclear: row.unclear,
        money: row.money.clone(),
        stock: row.stock.clone(),
        pay_by: row.pay_by_us.map(Timestamp::from_micros),
        payment_id,
    }
}

/// The column has the words of a refusal of who was rejected, and the name of it where it was paid before.
fn stock_refusal_column(booking: &Booking) -> Option<Vec<u8>> {
    booking.stock_refusal.as_ref().map(|refusal| refusal.reason().as_bytes().to_vec())
}

/// `None` where there is one that is no name.
fn stock_refusal(row: &Model) -> Option<Option<Refusal>> {
    let rejected = status_name(BookingStatus::Rejected);
    let Some(column) = row.refusal.as_deref().filter(|_| row.status != rejected) else {
        return Some(None);
    };
    Refusal::passed_on(std::str::from_utf8(column).ok()?, &[]).map(Some)
}

/// `None` where the columns contradict one another.
fn booked(row: &Model) -> Option<Booked> {
    let fields = BookedFields {
        quantity: row.quantity,
        seats: row.seats.as_ref().map_or(Some(Vec::new()), texts)?,
        check_in: row.check_in.as_deref().map(str::parse),
        check_out: row.check_out.as_deref().map(str::parse),
    };
    Booked::read(fields).ok()
}

fn cancel_terms(row: &Model) -> Option<CancelTerms> {
    Some(CancelTerms {
        free_until: row.cancel_free_until_us.map(Timestamp::from_micros),
        fee_percent: Percent::new(row.cancel_fee_percent).ok()?,
        not_after: row.cancel_not_after_us.map(Timestamp::from_micros),
    })
}

/// The part on its way back if there is one; `None` where its columns contradict one another.
#[expect(clippy::option_option, reason = "whether it can be read, and whether there is one")]
fn reduction(row: &Model, currency: Currency) -> Option<Option<Reduction>> {
    let Model { reduction_due_minor, reduction_money, reduction_stock, .. } = row;
    match (reduction_due_minor, reduction_money.as_deref(), reduction_stock.as_deref()) {
        (None, None, None) => Some(None),
        (Some(due), money, stock) => Some(Some(Reduction {
            refund_due: Money::from_minor(*due, currency),
            money: read_money_back(money)?,
            stock: read_stock_back(stock)?,
        })),
        (None, Some(_), _) | (None, _, Some(_)) => None,
    }
}

/// A JSON array of texts and nothing else.
fn texts(json: &JsonValue) -> Option<Vec<String>> {
    json.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn ticket(row: &Model) -> Result<TicketSnapshot, StoreError> {
    let corrupt = |column| StoreError::CorruptRow { table: TABLE, id: row.id.clone(), column };
    Ok(TicketSnapshot {
        id: row.ticket_id.parse().map_err(|_| corrupt("ticket_id"))?,
        name: row.ticket_name.clone(),
        organizer_id: OrganizerId::new(row.organizer_id.clone())
            .map_err(|_| corrupt("organizer_id"))?,
    })
}

fn locale(tag: &str) -> Option<Locale> {
    [Locale::En, Locale::Ko].into_iter().find(|locale| locale.tag() == tag)
}

#[cfg(test)]
mod tests {
    use booking::{
        AwaitReason, CancelReason, Hold, MoneyBack, NewBooking, RejectReason, Release, Sale, Stage,
        State, StockBack,
    };
    use kernel::{Quantity, TicketId, Uuid};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn time() -> impl Strategy<Value = Timestamp> {
        any::<i64>().prop_map(Timestamp::from_micros)
    }

    fn payment_id() -> impl Strategy<Value = PaymentId> {
        any::<u128>().prop_map(|id| PaymentId::new(Uuid::from_u128(id)))
    }

    fn hold() -> impl Strategy<Value = Hold> {
        proptest::sample::select(vec![Hold::UnpinDue, Hold::Unpinned, Hold::NotTaken])
    }

    fn after() -> impl Strategy<Value = AwaitReason> {
        proptest::sample::select(AwaitReason::ALL)
    }

    fn state() -> impl Strategy<Value = State> {
        let stage = prop_oneof![
            any::<bool>().prop_map(|price_agreed| Stage::Holding { price_agreed }),
            (time(), after()).prop_map(|(pay_by, after)| Stage::Pinning { pay_by, after }),
            (time(), any::<bool>(), option::of(after())).prop_map(|(pay_by, agreed, after)| {
                Stage::Checking { pay_by, price_agreed: agreed, after }
            }),
            (time(), any::<bool>()).prop_map(|(pay_by, fresh)| Stage::Charging { pay_by, fresh }),
            payment_id().prop_map(|payment_id| Stage::Committing { payment_id }),
            time().prop_map(|pay_by| Stage::ChargingFirst { pay_by }),
            payment_id().prop_map(|payment_id| Stage::Allocating { payment_id }),
        ];
        prop_oneof![
            (stage, any::<bool>()).prop_map(|(stage, unclear)| State::Pending { stage, unclear }),
            payment_id()
                .prop_map(|payment_id| State::Confirmed { payment_id, sale: Sale::CommitDue }),
            (time(), hold()).prop_map(|(pay_by, hold)| {
                State::AwaitingPayment { pay_by, reason: AwaitReason::PaymentDeclined, hold }
            }),
            Just(State::Cancelled { reason: CancelReason::StockGone }),
            Just(State::Cancelling {
                reason: CancelReason::PaidTooLate,
                money: MoneyBack::Stuck,
                stock: StockBack::Returned,
            }),
            refusal().prop_map(|refusal| State::Rejected { refusal, stock: Release::Due }),
        ]
    }

    fn refusal() -> impl Strategy<Value = Refusal> {
        let passed_on = ("[A-Z][A-Z_]{0,31}", proptest::collection::vec(any::<u8>(), 0..99));
        prop_oneof![
            proptest::sample::select(RejectReason::ALL).prop_map(Refusal::from),
            passed_on.prop_filter_map("can be kept", |(reason, words)| {
                Refusal::passed_on(&reason, &words)
            }),
        ]
    }

    fn booked() -> impl Strategy<Value = Booked> {
        let units = (1_i64..=10_000).prop_filter_map("in bounds", |n| Quantity::new(n).ok());
        let seats =
            proptest::collection::hash_set("[\"A-Z가-힣/ ]{0,39}[0-9]", 1..9).prop_map(|seats| {
                BookedFields { seats: seats.into_iter().collect(), ..BookedFields::default() }
            });
        let nights = (1_i64..99, 1_i32..9_999, 1_i32..=11, 1_i32..=28, 1_i32..=28).prop_map(
            |(quantity, year, month, from, until)| BookedFields {
                quantity,
                seats: Vec::new(),
                check_in: Some(CivilDate::new(year, month, from)),
                check_out: Some(CivilDate::new(year, month + 1, until)),
            },
        );
        let read = |fields: BookedFields| Booked::read(fields).ok();
        prop_oneof![
            units.prop_map(Booked::Units),
            seats.prop_filter_map("seats", read),
            nights.prop_filter_map("nights", read),
        ]
    }

    fn cancel_terms() -> impl Strategy<Value = CancelTerms> {
        (option::of(time()), 0..=100_i64, option::of(time())).prop_map(
            |(free_until, percent, not_after)| CancelTerms {
                free_until,
                fee_percent: Percent::new(percent).expect("in range"),
                not_after,
            },
        )
    }

    prop_compose! {
        fn booking()(
            ids in any::<[u128; 2]>(), name in ".{0,200}", booked in booked(),
            total in 0..i64::MAX, korean in any::<bool>(), method in ".{0,255}",
        )(
            ids in Just(ids), name in Just(name), booked in Just(booked),
            total in Just(total), refunded in 0..=total, korean in Just(korean),
            method in Just(method), state in state(), last_payment in option::of(payment_id()),
            numbers in any::<(u32, i64, i64)>(), times in (time(), time()), refused in refusal(),
            cancel in (cancel_terms(), 0..=total, option::of((0..=total, any::<bool>()))),
        ) -> Booking {
            let currency = Currency::from_code("KWD").expect("known");
            let new = NewBooking {
                id: BookingId::new(Uuid::from_u128(ids[0])),
                ticket: TicketSnapshot {
                    id: TicketId::new(Uuid::from_u128(ids[1])),
                    name,
                    organizer_id: OrganizerId::new("acme").expect("a name"),
                },
                buyer_id: BuyerId::new("alice@example.org").expect("a name"),
                buyer_locale: if korean { Locale::Ko } else { Locale::En },
                booked,
                quote: Money::from_minor(total, currency),
                price_agreed: false,
                payment_method: method,
                cancel_terms: cancel.0,
                pay_first: None,
            };
            let payment_id = match &state {
                State::Confirmed { payment_id, .. }
                | State::Pending {
                    stage: Stage::Committing { payment_id } | Stage::Allocating { payment_id },
                    ..
                } => Some(*payment_id),
                State::Pending { .. }
                | State::AwaitingPayment { .. }
                | State::Cancelling { .. }
                | State::Cancelled { .. }
                | State::Rejected { .. }
                | State::Expired { .. } => last_payment,
            };
            let is_cancelled = matches!(state, State::Cancelling { .. } | State::Cancelled { .. });
            Booking {
                stock_refusal: is_cancelled.then(|| refused.by_name()),
                refunded: Money::from_minor(refunded, currency),
                cancel_fee: Money::from_minor(cancel.1, currency),
                reduction: cancel.2.map(|(due, stuck)| Reduction {
                    refund_due: Money::from_minor(due, currency),
                    money: if stuck { MoneyBack::Stuck } else { MoneyBack::Settled },
                    stock: if stuck { StockBack::Returned } else { StockBack::Waiting },
                }),
                state,
                payment_id,
                attempt: numbers.0,
                revision: numbers.1,
                event_version: numbers.2,
                updated_at: times.1,
                ..Booking::place(new, times.0)
            }
        }
    }

    proptest! {
        #[test]
        fn a_booking_round_trips(
            booking in booking(),
            next_action_at in option::of(time()), tries in any::<u32>(),
            lease in option::of((".{1,80}", time())),
        ) {
            let (lease_owner, lease_until) = lease.unzip();
            let process = Process { next_action_at, tries, lease_owner, lease_until };
            let stored = Stored { booking, process };
            prop_assert_eq!(Stored::try_from(Model::from(&stored)), Ok(stored));
        }

        #[test]
        fn what_contradicts_itself_is_corrupt(booking in booking(), broken in 0..14_usize) {
            let mut row = Model::from(&Stored { booking, process: Process::default() });
            let column = match broken {
                0 => { row.status = "GONE".to_owned(); "status" }
                1 => { row.currency = "???".to_owned(); "currency" }
                2 => { row.quantity = -1; BOOKED }
                3 => { row.buyer_id = "a b".to_owned(); "buyer_id" }
                4 => { row.status = "CANCELLED".to_owned(); row.reason = None; "reason" }
                5 => { row.status = "PENDING".to_owned(); row.stage = None; "stage" }
                6 => { row.status = "CONFIRMED".to_owned(); row.payment_id = None; "payment_id" }
                7 => { row.check_in = Some("20240221".to_owned()); BOOKED }
                8 => { row.seats = Some(JsonValue::from(vec!["A1", "A1"])); BOOKED }
                9 => { row.seats = Some(JsonValue::from("A1")); BOOKED }
                10 => { row.cancel_fee_percent = 101; "cancel_fee_percent" }
                11 => { row.reduction_money = Some("GONE".to_owned()); REDUCTION }
                12 => {
                    (row.status, row.refusal) = ("CANCELLED".to_owned(), Some(vec![0xff]));
                    row.reason = Some("STOCK_GONE".to_owned());
                    "refusal"
                }
                _ => { row.attempt = -1; "attempt" }
            };
            let id = row.id.clone();
            let corrupt = StoreError::CorruptRow { table: TABLE, id, column };
            prop_assert_eq!(Stored::try_from(row), Err(corrupt));
        }
    }
}
