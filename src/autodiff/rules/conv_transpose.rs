//! Gradients of `ConvTranspose`.
//!
//! Along each axis `y[i·s + j·d - before] += x[i] · w[j]`: a convolution read backwards, so its
//! gradients are a convolution and that convolution's kernel gradient.

use super::super::Context;
use super::conv::{bias_gradient, group};
use super::geometry::{cut, difference, signed_all};
use super::kernel_gradient::kernel_gradient;
use super::signed;
use crate::onnx::infer::window::{Window, windows};

/// `dx[i] = Σⱼ dy[i·s + j·d - before] · w[j]`; `dW[j] = Σᵢ x[i] · dy[i·s + j·d - before]`; `dB = Σ
/// dy`.
pub(super) fn conv_transpose(c: &mut Context) -> Result<(), String> {
    let (x, w) = (c.x(0), c.x(1));
    let dy = c.dy()?.to_owned();
    let counts = c.shape(x)[2..].to_vec();
    let windows = windows(c.node(), &counts, Some(&c.shape(w)[2..]))?;
    let group = group(c);
    if c.wants(0) {
        let dx = input_gradient(c, &dy, w, &windows, group, &counts)?;
        c.set_dx(0, dx);
    }
    if c.wants(1) {
        let dw = kernel_gradient(c, &dy, x, &windows, group)?;
        c.set_dx(1, dw);
    }
    if c.wants(2) {
        let db = bias_gradient(c, &dy)?;
        c.set_dx(2, db);
    }
    Ok(())
}

fn input_gradient(
    c: &mut Context,
    dy: &str,
    kernel: &str,
    windows: &[Window],
    group: usize,
    counts: &[usize],
) -> Result<String, String> {
    let extents = c.shape(dy)[2..].to_vec();
    // The window behind the last one would read what `output_padding` added.
    let pads: Vec<[i64; 2]> = windows
        .iter()
        .enumerate()
        .map(|(i, w)| {
            let reached = (counts[i] - 1) * w.stride + w.reach();
            [signed(w.before), difference(reached, extents[i] + w.before)]
        })
        .collect();
    let (dy, pads) = cut(c, dy, &pads)?;
    c.add(
        "Conv",
        &[&dy, kernel],
        [
            (
                "dilations",
                signed_all(windows.iter().map(|w| w.dilation)).into(),
            ),
            ("group", signed(group).into()),
            (
                "kernel_shape",
                signed_all(windows.iter().map(|w| w.kernel)).into(),
            ),
            ("pads", pads.into()),
            (
                "strides",
                signed_all(windows.iter().map(|w| w.stride)).into(),
            ),
        ],
    )
}
