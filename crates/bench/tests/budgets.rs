//! What the inner steps may allocate. A change that spends more fails here, and says which step.
//!
//! One test alone in its program: allocations of all threads are counted.

use bench::{allocations, steps};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Allocations of a run, by step. Who lowers one lowers the number here.
const BUDGETS: [(&str, usize); 6] = [
    ("a history page of 500 records parsed", 25_177),
    ("1,000 messages of Graph normalised", 213_347),
    ("250 changes to notifications", 22_281),
    ("1,000 bodies of 10 kB signed twice", 11_000),
    ("1,000 poller configurations read and expanded", 140_000),
    ("1,000 refusals classified", 31_000),
];
/// What is given away without a word: compilers differ in what they leave out.
const SLACK_PERCENT: usize = 2;

#[test]
fn steps_allocate_no_more_than_their_budgets() {
    let budgets = BTreeMap::from(BUDGETS);
    let mut broken = String::new();
    let all = steps::all();
    assert_eq!(all.len(), budgets.len(), "each step has a budget");
    for step in all {
        step.run(); // what is made once
        let (spent, budget) = (allocations::of(|| step.run()).count, budgets[step.name]);
        if spent * 100 > budget * (100 + SLACK_PERCENT) {
            let _ = write!(broken, "\n  {}: {spent} allocations, the budget is {budget}", step.name);
        }
        // A budget that is far above shows nothing.
        if spent * 100 < budget * (100 - 5 * SLACK_PERCENT) {
            let _ = write!(broken, "\n  {}: {spent} allocations, lower the budget from {budget}", step.name);
        }
    }
    assert!(broken.is_empty(), "budgets:{broken}");
}
