//! The ports of the ticket context, as its use cases may rely on them: one suite over every store.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a scene that cannot be set up is a failed test"
)]

mod scene;
mod search;
mod stock;
mod tickets;

/// Runs every rule over every store.
macro_rules! over_every_store {
    ($($module:ident: $($rule:ident),+;)+) => {
        mod memory {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                crate::$module::$rule(&crate::scene::Stores::in_memory()).await;
            })+)+
        }

        mod sqlite {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $rule() {
                crate::$module::$rule(&crate::scene::Stores::over_sqlite().await).await;
            })+)+
        }
    };
}

over_every_store! {
    tickets:
        every_ticket_reads_back,
        a_stale_revision_is_a_conflict,
        of_ten_racers_one_wins,
        r29_the_same_cause_twice_is_one_commit,
        i6_a_taken_key_leaves_nothing,
        i1_a_capacity_never_falls_below_what_is_taken,
        t02_a_ticket_ends_when_nothing_of_it_is_kept;
    search:
        t03_every_condition_counts,
        t03_wildcards_are_letters,
        t03_every_order_is_a_total_one,
        t03_pages_have_no_gap_and_no_double_while_others_write;
    stock:
        every_hold_reads_back,
        i1_forty_buyers_of_twenty_five_units,
        i11_fifty_calls_of_one_buyer,
        r3_a_tombstone_stays,
        r03_expiry_passes_over_pins,
        r08_a_deletion_comes_before_a_hold_or_after_it,
        i2_the_counters_are_the_fold_of_the_ledger,
        a_batch_has_a_verdict_for_each;
}
