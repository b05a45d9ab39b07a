//! Slots of every kind, whole and then broken: nothing is found, and then what was broken.

use std::collections::BTreeSet;

use sea_orm::sqlx::Executor;

use crate::audit::scratch::Scratch;
use crate::audit::tables::tables;

/// Two seats are alice's, two rooms for two nights bob's, and one room for one night the organizer's own, without a
/// buyer and without an end.
const WHOLE: &str = "
    INSERT INTO ticket.ticket (id, max_per_buyer, updated_at_us) VALUES ('show', 2, 0), ('inn', 2, 0);
    INSERT INTO ticket.stock (ticket_id, slot, capacity, held, sold) VALUES ('show', 'seat:A/1', 1, 0, 1),
        ('show', 'seat:A/2', 1, 0, 1), ('show', 'seat:A/3', 1, 0, 0), ('inn', '2026-12-24', 3, 3, 0),
        ('inn', '2026-12-25', 3, 2, 0);
    INSERT INTO ticket.hold (id, ticket_id, buyer_id, state, expires_at_us, house_note) VALUES ('seats', 'show', 'alice',
        'COMMITTED', 1, NULL), ('stay', 'inn', 'bob', 'ACTIVE', 1, NULL), ('house', 'inn', '', 'ACTIVE',
        9223372036854775807, 1), ('late', 'show', 'carol', 'EXPIRED', 1, NULL);
    INSERT INTO ticket.hold (id, state) VALUES ('never', 'RELEASED');
    INSERT INTO ticket.hold_line (hold_id, slot, quantity) VALUES ('seats', 'seat:A/1', 1), ('seats', 'seat:A/2', 1),
        ('stay', '2026-12-24', 2), ('stay', '2026-12-25', 2), ('house', '2026-12-24', 1), ('late', 'seat:A/3', 1);
    INSERT INTO ticket.stock_entry (seq, ticket_id, slot, hold_id, kind, d_held, d_sold, at_us) VALUES
        (1, 'show', 'seat:A/3', 'late', 'HOLD', 1, 0, 1), (2, 'show', 'seat:A/1', 'seats', 'HOLD', 1, 0, 1),
        (3, 'show', 'seat:A/2', 'seats', 'HOLD', 1, 0, 1), (4, 'show', 'seat:A/1', 'seats', 'COMMIT', -1, 1, 1),
        (5, 'show', 'seat:A/2', 'seats', 'COMMIT', -1, 1, 1), (6, 'show', 'seat:A/3', 'late', 'EXPIRE', -1, 0, 1),
        (7, 'inn', '2026-12-24', 'stay', 'HOLD', 2, 0, 1), (8, 'inn', '2026-12-25', 'stay', 'HOLD', 2, 0, 1),
        (9, 'inn', '2026-12-24', 'house', 'HOLD', 1, 0, 1)";

async fn found_after(damage: &'static str) -> BTreeSet<(&'static str, String)> {
    let mut scratch = Scratch::with(&tables()).await.expect("tables");
    for sql in [WHOLE, damage] {
        scratch.0.execute(sql).await.expect(sql);
    }
    let mut found = BTreeSet::new();
    for check in super::checks() {
        let rows = scratch.find(&check.sql, 100).await.expect(check.id);
        found.extend(rows.into_iter().map(|(id, _)| (check.id, id)));
    }
    found
}

#[tokio::test]
async fn i2_slots_of_every_kind_are_compared() {
    assert_eq!(found_after("SELECT 1").await, BTreeSet::new());
    let (night, seat) = ("inn/2026-12-24", "show/seat:A/1");
    let table: [(&'static str, &[(&str, &str)]); 13] = [
        (
            "UPDATE ticket.stock SET held = 4 WHERE slot = '2026-12-24'",
            &[("I1", night), ("I2", night), ("I2b", night)],
        ),
        ("DELETE FROM ticket.stock WHERE slot = 'seat:A/1'", &[("I2", seat), ("I2b", seat)]),
        (
            "DELETE FROM ticket.stock_entry WHERE seq = 9",
            &[("I2", night), ("I2c", "house/2026-12-24")],
        ),
        (
            "DELETE FROM ticket.hold WHERE id = 'house'",
            &[("I2b", night), ("I2c", "house/2026-12-24")],
        ),
        (
            "UPDATE ticket.hold SET state = 'RELEASED' WHERE id = 'seats'",
            &[
                ("I2b", seat),
                ("I2b", "show/seat:A/2"),
                ("I2c", "seats/seat:A/1"),
                ("I2c", "seats/seat:A/2"),
            ],
        ),
        (
            "UPDATE ticket.stock_entry SET hold_id = 'house' WHERE seq = 7",
            &[("I2c", "house/2026-12-24"), ("I2c", "stay/2026-12-24")],
        ),
        ("UPDATE ticket.stock_entry SET kind = 'RETURN' WHERE seq = 6", &[("I2d", "6")]),
        ("UPDATE ticket.stock_entry SET seq = 0 WHERE seq = 6", &[("I2e", "late/seat:A/3")]),
        ("UPDATE ticket.ticket SET max_per_buyer = 1 WHERE id = 'inn'", &[("I11", "inn/bob")]),
        ("UPDATE ticket.hold SET expires_at_us = 1 WHERE id = 'house'", &[("I11b", "house")]),
        ("UPDATE ticket.hold SET pinned_since_us = 1 WHERE id = 'house'", &[("I11b", "house")]),
        (
            "UPDATE ticket.hold SET buyer_id = 'bob' WHERE id = 'house'",
            &[("I11", "inn/bob"), ("I11b", "house")],
        ),
        (
            "UPDATE ticket.ticket SET status = 'RETIRED' WHERE id = 'inn'",
            &[("I10c", "house"), ("I10c", "stay")],
        ),
    ];
    for (damage, expected) in table {
        let expected = expected.iter().map(|(check, id)| (*check, (*id).to_owned())).collect();
        assert_eq!(found_after(damage).await, expected, "{damage}");
    }
}
