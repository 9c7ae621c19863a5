//! What the walker does with a graph as a whole: values on the way, weights, refusals.

use std::sync::Arc;

use pentimento::autodiff::{GradientError, Target, backward};
use pentimento::onnx::{Attribute, Builder, Constant, Data, Node};
use pentimento::tensor::Tensor;

use super::check::{run, with_outputs};

fn gradient_error(
    build: impl FnOnce(&mut Builder, &str) -> String,
    wanted: &[&str],
) -> GradientError {
    let mut b = Builder::new("refused");
    let x = b.input("x", &[1, 2, 3, 3]);
    let y = build(&mut b, &x);
    let shape = b.shape(&y).to_vec();
    let seed = b.input("seed", &shape);
    backward(&mut b, &[(y, seed)], wanted, Target::Plain).unwrap_err()
}

/// Returns the gradients of `wanted` where the gradient of `y` is 1.
fn gradients_of_ones(mut b: Builder, y: &str, wanted: &[&str], values: &[Tensor]) -> Vec<Tensor> {
    let shape = b.shape(y).to_vec();
    let seed = b.input("seed", &shape);
    let seeds = [(y.to_owned(), seed)];
    let results = backward(&mut b, &seeds, wanted, Target::Plain).unwrap();
    let ones = Tensor::full(shape, 1.0);
    let values: Vec<Tensor> = values.iter().cloned().chain([ones]).collect();
    run(&with_outputs(b, &results), &values).unwrap()
}

#[test]
fn all_operators_without_a_rule_are_named_at_once() {
    let error = gradient_error(
        |b, x| {
            b.named_node("DepthToSpace", &[x], "peak", [("blocksize", 1.into())])
                .unwrap();
            b.named_node(
                "DepthToSpace",
                &["peak"],
                "again",
                [("blocksize", 1.into())],
            )
            .unwrap();
            let shifted = b.node("Add", &["again", x], []).unwrap();
            // Off the way, so nobody minds.
            b.named_node("DepthToSpace", &[x], "aside", [("blocksize", 1.into())])
                .unwrap();
            shifted
        },
        &["x"],
    );
    assert_eq!(
        error.to_string(),
        "no gradient is known for: DepthToSpace `peak`, DepthToSpace `again`"
    );
}

#[test]
fn a_wanted_value_that_no_loss_depends_on_is_named() {
    let aside = gradient_error(
        |b, x| {
            b.named_node("Relu", &[x], "aside", []).unwrap();
            b.node("Neg", &[x], []).unwrap()
        },
        &["x", "aside"],
    );
    assert_eq!(aside, GradientError::Independent("aside".into()));
    // A step function lets nothing through.
    let step = gradient_error(|b, x| b.node("Sign", &[x], []).unwrap(), &["x"]);
    assert_eq!(step.to_string(), "no loss depends on `x`");
}

#[test]
fn what_a_rule_does_not_cover_is_said_with_the_node() {
    type Refused = fn(&mut Builder, &str) -> String;
    let cases: [(Refused, &str); 7] = [
        (
            |b, x| {
                let ratio = b.scalar(0.5);
                let on = Constant::new(vec![], Data::Bool(Arc::new(vec![true]))).unwrap();
                let on = b.constant(on);
                b.node("Dropout", &[x, &ratio, &on], []).unwrap()
            },
            "gradient of node Dropout `dropout_2`: it drops at random, as in training; export for inference",
        ),
        (
            |b, x| {
                let on = b.node("Greater", &[x, x], []).unwrap();
                b.node("Dropout", &[x, "", &on], []).unwrap()
            },
            "training_mode must be a constant truth value",
        ),
        (
            |b, x| normalised(b, x, &[("training_mode", 1)]),
            "a momentum of 0",
        ),
        (
            |b, x| normalised(b, x, &[("spatial", 0)]),
            "single elements",
        ),
        (
            |b, x| b.node("Cast", &[x], [("to", 11.into())]).unwrap(),
            "a cast to another type of float (11)",
        ),
        (|b, x| padded(b, x, "wrap", 1), "padding of mode `wrap`"),
        (
            |b, x| padded(b, x, "reflect", 4),
            "a reflection of 4 elements of an axis of 3",
        ),
    ];
    for (build, expected) in cases {
        let message = gradient_error(build, &["x"]).to_string();
        assert!(message.contains(expected), "{message}");
    }
}

fn normalised(b: &mut Builder, x: &str, flags: &[(&str, i64)]) -> String {
    let ones = b.constant(Constant::f32s(vec![2], vec![1.0; 2]).unwrap());
    b.push(Node {
        op: "BatchNormalization".into(),
        inputs: [x, &ones, &ones, &ones, &ones].map(str::to_owned).to_vec(),
        outputs: vec!["normal".into()],
        attributes: flags
            .iter()
            .map(|&(name, flag)| (name.to_owned(), Attribute::Int(flag)))
            .collect(),
        ..Node::default()
    })
    .unwrap();
    "normal".to_owned()
}

fn padded(b: &mut Builder, x: &str, mode: &str, pad: i64) -> String {
    let pads = b.ints(&[0, 0, 0, pad, 0, 0, 0, 0]);
    b.node("Pad", &[x, &pads], [("mode", mode.into())]).unwrap()
}

#[test]
fn the_gradient_of_a_value_on_the_way_counts_only_what_comes_after_it() {
    let mut b = Builder::new("between");
    b.input("x", &[2]);
    b.named_node("Mul", &["x", "x"], "square", []).unwrap();
    let three = b.scalar(3.0);
    let tripled = b.node("Mul", &["square", &three], []).unwrap();
    let y = b.node("Mul", &[&tripled, "x"], []).unwrap();
    let x = Tensor::new(vec![2], vec![2.0, -1.0]).unwrap();
    let results = gradients_of_ones(b, &y, &["square", "x"], &[x]);
    assert_eq!(results[0].data(), [6.0, -3.0], "3·x");
    assert_eq!(results[1].data(), [36.0, 9.0], "9·x²");
}

#[test]
fn a_weight_given_as_input_has_a_gradient_without_the_picture_having_one() {
    let mut b = Builder::new("weights");
    b.input("x", &[2, 3]);
    b.input("w", &[3, 2]);
    b.input("bias", &[2]);
    let product = b.node("MatMul", &["x", "w"], []).unwrap();
    let y = b.node("Add", &[&product, "bias"], []).unwrap();
    let forward = b.graph().nodes.len();
    let x = Tensor::new(vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let values = [x, Tensor::full(vec![3, 2], 0.5), Tensor::full(vec![2], 0.0)];
    let results = gradients_of_ones(b.clone(), &y, &["w", "bias"], &values);
    assert_eq!(results[0].data(), [5.0, 5.0, 7.0, 7.0, 9.0, 9.0]);
    assert_eq!(results[1].data(), [2.0, 2.0]);

    let seed = b.input("seed", &[2, 2]);
    backward(&mut b, &[(y, seed)], &["w"], Target::Plain).unwrap();
    let products = b.graph().nodes[forward..].iter();
    assert_eq!(products.filter(|node| node.op == "MatMul").count(), 1);
}

#[test]
fn a_weight_that_was_a_constant_has_a_gradient_too() {
    let mut b = Builder::new("constant");
    b.input("x", &[3]);
    b.named_constant("w", Constant::f32s(vec![3], vec![1.0, 2.0, 3.0]).unwrap());
    let y = b.node("Mul", &["x", "w"], []).unwrap();
    let x = Tensor::new(vec![3], vec![4.0, 5.0, 6.0]).unwrap();
    let results = gradients_of_ones(b, &y, &["w"], std::slice::from_ref(&x));
    assert_eq!(results[0], x);
}

#[test]
fn inputs_and_outputs_left_out_connect_nothing() {
    let mut b = Builder::new("left out");
    b.input("x", &[3]);
    b.input("z", &[1, 1, 1]);
    b.push(Node {
        op: "Dropout".into(),
        inputs: vec!["x".into()],
        outputs: vec!["kept".into(), String::new()],
        ..Node::default()
    })
    .unwrap();
    let bound = b.scalar(1.0);
    let clipped = b.node("Clip", &["z", "", &bound], []).unwrap();
    let peak = b.node("GlobalMaxPool", &[&clipped], []).unwrap();
    let y = b.node("Add", &["kept", &peak], []).unwrap();
    let values = [Tensor::full(vec![3], 2.0), Tensor::full(vec![1, 1, 1], 2.0)];
    let results = gradients_of_ones(b, &y, &["x"], &values);
    assert_eq!(results[0].data(), [1.0, 1.0, 1.0]);
}

#[test]
fn a_value_may_be_seeded_several_times_and_lie_on_the_way() {
    let mut b = Builder::new("seeds");
    b.input("x", &[1]);
    let ten = b.scalar(10.0);
    b.named_node("Mul", &["x", &ten], "a", []).unwrap();
    b.named_node("Mul", &["a", &ten], "b", []).unwrap();
    let seeds = [("a", "sa"), ("b", "sb"), ("b", "sc")]
        .map(|(value, seed)| (value.to_owned(), b.input(seed, &[1])));
    let results = backward(&mut b, &seeds, &["x"], Target::Plain).unwrap();
    let values = [0.0, 1.0, 2.0, 3.0].map(|v| Tensor::full(vec![1], v));
    let results = run(&with_outputs(b, &results), &values).unwrap();
    assert_eq!(results[0].data(), [510.0], "10·sa + 100·(sb + sc)");
}
