//! What the statements look at: tables and columns, by database. Nothing else is read.

/// A table and the columns of it that statements name.
pub(super) struct Table {
    pub(super) database: &'static str,
    pub(super) name: &'static str,
    texts: &'static [&'static str],
    numbers: &'static [&'static str],
    /// Columns of which matters only whether they have a value: they become 1 or null.
    presences: &'static [&'static str],
}

/// How a column is read and kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Presence,
}

impl Table {
    /// The columns, always in the same order.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        let of = |names: &'static [&'static str], kind| names.iter().map(move |name| (*name, kind));
        of(self.texts, Kind::Text)
            .chain(of(self.numbers, Kind::Number))
            .chain(of(self.presences, Kind::Presence))
    }
}

/// The databases, by the name the statements know them by.
pub(super) const DATABASES: [&str; 6] =
    ["ticket", "booking", "payment", "notification", "mypage", "provider"];

/// Every table.
pub(super) fn tables() -> Vec<Table> {
    let mut all = own();
    for database in crate::databases::PUBLISHERS {
        all.push(table(
            database,
            "outbox",
            &["id", "event_type", "aggregate_type", "aggregate_id"],
            &["version", "published_at_us", "parked_at_us"],
        ));
    }
    for database in crate::databases::CONTEXTS {
        all.push(table(database, "inbox", &["consumer", "event_id"], &[]));
        all.push(table(database, "dead_letter", &["consumer", "event_id"], &[]));
    }
    all
}

/// The tables that one context has.
fn own() -> Vec<Table> {
    vec![
        table("ticket", "ticket", &["id", "status"], &["max_per_buyer", "updated_at_us"]),
        table("ticket", "stock", &["ticket_id", "slot"], &["capacity", "held", "sold"]),
        table(
            "ticket",
            "stock_entry",
            &["ticket_id", "slot", "hold_id", "kind"],
            &["seq", "d_held", "d_sold", "at_us"],
        ),
        Table {
            presences: &["house_note"],
            ..table(
                "ticket",
                "hold",
                &["id", "ticket_id", "buyer_id", "state"],
                &["quantity", "pinned_since_us", "expires_at_us"],
            )
        },
        table("ticket", "hold_line", &["hold_id", "slot"], &["quantity"]),
        table(
            "booking",
            "booking",
            &["id", "ticket_id", "status", "stage", "money", "stock", "check_in", "check_out"],
            &[
                "quantity",
                "total_minor",
                "refunded_minor",
                "cancel_fee_minor",
                "reduction_due_minor",
                "next_action_at_us",
                "pay_by_us",
                "updated_at_us",
            ],
        ),
        Table { presences: &["body"], ..table("booking", "reply", &["resource_id"], &[]) },
        table(
            "payment",
            "payment",
            &["id", "booking_id", "status"],
            &["attempt", "amount_minor", "refunded_minor"],
        ),
        table("payment", "refund", &["id", "payment_id", "status"], &["amount_minor"]),
        table("payment", "settlement", &["booking_id"], &["due_at_us"]),
        table("payment", "operator_log", &["command", "subject_id"], &[]),
        table(
            "notification",
            "notification",
            &["event_id", "recipient", "recipient_kind", "channel"],
            &[],
        ),
        table("mypage", "booking_view", &["booking_id", "status"], &["total_minor", "quantity"]),
        table("provider", "charge", &["id", "outcome"], &["amount_minor", "due_at_us"]),
        table("provider", "refund", &["id"], &[]),
    ]
}

fn table(
    database: &'static str,
    name: &'static str,
    texts: &'static [&'static str],
    numbers: &'static [&'static str],
) -> Table {
    Table { database, name, texts, numbers, presences: &[] }
}
