//! Gradients of operators that move elements without changing them.

use super::super::Context;
use super::signed;
use crate::onnx::infer::{Cut, axis_index, permutation, slice_cuts};

/// `y = x` in another shape: `dx = dy` in the shape of `x`.
pub(super) fn reshape(c: &mut Context) -> Result<(), String> {
    let shape = c.shape(c.x(0)).to_vec();
    let dx = c.reshape(c.dy()?, &shape)?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y` is `x` with its axes in another order: `dx` is `dy` with them put back.
pub(super) fn transpose(c: &mut Context) -> Result<(), String> {
    let order = permutation(c.node().ints("perm"), c.shape(c.x(0)).len())?;
    let mut back = vec![0; order.len()];
    for (i, axis) in order.into_iter().enumerate() {
        back[axis] = signed(i);
    }
    let dx = c.add("Transpose", &[c.dy()?], [("perm", back.into())])?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y` joins `xᵢ` along an axis: `dxᵢ` is the part of `dy` where `xᵢ` lies.
pub(super) fn concat(c: &mut Context) -> Result<(), String> {
    let dy = c.dy()?;
    let axis = axis_index(c.node().int("axis", 0), c.shape(dy).len())?;
    let axes = c.int_constant(&[signed(axis)]);
    let mut start = 0;
    for i in 0..c.node().inputs.len() {
        let end = start + signed(c.shape(c.x(i))[axis]);
        if c.wants(i) {
            let (starts, ends) = (c.int_constant(&[start]), c.int_constant(&[end]));
            let dx = c.add("Slice", &[dy, &starts, &ends, &axes], [])?;
            c.set_dx(i, dx);
        }
        start = end;
    }
    Ok(())
}

/// `yᵢ` are the parts of `x` along an axis: `dx` joins `dyᵢ`, with zeros for those nobody uses.
pub(super) fn split(c: &mut Context) -> Result<(), String> {
    let mut parts = Vec::new();
    for i in 0..c.node().outputs.len() {
        parts.push(match c.dy_of(i) {
            Some(dy) => dy.to_owned(),
            None => zeros(c, c.y(i))?,
        });
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let axis = c.node().int("axis", 0);
    let dx = c.add("Concat", &parts, [("axis", axis.into())])?;
    c.set_dx(0, dx);
    Ok(())
}

/// Appends zeros in the shape of `value`.
fn zeros(c: &mut Context, value: &str) -> Result<String, String> {
    let shape: Vec<i64> = c.shape(value).iter().map(|&d| signed(d)).collect();
    let (zero, shape) = (c.scalar(0.0), c.int_constant(&shape));
    c.add("Expand", &[&zero, &shape], [])
}

/// `y` takes every `step`-th element of an axis of `x`: `dx` has `dy` at those and zeros elsewhere.
///
/// Three steps, each left out where it changes nothing: turn the axes that were read backwards, put
/// zeros between the elements, and pad to the extent of `x`.
pub(super) fn slice(c: &mut Context) -> Result<(), String> {
    let extents = c.shape(c.x(0)).to_vec();
    let lists = [c.list(1, "starts")?, c.list(2, "ends")?];
    let [Some(starts), Some(ends)] = lists else {
        return Err("the starts or the ends are missing".to_owned());
    };
    let (axes, steps) = (c.list(3, "axes")?, c.ints(4)?);
    let cuts = slice_cuts(
        &extents,
        [&starts, &ends],
        axes.as_deref(),
        steps.as_deref(),
    )?;

    let dy = turned(c, c.dy()?, &cuts)?;
    let dy = spread_out(c, &dy, &cuts)?;
    let mut pads = vec![0; 2 * extents.len()];
    for cut in &cuts {
        let lowest = if cut.step < 0 {
            cut.first - (cut.count - 1).max(0) * -cut.step
        } else {
            cut.first
        };
        pads[cut.axis] = lowest;
        // Less than 0 where the zeros behind the last element reach beyond the axis.
        pads[cut.axis + extents.len()] =
            signed(extents[cut.axis]) - lowest - cut.count * cut.step.abs();
    }
    let dx = if pads.iter().all(|&pad| pad == 0) {
        dy
    } else {
        let pads = c.int_constant(&pads);
        c.add("Pad", &[&dy, &pads], [])?
    };
    c.set_dx(0, dx);
    Ok(())
}

/// Appends `value` with the axes turned around that were read backwards.
fn turned(c: &mut Context, value: &str, cuts: &[Cut]) -> Result<String, String> {
    let axes: Vec<i64> = cuts
        .iter()
        .filter(|cut| cut.step < 0)
        .map(|cut| signed(cut.axis))
        .collect();
    if axes.is_empty() {
        return Ok(value.to_owned());
    }
    let minus_one = c.int_constant(&vec![-1; axes.len()]);
    let ends = c.int_constant(&vec![i64::MIN; axes.len()]);
    let axes = c.int_constant(&axes);
    c.add("Slice", &[value, &minus_one, &ends, &axes, &minus_one], [])
}

/// Appends `value` with `|step| − 1` zeros behind each element of an axis.
fn spread_out(c: &mut Context, value: &str, cuts: &[Cut]) -> Result<String, String> {
    if cuts.iter().all(|cut| cut.step.abs() == 1) {
        return Ok(value.to_owned());
    }
    let mut shape = c.shape(value).to_vec();
    // An axis of 1 behind each axis, padded to the step, and taken together with it again.
    let single: Vec<usize> = shape.iter().flat_map(|&d| [d, 1]).collect();
    let mut pads = vec![0; 2 * single.len()];
    for cut in cuts {
        let step = cut.step.abs();
        pads[single.len() + 2 * cut.axis + 1] = step - 1;
        shape[cut.axis] *= usize::try_from(step).map_err(|e| e.to_string())?;
    }
    let single = c.reshape(value, &single)?;
    let pads = c.int_constant(&pads);
    let padded = c.add("Pad", &[&single, &pads], [])?;
    c.reshape(&padded, &shape)
}
