//! The gradient of a convolution's kernel, in the forms among which the target chooses.
//!
//! `dW[m, c, j] = Σₙₒ dy[n, m, o] · x[n, c, o·s + j·d - before]`: a sum over as many products as the
//! forward pass makes, into a result that is far smaller than either factor. As a `Conv` with batch
//! and channels exchanged it takes two to three times as long as the best form on a processor.

use super::super::target::KernelForm;
use super::super::winograd::matrices::{INPUTS, TILE, kernel_gather, output_spread};
use super::super::{Context, winograd};
use super::geometry::{difference, f32s, indices, pad, signed_all, slice};
use super::signed;
use crate::onnx::Constant;
use crate::onnx::infer::window::Window;

/// Appends the gradient `[M, C / group, taps…]` of the kernel of a convolution of `x` whose output
/// has the gradient `dy`.
pub(super) fn kernel_gradient(
    c: &mut Context,
    x: &str,
    dy: &str,
    windows: &[Window],
    group: usize,
) -> Result<String, String> {
    let channels = [c.shape(x)[1] / group, c.shape(dy)[1] / group];
    match c.target().kernel_form(windows, channels, group) {
        KernelForm::Taps => by_taps(c, x, dy, windows, group),
        KernelForm::Columns => by_columns(c, x, dy, windows, group),
        KernelForm::Winograd => by_tiles(c, x, dy, windows),
    }
}

/// Appends `x` with what the windows reach beyond its borders.
fn padded(
    c: &mut Context,
    x: &str,
    windows: &[Window],
    counts: &[usize],
) -> Result<String, String> {
    let extents = c.shape(x)[2..].to_vec();
    let pads: Vec<[i64; 2]> = windows
        .iter()
        .zip(extents)
        .zip(counts)
        .map(|((w, extent), &count)| {
            let reached = (count - 1) * w.stride + w.reach();
            [
                signed(w.before),
                difference(reached, extent + w.before).max(0),
            ]
        })
        .collect();
    pad(c, x, &pads, 0.0)
}

/// Appends what tap `tap` of every window sees of the padded input.
fn seen(
    c: &mut Context,
    padded: &str,
    tap: &[usize],
    windows: &[Window],
    counts: &[usize],
) -> Result<String, String> {
    let mut seen = padded.to_owned();
    for (axis, w) in windows.iter().enumerate() {
        let start = tap[axis] * w.dilation;
        seen = slice(c, &seen, axis, start, counts[axis], w.stride)?;
    }
    Ok(seen)
}

/// One matrix product a tap.
fn by_taps(
    c: &mut Context,
    x: &str,
    dy: &str,
    windows: &[Window],
    group: usize,
) -> Result<String, String> {
    let (x_shape, dy_shape) = (c.shape(x).to_vec(), c.shape(dy).to_vec());
    let counts = &dy_shape[2..];
    let padded = padded(c, x, windows, counts)?;
    let positions: usize = counts.iter().product();
    let (n, m, c_group) = (dy_shape[0], dy_shape[1] / group, x_shape[1] / group);
    let rows = c.reshape(dy, &[n, group, m, positions])?;
    let kernel: Vec<usize> = windows.iter().map(|w| w.kernel).collect();
    let mut taps = Vec::new();
    for tap in indices(&kernel) {
        let seen = seen(c, &padded, &tap, windows, counts)?;
        let seen = c.reshape(&seen, &[n, group, c_group, positions])?;
        let seen = c.add("Transpose", &[&seen], [("perm", vec![0, 1, 3, 2].into())])?;
        let product = c.add("MatMul", &[&rows, &seen], [])?;
        let sum = batch_sum(c, &product)?;
        taps.push(c.reshape(&sum, &[group * m, c_group, 1])?);
    }
    let taps: Vec<&str> = taps.iter().map(String::as_str).collect();
    let joined = c.add("Concat", &taps, [("axis", 2.into())])?;
    c.reshape(
        &joined,
        &[&[group * m, c_group], kernel.as_slice()].concat(),
    )
}

/// One matrix product for all taps: what they see is joined to `[N, group, taps · C, positions]`.
fn by_columns(
    c: &mut Context,
    x: &str,
    dy: &str,
    windows: &[Window],
    group: usize,
) -> Result<String, String> {
    let (x_shape, dy_shape) = (c.shape(x).to_vec(), c.shape(dy).to_vec());
    let counts = &dy_shape[2..];
    let padded = padded(c, x, windows, counts)?;
    let positions: usize = counts.iter().product();
    let (n, m, c_group) = (dy_shape[0], dy_shape[1] / group, x_shape[1] / group);
    let kernel: Vec<usize> = windows.iter().map(|w| w.kernel).collect();
    let taps: usize = kernel.iter().product();
    let mut parts = Vec::with_capacity(taps);
    for tap in indices(&kernel) {
        let seen = seen(c, &padded, &tap, windows, counts)?;
        parts.push(c.reshape(&seen, &[n, group, c_group, positions])?);
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let columns = c.add("Concat", &parts, [("axis", 2.into())])?;
    let columns = c.add(
        "Transpose",
        &[&columns],
        [("perm", vec![0, 1, 3, 2].into())],
    )?;
    let rows = c.reshape(dy, &[n, group, m, positions])?;
    let product = c.add("MatMul", &[&rows, &columns], [])?;
    let sum = batch_sum(c, &product)?;
    let apart = c.reshape(&sum, &[group * m, taps, c_group])?;
    let turned = c.add("Transpose", &[&apart], [("perm", vec![0, 2, 1].into())])?;
    c.reshape(
        &turned,
        &[&[group * m, c_group], kernel.as_slice()].concat(),
    )
}

/// Appends the sum over the batch.
fn batch_sum(c: &mut Context, value: &str) -> Result<String, String> {
    let batch = c.int_constant(&[0]);
    c.add("ReduceSum", &[value, &batch], [("keepdims", 0.into())])
}

/// 3×3 kernels of stride 1 by Winograd's F(4×4, 3×3), differentiated: `dŴ = dŶ·X̂ᵀ` at each of the
/// 36 places, with `X̂ = Bᵀ·d·B` of the input's tiles, `dŶ = A·dy·Aᵀ` of the output's, and
/// `dW = Gᵀ·dŴ·G`. It takes a quarter of the multiplications.
fn by_tiles(c: &mut Context, x: &str, dy: &str, windows: &[Window]) -> Result<String, String> {
    let (x_shape, dy_shape) = (c.shape(x).to_vec(), c.shape(dy).to_vec());
    let counts = &dy_shape[2..];
    let (channels, out) = (x_shape[1], dy_shape[1]);
    let places = INPUTS * INPUTS;
    // Tiles that reach beyond the last output see zeros there, which add nothing.
    let behind = |axis: usize, extent: usize, before: usize, size: usize| {
        let tiles = counts[axis].div_ceil(TILE);
        difference(TILE * (tiles - 1) + size, extent + before)
    };
    let before: Vec<usize> = windows.iter().map(|w| w.before).collect();
    let pads = [
        signed(before[0]),
        signed(before[1]),
        behind(0, x_shape[2], before[0], INPUTS),
        behind(1, x_shape[3], before[1], INPUTS),
    ];
    let take = f32s(
        &[places, 1, INPUTS, INPUTS],
        winograd::matrices::input_transform(),
    );
    let x_hat = tiles(c, x, ("winograd.input", take), pads)?;
    let pads = [
        0,
        0,
        behind(0, counts[0], 0, TILE),
        behind(1, counts[1], 0, TILE),
    ];
    let spread = f32s(&[places, 1, TILE, TILE], output_spread());
    let dy_hat = tiles(c, dy, ("winograd.spread", spread), pads)?;
    let x_hat = c.add("Transpose", &[&x_hat], [("perm", vec![0, 2, 1].into())])?;
    let products = c.add("MatMul", &[&dy_hat, &x_hat], [])?;
    let products = c.reshape(&products, &[places, out * channels])?;
    let gather = c.shared_constant("winograd.gather", f32s(&[9, places], kernel_gather()));
    let taps = c.add("MatMul", &[&gather, &products], [])?;
    let taps = c.add("Transpose", &[&taps], [("perm", vec![1, 0].into())])?;
    c.reshape(&taps, &[out, channels, 3, 3])
}

/// Appends `value` `[N, C, H, W]` cut into tiles and transformed: `[36, C, N · tiles]`.
fn tiles(
    c: &mut Context,
    value: &str,
    (name, kernel): (&str, Constant),
    pads: [i64; 4],
) -> Result<String, String> {
    let shape = c.shape(value).to_vec();
    let &[n, channels, height, width] = shape.as_slice() else {
        return Err(format!("shape {shape:?} has no two spatial axes"));
    };
    let kernel = c.shared_constant(name, kernel);
    // Each of the two moves one axis past others, for which ONNX Runtime has a fast way; one that
    // exchanges three takes four times as long where the tiles of a picture are few.
    let order = [("perm", vec![1, 0, 2, 3].into())];
    let by_channel = c.add("Transpose", &[value], order)?;
    let planes = c.reshape(&by_channel, &[channels * n, 1, height, width])?;
    let step = signed_all([TILE, TILE]);
    let tiles = c.add(
        "Conv",
        &[&planes, &kernel],
        [("strides", step.into()), ("pads", pads.to_vec().into())],
    )?;
    let count: usize = c.shape(&tiles)[2..].iter().product();
    let places = INPUTS * INPUTS;
    let tiles = c.reshape(&tiles, &[channels * n, places, count])?;
    let tiles = c.add("Transpose", &[&tiles], [("perm", vec![1, 0, 2].into())])?;
    c.reshape(&tiles, &[places, channels, n * count])
}
