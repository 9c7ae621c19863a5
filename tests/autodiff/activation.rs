//! Cases of the activation functions.

use super::check::{Case, case, node_case};

pub fn cases() -> Vec<Case> {
    [curves(), clip()].concat()
}

fn curves() -> Vec<Case> {
    let odd: &[&[usize]] = &[&[1, 3, 5, 7]];
    let wide = (-2.0, 2.0);
    vec![
        node_case("odd size", "Relu", odd, wide, []),
        node_case("default slope", "LeakyRelu", odd, wide, []),
        node_case("slope 0.2", "LeakyRelu", odd, wide, [("alpha", 0.2.into())]),
        node_case(
            "steep slope",
            "LeakyRelu",
            odd,
            wide,
            [("alpha", 1.5.into())],
        ),
        node_case(
            "falling slope",
            "LeakyRelu",
            odd,
            wide,
            [("alpha", (-0.5).into())],
        ),
        node_case(
            "slope of each channel",
            "PRelu",
            &[&[2, 3, 5, 1], &[3, 1, 1]],
            wide,
            [],
        ),
        node_case("one slope", "PRelu", &[&[2, 3, 5], &[1]], wide, []),
        node_case(
            "slope of each element",
            "PRelu",
            &[&[3, 5], &[3, 5]],
            wide,
            [],
        ),
        node_case("odd size", "Sigmoid", odd, wide, []),
        node_case("odd size", "Tanh", odd, wide, []),
        node_case("odd size", "Erf", odd, wide, []),
        node_case("default", "HardSigmoid", odd, (-4.0, 4.2), []),
        node_case(
            "falling",
            "HardSigmoid",
            odd,
            (-2.0, 2.05),
            [("alpha", (-0.7).into()), ("beta", 0.3.into())],
        ),
        node_case("default", "Elu", odd, wide, []),
        node_case("alpha 0.4", "Elu", odd, wide, [("alpha", 0.4.into())]),
    ]
}

fn clip() -> Vec<Case> {
    let odd: &[&[usize]] = &[&[1, 3, 5, 7]];
    let wide = (-2.0, 2.0);
    vec![
        case("Clip, no bounds", odd, wide, |b, x| {
            vec![b.node("Clip", &[&x[0]], []).unwrap()]
        }),
        case("Clip, constant bounds", odd, wide, |b, x| {
            let (low, high) = (b.scalar(-0.711), b.scalar(1.203));
            vec![b.node("Clip", &[&x[0], &low, &high], []).unwrap()]
        }),
        case("Clip, lower bound only", odd, wide, |b, x| {
            let low = b.scalar(-0.711);
            vec![b.node("Clip", &[&x[0], &low], []).unwrap()]
        }),
        case("Clip, upper bound only", odd, wide, |b, x| {
            let high = b.scalar(0.405);
            vec![b.node("Clip", &[&x[0], "", &high], []).unwrap()]
        }),
        case(
            "Clip, computed bounds",
            &[&[3, 5], &[], &[]],
            wide,
            |b, x| {
                let (one, minus_one) = (b.scalar(1.2), b.scalar(-1.2));
                let low = b.node("Add", &[&x[1], &minus_one], []).unwrap();
                let high = b.node("Add", &[&x[2], &one], []).unwrap();
                vec![
                    b.node("Clip", &[&x[0], &low, &high], []).unwrap(),
                    b.node("Clip", &[&x[0], &low], []).unwrap(),
                    b.node("Clip", &[&x[0], "", &high], []).unwrap(),
                ]
            },
        ),
        case(
            "Clip, bounds that cross",
            &[&[3, 5], &[], &[]],
            wide,
            |b, x| {
                let (far, near) = (b.scalar(3.0), b.scalar(-3.0));
                let low = b.node("Add", &[&x[1], &far], []).unwrap();
                let high = b.node("Add", &[&x[2], &near], []).unwrap();
                vec![b.node("Clip", &[&x[0], &low, &high], []).unwrap()]
            },
        ),
    ]
}
