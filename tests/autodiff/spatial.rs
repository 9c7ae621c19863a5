//! Cases of convolution, pooling and resizing: the geometry of windows in all its variety.

use pentimento::onnx::{Attribute, Builder, Constant, Model, Node};
use pentimento::tensor::Tensor;

use super::check::{Case, TARGETS, case, gradients, spread};

type Ints<'a> = &'a [(&'a str, &'a [i64])];

pub fn cases() -> Vec<Case> {
    [convolutions(), pools(), resizes()].concat()
}

fn convolutions() -> Vec<Case> {
    let conv: &[(&str, &[usize], &[usize], Ints)] = &[
        (
            "3x3 same",
            &[2, 3, 5, 7],
            &[4, 3, 3, 3],
            &[("pads", &[1, 1, 1, 1])],
        ),
        ("1x1", &[1, 3, 3, 4], &[2, 3, 1, 1], &[]),
        (
            "1x1 with pads",
            &[1, 2, 3, 4],
            &[2, 2, 1, 1],
            &[("pads", &[1, 0, 2, 1])],
        ),
        (
            "asymmetric pads",
            &[1, 2, 5, 6],
            &[3, 2, 3, 2],
            &[("pads", &[0, 1, 2, 0])],
        ),
        (
            "even kernel, auto_pad upper",
            &[1, 2, 5, 6],
            &[2, 2, 4, 2],
            &[("SAME_UPPER", &[])],
        ),
        (
            "stride 2, auto_pad lower",
            &[1, 2, 7, 6],
            &[2, 2, 3, 3],
            &[("SAME_LOWER", &[]), ("strides", &[2, 2])],
        ),
        (
            "auto_pad valid",
            &[1, 2, 5, 6],
            &[2, 2, 3, 3],
            &[("VALID", &[])],
        ),
        (
            "3/2, remainder in one axis",
            &[1, 2, 8, 7],
            &[3, 2, 3, 3],
            &[("strides", &[2, 2])],
        ),
        (
            "3/2 with pads",
            &[1, 2, 8, 7],
            &[3, 2, 3, 3],
            &[("strides", &[2, 2]), ("pads", &[1, 0, 1, 2])],
        ),
        (
            "11/4, remainder 3",
            &[1, 3, 18, 22],
            &[4, 3, 11, 11],
            &[("strides", &[4, 4])],
        ),
        (
            "kernel below stride",
            &[1, 2, 9, 11],
            &[2, 2, 2, 1],
            &[("strides", &[3, 4])],
        ),
        (
            "stride in one axis only",
            &[1, 2, 6, 7],
            &[2, 2, 3, 3],
            &[("strides", &[1, 2]), ("pads", &[1, 1, 1, 1])],
        ),
        (
            "pads beyond the kernel",
            &[1, 2, 4, 5],
            &[2, 2, 2, 2],
            &[("pads", &[2, 3, 2, 1])],
        ),
        (
            "pads beyond the kernel, stride 2",
            &[1, 2, 4, 5],
            &[2, 2, 2, 2],
            &[("pads", &[3, 4, 2, 3]), ("strides", &[2, 2])],
        ),
        (
            "dilation",
            &[1, 2, 8, 9],
            &[3, 2, 3, 2],
            &[("dilations", &[2, 3]), ("pads", &[2, 1, 2, 0])],
        ),
        (
            "dilation and stride",
            &[1, 2, 10, 9],
            &[3, 2, 3, 3],
            &[
                ("dilations", &[2, 1]),
                ("strides", &[3, 2]),
                ("pads", &[1, 1, 0, 0]),
            ],
        ),
        (
            "groups",
            &[2, 4, 5, 5],
            &[6, 2, 3, 3],
            &[("group", &[2]), ("pads", &[1, 1, 1, 1])],
        ),
        (
            "groups, stride 2",
            &[2, 4, 6, 5],
            &[6, 2, 3, 3],
            &[("group", &[2]), ("strides", &[2, 2])],
        ),
        (
            "depthwise",
            &[2, 3, 5, 6],
            &[3, 1, 3, 3],
            &[("group", &[3])],
        ),
        (
            "depthwise, two a channel, stride 2",
            &[1, 3, 5, 6],
            &[6, 1, 2, 3],
            &[("group", &[3]), ("strides", &[2, 2])],
        ),
        (
            "one axis",
            &[2, 2, 9],
            &[3, 2, 4],
            &[("strides", &[2]), ("pads", &[1, 0])],
        ),
        (
            "one axis, stride 1",
            &[2, 2, 9],
            &[3, 2, 4],
            &[("pads", &[1, 2])],
        ),
        (
            "three axes",
            &[1, 2, 4, 5, 3],
            &[2, 2, 2, 3, 2],
            &[("strides", &[1, 2, 1])],
        ),
    ];
    let transpose: &[(&str, &[usize], &[usize], Ints)] = &[
        ("plain", &[2, 3, 4, 3], &[3, 2, 3, 3], &[]),
        (
            "3/2 with output padding",
            &[1, 2, 4, 3],
            &[2, 3, 3, 3],
            &[
                ("strides", &[2, 2]),
                ("pads", &[1, 1, 1, 1]),
                ("output_padding", &[1, 1]),
            ],
        ),
        (
            "asymmetric",
            &[1, 2, 4, 3],
            &[2, 3, 4, 2],
            &[("strides", &[2, 1]), ("pads", &[0, 1, 2, 0])],
        ),
        (
            "groups",
            &[1, 4, 3, 3],
            &[4, 3, 2, 3],
            &[("group", &[2]), ("strides", &[2, 3])],
        ),
        (
            "depthwise",
            &[1, 3, 3, 4],
            &[3, 1, 3, 3],
            &[("group", &[3]), ("strides", &[2, 2])],
        ),
        (
            "dilation",
            &[1, 2, 4, 3],
            &[2, 2, 3, 2],
            &[("dilations", &[2, 3]), ("strides", &[2, 1])],
        ),
        (
            "output padding with dilation",
            &[1, 2, 4, 3],
            &[2, 2, 3, 3],
            &[
                ("dilations", &[3, 3]),
                ("strides", &[2, 2]),
                ("output_padding", &[1, 1]),
            ],
        ),
        (
            "kernel below stride",
            &[1, 2, 3, 3],
            &[2, 2, 1, 2],
            &[("strides", &[2, 3])],
        ),
        (
            "one axis",
            &[2, 2, 5],
            &[2, 3, 3],
            &[("strides", &[2]), ("pads", &[1, 1])],
        ),
    ];
    let mut cases = Vec::new();
    for (op, list) in [("Conv", conv), ("ConvTranspose", transpose)] {
        for &(name, x, w, ints) in list {
            let groups = ints
                .iter()
                .find(|(n, _)| *n == "group")
                .map_or(1, |(_, v)| v[0]);
            let bias = if op == "Conv" {
                w[0]
            } else {
                w[1] * usize::try_from(groups).unwrap()
            };
            let all = case(
                &format!("{op} {name}"),
                &[x, w, &[bias]],
                (-1.0, 1.0),
                |b, v| vec![node(b, op, &[&v[0], &v[1], &v[2]], ints)],
            );
            let fixed = case(
                &format!("{op} {name}, constant kernel"),
                &[x],
                (-1.0, 1.0),
                |b, v| {
                    let w = constant(b, w, 7);
                    vec![node(b, op, &[&v[0], &w], ints)]
                },
            );
            cases.extend([all, fixed].map(linear));
        }
    }
    let shared = |b: &mut Builder, v: &[String]| {
        let w = constant(b, &[3, 3, 3, 3], 7);
        let same: Ints = &[("pads", &[1, 1, 1, 1])];
        let once = node(b, "Conv", &[&v[0], &w], same);
        let halved = node(b, "Conv", &[&once, &w], &[("strides", &[2, 2])]);
        let twice = node(b, "Conv", &[&once, &w], same);
        vec![b.node("Add", &[&once, &twice], []).unwrap(), halved]
    };
    cases.push(linear(case(
        "one kernel and one value used twice",
        &[&[1, 3, 5, 6]],
        (-1.0, 1.0),
        shared,
    )));
    cases
}

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

fn pools() -> Vec<Case> {
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

fn resizes() -> Vec<Case> {
    let mut cases = Vec::new();
    let sizes: [[i64; 2]; 6] = [[10, 14], [15, 7], [5, 7], [3, 4], [1, 1], [8, 12]];
    for coordinates in [
        "half_pixel",
        "asymmetric",
        "align_corners",
        "pytorch_half_pixel",
    ] {
        for [h, w] in sizes {
            for rounding in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] {
                let texts = [("mode", "nearest"), ("nearest_mode", rounding)];
                cases.push(resize(
                    coordinates,
                    &texts,
                    &[1, 2, 5, 7],
                    Err(&[1, 2, h, w]),
                ));
            }
            cases.push(resize(
                coordinates,
                &[("mode", "linear")],
                &[1, 2, 5, 7],
                Err(&[1, 2, h, w]),
            ));
        }
        for scales in [[2.0, 3.0], [0.5, 1.0], [1.5, 0.7]] {
            for mode in ["nearest", "linear"] {
                let scales = [1.0, 1.0, scales[0], scales[1]];
                cases.push(resize(
                    coordinates,
                    &[("mode", mode)],
                    &[2, 9, 5, 6],
                    Ok(&scales),
                ));
            }
        }
    }
    cases.push(resize(
        "half_pixel",
        &[("mode", "cubic")],
        &[1, 2, 5, 6],
        Ok(&[1.0, 1.0, 2.0, 0.6]),
    ));
    cases.push(resize(
        "asymmetric",
        &[("mode", "nearest")],
        &[2, 3, 4],
        Ok(&[2.0, 2.0, 1.0]),
    ));
    cases.push(resize(
        "asymmetric",
        &[("mode", "nearest"), ("nearest_mode", "floor")],
        &[2, 3, 4],
        Ok(&[1.0, 2.0, 2.0]),
    ));
    cases
}

fn resize(
    coordinates: &str,
    texts: &[(&str, &str)],
    shape: &[usize],
    to: Result<&[f32], &[i64]>,
) -> Case {
    let name = format!("Resize {coordinates} {texts:?} {shape:?} to {to:?}");
    linear(case(&name, &[shape], (-1.0, 1.0), |b, v| {
        let (scales, sizes) = match to {
            Ok(scales) => (
                b.constant(Constant::f32s(vec![scales.len()], scales.to_vec()).unwrap()),
                String::new(),
            ),
            Err(sizes) => (String::new(), b.ints(sizes)),
        };
        let mut texts = texts.to_vec();
        texts.push(("coordinate_transformation_mode", coordinates));
        let attributes = texts.iter().map(|&(n, v)| (n.to_owned(), v.into()));
        vec![push(b, "Resize", &[&v[0], "", &scales, &sizes], attributes)]
    }))
}

/// Steps may be long where the differences are exact, and long steps hide rounding.
fn linear(mut case: Case) -> Case {
    case.step = 0.25;
    case
}

fn constant(b: &mut Builder, shape: &[usize], seed: u64) -> String {
    let values = spread(shape, (-1.0, 1.0), seed);
    b.constant(Constant::f32s(shape.to_vec(), values.data().to_vec()).unwrap())
}

fn node(b: &mut Builder, op: &str, inputs: &[&str], ints: Ints) -> String {
    let attributes = ints.iter().map(|&(name, values)| match (name, values) {
        ("group" | "ceil_mode" | "count_include_pad", [v]) => (name.to_owned(), (*v).into()),
        (kind, []) => ("auto_pad".to_owned(), kind.into()),
        _ => (name.to_owned(), values.to_vec().into()),
    });
    push(b, op, inputs, attributes)
}

fn push(
    b: &mut Builder,
    op: &str,
    inputs: &[&str],
    attributes: impl Iterator<Item = (String, Attribute)>,
) -> String {
    let name = b.fresh(op);
    b.push(Node {
        name: name.clone(),
        op: op.to_owned(),
        inputs: inputs.iter().map(|&i| i.to_owned()).collect(),
        outputs: vec![name.clone()],
        attributes: attributes.collect(),
        ..Node::default()
    })
    .unwrap();
    name
}

/// The gradient of one window at a time, on a flat and on a posterised picture: all of it stays in
/// the window, on elements that equal the maximum, and it adds up to what came in.
#[test]
fn tied_maxima_do_not_multiply_the_gradient() {
    for &(name, shape, ints) in POOLS.iter().filter(|(_, shape, _)| shape.len() == 4) {
        for levels in [0.0, 1.5] {
            for target in TARGETS {
                let what = format!("{name}, {levels} levels, {target:?}");
                each_window(shape, ints, levels, target, &what);
            }
        }
    }
}

fn each_window(
    shape: &[usize],
    ints: Ints,
    levels: f32,
    target: pentimento::autodiff::Target,
    what: &str,
) {
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
            won.windows(2).all(|v| v[0] == v[1]),
            "{what}: window {i} credits {won:?}"
        );
    }
}
