//! Shapes of operators that move elements without changing them.

use super::{Reading, Shape, axis_index, broadcast};

pub(super) fn concat(reading: &Reading) -> Result<Vec<Shape>, String> {
    let mut shape = reading.shape(0)?.to_vec();
    let axis = axis_index(reading.node.int("axis", 0), shape.len())?;
    for i in 1..reading.node.inputs.len() {
        let other = reading.shape(i)?;
        let fits = other.len() == shape.len()
            && shape
                .iter()
                .zip(other)
                .enumerate()
                .all(|(j, (a, b))| j == axis || a == b);
        if !fits {
            return Err(format!(
                "input {i} of shape {other:?} cannot be joined to {shape:?}"
            ));
        }
        shape[axis] += other[axis];
    }
    Ok(vec![shape])
}

pub(super) fn split(reading: &Reading) -> Result<Vec<Shape>, String> {
    let shape = reading.shape(0)?;
    let axis = axis_index(reading.node.int("axis", 0), shape.len())?;
    let parts = split_sizes(
        reading.list(1, "split")?,
        shape[axis],
        reading.node.outputs.len(),
    )?;
    Ok(parts
        .into_iter()
        .map(|part| {
            let mut piece = shape.to_vec();
            piece[axis] = part;
            piece
        })
        .collect())
}

/// Returns the extents of the parts: those listed, or equal ones with a smaller last.
fn split_sizes(
    listed: Option<Vec<i64>>,
    extent: usize,
    count: usize,
) -> Result<Vec<usize>, String> {
    if let Some(listed) = listed {
        let parts: Option<Vec<usize>> = listed
            .iter()
            .map(|&part| usize::try_from(part).ok())
            .collect();
        return parts
            .filter(|parts| parts.len() == count && parts.iter().all(|&part| part <= extent))
            .filter(|parts| parts.iter().sum::<usize>() == extent)
            .ok_or_else(|| format!("parts {listed:?} do not make up an axis of {extent}"));
    }
    let part = extent.div_ceil(count.max(1));
    let sizes: Vec<usize> = (0..count)
        .map(|i| part.min(extent.saturating_sub(i * part)))
        .collect();
    Ok(sizes)
}

pub(super) fn reshape(reading: &Reading) -> Result<Vec<Shape>, String> {
    let shape = reading.shape(0)?;
    let wanted = reading
        .list(1, "shape")?
        .ok_or("the new shape is missing")?;
    let zero_is_zero = reading.node.int("allowzero", 0) != 0;
    let total: usize = shape.iter().product();
    let mut result = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (i, &d) in wanted.iter().enumerate() {
        result.push(match d {
            -1 if open.is_none() => {
                open = Some(i);
                1
            }
            0 if !zero_is_zero => *shape
                .get(i)
                .ok_or_else(|| format!("axis {i} to copy does not exist"))?,
            _ => usize::try_from(d).map_err(|_source| format!("extent {d} makes no sense"))?,
        });
    }
    let product = |extents: &[usize]| extents.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
    if let Some(i) = open {
        let rest = product(&result).unwrap_or(0);
        result[i] = total.checked_div(rest).unwrap_or(0);
    }
    if product(&result) == Some(total) {
        Ok(vec![result])
    } else {
        Err(format!("{shape:?} cannot be reshaped to {wanted:?}"))
    }
}

pub(super) fn expand(reading: &Reading) -> Result<Vec<Shape>, String> {
    let wanted = reading.constant(1)?.ok_or("the new shape is missing")?;
    let wanted: Option<Shape> = wanted.iter().map(|&d| usize::try_from(d).ok()).collect();
    Ok(vec![broadcast(
        reading.shape(0)?,
        &wanted.ok_or("a negative extent makes no sense")?,
    )?])
}

pub(super) fn flatten(reading: &Reading) -> Result<Vec<Shape>, String> {
    let shape = reading.shape(0)?;
    let axis = reading.node.int("axis", 1);
    // Unlike other axes, this one may lie behind the last.
    let axis = if axis == i64::try_from(shape.len()).unwrap_or(i64::MAX) {
        shape.len()
    } else {
        axis_index(axis, shape.len())?
    };
    Ok(vec![vec![
        shape[..axis].iter().product(),
        shape[axis..].iter().product(),
    ]])
}

pub(super) fn squeeze(reading: &Reading) -> Result<Vec<Shape>, String> {
    let shape = reading.shape(0)?;
    let axes: Vec<usize> = match reading.list(1, "axes")? {
        Some(axes) => axes
            .into_iter()
            .map(|a| axis_index(a, shape.len()))
            .collect::<Result<_, _>>()?,
        None => (0..shape.len()).filter(|&i| shape[i] == 1).collect(),
    };
    if let Some(&axis) = axes.iter().find(|&&axis| shape[axis] != 1) {
        return Err(format!(
            "axis {axis} of {shape:?} is not 1 and cannot be dropped"
        ));
    }
    let kept = shape
        .iter()
        .enumerate()
        .filter(|(i, _)| !axes.contains(i))
        .map(|(_, &d)| d);
    Ok(vec![kept.collect()])
}

pub(super) fn unsqueeze(reading: &Reading) -> Result<Vec<Shape>, String> {
    let shape = reading.shape(0)?;
    let listed = reading.list(1, "axes")?.ok_or("the axes are missing")?;
    let rank = shape.len() + listed.len();
    let axes: Vec<usize> = listed
        .into_iter()
        .map(|a| axis_index(a, rank))
        .collect::<Result<_, _>>()?;
    let mut rest = shape.iter();
    let result: Option<Shape> = (0..rank)
        .map(|i| {
            if axes.contains(&i) {
                Some(1)
            } else {
                rest.next().copied()
            }
        })
        .collect();
    Ok(vec![result.ok_or("an axis is listed twice")?])
}

pub(super) fn transpose(reading: &Reading) -> Result<Vec<Shape>, String> {
    let shape = reading.shape(0)?;
    let order = permutation(reading.node.ints("perm"), shape.len())?;
    Ok(vec![order.into_iter().map(|i| shape[i]).collect()])
}

/// Returns the order of axes that `perm` states; without it they are reversed.
pub fn permutation(perm: Option<&[i64]>, rank: usize) -> Result<Vec<usize>, String> {
    let Some(perm) = perm else {
        return Ok((0..rank).rev().collect());
    };
    let order: Vec<usize> = perm
        .iter()
        .map(|&a| axis_index(a, rank))
        .collect::<Result<_, _>>()?;
    let mut seen = order.clone();
    seen.sort_unstable();
    if seen.into_iter().eq(0..rank) {
        Ok(order)
    } else {
        Err(format!("{perm:?} is not an order of {rank} axes"))
    }
}

pub(super) fn slice(reading: &Reading) -> Result<Vec<Shape>, String> {
    let mut shape = reading.shape(0)?.to_vec();
    let starts = reading.list(1, "starts")?.ok_or("the starts are missing")?;
    let ends = reading.list(2, "ends")?.ok_or("the ends are missing")?;
    let (axes, steps) = (reading.list(3, "axes")?, reading.constant(4)?);
    for cut in slice_cuts(
        &shape.clone(),
        [&starts, &ends],
        axes.as_deref(),
        steps.as_deref(),
    )? {
        shape[cut.axis] = usize::try_from(cut.count).map_err(|e| e.to_string())?;
    }
    Ok(vec![shape])
}

/// What a slice takes of one axis: `count` elements from `first` on, `step` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Index of the axis.
    pub axis: usize,
    /// Index of the first element taken.
    pub first: i64,
    /// Number of elements taken.
    pub count: i64,
    /// Distance between them; negative where the axis is read backwards, never 0.
    pub step: i64,
}

/// Returns what a slice with these lists (starts and ends in `range`) takes of a value of `shape`.
pub fn slice_cuts(
    shape: &[usize],
    range: [&[i64]; 2],
    axes: Option<&[i64]>,
    steps: Option<&[i64]>,
) -> Result<Vec<Cut>, String> {
    let [starts, ends] = range;
    let differs = |list: Option<&[i64]>| list.is_some_and(|list| list.len() != starts.len());
    if differs(Some(ends)) || differs(axes) || differs(steps) {
        return Err("starts, ends, axes and steps differ in number".to_owned());
    }
    (0..starts.len())
        .map(|i| {
            let axis = match axes {
                Some(axes) => axes[i],
                None => i64::try_from(i).unwrap_or(i64::MAX),
            };
            let axis = axis_index(axis, shape.len())?;
            let step = steps.map_or(1, |steps| steps[i]);
            let (first, count) = slice_range(starts[i], ends[i], step, shape[axis])?;
            Ok(Cut {
                axis,
                first,
                count,
                step,
            })
        })
        .collect()
}

/// Returns the first index and the number of indices that a slice of an axis covers.
fn slice_range(start: i64, end: i64, step: i64, extent: usize) -> Result<(i64, i64), String> {
    let n = i64::try_from(extent).unwrap_or(i64::MAX);
    let from_end = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
    let (first, distance) = match step {
        0 => return Err("a step of 0 makes no sense".to_owned()),
        1.. => {
            let first = from_end(start).clamp(0, n);
            (first, from_end(end).clamp(0, n) - first)
        }
        _ => {
            let first = from_end(start).clamp(-1, n - 1);
            (first.max(0), first - from_end(end).clamp(-1, n - 1))
        }
    };
    let count = distance.max(0).unsigned_abs().div_ceil(step.unsigned_abs());
    Ok((first, i64::try_from(count).unwrap_or(i64::MAX)))
}

pub(super) fn pad(reading: &Reading) -> Result<Vec<Shape>, String> {
    let shape = reading.shape(0)?;
    let pads = reading.list(1, "pads")?.ok_or("the pads are missing")?;
    let pads = pads_by_axis(&pads, reading.constant(3)?, shape.len())?;
    let padded: Option<Shape> = shape
        .iter()
        .zip(pads)
        .map(|(&d, [before, after])| {
            let padded = i64::try_from(d)
                .ok()?
                .checked_add(before)?
                .checked_add(after)?;
            usize::try_from(padded).ok()
        })
        .collect();
    Ok(vec![padded.ok_or("more is cut off than there is")?])
}

/// Returns what is added before and after each of `rank` axes (negative cuts off).
pub fn pads_by_axis(
    pads: &[i64],
    axes: Option<Vec<i64>>,
    rank: usize,
) -> Result<Vec<[i64; 2]>, String> {
    let axes = match axes {
        Some(axes) => axes
            .into_iter()
            .map(|a| axis_index(a, rank))
            .collect::<Result<_, _>>()?,
        None => (0..rank).collect::<Vec<_>>(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(format!("{} pads for {} axes", pads.len(), axes.len()));
    }
    let mut result = vec![[0, 0]; rank];
    for (i, &axis) in axes.iter().enumerate() {
        result[axis] = [pads[i], pads[i + axes.len()]];
    }
    Ok(result)
}

/// `[N, C·b², H, W]` to `[N, C, H·b, W·b]`.
pub(super) fn depth_to_space(reading: &Reading) -> Result<Vec<Shape>, String> {
    let &[n, c, h, w] = reading.shape(0)? else {
        return Err("DepthToSpace needs a value of four axes".to_owned());
    };
    let block = usize::try_from(reading.node.int("blocksize", 0)).unwrap_or(0);
    if block == 0 || block > c || c % (block * block) != 0 {
        return Err(format!(
            "{c} channels cannot be spread over blocks of {block}×{block}"
        ));
    }
    Ok(vec![vec![n, c / (block * block), h * block, w * block]])
}
