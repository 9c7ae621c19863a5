//! Cases of resizing.

use pentimento::onnx::Constant;

use super::{linear, push};
use crate::autodiff::check::{Case, case};

pub fn cases() -> Vec<Case> {
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
