//! Gradient of padding, whichever way the border is filled.
//!
//! A negative pad cuts off, before anything is filled. Axes are independent of each other, so a
//! filled border is folded back one axis at a time.

use super::super::Context;
use super::signed;
use crate::onnx::infer::pads_by_axis;

/// `y` is `x` with a border: `dx` is the inner part of `dy`, plus what of the border was copied from
/// `x`, each to where it came from. Where the border is a value `v`, `dv` is the sum over it.
pub(super) fn pad(c: &mut Context) -> Result<(), String> {
    let shape = c.shape(c.x(0)).to_vec();
    let pads = c.list(1, "pads")?.ok_or("the pads are missing")?;
    let pads = pads_by_axis(&pads, c.ints(3)?, shape.len())?;
    let fold: Fold = match c.node().text("mode", "constant") {
        "constant" => return constant(c, &pads),
        "edge" => fold_edge,
        "reflect" => fold_reflection,
        other => return Err(format!("padding of mode `{other}` is not covered")),
    };
    let mut dx = c.dy()?.to_owned();
    for (axis, &[before, after]) in pads.iter().enumerate() {
        if before > 0 || after > 0 {
            let axis = Axis {
                index: signed(axis),
                before: before.max(0),
                inner: signed(shape[axis]) + before.min(0) + after.min(0),
                after: after.max(0),
            };
            dx = fold(c, &dx, axis)?;
        }
    }
    let cut: Vec<[i64; 2]> = pads.iter().map(|pad| pad.map(|p| p.min(0))).collect();
    let dx = undo(c, &dx, &cut)?;
    c.set_dx(0, dx);
    Ok(())
}

/// A border of one value: the inner part, with zeros for what was cut off.
fn constant(c: &mut Context, pads: &[[i64; 2]]) -> Result<(), String> {
    let dy = c.dy()?;
    let dx = undo(c, dy, pads)?;
    if c.wants(2) {
        let all = c.add("ReduceSum", &[dy], [("keepdims", 0.into())])?;
        let inner = c.add("ReduceSum", &[&dx], [("keepdims", 0.into())])?;
        let dv = c.add("Sub", &[&all, &inner], [])?;
        let shape = c.shape(c.x(2)).to_vec();
        let dv = c.reshape(&dv, &shape)?;
        c.set_dx(2, dv);
    }
    if c.wants(0) {
        c.set_dx(0, dx);
    }
    Ok(())
}

/// Appends `value` with pads taken off, or put on as zeros where they are negative.
fn undo(c: &mut Context, value: &str, pads: &[[i64; 2]]) -> Result<String, String> {
    let opposite: Vec<i64> = (0..2)
        .flat_map(|side| pads.iter().map(move |pad| -pad[side]))
        .collect();
    if opposite.iter().all(|&pad| pad == 0) {
        return Ok(value.to_owned());
    }
    let opposite = c.int_constant(&opposite);
    c.add("Pad", &[value, &opposite], [])
}

type Fold = fn(&mut Context, &str, Axis) -> Result<String, String>;

/// An axis with `inner` elements between a border of `before` and one of `after`.
#[derive(Clone, Copy)]
struct Axis {
    index: i64,
    before: i64,
    inner: i64,
    after: i64,
}

impl Axis {
    /// Appends elements `from..to` of `value` (indices that count the border).
    fn part(self, c: &mut Context, value: &str, from: i64, to: i64) -> Result<String, String> {
        self.slice(c, value, [from, to, 1])
    }

    /// Appends elements `from`, `from − 1`, … down to but without `to`.
    fn part_backwards(
        self,
        c: &mut Context,
        value: &str,
        from: i64,
        to: i64,
    ) -> Result<String, String> {
        // An end of −1 would count from the end.
        let to = if to < 0 { i64::MIN } else { to };
        self.slice(c, value, [from, to, -1])
    }

    fn slice(self, c: &mut Context, value: &str, range: [i64; 3]) -> Result<String, String> {
        let [start, end, step] = range.map(|v| c.int_constant(&[v]));
        let axis = c.int_constant(&[self.index]);
        c.add("Slice", &[value, &start, &end, &axis, &step], [])
    }

    fn join(self, c: &mut Context, parts: &[String]) -> Result<String, String> {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        c.add("Concat", &parts, [("axis", self.index.into())])
    }
}

/// The first and the last inner element gather the border beside them.
fn fold_edge(c: &mut Context, dy: &str, axis: Axis) -> Result<String, String> {
    let last = axis.before + axis.inner - 1;
    let mut gathered = |from: i64, to: i64| {
        let part = axis.part(c, dy, from, to)?;
        let axes = c.int_constant(&[axis.index]);
        c.add("ReduceSum", &[&part, &axes], [("keepdims", 1.into())])
    };
    let total = last + 1 + axis.after;
    if axis.inner == 1 {
        return gathered(0, total);
    }
    let (first, behind) = (gathered(0, axis.before + 1)?, gathered(last, total)?);
    let mut parts = vec![first];
    if axis.inner > 2 {
        parts.push(axis.part(c, dy, axis.before + 1, last)?);
    }
    parts.push(behind);
    axis.join(c, &parts)
}

/// Inner element `i` gathers `dy` at itself and where the borders mirror it: `before − i` for
/// `1 ≤ i ≤ before`, and `before + 2·(inner − 1) − i` for the `after` elements before the last.
fn fold_reflection(c: &mut Context, dy: &str, axis: Axis) -> Result<String, String> {
    let Axis {
        before,
        inner,
        after,
        ..
    } = axis;
    if before.max(after) >= inner {
        return Err(format!(
            "a reflection of {} elements of an axis of {inner} is not covered",
            before.max(after)
        ));
    }
    // Between two neighbouring bounds the same borders contribute to all elements.
    let mirrors = [
        (1, before + 1, before),
        (inner - 1 - after, inner - 1, before + 2 * (inner - 1)),
    ];
    let mut bounds = vec![0, inner];
    for (start, end, _) in mirrors {
        if start < end {
            bounds.extend([start, end]);
        }
    }
    bounds.sort_unstable();
    bounds.dedup();
    let mut parts = Vec::new();
    for pair in bounds.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let mut sum = axis.part(c, dy, before + from, before + to)?;
        for (start, end, offset) in mirrors {
            if start <= from && to <= end {
                let mirrored = axis.part_backwards(c, dy, offset - from, offset - to)?;
                sum = c.add("Add", &[&sum, &mirrored], [])?;
            }
        }
        parts.push(sum);
    }
    axis.join(c, &parts)
}
