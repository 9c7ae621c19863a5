//! Shapes of single nodes, a table per family; every operator of the list appears.

use super::*;
use crate::onnx::{Attribute, Builder};

fn shape_of<const N: usize>(
    op: &str,
    inputs: &[&[usize]],
    attributes: [(&str, Attribute); N],
    constants: &[&[i64]],
) -> Result<Vec<usize>, InferError> {
    let mut b = Builder::new("g");
    let mut names: Vec<String> = inputs
        .iter()
        .enumerate()
        .map(|(i, shape)| b.input(&format!("x{i}"), shape))
        .collect();
    names.extend(constants.iter().map(|values| b.ints(values)));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let y = b.node(op, &names, attributes)?;
    Ok(b.shape(&y).to_vec())
}

#[test]
fn windows_round_down_or_up() {
    let pool = |h: usize, kernel: i64, stride: i64, ceil: i64| {
        shape_of(
            "MaxPool",
            &[&[1, 3, h, h]],
            [
                ("kernel_shape", vec![kernel, kernel].into()),
                ("strides", vec![stride, stride].into()),
                ("ceil_mode", ceil.into()),
            ],
            &[],
        )
        .unwrap()[2]
    };
    assert_eq!(pool(7, 2, 2, 0), 3);
    assert_eq!(pool(7, 2, 2, 1), 4);
    assert_eq!(pool(8, 3, 2, 0), 3);
    assert_eq!(pool(8, 3, 2, 1), 4);
    // The fourth window would start behind the axis.
    assert_eq!(pool(6, 1, 3, 1), 2);
}

#[test]
fn convolution_counts_pads_strides_dilations_and_groups() {
    let conv =
        |attributes| shape_of("Conv", &[&[1, 4, 9, 10], &[6, 2, 3, 3]], attributes, &[]).unwrap();
    assert_eq!(
        conv([
            ("group", 2.into()),
            ("pads", vec![1, 0, 2, 1].into()),
            ("strides", vec![2, 1].into()),
            ("dilations", vec![1, 2].into()),
        ]),
        [1, 6, 5, 7]
    );
    let transposed = shape_of(
        "ConvTranspose",
        &[&[1, 4, 5, 5], &[4, 3, 3, 3]],
        [
            ("strides", vec![2, 2].into()),
            ("pads", vec![1, 1, 1, 1].into()),
            ("output_padding", vec![1, 0].into()),
        ],
        &[],
    );
    assert_eq!(transposed.unwrap(), [1, 3, 10, 9]);
}

#[test]
fn same_padding_follows_the_stride() {
    for kind in ["SAME_UPPER", "SAME_LOWER"] {
        let y = shape_of(
            "Conv",
            &[&[1, 1, 7, 8], &[1, 1, 3, 4]],
            [("auto_pad", kind.into()), ("strides", vec![2, 2].into())],
            &[],
        );
        assert_eq!(y.unwrap(), [1, 1, 4, 4], "{kind}");
    }
}

/// An operator, the lists it reads, and the shape it gives.
type LayoutCase<'a> = (&'a str, Vec<&'a [i64]>, Vec<usize>);

#[test]
fn layout_operators() {
    let x: &[usize] = &[2, 3, 4];
    let cases: Vec<LayoutCase> = vec![
        ("Reshape", vec![&[0, -1]], vec![2, 12]),
        ("Expand", vec![&[5, 1, 1, 1]], vec![5, 2, 3, 4]),
        ("Unsqueeze", vec![&[0, -1]], vec![1, 2, 3, 4, 1]),
        (
            "Slice",
            vec![&[-1, 0], &[-100, 2], &[1, 2], &[-2, 1]],
            vec![2, 2, 2],
        ),
        ("Pad", vec![&[0, 1, -1, 0, 2, 0]], vec![2, 6, 3]),
        ("ReduceSum", vec![&[-1]], vec![2, 3, 1]),
        ("ReduceMean", vec![&[0, 2]], vec![1, 3, 1]),
    ];
    for (op, constants, expected) in cases {
        assert_eq!(
            shape_of(op, &[x], [], &constants).unwrap(),
            expected,
            "{op}"
        );
    }
    assert_eq!(shape_of("Transpose", &[x], [], &[]).unwrap(), [4, 3, 2]);
    assert_eq!(
        shape_of("Flatten", &[x], [("axis", 3.into())], &[]).unwrap(),
        [24, 1]
    );
    assert_eq!(shape_of("Squeeze", &[&[1, 3, 1]], [], &[]).unwrap(), [3]);
    assert_eq!(
        shape_of("Concat", &[x, x], [("axis", (-1).into())], &[]).unwrap(),
        [2, 3, 8]
    );
    assert_eq!(
        shape_of("MatMul", &[&[5, 2, 3], &[3, 4]], [], &[]).unwrap(),
        [5, 2, 4]
    );
    assert_eq!(
        shape_of("MatMul", &[&[3], &[3]], [], &[]).unwrap(),
        [0_usize; 0]
    );
    assert_eq!(
        shape_of(
            "Gemm",
            &[&[3, 2], &[4, 3], &[4]],
            [("transA", 1.into()), ("transB", 1.into())],
            &[]
        )
        .unwrap(),
        [2, 4]
    );
    assert_eq!(
        shape_of("GlobalAveragePool", &[&[1, 3, 5, 6]], [], &[]).unwrap(),
        [1, 3, 1, 1]
    );
    assert_eq!(
        shape_of("Add", &[&[4, 1, 3], &[2, 1]], [], &[]).unwrap(),
        [4, 2, 3]
    );
}

#[test]
fn what_does_not_fit_is_named() {
    let failure = |result: Result<Vec<usize>, InferError>| result.unwrap_err().to_string();
    assert!(failure(shape_of("Add", &[&[2], &[3]], [], &[])).contains("do not broadcast"));
    assert!(
        failure(shape_of("Reshape", &[&[2, 3]], [], &[&[4, -1]])).contains("cannot be reshaped")
    );
    assert!(failure(shape_of("MatMul", &[&[2, 3], &[2, 3]], [], &[])).contains("do not fit"));
    assert!(
        failure(shape_of("Conv", &[&[1, 1, 2, 2], &[1, 1, 3, 3]], [], &[]))
            .contains("window of 3 does not fit into 2")
    );
    assert!(failure(shape_of("NoSuchOp", &[&[1]], [], &[])).contains("not supported: NoSuchOp"));
}

#[test]
fn huge_numbers_are_refused_and_overflow_nowhere() {
    let huge = i64::MAX;
    let window = |name: &'static str, value: i64| {
        let kernel: Vec<i64> = vec![if name == "kernel_shape" { value } else { 1 }; 2];
        let list: Vec<i64> = vec![value; if name == "pads" { 4 } else { 2 }];
        let mut attributes = vec![("kernel_shape", kernel.into()), (name, list.into())];
        attributes.dedup_by_key(|(name, _)| *name);
        let [a, b] = [
            attributes[0].clone(),
            attributes[attributes.len() - 1].clone(),
        ];
        shape_of("MaxPool", &[&[1, 1, 8, 8]], [a, b], &[])
    };
    for name in ["kernel_shape", "strides", "dilations", "pads"] {
        assert!(window(name, huge).is_err(), "{name}");
        let _no_overflow = window(name, 1 << 30);
    }
    let group = [("group", huge.into())];
    assert!(shape_of("Conv", &[&[1, 4, 9, 9], &[6, 2, 3, 3]], group, &[]).is_err());
    let stride = [("strides", vec![1 << 30, 1 << 30].into())];
    assert!(
        shape_of(
            "ConvTranspose",
            &[&[1, 1, 1 << 10, 1 << 10], &[1, 1, 1, 1]],
            stride,
            &[]
        )
        .is_err()
    );
    let refused = [
        ("Pad", vec![0, 0, huge, huge]),
        ("Reshape", vec![huge, huge, -1]),
        ("Expand", vec![huge, huge]),
    ];
    for (op, list) in refused {
        assert!(shape_of(op, &[&[2, 3]], [], &[&list]).is_err(), "{op}");
    }
    assert!(shape_of("Split", &[&[2, 3]], [], &[&[huge, huge]]).is_err());
    assert!(shape_of("Relu", &[&[0, usize::MAX, 2]], [], &[]).is_err());
}

#[test]
fn all_unsupported_operators_are_named_at_once() {
    let mut b = Builder::new("g");
    b.input("x", &[1]);
    let mut graph = b.finish();
    for op in ["Foo", "Relu", "Bar"] {
        graph.nodes.push(Node {
            name: format!("the_{op}"),
            op: op.into(),
            inputs: vec!["x".into()],
            outputs: vec![format!("{op}_y")],
            ..Node::default()
        });
    }
    let message = infer(&graph).unwrap_err().to_string();
    assert!(
        message.contains("Foo `the_Foo`") && message.contains("Bar `the_Bar`"),
        "{message}"
    );
    assert!(!message.contains("Relu"), "{message}");
}
