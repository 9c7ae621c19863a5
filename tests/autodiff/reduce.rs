//! Cases of reductions.

use pentimento::onnx::Attribute;

use super::check::{Case, case, node_case};

const X: &[&[usize]] = &[&[2, 3, 5]];
const WIDE: (f32, f32) = (-2.0, 2.0);

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for op in ["ReduceMean", "ReduceMax", "ReduceMin"] {
        for keep in [0, 1] {
            let axes = |axes: Vec<i64>| -> [(&str, Attribute); 2] {
                [("axes", axes.into()), ("keepdims", keep.into())]
            };
            let name = |name: &str| format!("{name}, keepdims {keep}");
            cases.push(node_case(
                &name("negative axis"),
                op,
                X,
                WIDE,
                axes(vec![-2]),
            ));
            cases.push(node_case(&name("two axes"), op, X, WIDE, axes(vec![2, 0])));
            cases.push(node_case(
                &name("all axes"),
                op,
                X,
                WIDE,
                [("keepdims", keep.into())],
            ));
        }
    }
    for op in ["ReduceMax", "ReduceMin"] {
        cases.push(case(&format!("{op}, ties"), &[&[3, 5]], WIDE, |b, x| {
            let axis = [("axis", 1.into())];
            let twice = b.node("Concat", &[&x[0], &x[0]], axis).unwrap();
            vec![b.node(op, &[&twice], [("axes", vec![1].into())]).unwrap()]
        }));
    }
    cases.extend(sums());
    cases
}

fn sums() -> Vec<Case> {
    let sum = |name: &str, axes: Option<&'static [i64]>, keep: i64, nothing: i64| {
        case(&format!("ReduceSum, {name}"), X, WIDE, |b, x| {
            let axes = axes.map(|axes| b.ints(axes)).unwrap_or_default();
            let attributes = [
                ("keepdims", keep.into()),
                ("noop_with_empty_axes", nothing.into()),
            ];
            vec![b.node("ReduceSum", &[&x[0], &axes], attributes).unwrap()]
        })
    };
    vec![
        sum("negative axis", Some(&[-1]), 1, 0),
        sum("two axes dropped", Some(&[0, 2]), 0, 0),
        sum("all axes", None, 1, 0),
        sum("all axes dropped", None, 0, 0),
        sum("empty axes are all", Some(&[]), 1, 0),
        sum("empty axes are none", Some(&[]), 1, 1),
    ]
}
