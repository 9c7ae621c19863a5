//! Cases of convolution and transposed convolution.

use pentimento::onnx::Builder;

use super::{Ints, constant, linear, node};
use crate::autodiff::check::{Case, case};

/// What is special, the shapes of input and kernel, and the attributes.
type Geometry = (
    &'static str,
    &'static [usize],
    &'static [usize],
    Ints<'static>,
);

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (op, list) in [("Conv", CONV), ("ConvTranspose", TRANSPOSE)] {
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

const CONV: &[Geometry] = &[
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
        "3x3 same, many channels",
        &[2, 24, 6, 9],
        &[25, 24, 3, 3],
        &[("pads", &[1, 1, 1, 1])],
    ),
    (
        "3x3 asymmetric, many channels",
        &[1, 26, 8, 6],
        &[24, 26, 3, 3],
        &[("pads", &[0, 2, 3, 1])],
    ),
    (
        "3x3 stride 2, many channels",
        &[1, 24, 5, 7],
        &[24, 24, 3, 3],
        &[("pads", &[1, 1, 1, 1]), ("strides", &[2, 2])],
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

const TRANSPOSE: &[Geometry] = &[
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
