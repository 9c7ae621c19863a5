//! Every gradient rule against central differences.

mod activation;
mod arithmetic;
mod blocked;
mod check;
mod spatial;

use std::collections::BTreeSet;

use check::Case;
use pentimento::autodiff::rules::RULES;

/// All cases, by family.
fn cases() -> Vec<Case> {
    [activation::cases(), arithmetic::cases(), spatial::cases()].concat()
}

#[test]
fn every_rule_agrees_with_central_differences() {
    let mut failures = Vec::new();
    for case in cases() {
        for target in check::TARGETS {
            if let Err(report) = check::check_grads(&case, target) {
                failures.push(format!("{} ({target:?}): {report}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rule_has_a_case() {
    let cases = cases();
    let covered: BTreeSet<&str> = cases
        .iter()
        .flat_map(|case| case.model.graph.nodes.iter())
        .map(|n| n.op.as_str())
        .collect();
    let missing: Vec<&str> = RULES
        .iter()
        .map(|(op, _)| *op)
        .filter(|op| !covered.contains(op))
        .collect();
    assert!(
        missing.is_empty(),
        "rules without a gradient check: {missing:?}"
    );
}
