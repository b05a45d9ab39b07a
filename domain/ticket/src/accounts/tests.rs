//! Who stands alone, and when counters may be set.

use proptest::prelude::*;

use super::*;

const fn counts(held: i64, sold: i64) -> SlotCounts {
    SlotCounts { held, sold }
}

/// Accounts of a slot of ten units.
fn accounts(counters: SlotCounts, ledger: SlotCounts, holds: SlotCounts) -> SlotAccounts {
    let counters = Some(CountersFound { capacity: 10, counts: counters });
    SlotAccounts { counters, ledger, holds, holds_apart: 0 }
}

#[test]
fn i2_the_account_that_two_others_contradict_stands_alone() {
    use Comparison::{Agree, AllDiffer, StandsAlone};
    let (a, b, c) = (counts(1, 2), counts(1, 3), counts(2, 2));
    for (found, comparison, mended) in [
        (accounts(a, a, a), Agree, Ok(None)),
        (accounts(b, a, a), StandsAlone(Account::Counters), Ok(Some(a))),
        (accounts(a, b, a), StandsAlone(Account::Ledger), Err(CannotMend::LedgerStandsAlone)),
        (accounts(a, a, b), StandsAlone(Account::Holds), Err(CannotMend::HoldsStandAlone)),
        (accounts(a, b, c), AllDiffer, Err(CannotMend::AllDiffer)),
    ] {
        assert_eq!((found.compare(), found.mend()), (comparison, mended), "{found:?}");
    }
}

#[test]
fn i2_sums_that_agree_by_chance_mend_nothing() {
    let apart = |found| SlotAccounts { holds_apart: 2, ..found };
    let (a, b) = (counts(1, 2), counts(1, 3));
    for found in [apart(accounts(a, a, a)), apart(accounts(b, a, a))] {
        assert_eq!(found.mend(), Err(CannotMend::HoldsApart { holds: 2 }), "{found:?}");
    }
}

#[test]
fn i1_counters_are_never_set_to_what_cannot_be() {
    for (held, sold) in [(8, 3), (-1, 0), (0, -1), (i64::MAX, i64::MAX)] {
        let found = accounts(counts(0, 0), counts(held, sold), counts(held, sold));
        let beyond = CannotMend::BeyondCapacity { held, sold, capacity: 10 };
        assert_eq!(found.mend(), Err(beyond));
    }
    let none =
        SlotAccounts { counters: None, ..accounts(counts(0, 0), counts(1, 0), counts(1, 0)) };
    assert_eq!(none.compare(), Comparison::StandsAlone(Account::Counters));
    assert_eq!(none.mend(), Err(CannotMend::NoCounters));
}

fn any_counts() -> impl Strategy<Value = SlotCounts> {
    (-2..5_i64, -2..5_i64).prop_map(|(held, sold)| counts(held, sold))
}

proptest! {
    /// Whatever is found: what is mended agrees afterwards, keeps I1, and needs no second mending.
    #[test]
    fn i2_what_is_mended_agrees_and_stays(
        capacity in -1..6_i64,
        counters in any_counts(),
        ledger in any_counts(),
        holds in any_counts(),
        holds_apart in 0..2_u64,
    ) {
        let counters = CountersFound { capacity, counts: counters };
        let found = SlotAccounts { counters: Some(counters), ledger, holds, holds_apart };
        if let Ok(Some(set)) = found.mend() {
            prop_assert!(set.held >= 0 && set.sold >= 0 && set.held + set.sold <= capacity);
            prop_assert!(set == ledger && set == holds && set != counters.counts);
            let after = CountersFound { capacity, counts: set };
            let after = SlotAccounts { counters: Some(after), ..found };
            prop_assert_eq!(after.compare(), Comparison::Agree);
            prop_assert_eq!(after.mend(), Ok(None));
        }
    }
}
