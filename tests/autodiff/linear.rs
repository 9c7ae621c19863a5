//! Cases of matrix products.

use super::check::{Case, node_case};

pub fn cases() -> Vec<Case> {
    [matmul(), gemm()].concat()
}

fn matmul() -> Vec<Case> {
    let shapes: [(&str, [&[usize]; 2]); 10] = [
        ("matrices", [&[3, 5], &[5, 2]]),
        ("batches", [&[2, 3, 5], &[2, 5, 4]]),
        ("batch by matrix", [&[2, 3, 5], &[5, 4]]),
        ("matrix by batch", [&[3, 5], &[2, 5, 4]]),
        ("batches broadcast both ways", [&[2, 1, 3, 5], &[3, 5, 2]]),
        ("vectors", [&[5], &[5]]),
        ("vector by matrix", [&[5], &[5, 3]]),
        ("matrix by vector", [&[3, 5], &[5]]),
        ("vector by batch", [&[5], &[2, 3, 5, 2]]),
        ("batch by vector", [&[2, 1, 3, 5], &[5]]),
    ];
    shapes
        .iter()
        .map(|(name, shapes)| node_case(name, "MatMul", shapes, (-2.0, 2.0), []))
        .collect()
}

fn gemm() -> Vec<Case> {
    let mut cases = Vec::new();
    let third: [&[usize]; 5] = [&[2, 4], &[4], &[2, 1], &[], &[1, 1]];
    for (turned, c) in [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0)]
        .into_iter()
        .zip(third)
    {
        let a: &[usize] = if turned.0 == 0 { &[2, 3] } else { &[3, 2] };
        let b: &[usize] = if turned.1 == 0 { &[3, 4] } else { &[4, 3] };
        cases.push(node_case(
            &format!("turned {turned:?}, C {c:?}"),
            "Gemm",
            &[a, b, c],
            (-2.0, 2.0),
            [
                ("transA", turned.0.into()),
                ("transB", turned.1.into()),
                ("alpha", 0.7.into()),
                ("beta", (-1.3).into()),
            ],
        ));
    }
    cases.push(node_case(
        "without C",
        "Gemm",
        &[&[2, 3], &[3, 4]],
        (-2.0, 2.0),
        [],
    ));
    cases
}
