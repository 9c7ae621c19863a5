//! Cases of arithmetic and broadcasting.

use super::check::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "mul, broadcast both ways",
            &[&[2, 1, 4], &[3, 1]],
            (-2.0, 2.0),
            |b, x| vec![b.node("Mul", &[&x[0], &x[1]], []).unwrap()],
        ),
        case("a value used twice", &[&[2, 3]], (-2.0, 2.0), |b, x| {
            let a = b.node("Abs", &[&x[0]], []).unwrap();
            let m = b.node("Mul", &[&a, &x[0]], []).unwrap();
            let i = b.node("Identity", &[&x[0]], []).unwrap();
            vec![b.node("Add", &[&m, &i], []).unwrap(), a]
        }),
        case(
            "no gradient through sign and equal",
            &[&[2, 3]],
            (-2.0, 2.0),
            |b, x| {
                let s = b.node("Sign", &[&x[0]], []).unwrap();
                vec![b.node("Mul", &[&s, &x[0]], []).unwrap()]
            },
        ),
    ]
}
