//! Total variation of the picture (`x`, `[1, 3, H, W]`, 0–255).
//!
//! neural-style-pt: `w · (Σ |x[i+1, j] − x[i, j]| + Σ |x[i, j+1] − x[i, j]|)` over the whole
//! picture, part of the loss. neural-style (Lua): the gradient of `½ Σ ((x[i, j] − x[i, j+1])² +
//! (x[i, j] − x[i+1, j])²)` over `i < H−1`, `j < W−1`; its value is no part of the loss. Both are
//! sums, so their strength grows with the number of pixels.

use super::{IMAGE, Parts, Spec, Term, TermKind, TotalVariation};
use crate::onnx::{Builder, InferError};

pub(super) fn append(
    graph: &mut Builder,
    spec: &Spec,
    parts: &mut Parts,
) -> Result<(), InferError> {
    let term = Term {
        kind: TermKind::TotalVariation,
        layer: String::new(),
        target_shape: Vec::new(),
    };
    graph.set_prefix("tv");
    let weight = graph.input(&term.weight_input(), &[]);
    let sum = match spec.semantics.total_variation {
        TotalVariation::Absolute => {
            let (down, right) = differences(graph, [(0, 0), (0, 0)])?;
            let down = absolute(graph, &down)?;
            let right = absolute(graph, &right)?;
            graph.node("Add", &[&down, &right], [])?
        }
        TotalVariation::SquaredGradientOnly => {
            let (down, right) = differences(graph, [(0, 1), (1, 0)])?;
            let down = squared(graph, &down)?;
            let right = squared(graph, &right)?;
            let both = graph.node("Add", &[&down, &right], [])?;
            let half = graph.scalar(0.5);
            graph.node("Mul", &[&both, &half], [])?
        }
    };
    parts.seeds.push((sum.clone(), weight.clone()));
    if spec.semantics.total_variation == TotalVariation::Absolute {
        parts.finish(graph, term, &sum, &weight)?;
    } else {
        // A term without a value: its column shows 0, as the original reports.
        let zero = graph.scalar(0.0);
        parts.finish(graph, term, &zero, &weight)?;
    }
    graph.set_prefix("");
    Ok(())
}

/// Returns the differences of vertical and of horizontal neighbours, over the picture less the
/// last rows and columns that `cut` says for each of the two.
fn differences(
    graph: &mut Builder,
    cut: [(usize, usize); 2],
) -> Result<(String, String), InferError> {
    let (height, width) = (graph.shape(IMAGE)[2], graph.shape(IMAGE)[3]);
    let [(down_rows, down_columns), (right_rows, right_columns)] = cut;
    let (h, w) = (height - 1 - down_rows, width - down_columns);
    let lower = crop(graph, (1, 1 + h), (0, w))?;
    let upper = crop(graph, (0, h), (0, w))?;
    let down = graph.node("Sub", &[&lower, &upper], [])?;
    let (h, w) = (height - right_rows, width - 1 - right_columns);
    let later = crop(graph, (0, h), (1, 1 + w))?;
    let earlier = crop(graph, (0, h), (0, w))?;
    let right = graph.node("Sub", &[&later, &earlier], [])?;
    Ok((down, right))
}

fn crop(
    graph: &mut Builder,
    rows: (usize, usize),
    columns: (usize, usize),
) -> Result<String, InferError> {
    let int = |d: usize| i64::try_from(d).unwrap_or(i64::MAX);
    let starts = graph.ints(&[int(rows.0), int(columns.0)]);
    let ends = graph.ints(&[int(rows.1), int(columns.1)]);
    let axes = graph.ints(&[2, 3]);
    graph.node("Slice", &[IMAGE, &starts, &ends, &axes], [])
}

fn absolute(graph: &mut Builder, value: &str) -> Result<String, InferError> {
    let absolute = graph.node("Abs", &[value], [])?;
    graph.node("ReduceSum", &[&absolute], [("keepdims", 0.into())])
}

fn squared(graph: &mut Builder, value: &str) -> Result<String, InferError> {
    let squared = graph.node("Mul", &[value, value], [])?;
    graph.node("ReduceSum", &[&squared], [("keepdims", 0.into())])
}
