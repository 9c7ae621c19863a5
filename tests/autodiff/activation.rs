//! Cases of the activation functions.

use super::check::{Case, case};

pub fn cases() -> Vec<Case> {
    vec![case(
        "relu, odd size",
        &[&[1, 3, 5, 7]],
        (-2.0, 2.0),
        |b, x| vec![b.node("Relu", &[&x[0]], []).unwrap()],
    )]
}
