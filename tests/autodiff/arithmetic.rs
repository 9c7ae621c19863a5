//! Cases of arithmetic and broadcasting.

use std::sync::Arc;

use pentimento::onnx::{Constant, Data};

use super::check::{Case, case, node_case};

const BOTH_WAYS: &[&[usize]] = &[&[2, 1, 4], &[3, 1]];
const WIDE: (f32, f32) = (-2.0, 2.0);

pub fn cases() -> Vec<Case> {
    [elementary(), powers(), choices(), flow()].concat()
}

fn elementary() -> Vec<Case> {
    vec![
        node_case("broadcast both ways", "Add", BOTH_WAYS, WIDE, []),
        node_case("broadcast both ways", "Sub", BOTH_WAYS, WIDE, []),
        node_case("broadcast both ways", "Mul", BOTH_WAYS, WIDE, []),
        node_case("broadcast both ways", "Div", BOTH_WAYS, (0.5, 2.0), []),
        node_case("negative divisor", "Div", &[&[5], &[]], (-2.0, -0.5), []),
        node_case("scalar and matrix", "Sub", &[&[], &[3, 5]], WIDE, []),
        node_case("one", "Sum", &[&[3, 5]], WIDE, []),
        node_case(
            "three, broadcast",
            "Sum",
            &[&[3, 1], &[2, 1, 4], &[4]],
            WIDE,
            [],
        ),
        node_case("plain", "Neg", &[&[3, 5]], WIDE, []),
        node_case("plain", "Abs", &[&[3, 5]], WIDE, []),
        node_case("plain", "Sqrt", &[&[3, 5]], (0.3, 3.0), []),
        node_case("plain", "Exp", &[&[3, 5]], WIDE, []),
        node_case("plain", "Log", &[&[3, 5]], (0.3, 3.0), []),
    ]
}

fn powers() -> Vec<Case> {
    let constant = |name: &str, range, exponent: Constant| {
        case(&format!("Pow, {name}"), &[&[3, 5]], range, |b, x| {
            let exponent = b.constant(exponent);
            vec![b.node("Pow", &[&x[0], &exponent], []).unwrap()]
        })
    };
    let whole = Constant::new(vec![1, 1], Data::I64(Arc::new(vec![3]))).unwrap();
    let some = Constant::f32s(vec![5], vec![0.0, 1.0, 2.0, 3.0, -1.0]).unwrap();
    vec![
        node_case("both sides, broadcast", "Pow", BOTH_WAYS, (0.4, 2.0), []),
        constant("square", WIDE, Constant::scalar(2.0)),
        constant("cube of negative numbers", WIDE, Constant::scalar(3.0)),
        constant("fraction", (0.3, 2.0), Constant::scalar(-0.75)),
        constant("whole exponent", WIDE, whole),
        constant("an exponent each, 0 among them", (0.5, 2.0), some),
        case("Pow, same value twice", &[&[5]], (0.4, 2.0), |b, x| {
            vec![b.node("Pow", &[&x[0], &x[0]], []).unwrap()]
        }),
    ]
}

fn choices() -> Vec<Case> {
    let mut cases = Vec::new();
    for op in ["Max", "Min"] {
        cases.push(node_case(
            "three, broadcast",
            op,
            &[&[3, 1], &[2, 1, 4], &[4]],
            WIDE,
            [],
        ));
        cases.push(node_case("one", op, &[&[3, 5]], WIDE, []));
        cases.push(case(
            &format!("{op}, tied with itself"),
            &[&[3, 5]],
            WIDE,
            |b, x| vec![b.node(op, &[&x[0], &x[0]], []).unwrap()],
        ));
    }
    for op in ["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"] {
        cases.push(case(&format!("Where, by {op}"), BOTH_WAYS, WIDE, |b, x| {
            let condition = b.node(op, &[&x[0], &x[1]], []).unwrap();
            let negative = b.node("Neg", &[&x[1]], []).unwrap();
            vec![
                b.node("Where", &[&condition, &x[0], &negative], [])
                    .unwrap(),
            ]
        }));
    }
    cases
}

fn flow() -> Vec<Case> {
    vec![
        case("a value used twice", &[&[2, 3]], WIDE, |b, x| {
            let a = b.node("Abs", &[&x[0]], []).unwrap();
            let m = b.node("Mul", &[&a, &x[0]], []).unwrap();
            let i = b.node("Identity", &[&x[0]], []).unwrap();
            vec![b.node("Add", &[&m, &i], []).unwrap(), a]
        }),
        case("no gradient through Sign", &[&[2, 3]], WIDE, |b, x| {
            let s = b.node("Sign", &[&x[0]], []).unwrap();
            vec![b.node("Mul", &[&s, &x[0]], []).unwrap()]
        }),
        case(
            "no gradient through And, Or, Not",
            &[&[3, 5], &[5]],
            WIDE,
            |b, x| {
                let zero = b.scalar(0.0);
                let p = b.node("Greater", &[&x[0], &zero], []).unwrap();
                let q = b.node("Less", &[&x[1], &x[0]], []).unwrap();
                let not = b.node("Not", &[&p], []).unwrap();
                let and = b.node("And", &[&not, &q], []).unwrap();
                let or = b.node("Or", &[&and, &p], []).unwrap();
                let mask = b.node("Cast", &[&or], [("to", 1.into())]).unwrap();
                let kept = b.node("Mul", &[&mask, &x[0]], []).unwrap();
                vec![b.node("Add", &[&kept, &x[1]], []).unwrap()]
            },
        ),
        case(
            "Cast, of f32 and of whole numbers",
            &[&[3, 5]],
            WIDE,
            |b, x| {
                let same = b.node("Cast", &[&x[0]], [("to", 1.into())]).unwrap();
                let whole = b.node("Cast", &[&x[0]], [("to", 7.into())]).unwrap();
                let whole = b.node("Cast", &[&whole], [("to", 1.into())]).unwrap();
                // Values step over no whole number but 0 and 1, which `spread` and the range avoid.
                vec![b.node("Mul", &[&same, &whole], []).unwrap()]
            },
        ),
    ]
}
