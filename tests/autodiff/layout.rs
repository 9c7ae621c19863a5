//! Cases of operators that move elements.

use pentimento::onnx::{Attribute, Attributes, Builder, Node};

use super::check::{Case, case, node_case};

const WIDE: (f32, f32) = (-2.0, 2.0);

pub fn cases() -> Vec<Case> {
    [shapes(), joins(), splits(), slices()].concat()
}

/// A case of one node that reads an input and lists of whole numbers.
fn listed<const N: usize>(
    name: &str,
    op: &str,
    shape: &[usize],
    lists: &[&[i64]],
    attributes: [(&str, Attribute); N],
) -> Case {
    case(&format!("{op}, {name}"), &[shape], WIDE, |b, x| {
        let lists: Vec<String> = lists.iter().map(|list| b.ints(list)).collect();
        let mut inputs = vec![x[0].as_str()];
        inputs.extend(lists.iter().map(String::as_str));
        vec![b.node(op, &inputs, attributes).unwrap()]
    })
}

fn shapes() -> Vec<Case> {
    vec![
        listed(
            "an extent copied, one open",
            "Reshape",
            &[2, 3, 5],
            &[&[0, -1]],
            [],
        ),
        listed("to a scalar", "Reshape", &[1, 1], &[&[]], []),
        node_case("default axis", "Flatten", &[&[2, 3, 5]], WIDE, []),
        node_case(
            "negative axis",
            "Flatten",
            &[&[2, 3, 5]],
            WIDE,
            [("axis", (-1).into())],
        ),
        node_case(
            "behind the last axis",
            "Flatten",
            &[&[2, 3]],
            WIDE,
            [("axis", 2.into())],
        ),
        listed("negative axis", "Squeeze", &[1, 3, 1], &[&[-1]], []),
        node_case("all axes of 1", "Squeeze", &[&[1, 3, 1]], WIDE, []),
        listed("axes of the result", "Unsqueeze", &[3, 5], &[&[-1, 0]], []),
        node_case("reversed", "Transpose", &[&[2, 3, 5]], WIDE, []),
        node_case(
            "in a circle",
            "Transpose",
            &[&[2, 3, 5]],
            WIDE,
            [("perm", vec![1, 2, 0].into())],
        ),
        listed("both ways", "Expand", &[3, 1, 2], &[&[2, 1, 4, 1]], []),
        listed("a scalar", "Expand", &[], &[&[2, 3]], []),
    ]
}

fn joins() -> Vec<Case> {
    vec![
        node_case(
            "three along a negative axis",
            "Concat",
            &[&[2, 1, 3], &[2, 4, 3], &[2, 2, 3]],
            WIDE,
            [("axis", (-2).into())],
        ),
        case(
            "Concat, a value used twice beside a constant",
            &[&[3, 2]],
            WIDE,
            |b, x| {
                let constant =
                    pentimento::onnx::Constant::f32s(vec![1, 2], vec![4.0, 5.0]).unwrap();
                let constant = b.constant(constant);
                let axis = [("axis", 0.into())];
                vec![b.node("Concat", &[&x[0], &constant, &x[0]], axis).unwrap()]
            },
        ),
    ]
}

fn split_node(b: &mut Builder, x: &str, sizes: Option<&[i64]>, count: usize) -> Vec<String> {
    let mut inputs = vec![x.to_owned()];
    inputs.extend(sizes.map(|sizes| b.ints(sizes)));
    let outputs: Vec<String> = (0..count).map(|i| format!("part{i}")).collect();
    b.push(Node {
        name: "split".into(),
        op: "Split".into(),
        inputs,
        outputs: outputs.clone(),
        attributes: Attributes::from([("axis".to_owned(), (-1).into())]),
        ..Node::default()
    })
    .unwrap();
    outputs
}

fn splits() -> Vec<Case> {
    vec![
        case("Split, sizes", &[&[2, 7]], WIDE, |b, x| {
            split_node(b, &x[0], Some(&[1, 4, 2]), 3)
        }),
        case("Split, equal parts", &[&[2, 6]], WIDE, |b, x| {
            split_node(b, &x[0], None, 3)
        }),
        case(
            "Split, a part that nobody uses",
            &[&[2, 7]],
            WIDE,
            |b, x| {
                let parts = split_node(b, &x[0], Some(&[2, 3, 2]), 3);
                vec![b.node("Mul", &[&parts[0], &parts[2]], []).unwrap()]
            },
        ),
    ]
}

fn slices() -> Vec<Case> {
    let x: &[usize] = &[3, 5, 7];
    vec![
        listed("one axis", "Slice", x, &[&[1], &[4], &[1]], []),
        listed("leading axes", "Slice", x, &[&[1, 0], &[3, i64::MAX]], []),
        listed(
            "counted from the end",
            "Slice",
            x,
            &[&[-4], &[-1], &[-1]],
            [],
        ),
        listed(
            "steps",
            "Slice",
            x,
            &[&[1, 0], &[7, 5], &[2, 1], &[3, 2]],
            [],
        ),
        listed(
            "step that ends early",
            "Slice",
            x,
            &[&[0], &[5], &[2], &[3]],
            [],
        ),
        listed(
            "backwards",
            "Slice",
            x,
            &[&[-1], &[i64::MIN], &[1], &[-1]],
            [],
        ),
        listed(
            "backwards in steps on several axes",
            "Slice",
            x,
            &[&[5, 2, -2], &[0, 0, -6], &[2, 0, 1], &[-2, -1, -3]],
            [],
        ),
        listed("all of it", "Slice", x, &[&[0], &[7], &[2]], []),
    ]
}
