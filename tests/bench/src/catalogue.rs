//! Very many tickets: copies that the database itself makes of some that were registered, each with a place of its own
//! in every order, every second one sold out.

/// What makes one more copy of each original. `originals` is what their identifiers are, as SQL says it behind the
/// column; those of the copies begin with the number of the round.
pub(crate) fn copied(round: u64, originals: &str) -> [String; 2] {
    let others = "organizer_id, organizer_locale, kind, allocation, status, name, description, venue, category, \
                  search_text, time_zone, currency, sale_starts_at_us, sale_ends_at_us, ends_at_us, max_per_buyer, \
                  hold_ttl_us, updated_at_us, revision, event_version, findable";
    let starts = format!("starts_at_us + {round} * 1000000 / 997 * 997");
    let tickets = format!(
        "INSERT INTO ticket (id, created_at_us, unit_price_minor, starts_at_us, starts_first_us, starts_last_us, \
         {others}) SELECT {}, created_at_us + {round} * 1000, unit_price_minor + {round} % 97, {starts}, \
         COALESCE({starts}, starts_first_us), COALESCE({starts}, starts_last_us), {others} FROM ticket \
         WHERE id {originals}",
        id(round, "id")
    );
    let stock = format!(
        "INSERT INTO stock (ticket_id, slot, capacity, held, sold) SELECT {}, slot, capacity, 0, \
         capacity * ({round} % 2) FROM stock WHERE ticket_id {originals}",
        id(round, "ticket_id")
    );
    [tickets, stock]
}

/// The identifier of an original's copy.
pub(crate) fn copy_of(original: &str, round: u64) -> String {
    format!("{round:08x}{}", original.get(8..).unwrap_or_default())
}

/// The same in SQL.
fn id(round: u64, column: &str) -> String {
    format!("CONCAT('{round:08x}', SUBSTR({column}, 9))")
}
