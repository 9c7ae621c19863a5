//! Gradient of `AveragePool`.

use super::super::Context;
use super::conv::input_gradient;
use super::geometry::{f32s, fit, indices, repeat, scaled};
use crate::onnx::infer::window::{Window, windows};

/// `y[o] = Σ x / n[o]` over the elements of window `o`: `dx[q] = Σ dy[o] / n[o]` over the windows
/// that hold `q`.
pub(super) fn average_pool(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?.to_owned();
    let extents = c.shape(c.x(0))[2..].to_vec();
    let counts = c.shape(&dy)[2..].to_vec();
    let windows = windows(c.node(), &extents, None)?;
    let padding_counts = c.node().int("count_include_pad", 0) != 0;
    let shares = shares(&windows, &extents, &counts, padding_counts);
    let even = shares
        .iter()
        .all(|&share| share.to_bits() == shares[0].to_bits());
    let tiled = windows
        .iter()
        .all(|w| (w.stride, w.dilation, w.before) == (w.kernel, 1, 0));
    let dx = if c.target().blocked() && even && tiled {
        spread(c, &dy, &windows, &extents, shares[0])?
    } else {
        let shape = [&[1, 1], counts.as_slice()].concat();
        let shares = if even {
            c.scalar(shares[0])
        } else {
            c.constant(f32s(&shape, shares))
        };
        let each = c.mul(&dy, &shares)?;
        let channels = c.shape(&dy)[1];
        let mut shape = vec![channels, 1];
        shape.extend(windows.iter().map(|w| w.kernel));
        let ones = vec![1.0; shape.iter().product()];
        let ones = c.constant(f32s(&shape, ones));
        input_gradient(c, &each, &ones, &windows, channels, &extents)?
    };
    c.set_dx(0, dx);
    Ok(())
}

/// Returns `1 / n[o]` of every window.
fn shares(
    windows: &[Window],
    extents: &[usize],
    counts: &[usize],
    padding_counts: bool,
) -> Vec<f32> {
    let held = |w: &Window, extent: usize, o: usize| {
        let counted = if padding_counts {
            0..w.before + extent + w.after
        } else {
            w.before..w.before + extent
        };
        let taps = (0..w.kernel).map(|j| o * w.stride + j * w.dilation);
        taps.filter(|at| counted.contains(at)).count().max(1)
    };
    #[allow(clippy::cast_precision_loss, reason = "a window has few taps")]
    let share = |o: &Vec<usize>| {
        let axes = windows.iter().zip(extents).zip(o);
        1.0 / axes
            .map(|((w, &extent), &o)| held(w, extent, o))
            .product::<usize>() as f32
    };
    indices(counts).iter().map(share).collect()
}

/// Windows side by side: every element takes the share of the one window that holds it.
fn spread(
    c: &mut Context,
    dy: &str,
    windows: &[Window],
    extents: &[usize],
    share: f32,
) -> Result<String, String> {
    let each = scaled(c, dy, share, None)?;
    let sides: Vec<usize> = windows.iter().map(|w| w.kernel).collect();
    let spread = repeat(c, &each, &sides)?;
    fit(c, &spread, extents)
}
