//! What must never be found, as statements over all databases; each row is a violation, its first column the id.

mod stock;

use crate::databases::{CONTEXTS, PUBLISHERS};
use stock::UNITS;

/// One check.
pub(super) struct Check {
    /// The invariant's number, and a letter where it takes several statements.
    pub(super) id: &'static str,
    /// What should hold.
    pub(super) rule: &'static str,
    /// Finds what violates it: its id, and where a slot's accounts may explain it that slot, as `ticket_id` and `slot`.
    pub(super) sql: String,
}

/// A deadline is missed once it is this old: sweeps run each second, steps back off up to a minute.
const LATE_US: &str = "90000000";

/// A deletion has cancelled all bookings once it is this old: thousands, one commit after the other, take minutes.
const CASCADE_LATE_US: &str = "600000000";

/// Who keeps a row for each of these events. Ticket and booking keep none for what changes nothing any more, and
/// notification none for what tells nobody anything: a message lost to the former shows in I4, I5 and I10.
const CONSUMERS: [(&str, &str, &[&str]); 3] = [
    ("payment", "payment.refund", &["BookingCancellationRequested"]),
    (
        "notification",
        "notification.letters",
        &["BookingConfirmed", "BookingReduced", "BookingCancelled", "RefundSucceeded"],
    ),
    (
        "mypage",
        "mypage.views",
        &[
            "BookingPlaced",
            "BookingConfirmed",
            "BookingReduced",
            "BookingCancelled",
            "PaymentApproved",
        ],
    ),
];

/// Every check.
pub(super) fn checks() -> Vec<Check> {
    let mut all = stock::checks();
    all.extend(bookings());
    all.extend(views());
    all.extend(money());
    all.extend(deadlines());
    all.extend(messages());
    all
}

/// The time by the clock of the database whose deadline it is.
fn now(database: &str) -> String {
    format!("(SELECT now_us FROM {database}.clock)")
}

fn check(id: &'static str, rule: &'static str, sql: impl Into<String>) -> Check {
    Check { id, rule, sql: sql.into() }
}

fn bookings() -> Vec<Check> {
    vec![
        check(
            "I10",
            "a retired ticket has no confirmed booking",
            "SELECT b.id FROM booking.booking b JOIN ticket.ticket t ON t.id = b.ticket_id \
             WHERE t.status = 'RETIRED' AND b.status = 'CONFIRMED'",
        ),
        check(
            "I3",
            "a confirmed booking has its stock: committed, or pinned for the commit under way",
            "SELECT b.id FROM booking.booking b LEFT JOIN ticket.hold h ON h.id = b.id WHERE b.status = 'CONFIRMED' \
             AND NOT COALESCE(h.state = 'COMMITTED' OR (h.state = 'ACTIVE' AND h.pinned_since_us IS NOT NULL), 0)",
        ),
        check(
            "I3b",
            "a confirmed booking has as many units as it was sold, but for those on their way back",
            format!(
                "SELECT b.id FROM booking.booking b JOIN ticket.hold h ON h.id = b.id JOIN {UNITS} u \
                 ON u.hold_id = b.id WHERE b.status = 'CONFIRMED' AND NOT (h.quantity = u.units AND (u.units = b.quantity \
                 OR b.reduction_due_minor IS NOT NULL AND u.units > b.quantity))"
            ),
        ),
        check(
            "I3f",
            "a confirmed stay was sold every night of it, and no other",
            "SELECT b.id FROM booking.booking b JOIN ticket.hold_line l ON l.hold_id = b.id \
             WHERE b.status = 'CONFIRMED' AND b.check_in IS NOT NULL \
             GROUP BY b.id HAVING COUNT(*) <> julianday(MAX(b.check_out)) - julianday(MAX(b.check_in)) \
             OR SUM(NOT (b.check_in <= l.slot AND l.slot < b.check_out)) > 0",
        ),
        check(
            "I3c",
            "sold stock belongs to a booking that is confirmed or being cancelled",
            "SELECT h.id FROM ticket.hold h LEFT JOIN booking.booking b ON b.id = h.id WHERE h.state = 'COMMITTED' \
             AND COALESCE(b.status, '') NOT IN ('CONFIRMED', 'CANCELLING')",
        ),
        check(
            "I3e",
            "a booking that may still be paid has its stock set aside",
            // By the clocks of both: a hold's time is the ticket context's.
            format!(
                "SELECT b.id FROM booking.booking b LEFT JOIN ticket.hold h ON h.id = b.id WHERE b.status = \
                 'AWAITING_PAYMENT' AND COALESCE(b.stage, '') <> 'PAY_FIRST' AND b.pay_by_us > MAX({}, {}) \
                 AND COALESCE(h.state, '') <> 'ACTIVE'",
                now("booking"),
                now("ticket")
            ),
        ),
        check(
            "I4",
            "a booking that came to nothing has no stock",
            "SELECT b.id FROM booking.booking b JOIN ticket.hold h ON h.id = b.id WHERE b.status IN ('CANCELLED', \
             'REJECTED', 'EXPIRED') AND h.state IN ('ACTIVE', 'COMMITTED')",
        ),
        check(
            "I6",
            "a key whose booking is decided has its answer",
            "SELECT r.resource_id FROM booking.reply r JOIN booking.booking b ON b.id = r.resource_id \
             WHERE r.body IS NULL AND b.status NOT IN ('PENDING', 'CANCELLING')",
        ),
    ]
}

fn views() -> Vec<Check> {
    vec![
        check(
            "I8",
            "the view shows every booking as it is",
            // Paying again tells no event until it is decided, and neither does the price that the hold said: the view
            // shows what was last told.
            "SELECT b.id FROM booking.booking b LEFT JOIN mypage.booking_view v ON v.booking_id = b.id WHERE \
             NOT (COALESCE(v.status, '') = b.status AND v.quantity = b.quantity AND (v.total_minor = b.total_minor \
             OR b.status = 'PENDING')) \
             AND NOT (b.status = 'PENDING' AND COALESCE(v.status, '') = 'AWAITING_PAYMENT')",
        ),
        check(
            "I8b",
            "the view shows no booking that is not",
            "SELECT v.booking_id FROM mypage.booking_view v LEFT JOIN booking.booking b ON b.id = v.booking_id \
             WHERE b.id IS NULL",
        ),
    ]
}

fn money() -> Vec<Check> {
    let net = "(SELECT booking_id, SUM(CASE WHEN status IN ('APPROVED', 'PARTIALLY_REFUNDED', 'REFUNDED') THEN \
               amount_minor - refunded_minor ELSE 0 END) AS minor FROM payment.payment GROUP BY booking_id)";
    let provider_now = now("provider");
    vec![
        check(
            "I3d",
            "a confirmed booking is paid, once and in full, but for what went back with a part of it",
            format!(
                "SELECT b.id FROM booking.booking b LEFT JOIN {net} n ON n.booking_id = b.id \
                 WHERE b.status = 'CONFIRMED' AND NOT COALESCE(n.minor BETWEEN b.total_minor - \
                 COALESCE(b.reduction_due_minor, b.refunded_minor) AND b.total_minor - b.refunded_minor, 0)"
            ),
        ),
        check(
            "I4b",
            "a booking that came to nothing, or waits to be paid, cost no more than its fee",
            format!(
                "SELECT b.id FROM booking.booking b JOIN {net} n ON n.booking_id = b.id WHERE \
                 n.minor <> b.cancel_fee_minor AND (b.status IN ('CANCELLED', 'REJECTED', 'EXPIRED') OR \
                 b.status = 'AWAITING_PAYMENT' AND b.updated_at_us < {} - {LATE_US})",
                now("booking")
            ),
        ),
        check(
            "I4d",
            "what is kept of a booking and what is given back are within its price, and all of it once it is cancelled",
            "SELECT id FROM booking.booking WHERE cancel_fee_minor <> 0 AND (refunded_minor + cancel_fee_minor > total_minor \
             OR status = 'CANCELLED' AND refunded_minor + cancel_fee_minor <> total_minor)",
        ),
        check(
            "I4c",
            "refunds are within what was taken",
            "SELECT p.id FROM payment.payment p JOIN payment.refund r ON r.payment_id = p.id \
             GROUP BY p.id HAVING SUM(r.amount_minor) > MAX(p.amount_minor)",
        ),
        check(
            "I9",
            "what the provider took is what we know it took",
            format!(
                // Written out first, and as a text: on anything else SQLite makes no index for a text, and would compare
                // each with each.
                "WITH paid AS MATERIALIZED (SELECT CAST(booking_id || ':' || attempt AS TEXT) AS charge_id, \
                 amount_minor, status FROM payment.payment) SELECT c.id FROM provider.charge c LEFT JOIN paid p ON p.charge_id = c.id \
                 WHERE c.outcome = 'APPROVED' AND c.due_at_us < {provider_now} AND NOT COALESCE(p.amount_minor = \
                 c.amount_minor AND p.status IN ('APPROVED', 'PARTIALLY_REFUNDED', 'REFUNDED'), 0)"
            ),
        ),
        check(
            "I9b",
            "what we believe was taken the provider took",
            "SELECT p.id FROM payment.payment p LEFT JOIN provider.charge c ON c.id = p.booking_id || ':' || \
             p.attempt WHERE p.status IN ('APPROVED', 'PARTIALLY_REFUNDED', 'REFUNDED') AND \
             COALESCE(c.outcome, '') <> 'APPROVED'",
        ),
        check(
            "I9c",
            "what we believe was given back the provider gave back, or else an operator",
            "SELECT r.id FROM payment.refund r LEFT JOIN provider.refund g ON g.id = r.id \
             LEFT JOIN payment.operator_log o ON o.subject_id = r.id AND o.command = 'refunds settle' \
             WHERE (r.status = 'SUCCEEDED' AND o.subject_id IS NULL) <> (g.id IS NOT NULL)",
        ),
    ]
}

fn deadlines() -> Vec<Check> {
    let late = |database: &str| format!("< {} - {LATE_US}", now(database));
    let (ticket, booking, payment) = (late("ticket"), late("booking"), late("payment"));
    let deleted = now("ticket");
    vec![
        check(
            "I10b",
            "a deleted ticket has no open booking",
            format!(
                "SELECT b.id FROM booking.booking b JOIN ticket.ticket t ON t.id = b.ticket_id WHERE t.status IN \
                 ('RETIRING', 'RETIRED') AND t.updated_at_us < {deleted} - {CASCADE_LATE_US} AND b.status IN \
                 ('PENDING', 'AWAITING_PAYMENT', 'CONFIRMED')"
            ),
        ),
        check(
            "I5",
            "no booking is stuck",
            format!(
                "SELECT id FROM booking.booking WHERE (status IN ('PENDING', 'CANCELLING') OR status = 'CONFIRMED' AND \
                 reduction_due_minor IS NOT NULL) AND (next_action_at_us IS NULL OR next_action_at_us {booking})"
            ),
        ),
        check(
            "I5b",
            "no booking waits for its payment past its time",
            format!(
                "SELECT id FROM booking.booking WHERE status = 'AWAITING_PAYMENT' AND pay_by_us {booking}"
            ),
        ),
        check(
            "I5c",
            "no hold outlives its time",
            format!(
                "SELECT id FROM ticket.hold WHERE state = 'ACTIVE' AND pinned_since_us IS NULL \
                 AND expires_at_us {ticket}"
            ),
        ),
        check(
            "I5e",
            "a booking whose process has ended has ended itself",
            "SELECT id FROM booking.booking WHERE status IN ('PENDING', 'AWAITING_PAYMENT', 'CANCELLING') AND \
             (next_action_at_us IS NULL OR COALESCE(status = 'CANCELLING' AND money IN ('NOT_TAKEN', 'SETTLED') \
             AND stock = 'RETURNED', 0))",
        ),
        check(
            "I5f",
            "a booking that has ended has nothing left to do, or soon does it",
            format!(
                "SELECT id FROM booking.booking WHERE status NOT IN ('PENDING', 'AWAITING_PAYMENT', 'CANCELLING') AND \
                 reduction_due_minor IS NULL AND CASE WHEN COALESCE(stock, '') IN ('COMMIT_DUE', 'RELEASE_DUE') THEN next_action_at_us IS NULL OR \
                 next_action_at_us {booking} ELSE next_action_at_us IS NOT NULL END"
            ),
        ),
        check(
            "I5d",
            "no payment or refund is undecided without a timer",
            format!(
                "SELECT p.id FROM payment.payment p JOIN payment.settlement s ON s.booking_id = p.booking_id LEFT \
                 JOIN payment.refund r ON r.payment_id = p.id WHERE (p.status IN ('PROCESSING', 'UNKNOWN') OR \
                 r.status IN ('REQUESTED', 'PENDING', 'FAILED')) AND (s.due_at_us IS NULL OR s.due_at_us {payment})"
            ),
        ),
    ]
}

fn messages() -> Vec<Check> {
    let all = |parts: Vec<String>| parts.join(" UNION ALL ");
    let unpublished = PUBLISHERS.iter().map(|name| {
        format!("SELECT '{name}/' || id FROM {name}.outbox WHERE published_at_us IS NULL")
    });
    let gaps = PUBLISHERS.iter().map(|name| {
        format!(
            "SELECT '{name}/' || aggregate_id FROM {name}.outbox GROUP BY aggregate_type, aggregate_id \
             HAVING MAX(version) - MIN(version) + 1 <> COUNT(*)"
        )
    });
    let lost = CONSUMERS.iter().flat_map(|(database, consumer, events)| {
        events.iter().flat_map(move |event| {
            PUBLISHERS.iter().map(move |publisher| {
                format!(
                    "SELECT '{consumer}/' || o.id FROM {publisher}.outbox o LEFT JOIN {database}.inbox i ON \
                     i.event_id = o.id AND i.consumer = '{consumer}' WHERE o.event_type LIKE '%.{event}' \
                     AND o.published_at_us IS NOT NULL AND i.event_id IS NULL"
                )
            })
        })
    });
    let refused = PUBLISHERS.iter().map(|name| {
        format!("SELECT 'relay/' || id FROM {name}.outbox WHERE parked_at_us IS NOT NULL")
    });
    let dead = CONTEXTS
        .iter()
        .map(|name| format!("SELECT consumer || '/' || event_id FROM {name}.dead_letter"));
    vec![
        check("E1", "everything that happened is told", all(unpublished.collect())),
        check("E2", "no event of an aggregate is missing", all(gaps.collect())),
        check("E3", "everything told was heard", all(lost.collect())),
        check("L1", "nothing is set aside", all(dead.chain(refused).collect())),
        check(
            "I7",
            "each event is told once to each recipient by each channel",
            "SELECT event_id FROM notification.notification GROUP BY event_id, recipient, recipient_kind, channel \
             HAVING COUNT(*) > 1",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx::{AssertSqlSafe, Executor, Row};

    use super::*;
    use crate::audit::scratch::Scratch;
    use crate::audit::tables::tables;

    /// A table that is read whole for each row of another takes hours where there are many.
    #[tokio::test]
    async fn no_check_compares_each_row_with_each() {
        let mut scratch = Scratch::with(&tables()).await.unwrap();
        for Check { id, sql, .. } in checks() {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let plan = scratch.0.fetch_all(explain).await.unwrap();
            let mut loops = Vec::new();
            for step in &plan {
                let (parent, detail): (i64, String) = (step.get("parent"), step.get("detail"));
                if detail.starts_with("SCAN ") {
                    assert!(!loops.contains(&parent), "{id}: {detail}, within another: {sql}");
                    loops.push(parent);
                }
            }
        }
    }
}
