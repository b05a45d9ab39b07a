//! Every rule over this repository, and over the broken houses in which it must fail.

use architecture::house::House;
use architecture::rules::RULES;

#[test]
fn the_house_keeps_every_rule() {
    let house = House::read();
    let contract = &house.contract;
    assert!(house.crates.len() > 20 && house.files.len() > 100, "the house was read");
    assert!(contract.rpcs.len() > 20 && contract.events.len() > 10, "the contract was read");
    let mut report = String::new();
    for rule in RULES {
        let breaches = (rule.check)(&house);
        if breaches.is_empty() {
            continue;
        }
        report += &format!("\n{}\n", rule.says);
        for breach in breaches {
            report += &format!("  {breach}\n");
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn every_rule_fails_where_it_is_broken() {
    for rule in RULES {
        let examples = (rule.broken)();
        assert!(!examples.is_empty(), "{}: has an example in which it fails", rule.says);
        for example in examples {
            let breaches = (rule.check)(&example.house);
            let found = breaches.iter().any(|breach| breach.place == example.place);
            assert!(found, "{}: {} not found in {breaches:?}", rule.says, example.place);
        }
    }
}
