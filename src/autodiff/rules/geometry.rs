//! Moving elements along spatial axes: what the rules of windows and of `Resize` have in common.
//!
//! Values are `[N, C, spatial…]` (any rank); only whole elements are moved, padded with zeros or
//! cut off, so nothing here rounds.

use super::super::Context;
use super::signed;
use crate::onnx::Constant;

/// Returns `values` as an attribute or a list holds them.
pub(super) fn signed_all(values: impl IntoIterator<Item = usize>) -> Vec<i64> {
    values.into_iter().map(signed).collect()
}

/// Returns `a - b`.
pub(super) fn difference(a: usize, b: usize) -> i64 {
    signed(a) - signed(b)
}

/// Appends a slice of spatial axis `axis` (0 is the first behind the channels): `count` elements
/// from `start`, `step` apart.
pub(super) fn slice(
    c: &mut Context,
    value: &str,
    axis: usize,
    start: usize,
    count: usize,
    step: usize,
) -> Result<String, String> {
    let extent = c.shape(value)[axis + 2];
    if (start, count, step) == (0, extent, 1) {
        return Ok(value.to_owned());
    }
    let starts = c.int_constant(&[signed(start)]);
    let ends = c.int_constant(&[signed(start + (count - 1) * step + 1)]);
    let axes = c.int_constant(&[signed(axis + 2)]);
    let steps = c.int_constant(&[signed(step)]);
    c.add("Slice", &[value, &starts, &ends, &axes, &steps], [])
}

/// Appends what cuts `value` where `pads` (one pair a spatial axis) is negative, and returns the
/// value with the pads that are left, as the `pads` attribute orders them.
pub(super) fn cut(
    c: &mut Context,
    value: &str,
    pads: &[[i64; 2]],
) -> Result<(String, Vec<i64>), String> {
    let mut value = value.to_owned();
    for (axis, pair) in pads.iter().enumerate() {
        let [front, back] = pair.map(|pad| usize::try_from(-pad).unwrap_or(0));
        let extent = c.shape(&value)[axis + 2];
        let count = extent
            .checked_sub(front + back)
            .filter(|&count| count > 0)
            .ok_or("every window lies in the padding")?;
        value = slice(c, &value, axis, front, count, 1)?;
    }
    let left = [0, 1].map(|side| pads.iter().map(move |pair| pair[side].max(0)));
    Ok((value, left.into_iter().flatten().collect()))
}

/// Appends `value` with `pads` (one pair a spatial axis, none negative) filled with `fill`.
pub(super) fn pad(
    c: &mut Context,
    value: &str,
    pads: &[[i64; 2]],
    fill: f32,
) -> Result<String, String> {
    if pads.iter().flatten().all(|&pad| pad == 0) {
        return Ok(value.to_owned());
    }
    let side = |i: usize| {
        [0, 0]
            .into_iter()
            .chain(pads.iter().map(move |pair| pair[i]))
    };
    let list: Vec<i64> = side(0).chain(side(1)).collect();
    let list = c.int_constant(&list);
    let fill = c.scalar(fill);
    c.add("Pad", &[value, &list, &fill], [])
}

/// Appends `value` with every element repeated `times` along each spatial axis.
pub(super) fn repeat(c: &mut Context, value: &str, times: &[usize]) -> Result<String, String> {
    #[allow(clippy::cast_precision_loss, reason = "a window has few taps")]
    let scales: Vec<f32> = [1, 1].iter().chain(times).map(|&t| t as f32).collect();
    let scales = c.constant(f32s(&[scales.len()], scales));
    c.add(
        "Resize",
        &[value, "", &scales],
        [
            ("mode", "nearest".into()),
            ("coordinate_transformation_mode", "asymmetric".into()),
            ("nearest_mode", "floor".into()),
        ],
    )
}

/// Appends `value · by + plus` without leaving the blocked layout.
pub(super) fn scaled(
    c: &mut Context,
    value: &str,
    by: f32,
    plus: Option<f32>,
) -> Result<String, String> {
    let ones = vec![1; c.shape(value).len() - 2];
    let none = vec![0; 2 * ones.len()];
    each_channel(c, value, (&ones, &[by]), plus, &ones, none)
}

/// Appends a convolution of each channel by itself with the same `kernel` (of a shape), then
/// `plus` added, with strides, and pads as [`cut`] returns them.
///
/// It is how scaling, cropping and padding stay in the blocked layout.
pub(super) fn each_channel(
    c: &mut Context,
    value: &str,
    (shape, kernel): (&[usize], &[f32]),
    plus: Option<f32>,
    strides: &[usize],
    pads: Vec<i64>,
) -> Result<String, String> {
    let channels = c.shape(value)[1];
    let kernel = f32s(&[&[channels, 1], shape].concat(), kernel.repeat(channels));
    let mut inputs = vec![c.constant(kernel)];
    if let Some(plus) = plus {
        inputs.push(c.constant(f32s(&[channels], vec![plus; channels])));
    }
    let inputs: Vec<&str> = std::iter::once(value)
        .chain(inputs.iter().map(String::as_str))
        .collect();
    c.add(
        "Conv",
        &inputs,
        [
            ("group", signed(channels).into()),
            ("kernel_shape", signed_all(shape.iter().copied()).into()),
            ("strides", signed_all(strides.iter().copied()).into()),
            ("pads", pads.into()),
        ],
    )
}

/// Appends `value` brought to the spatial `extents` without leaving the blocked layout: cut off
/// behind, or with zeros behind.
pub(super) fn fit(c: &mut Context, value: &str, extents: &[usize]) -> Result<String, String> {
    let have = c.shape(value)[2..].to_vec();
    if have == extents {
        return Ok(value.to_owned());
    }
    let pairs = have.iter().zip(extents);
    let kernel: Vec<usize> = pairs
        .clone()
        .map(|(&h, &w)| 1 + h.saturating_sub(w))
        .collect();
    let after = pairs.map(|(&h, &w)| signed(w.saturating_sub(h)));
    let pads = have.iter().map(|_| 0).chain(after).collect();
    let mut first = vec![0.0; kernel.iter().product()];
    first[0] = 1.0;
    let ones = vec![1; kernel.len()];
    each_channel(c, value, (&kernel, &first), None, &ones, pads)
}

/// Returns a constant of `f32`.
pub(super) fn f32s(shape: &[usize], data: Vec<f32>) -> Constant {
    Constant::f32s(shape.to_vec(), data).expect("the caller made as many elements as shape says")
}

/// Returns every index into `shape`, the last axis running fastest.
pub(super) fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut result = vec![Vec::new()];
    for &extent in shape {
        result = result
            .into_iter()
            .flat_map(|index: Vec<usize>| {
                (0..extent).map(move |i| [index.as_slice(), &[i]].concat())
            })
            .collect();
    }
    result
}
