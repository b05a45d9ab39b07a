//! Stock: three accounts are kept of every slot, of whatever kind — its counters, the ledger of its movements, and the
//! lines of its holds — and each is compared with the others. One that lacks a slot says zero of it.

use super::{Check, check};

/// What the counters say.
const COUNTERS: &str = "SELECT ticket_id, slot, held, sold FROM ticket.stock";

/// What each entry of the ledger takes away from it.
const LESS_ENTRIES: &str = "SELECT ticket_id, slot, -d_held, -d_sold FROM ticket.stock_entry";
const LESS_ENTRIES_BY_HOLD: &str =
    "SELECT ticket_id, slot, -d_held, -d_sold, hold_id FROM ticket.stock_entry";

/// A hold's line counts by its hold's state: ACTIVE is held, COMMITTED is sold, and all others are nothing.
const HELD: &str = "CASE h.state WHEN 'ACTIVE' THEN l.quantity ELSE 0 END";
const SOLD: &str = "CASE h.state WHEN 'COMMITTED' THEN l.quantity ELSE 0 END";
const LINES: &str = "ticket.hold h JOIN ticket.hold_line l ON l.hold_id = h.id";

/// What a hold counts as: places or seats, or rooms, which it has for every night.
pub(super) const UNITS: &str = "(SELECT hold_id, CASE WHEN MIN(slot) = 'admission' OR MIN(slot) LIKE 'seat:%' THEN \
                                SUM(quantity) ELSE MAX(quantity) END AS units FROM ticket.hold_line GROUP BY hold_id)";

/// Every check of stock alone.
pub(super) fn checks() -> Vec<Check> {
    let mut all = accounts();
    all.extend(ledger());
    all.push(check(
        "I11",
        "no buyer got more than the ticket's limit",
        // A limit that was lowered later takes nothing away from whom it found with more. The joins are CROSS so that
        // SQLite keeps their order: it would begin with each of the units beside each of the entries.
        format!(
            "SELECT h.ticket_id || '/' || h.buyer_id FROM ticket.ticket t CROSS JOIN ticket.hold h ON h.ticket_id = \
             t.id CROSS JOIN {UNITS} u ON u.hold_id = h.id CROSS JOIN (SELECT hold_id, MAX(at_us) AS at_us FROM \
             ticket.stock_entry WHERE kind IN ('HOLD', 'RETAKE') GROUP BY hold_id) e ON e.hold_id = h.id WHERE \
             h.state IN ('ACTIVE', 'COMMITTED') AND h.buyer_id <> '' AND t.max_per_buyer > 0 GROUP BY h.ticket_id, h.buyer_id HAVING \
             SUM(u.units) > MAX(t.max_per_buyer) AND MAX(e.at_us) > MAX(t.updated_at_us)"
        ),
    ));
    all.push(check(
        "I11b",
        "what is set aside for the house is its organizer's alone: without an end, neither pinned nor sold",
        "SELECT id FROM ticket.hold WHERE (COALESCE(buyer_id, '-') = '') <> (house_note IS NOT NULL) OR (house_note \
         IS NOT NULL AND (state NOT IN ('ACTIVE', 'RELEASED') OR pinned_since_us IS NOT NULL OR expires_at_us <> \
         9223372036854775807))",
    ));
    all.push(check(
        "I10c",
        "a retired ticket keeps no stock",
        "SELECT h.id FROM ticket.hold h JOIN ticket.ticket t ON t.id = h.ticket_id WHERE t.status = 'RETIRED' AND \
         h.state IN ('ACTIVE', 'COMMITTED')",
    ));
    all
}

fn accounts() -> Vec<Check> {
    vec![
        check(
            "I1",
            "held and sold are not negative and together within capacity",
            "SELECT ticket_id || '/' || slot AS id, ticket_id, slot FROM ticket.stock \
             WHERE held < 0 OR sold < 0 OR held + sold > capacity",
        ),
        check(
            "I2",
            "the counters are the fold of the ledger",
            differing(
                "ticket_id || '/' || slot",
                &format!("{COUNTERS} UNION ALL {LESS_ENTRIES}"),
                "",
            ),
        ),
        check(
            "I2b",
            "the counters are the sum of the holds",
            differing(
                "ticket_id || '/' || slot",
                &format!(
                    "{COUNTERS} UNION ALL SELECT h.ticket_id, l.slot, -({HELD}), -({SOLD}) FROM {LINES}"
                ),
                "",
            ),
        ),
        check(
            "I2c",
            "each hold is what its entries add up to: held, sold or nothing, by its state",
            differing(
                "hold_id || '/' || slot",
                &format!(
                    "SELECT h.ticket_id, l.slot, {HELD} AS held, {SOLD} AS sold, l.hold_id FROM {LINES} \
                     UNION ALL {LESS_ENTRIES_BY_HOLD}"
                ),
                ", hold_id",
            ),
        ),
    ]
}

/// Slots of which what is said and what is taken away do not come to zero.
fn differing(id: &str, said: &str, and_by: &str) -> String {
    format!(
        "SELECT {id} AS id, ticket_id, slot FROM ({said}) GROUP BY ticket_id, slot{and_by} \
         HAVING SUM(held) <> 0 OR SUM(sold) <> 0"
    )
}

fn ledger() -> Vec<Check> {
    vec![
        check(
            "I2d",
            "each entry moves what its kind says",
            "SELECT CAST(seq AS TEXT) AS id, ticket_id, slot FROM ticket.stock_entry WHERE NOT COALESCE(CASE WHEN \
             kind IN ('HOLD', 'RETAKE') THEN d_held > 0 AND d_sold = 0 WHEN kind = 'COMMIT' THEN d_held < 0 AND \
             d_sold = -d_held WHEN kind IN ('RELEASE', 'EXPIRE') THEN d_held < 0 AND d_sold = 0 WHEN kind = 'RETURN' \
             THEN d_held = 0 AND d_sold < 0 END, 0)",
        ),
        check(
            "I2e",
            "no hold ever gave back what it did not have",
            "SELECT DISTINCT hold_id || '/' || slot AS id, ticket_id, slot FROM (SELECT ticket_id, slot, hold_id, \
             SUM(d_held) OVER so_far AS held, SUM(d_sold) OVER so_far AS sold FROM ticket.stock_entry WINDOW so_far \
             AS (PARTITION BY ticket_id, slot, hold_id ORDER BY seq)) WHERE held < 0 OR sold < 0",
        ),
    ]
}

#[cfg(test)]
mod tests;
