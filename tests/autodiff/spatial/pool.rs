//! Cases of pooling, and what happens where several elements of a window are its maximum.

use pentimento::autodiff::Target;
use pentimento::onnx::{Builder, Model};
use pentimento::tensor::Tensor;

use super::{Ints, linear, node};
use crate::autodiff::check::{Case, case, gradients, spread, targets};

const POOLS: &[(&str, &[usize], Ints)] = &[
    (
        "2/2",
        &[2, 3, 4, 6],
        &[("kernel_shape", &[2, 2]), ("strides", &[2, 2])],
    ),
    (
        "2/2, odd",
        &[1, 9, 5, 7],
        &[("kernel_shape", &[2, 2]), ("strides", &[2, 2])],
    ),
    (
        "2/2, odd in one axis",
        &[1, 2, 5, 4],
        &[("kernel_shape", &[2, 2]), ("strides", &[2, 2])],
    ),
    (
        "2/2, odd, partial windows",
        &[1, 9, 5, 7],
        &[
            ("kernel_shape", &[2, 2]),
            ("strides", &[2, 2]),
            ("ceil_mode", &[1]),
        ],
    ),
    (
        "2/2, a partial window in one axis",
        &[1, 2, 4, 7],
        &[
            ("kernel_shape", &[2, 2]),
            ("strides", &[2, 2]),
            ("ceil_mode", &[1]),
        ],
    ),
    (
        "2/2, padded behind",
        &[1, 2, 5, 6],
        &[
            ("kernel_shape", &[2, 2]),
            ("strides", &[2, 2]),
            ("pads", &[0, 0, 1, 1]),
        ],
    ),
    (
        "2/2, padded before",
        &[1, 2, 5, 6],
        &[
            ("kernel_shape", &[2, 2]),
            ("strides", &[2, 2]),
            ("pads", &[1, 0, 0, 0]),
        ],
    ),
    (
        "3/3, remainder",
        &[1, 2, 8, 6],
        &[("kernel_shape", &[3, 3]), ("strides", &[3, 3])],
    ),
    (
        "3/2",
        &[1, 2, 7, 9],
        &[("kernel_shape", &[3, 3]), ("strides", &[2, 2])],
    ),
    (
        "3/2, remainder",
        &[1, 2, 8, 6],
        &[("kernel_shape", &[3, 3]), ("strides", &[2, 2])],
    ),
    (
        "3/2, partial windows",
        &[2, 2, 8, 6],
        &[
            ("kernel_shape", &[3, 3]),
            ("strides", &[2, 2]),
            ("ceil_mode", &[1]),
        ],
    ),
    (
        "3/2, padded",
        &[1, 2, 7, 8],
        &[
            ("kernel_shape", &[3, 3]),
            ("strides", &[2, 2]),
            ("pads", &[1, 1, 1, 1]),
        ],
    ),
    (
        "3/2, asymmetric pads, partial windows",
        &[1, 2, 8, 9],
        &[
            ("kernel_shape", &[3, 3]),
            ("strides", &[2, 2]),
            ("pads", &[0, 1, 1, 0]),
            ("ceil_mode", &[1]),
        ],
    ),
    (
        "3/1 same",
        &[1, 2, 5, 4],
        &[("kernel_shape", &[3, 3]), ("pads", &[1, 1, 1, 1])],
    ),
    (
        "kernel below stride",
        &[1, 2, 8, 9],
        &[("kernel_shape", &[2, 1]), ("strides", &[3, 2])],
    ),
    ("1/1", &[1, 2, 3, 4], &[("kernel_shape", &[1, 1])]),
    (
        "auto_pad",
        &[1, 2, 7, 6],
        &[
            ("kernel_shape", &[3, 2]),
            ("strides", &[2, 2]),
            ("SAME_UPPER", &[]),
        ],
    ),
    (
        "one axis",
        &[2, 2, 9],
        &[("kernel_shape", &[3]), ("strides", &[2])],
    ),
    (
        "three axes",
        &[1, 1, 4, 5, 3],
        &[("kernel_shape", &[2, 3, 2]), ("strides", &[2, 2, 1])],
    ),
];

const DILATED: (&str, &[usize], Ints) = (
    "dilated",
    &[1, 2, 9, 8],
    &[
        ("kernel_shape", &[3, 2]),
        ("strides", &[2, 1]),
        ("dilations", &[2, 3]),
        ("pads", &[1, 0, 1, 1]),
    ],
);

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &(name, shape, ints) in POOLS.iter().chain([&DILATED]) {
        // Far enough apart that no step makes another element the maximum.
        let mut max = case(
            &format!("MaxPool {name}"),
            &[shape],
            (-90.0, 90.0),
            |b, v| vec![node(b, "MaxPool", &[&v[0]], ints)],
        );
        max.step = 0.05;
        cases.push(max);
    }
    for &(name, shape, ints) in POOLS {
        for include in [[0], [1]] {
            let name = format!("AveragePool {name}, count_include_pad {include:?}");
            cases.push(linear(case(&name, &[shape], (-1.0, 1.0), |b, v| {
                let ints = [ints, &[("count_include_pad", include.as_slice())]].concat();
                vec![node(b, "AveragePool", &[&v[0]], &ints)]
            })));
        }
    }
    cases.push(case(
        "pools of one value",
        &[&[1, 3, 6, 7]],
        (-40.0, 40.0),
        |b, v| {
            let pool: Ints = &[("kernel_shape", &[2, 2]), ("strides", &[2, 2])];
            ["MaxPool", "AveragePool"]
                .map(|op| node(b, op, &[&v[0]], pool))
                .to_vec()
        },
    ));
    for op in ["GlobalAveragePool", "GlobalMaxPool"] {
        cases.push(case(op, &[&[2, 3, 4, 5]], (-40.0, 40.0), |b, v| {
            vec![node(b, op, &[&v[0]], &[])]
        }));
        cases.push(case(
            &format!("{op}, one axis"),
            &[&[2, 3, 7]],
            (-40.0, 40.0),
            |b, v| vec![node(b, op, &[&v[0]], &[])],
        ));
    }
    cases
}

/// The gradient of one window at a time, on a flat and on a posterised picture: all of it stays in
/// the window, on elements that equal the maximum, and it adds up to what came in.
#[test]
fn tied_maxima_do_not_multiply_the_gradient() {
    for &(name, shape, ints) in POOLS.iter().filter(|(_, shape, _)| shape.len() == 4) {
        for levels in [0.0, 1.5] {
            for &target in targets() {
                let what = format!("{name}, {levels} levels, {target:?}");
                each_window(shape, ints, levels, target, &what);
            }
        }
    }
}

fn each_window(shape: &[usize], ints: Ints, levels: f32, target: Target, what: &str) {
    let plane = [1, 1, shape[2], shape[3]];
    let mut b = Builder::new("one");
    b.input("x", &plane);
    let y = node(&mut b, "MaxPool", &["x"], ints);
    let windows: usize = b.shape(&y).iter().product();
    let counts = b.shape(&y)[2..].to_vec();

    let picture = spread(&plane, (-1.0, 1.0), 5);
    let picture: Vec<f32> = picture
        .data()
        .iter()
        .map(|v| (v * levels).round() + 0.3)
        .collect();
    let mut b = Builder::new("windows");
    b.input("x", &[windows, 1, shape[2], shape[3]]);
    let y = node(&mut b, "MaxPool", &["x"], ints);
    b.output(&y);
    let case = Case {
        name: what.to_owned(),
        model: Model::new(b.finish()),
        values: vec![
            Tensor::new(
                vec![windows, 1, shape[2], shape[3]],
                picture.repeat(windows),
            )
            .unwrap(),
        ],
        step: 0.0,
        tolerance: 0.0,
    };
    let dy: Vec<f32> = (0..windows * windows)
        .map(|i| {
            if i % (windows + 1) == 0 {
                1.0 + (i % 7) as f32
            } else {
                0.0
            }
        })
        .collect();
    let dy_shape = vec![windows, 1, counts[0], counts[1]];
    let dx = gradients(&case, &[Tensor::new(dy_shape, dy.clone()).unwrap()], target).unwrap();
    for (i, dx) in dx[0].data().chunks(picture.len()).enumerate() {
        let (sum, expected) = (dx.iter().sum::<f32>(), dy[i * (windows + 1)]);
        assert!(
            (sum - expected).abs() < 1e-5,
            "{what}: window {i} gives {sum} of {expected}"
        );
        assert!(dx.iter().all(|&g| g >= 0.0), "{what}: window {i}");
        let won: Vec<f32> = dx
            .iter()
            .zip(&picture)
            .filter(|(g, _)| **g > 0.0)
            .map(|(_, &v)| v)
            .collect();
        assert!(
            won.windows(2).all(|v| v[0].to_bits() == v[1].to_bits()),
            "{what}: window {i} credits {won:?}"
        );
    }
}
