//! Cases of normalisations and dropout.

use std::sync::Arc;

use pentimento::autodiff::{Target, backward};
use pentimento::onnx::{Attribute, Attributes, Builder, Constant, Data, Node};

use super::check::{self, Case, case, node_case};

pub fn cases() -> Vec<Case> {
    [lrn(), batch_normalization(), dropout()].concat()
}

fn lrn() -> Vec<Case> {
    let attributes = |size: i64| -> [(&str, Attribute); 4] {
        [
            ("size", size.into()),
            ("alpha", 0.7.into()),
            ("beta", 0.6.into()),
            ("bias", 1.3.into()),
        ]
    };
    let wide = (-2.0, 2.0);
    vec![
        node_case("size 3", "LRN", &[&[2, 7, 3, 2]], wide, attributes(3)),
        node_case(
            "wider than the channels",
            "LRN",
            &[&[1, 3, 2, 3]],
            wide,
            attributes(9),
        ),
        node_case("size 1", "LRN", &[&[1, 3, 2, 3]], wide, attributes(1)),
        node_case(
            "defaults",
            "LRN",
            &[&[1, 6, 3, 3]],
            (-60.0, 60.0),
            [("size", 5.into())],
        ),
    ]
}

fn batch_normalization() -> Vec<Case> {
    let statistics = |b: &mut Builder| {
        let mean = Constant::f32s(vec![3], vec![0.2, -0.4, 1.1]).unwrap();
        let variance = Constant::f32s(vec![3], vec![0.3, 1.4, 0.05]).unwrap();
        (b.constant(mean), b.constant(variance))
    };
    let shapes: &[&[usize]] = &[&[2, 3, 3, 5], &[3], &[3]];
    vec![
        case("BatchNormalization", shapes, (-2.0, 2.0), move |b, x| {
            let (mean, variance) = statistics(b);
            let inputs = [&x[0], &x[1], &x[2], &mean, &variance].map(String::as_str);
            let attributes = [("epsilon", 0.01.into())];
            vec![b.node("BatchNormalization", &inputs, attributes).unwrap()]
        }),
        case(
            "BatchNormalization, input only",
            &[&[1, 3, 5, 7]],
            (-2.0, 2.0),
            move |b, x| {
                let (mean, variance) = statistics(b);
                let shift = b.constant(Constant::f32s(vec![3], vec![0.5, 0.0, -1.0]).unwrap());
                let inputs = [&x[0], &mean, &shift, &mean, &variance].map(String::as_str);
                vec![b.node("BatchNormalization", &inputs, []).unwrap()]
            },
        ),
    ]
}

/// A case for itself: operator sets before 14 know no training.
#[test]
fn batch_normalization_in_training_agrees_with_central_differences() {
    for shape in [&[4, 3, 3, 5][..], &[9, 3], &[2, 3, 7]] {
        let mut case = case(
            "BatchNormalization in training",
            &[shape, &[3], &[3]],
            (-2.0, 2.0),
            |b, x| {
                let inputs: Vec<&str> = x.iter().map(String::as_str).collect();
                let node = training(&inputs, b);
                b.push(node).unwrap();
                vec!["y".to_owned()]
            },
        );
        // A step moves the mean and variance too, which bends the function.
        case.step = 3e-2;
        for &target in check::targets() {
            check::check_grads(&case, target).unwrap();
        }
    }
}

fn training(inputs: &[&str], b: &mut Builder) -> Node {
    let ones = b.constant(Constant::f32s(vec![3], vec![1.0; 3]).unwrap());
    let inputs = inputs.iter().copied().chain([ones.as_str(), ones.as_str()]);
    Node {
        name: "norm".into(),
        op: "BatchNormalization".into(),
        inputs: inputs.map(str::to_owned).collect(),
        outputs: ["y", "mean", "variance"].map(str::to_owned).to_vec(),
        attributes: Attributes::from([
            ("training_mode".to_owned(), 1.into()),
            ("momentum".to_owned(), 0.0.into()),
            ("epsilon".to_owned(), 0.01.into()),
        ]),
        ..Node::default()
    }
}

#[test]
fn statistics_that_remember_other_batches_are_refused() {
    let mut b = Builder::new("g");
    b.input("x", &[2, 3, 4, 4]);
    let one = b.constant(Constant::f32s(vec![3], vec![1.0; 3]).unwrap());
    let mut node = training(&["x", &one, &one], &mut b);
    node.attributes.insert("momentum".into(), 0.9.into());
    b.push(node).unwrap();
    let seed = b.input("seed", &[2, 3, 4, 4]);
    let seeds = [("y".to_owned(), seed)];
    let error = backward(&mut b, &seeds, &["x"], Target::Planar).unwrap_err();
    assert!(error.to_string().contains("momentum of 0"), "{error}");
}

fn dropout() -> Vec<Case> {
    vec![
        node_case("as it is", "Dropout", &[&[3, 5]], (-2.0, 2.0), []),
        case(
            "Dropout, with a mask that is used",
            &[&[3, 5]],
            (-2.0, 2.0),
            |b, x| {
                let ratio = b.scalar(0.5);
                let off = Constant::new(vec![], Data::Bool(Arc::new(vec![false]))).unwrap();
                let off = b.constant(off);
                b.push(Node {
                    name: "drop".into(),
                    op: "Dropout".into(),
                    inputs: vec![x[0].clone(), ratio, off],
                    outputs: vec!["kept".into(), "mask".into()],
                    attributes: Attributes::new(),
                    ..Node::default()
                })
                .unwrap();
                let mask = b.node("Cast", &["mask"], [("to", 1.into())]).unwrap();
                vec![b.node("Mul", &["kept", "kept"], []).unwrap(), mask]
            },
        ),
    ]
}
