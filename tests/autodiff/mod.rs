//! Every gradient rule against central differences.

mod activation;
mod arithmetic;
mod blocked;
mod check;
mod forms;
mod layout;
mod linear;
mod normalisation;
mod padding;
mod random;
mod reduce;
mod spatial;
mod walker;
mod winograd;

use std::collections::BTreeSet;

use check::Case;
use pentimento::autodiff::rules::RULES;
use pentimento::engine::{Device, SessionOptions};
use pentimento::onnx::Model;

use crate::support::engine;

/// All cases, by family.
fn cases() -> Vec<Case> {
    [
        activation::cases(),
        arithmetic::cases(),
        layout::cases(),
        linear::cases(),
        normalisation::cases(),
        padding::cases(),
        reduce::cases(),
        spatial::cases(),
    ]
    .concat()
}

#[test]
fn every_rule_agrees_with_central_differences() {
    let mut failures = Vec::new();
    for case in cases() {
        for &target in check::targets() {
            if let Err(report) = check::check_grads(&case, target) {
                failures.push(format!("{} ({target:?}): {report}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The gradients are appended to graphs of any operator set from 13 on.
#[test]
fn every_gradient_is_accepted_in_the_oldest_operator_set() {
    let options = SessionOptions::new(Device::Cpu, 1);
    let mut failures = Vec::new();
    for case in cases() {
        for &target in check::targets() {
            let mut model = Model::new(check::gradient_graph(&case.model.graph, target).unwrap());
            model.opset = 13;
            if let Err(error) = engine().session(&model, &options) {
                let report = anyhow::Error::from(error);
                failures.push(format!("{} ({target:?}): {report:#}", case.name));
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
