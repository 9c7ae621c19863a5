//! Shapes of reductions over axes.

use super::{Reading, Shape, axis_index};

/// Reduces the axes that are listed, or all of them where none is.
pub(super) fn reduce(reading: &Reading) -> Result<Vec<Shape>, String> {
    let shape = reading.shape(0)?;
    let keep = reading.node.int("keepdims", 1) != 0;
    let axes = reduced_axes(
        reading.list(1, "axes")?,
        reading.node.int("noop_with_empty_axes", 0) != 0,
        shape.len(),
    )?;
    let reduced = shape
        .iter()
        .enumerate()
        .filter_map(|(i, &d)| match (axes.contains(&i), keep) {
            (false, _) => Some(d),
            (true, true) => Some(1),
            (true, false) => None,
        })
        .collect();
    Ok(vec![reduced])
}

/// Returns which of `rank` axes a reduction with the list `axes` covers.
pub fn reduced_axes(
    axes: Option<Vec<i64>>,
    nothing_if_empty: bool,
    rank: usize,
) -> Result<Vec<usize>, String> {
    match axes {
        Some(axes) if !axes.is_empty() => axes
            .into_iter()
            .map(|axis| axis_index(axis, rank))
            .collect(),
        _ if nothing_if_empty => Ok(Vec::new()),
        _ => Ok((0..rank).collect()),
    }
}
