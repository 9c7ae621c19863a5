//! Small random graphs against central differences: operators in company, values used many times.

use pentimento::onnx::{Builder, Model};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::check::{Case, check_grads, spread, targets};

/// Shapes that broadcast with each other.
const SHAPES: [&[usize]; 6] = [&[2, 3, 4], &[3, 1], &[1, 4], &[], &[2, 1, 4], &[1, 1, 1]];

/// One operation: which, and the two values (counted from the newest) that it reads.
type Step = (usize, usize, usize);

/// Appends operation `op`; smooth ones only, with arguments kept where they are tame.
fn append(b: &mut Builder, op: usize, x: &str, z: &str) -> String {
    let node = |b: &mut Builder, op: &str, inputs: &[&str]| b.node(op, inputs, []).unwrap();
    let tanh = node(b, "Tanh", &[x]);
    match op {
        0 => tanh,
        1 => node(b, "Sigmoid", &[x]),
        2 => node(b, "Neg", &[x]),
        3 => node(b, "Exp", &[&tanh]),
        4 => {
            let sigmoid = node(b, "Sigmoid", &[x]);
            node(b, "Log", &[&sigmoid])
        }
        5 => {
            let sigmoid = node(b, "Sigmoid", &[x]);
            node(b, "Sqrt", &[&sigmoid])
        }
        6 => node(b, "ReduceMean", &[x]),
        7 => node(b, "Add", &[x, z]),
        8 => node(b, "Sub", &[x, z]),
        9 => node(b, "Mul", &[&tanh, z]),
        10 => node(b, "Sum", &[x, z, &tanh]),
        _ => {
            let bounded = node(b, "Tanh", &[z]);
            let positive = node(b, "Exp", &[&bounded]);
            let op = if op == 11 { "Div" } else { "Pow" };
            if op == "Div" {
                node(b, op, &[x, &positive])
            } else {
                node(b, op, &[&positive, &tanh])
            }
        }
    }
}

fn graph(inputs: &[usize], steps: &[Step]) -> Case {
    let mut b = Builder::new("random");
    let mut values: Vec<String> = inputs
        .iter()
        .enumerate()
        .map(|(i, &shape)| b.input(&format!("x{i}"), SHAPES[shape]))
        .collect();
    for &(op, i, j) in steps {
        let newest = values.len() - 1;
        let (x, z) = (
            values[newest - i % values.len()].clone(),
            values[newest - j % values.len()].clone(),
        );
        let y = append(&mut b, op, &x, &z);
        values.push(y);
    }
    // What nobody reads is an output, so that everything counts.
    for value in values {
        let read = b
            .graph()
            .nodes
            .iter()
            .any(|node| node.inputs.contains(&value));
        if !read {
            let output = b.node("Identity", &[&value], []).unwrap();
            b.output(&output);
        }
    }
    Case {
        name: "random".to_owned(),
        model: Model::new(b.finish()),
        values: inputs
            .iter()
            .zip(1..)
            .map(|(&shape, seed)| spread(SHAPES[shape], (-1.0, 1.0), seed))
            .collect(),
        step: 1e-2,
        tolerance: 2e-3,
    }
}

#[test]
fn random_graphs_agree_with_central_differences() {
    let config = Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    };
    // The same graphs every time: a failure on one machine must be one on all.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let inputs = vec(0..SHAPES.len(), 1..=3);
    let steps = vec((0..13_usize, 0..6_usize, 0..6_usize), 3..=6);
    TestRunner::new_with_rng(config, rng)
        .run(&(inputs, steps), |(inputs, steps)| {
            let case = graph(&inputs, &steps);
            for &target in targets() {
                check_grads(&case, target)
                    .map_err(|report| TestCaseError::fail(format!("{target:?}: {report}")))?;
            }
            Ok(())
        })
        .unwrap();
}
