//! Gradient of `MaxPool`.
//!
//! Where several elements of a window are its maximum, as everywhere on flat drawings, a window's
//! gradient is given once: shared in the forms for 2×2 on a processor, to the first element (as
//! PyTorch does) in the general one.

use super::super::{Context, Target};
use super::geometry::{difference, fit, indices, pad, repeat, scaled, signed_all, slice};
use super::signed;
use crate::onnx::infer::window::{Window, windows};

/// Large enough that times any difference of two numbers it leaves no place for a 1, and small
/// enough that it does not overflow.
const STEEP: f32 = 1.267_650_6e30;

/// `y[o] = max x` over window `o`: `dx[q] = Σ dy[o]` over the windows whose maximum is `x[q]`.
pub(super) fn max_pool(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?.to_owned();
    if c.node().int("storage_order", 0) != 0 && c.node().outputs.len() > 1 {
        return Err("MaxPool with indices in column order is not covered".to_owned());
    }
    let extents = c.shape(c.x(0))[2..].to_vec();
    let windows = windows(c.node(), &extents, None)?;
    let counts = c.shape(&dy)[2..].to_vec();
    let pairs = windows.len() == 2
        && windows
            .iter()
            .zip(&extents)
            .zip(&counts)
            .all(|((w, &extent), &count)| {
                (w.kernel, w.stride, w.dilation, w.before) == (2, 2, 1, 0)
                    && 2 * count <= extent + 1
            });
    let whole = pairs
        && extents
            .iter()
            .zip(&counts)
            .all(|(&extent, &count)| 2 * count == extent);
    let dx = if pairs && c.target() == Target::Blocked {
        shared(c, &dy, &extents, &counts)?
    } else if whole && c.target() == Target::Planar {
        shared_plainly(c, &dy)?
    } else {
        first_wins(c, &dy, &windows, &extents)?
    };
    c.set_dx(0, dx);
    Ok(())
}

/// Windows of 2×2 side by side, in operators that stay blocked: with `e` 1 where `x` is the maximum
/// of its window and else 0, and `n` the sum of `e` over a window, `dx = e · dy / n`.
fn shared(
    c: &mut Context,
    dy: &str,
    extents: &[usize],
    counts: &[usize],
) -> Result<String, String> {
    // What the windows cover: less than `x` where a last row is left over, and less than the
    // windows' own size where the last of them is half outside.
    let covered: Vec<usize> = extents
        .iter()
        .zip(counts)
        .map(|(&e, &o)| e.min(2 * o))
        .collect();
    let outside: Vec<i64> = covered
        .iter()
        .zip(counts)
        .map(|(&e, &o)| difference(2 * o, e))
        .collect();

    let minus = scaled(c, c.y(0), -1.0, None)?;
    let minus = repeat(c, &minus, &[2, 2])?;
    let minus = fit(c, &minus, &covered)?;
    // A convolution even where nothing is cut off: ONNX Runtime runs the sum and the step with it.
    let x = if covered == extents {
        scaled(c, c.x(0), 1.0, None)?
    } else {
        fit(c, c.x(0), &covered)?
    };
    let behind = c.add("Add", &[&x, &minus], [])?;
    let step = [("alpha", STEEP.into()), ("beta", 1.0.into())];
    let e = c.add("HardSigmoid", &[&behind], step)?;

    let quarter = c.add(
        "AveragePool",
        &[&e],
        [
            ("kernel_shape", vec![2, 2].into()),
            ("strides", vec![2, 2].into()),
            ("pads", [&[0, 0], outside.as_slice()].concat().into()),
            ("count_include_pad", 1.into()),
        ],
    )?;
    let reciprocal = reciprocal(c, &quarter)?;
    let share = c.mul(dy, &reciprocal)?;
    let share = repeat(c, &share, &[2, 2])?;
    let share = fit(c, &share, &covered)?;
    let dx = c.mul(&share, &e)?;
    fit(c, &dx, extents)
}

/// The same in the plain layout, where a division costs no more than a product; the windows cover
/// `x` exactly.
fn shared_plainly(c: &mut Context, dy: &str) -> Result<String, String> {
    let maximum = repeat(c, c.y(0), &[2, 2])?;
    let behind = c.add("Sub", &[c.x(0), &maximum], [])?;
    let step = [("alpha", STEEP.into()), ("beta", 1.0.into())];
    let e = c.add("HardSigmoid", &[&behind], step)?;
    let pairs = [
        ("kernel_shape", vec![2, 2].into()),
        ("strides", vec![2, 2].into()),
    ];
    let quarter = c.add("AveragePool", &[&e], pairs)?;
    let share = c.add("Div", &[dy, &quarter], [])?;
    let fourth = c.scalar(0.25);
    let share = c.mul(&share, &fourth)?;
    let share = repeat(c, &share, &[2, 2])?;
    c.mul(&share, &e)
}

/// Appends `1 / n` of `q = n / 4`, exact for `n` from 1 to 4: straight lines between those points,
/// since a division would leave the blocked layout.
fn reciprocal(c: &mut Context, q: &str) -> Result<String, String> {
    let mut sum = scaled(c, q, -2.0, Some(1.5))?;
    for (slope, offset) in [(4.0 / 3.0, -2.0 / 3.0), (1.0 / 3.0, -0.25)] {
        let line = scaled(c, q, slope, Some(offset))?;
        let bend = c.add("Relu", &[&line], [])?;
        sum = c.add("Add", &[&sum, &bend], [])?;
    }
    Ok(sum)
}

/// Every geometry: tap by tap, the gradient that no tap before has taken goes to the element that
/// equals the maximum.
fn first_wins(
    c: &mut Context,
    dy: &str,
    windows: &[Window],
    extents: &[usize],
) -> Result<String, String> {
    let counts = c.shape(dy)[2..].to_vec();
    let pads: Vec<[i64; 2]> = windows
        .iter()
        .enumerate()
        .map(|(i, w)| {
            let reached = (counts[i] - 1) * w.stride + w.reach();
            [
                signed(w.before),
                difference(reached, extents[i] + w.before).max(0),
            ]
        })
        .collect();
    let x = pad(c, c.x(0), &pads, f32::NEG_INFINITY)?;
    let zero = c.scalar(0.0);
    let kernel: Vec<usize> = windows.iter().map(|w| w.kernel).collect();
    let mut rest = dy.to_owned();
    let mut taps = Vec::new();
    for tap in indices(&kernel) {
        let mut seen = x.clone();
        for (axis, w) in windows.iter().enumerate() {
            seen = slice(
                c,
                &seen,
                axis,
                tap[axis] * w.dilation,
                counts[axis],
                w.stride,
            )?;
        }
        let won = c.add("Equal", &[&seen, c.y(0)], [])?;
        let taken = c.add("Where", &[&won, &rest, &zero], [])?;
        if taps.len() + 1 < kernel.iter().product() {
            rest = c.add("Sub", &[&rest, &taken], [])?;
        }
        taps.push(taken);
    }
    // The last axis first: its taps follow each other.
    for (axis, w) in windows.iter().enumerate().rev() {
        taps = taps
            .chunks(w.kernel)
            .map(|parts| join(c, parts, axis, w, extents[axis]))
            .collect::<Result<_, _>>()?;
    }
    Ok(taps.swap_remove(0))
}

/// Appends the sum along one axis of what each of its taps puts where its window has it.
///
/// Positions of the same phase (modulo the stride) lie side by side in the taps; the phases are
/// interleaved in the end.
fn join(
    c: &mut Context,
    parts: &[String],
    axis: usize,
    w: &Window,
    extent: usize,
) -> Result<String, String> {
    let shape = c.shape(&parts[0]).to_vec();
    let at = axis + 2;
    let shift = |j: usize| j * w.dilation / w.stride;
    let units = (shift(w.kernel - 1) + shape[at]).max((w.before + extent).div_ceil(w.stride));
    let mut unit_shape = shape.clone();
    unit_shape[at] = units;
    unit_shape.insert(at + 1, 1);
    let mut phases = Vec::new();
    for phase in 0..w.stride {
        let mut sum: Option<String> = None;
        for (j, part) in parts.iter().enumerate() {
            if j * w.dilation % w.stride != phase {
                continue;
            }
            let mut pads = vec![[0, 0]; shape.len() - 2];
            pads[axis] = [signed(shift(j)), difference(units, shift(j) + shape[at])];
            let part = pad(c, part, &pads, 0.0)?;
            sum = Some(match sum {
                Some(sum) => c.add("Add", &[&sum, &part], [])?,
                None => part,
            });
        }
        phases.push(if let Some(sum) = sum {
            c.reshape(&sum, &unit_shape)?
        } else {
            let zero = c.scalar(0.0);
            let shape = c.int_constant(&signed_all(unit_shape.iter().copied()));
            c.add("Expand", &[&zero, &shape], [])?
        });
    }
    let names: Vec<&str> = phases.iter().map(String::as_str).collect();
    let joined = c.add("Concat", &names, [("axis", signed(at + 1).into())])?;
    unit_shape.remove(at + 1);
    unit_shape[at] = units * w.stride;
    let joined = c.reshape(&joined, &unit_shape)?;
    slice(c, &joined, axis, w.before, extent, 1)
}
