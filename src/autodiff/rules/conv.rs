//! Gradients of `Conv`, and the two halves that other rules of windows share with it.
//!
//! Along each axis `y[o] = Σⱼ x[o·s + j·d - before] · w[j]` (stride `s`, dilation `d`).

use super::super::Context;
use super::geometry::{cut, difference, f32s, indices, pad, signed_all, slice};
use super::kernel_gradient::kernel_gradient;
use super::signed;
use crate::onnx::infer::window::{Window, windows};

/// `dx[q] = Σ dy[o] · w[j]` over all `o·s + j·d - before = q`; `dW[j] = Σₒ x[o·s + j·d - before] ·
/// dy[o]`; `dB = Σ dy`.
pub(super) fn conv(c: &mut Context) -> Result<(), String> {
    let (x, w) = (c.x(0), c.x(1));
    let dy = c.dy()?.to_owned();
    let extents = c.shape(x)[2..].to_vec();
    let windows = windows(c.node(), &extents, Some(&c.shape(w)[2..]))?;
    let group = group(c);
    if c.wants(0) {
        let dx = input_gradient(c, &dy, w, &windows, group, &extents)?;
        c.set_dx(0, dx);
    }
    if c.wants(1) {
        let dw = kernel_gradient(c, x, &dy, &windows, group)?;
        c.set_dx(1, dw);
    }
    if c.wants(2) {
        let db = bias_gradient(c, &dy)?;
        c.set_dx(2, db);
    }
    Ok(())
}

/// Returns the number of groups of the node at hand.
pub(super) fn group(c: &Context) -> usize {
    usize::try_from(c.node().int("group", 1)).unwrap_or(1)
}

/// Appends `Σ dy` over all axes but the channels.
pub(super) fn bias_gradient(c: &mut Context, dy: &str) -> Result<String, String> {
    let rank = c.shape(dy).len();
    let axes: Vec<i64> = (0..rank).filter(|&a| a != 1).map(signed).collect();
    let axes = c.int_constant(&axes);
    c.add("ReduceSum", &[dy, &axes], [("keepdims", 0.into())])
}

/// Appends the gradient of the input, of spatial `extents`, of a convolution by `kernel`
/// `[M, C / group, taps…]` whose output has the gradient `dy`.
///
/// A kernel that is a constant becomes another one once and for all, so that the gradient is an
/// ordinary `Conv`: the form that ONNX Runtime runs fastest.
pub(super) fn input_gradient(
    c: &mut Context,
    dy: &str,
    kernel: &str,
    windows: &[Window],
    group: usize,
    extents: &[usize],
) -> Result<String, String> {
    let strided = windows.iter().any(|w| w.stride > 1);
    let phased = windows.iter().all(|w| w.stride == 1 || w.dilation == 1);
    let weights = c.constant_value(kernel).and_then(|w| w.as_f32());
    match weights {
        Some(weights) if !strided || (phased && c.target().blocked()) => {
            let shape = c.shape(kernel);
            let phases = Phases::new(windows);
            let turned = phases.kernel(shape, weights, group);
            let turned = f32s(&phases.kernel_shape(shape, group), turned);
            let name = format!("{kernel}.turned{}", phases.suffix(group));
            let turned = c.shared_constant(&name, turned);
            let dx = convolve(c, dy, &turned, windows, group, extents)?;
            phases.interleave(c, &dx, windows, extents)
        }
        _ if !strided => {
            let turned = turn(c, kernel, group)?;
            convolve(c, dy, &turned, windows, group, extents)
        }
        _ => transposed(c, dy, kernel, windows, group, extents),
    }
}

/// A strided convolution's input gradient as one convolution of stride 1 that makes every phase
/// (position modulo the stride) a channel of its own.
///
/// With `j = s·a + r`, phase `r` of the gradient is `Σₐ dy[u - a] · w[s·a + r]` at `u = q div s`. A
/// stride of 1 has one phase: the kernel turned round.
struct Phases {
    strides: Vec<usize>,
    /// Phases along each axis that any tap falls into.
    used: Vec<usize>,
    /// Taps of one phase along each axis.
    taps: Vec<usize>,
}

impl Phases {
    fn new(windows: &[Window]) -> Self {
        Self {
            strides: windows.iter().map(|w| w.stride).collect(),
            used: windows.iter().map(|w| w.stride.min(w.kernel)).collect(),
            taps: windows
                .iter()
                .map(|w| w.kernel.div_ceil(w.stride))
                .collect(),
        }
    }

    /// Returns what tells this turned kernel from others of the same kernel.
    fn suffix(&self, group: usize) -> String {
        let mut suffix = String::new();
        if group > 1 {
            suffix = format!("_g{group}");
        }
        if self.strides.iter().any(|&s| s > 1) {
            let strides: Vec<String> = self.strides.iter().map(usize::to_string).collect();
            suffix = format!("{suffix}_s{}", strides.join("x"));
        }
        suffix
    }

    fn kernel_shape(&self, shape: &[usize], group: usize) -> Vec<usize> {
        let channels = shape[1] * group * self.used.iter().product::<usize>();
        [&[channels, shape[0] / group], self.taps.as_slice()].concat()
    }

    /// Returns `[C · phases, M / group, taps…]` of the weights `[M, C / group, kernel…]`.
    fn kernel(&self, shape: &[usize], weights: &[f32], group: usize) -> Vec<f32> {
        let (m_group, c_group) = (shape[0] / group, shape[1]);
        let phases: usize = self.used.iter().product();
        let taps: usize = self.taps.iter().product();
        let places: Vec<(usize, usize)> =
            indices(&shape[2..]).iter().map(|j| self.place(j)).collect();
        let mut turned = vec![0.0; shape[0] * c_group * phases * taps];
        for (row, kernel) in weights.chunks_exact(places.len().max(1)).enumerate() {
            let (m, ch) = (row / c_group, row % c_group);
            let channel = (m / m_group) * c_group + ch;
            for (&(phase, tap), &weight) in places.iter().zip(kernel) {
                let at = ((channel * phases + phase) * m_group + m % m_group) * taps + tap;
                turned[at] = weight;
            }
        }
        turned
    }

    /// Returns the phase that tap `j` falls into, and its place among the turned taps.
    fn place(&self, j: &[usize]) -> (usize, usize) {
        let mut result = (0, 0);
        for (i, &j) in j.iter().enumerate() {
            let (a, r) = (j / self.strides[i], j % self.strides[i]);
            result.0 = result.0 * self.used[i] + r;
            result.1 = result.1 * self.taps[i] + (self.taps[i] - 1 - a);
        }
        result
    }

    /// Appends `[N, C, extents…]` of `[N, C · phases, positions…]`.
    fn interleave(
        &self,
        c: &mut Context,
        value: &str,
        windows: &[Window],
        extents: &[usize],
    ) -> Result<String, String> {
        if self.strides.iter().all(|&s| s == 1) {
            return Ok(value.to_owned());
        }
        let rank = extents.len();
        let shape = c.shape(value).to_vec();
        let (n, positions) = (shape[0], &shape[2..]);
        let channels = shape[1] / self.used.iter().product::<usize>();
        let apart = [&[n, channels], self.used.as_slice(), positions].concat();
        let apart = c.reshape(value, &apart)?;
        let pairs = (0..rank).flat_map(|i| [2 + rank + i, 2 + i]);
        let order = signed_all([0, 1].into_iter().chain(pairs));
        let mut dx = c.add("Transpose", &[&apart], [("perm", order.into())])?;
        // A stride longer than the kernel leaves positions that no tap touches.
        let gaps: Vec<[i64; 2]> = (0..rank)
            .flat_map(|i| [[0, 0], [0, difference(self.strides[i], self.used[i])]])
            .collect();
        dx = pad(c, &dx, &gaps, 0.0)?;
        let whole = positions.iter().zip(&self.strides).map(|(u, s)| u * s);
        let whole: Vec<usize> = [n, channels].into_iter().chain(whole).collect();
        dx = c.reshape(&dx, &whole)?;
        for (axis, (window, &extent)) in windows.iter().zip(extents).enumerate() {
            dx = slice(c, &dx, axis, window.before % window.stride, extent, 1)?;
        }
        Ok(dx)
    }
}

/// Appends the convolution of `dy` by a turned kernel, giving the positions `q div s` of the input.
fn convolve(
    c: &mut Context,
    dy: &str,
    turned: &str,
    windows: &[Window],
    group: usize,
    extents: &[usize],
) -> Result<String, String> {
    let taps = c.shape(turned)[2..].to_vec();
    let counts = c.shape(dy)[2..].to_vec();
    let pads: Vec<[i64; 2]> = windows
        .iter()
        .enumerate()
        .map(|(i, w)| {
            let reach = w.dilation * (taps[i] - 1);
            let first = w.before / w.stride;
            let behind = (w.before + extents[i]).div_ceil(w.stride);
            [difference(reach, first), difference(behind, counts[i])]
        })
        .collect();
    let (dy, pads) = cut(c, dy, &pads)?;
    c.add(
        "Conv",
        &[&dy, turned],
        [
            (
                "dilations",
                signed_all(windows.iter().map(|w| w.dilation)).into(),
            ),
            ("group", signed(group).into()),
            ("kernel_shape", signed_all(taps).into()),
            ("pads", pads.into()),
        ],
    )
}

/// Appends the kernel `[M, C / group, taps…]` turned round: `[C, M / group, taps…]`.
fn turn(c: &mut Context, kernel: &str, group: usize) -> Result<String, String> {
    let shape = c.shape(kernel).to_vec();
    let (taps, axes) = (&shape[2..], 0..shape.len() - 2);
    let m = shape[0] / group;
    let apart = c.reshape(kernel, &[&[group, m, shape[1]], taps].concat())?;
    let order = [0, 2, 1].into_iter().chain(axes.clone().map(|i| i + 3));
    let perm = signed_all(order).into();
    let swapped = c.add("Transpose", &[&apart], [("perm", perm)])?;
    let swapped = c.reshape(&swapped, &[&[group * shape[1], m], taps].concat())?;
    let minus = vec![-1; taps.len()];
    let starts = c.int_constant(&minus);
    let ends = c.int_constant(&vec![i64::MIN; taps.len()]);
    let axes = c.int_constant(&signed_all(axes.map(|i| i + 2)));
    let steps = c.int_constant(&minus);
    c.add("Slice", &[&swapped, &starts, &ends, &axes, &steps], [])
}

/// Appends the gradient of the input as `ConvTranspose`, right for every geometry.
fn transposed(
    c: &mut Context,
    dy: &str,
    kernel: &str,
    windows: &[Window],
    group: usize,
    extents: &[usize],
) -> Result<String, String> {
    let counts = c.shape(dy)[2..].to_vec();
    // What the last window does not reach, less the padding behind that counts as reached.
    let rest = |i: usize| {
        let w = &windows[i];
        difference(
            extents[i] + w.before,
            (counts[i] - 1) * w.stride + w.reach(),
        )
    };
    let axes = 0..windows.len();
    let output_padding: Vec<i64> = axes.clone().map(|i| rest(i).max(0)).collect();
    let before = windows.iter().map(|w| signed(w.before));
    let pads: Vec<i64> = before.chain(axes.map(|i| (-rest(i)).max(0))).collect();
    let kernel_shape = signed_all(windows.iter().map(|w| w.kernel));
    c.add(
        "ConvTranspose",
        &[dy, kernel],
        [
            (
                "dilations",
                signed_all(windows.iter().map(|w| w.dilation)).into(),
            ),
            ("group", signed(group).into()),
            ("kernel_shape", kernel_shape.into()),
            ("output_padding", output_padding.into()),
            ("pads", pads.into()),
            (
                "strides",
                signed_all(windows.iter().map(|w| w.stride)).into(),
            ),
        ],
    )
}
