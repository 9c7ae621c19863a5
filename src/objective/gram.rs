//! The style loss: `w · (1/C²) Σ (G/(C·M) − A)²` at a layer.
//!
//! `G = F·Fᵀ` is the Gram matrix of the features `F` `[C, M]`, `A` the (blended) target, already
//! divided by its own number of elements (Gatys, Ecker, Bethge 2016, equations 3 and 4, with
//! neural-style's constants). The gradient at the layer is `4w/(C²·C·M) · (G/(C·M) − A)·F`.

use super::{Normalize, Parts, Spec, Term, TermKind, exact, narrow, scale, sum};
use crate::onnx::{Builder, InferError};

/// Appends the Gram matrix of a layer divided by the number of its elements, and returns its name
/// and that of the features as a matrix `[C, M]`.
pub(super) fn gram(graph: &mut Builder, layer: &str) -> Result<(String, String), InferError> {
    let &[_, channels, height, width] = graph.shape(layer) else {
        return Err(InferError::Node {
            node: format!("layer `{layer}`"),
            reason: "a Gram matrix needs features `[1, C, h, w]`".to_owned(),
        });
    };
    let positions = height * width;
    let shape = [channels, positions].map(|d| i64::try_from(d).unwrap_or(i64::MAX));
    let shape = graph.ints(&shape);
    let matrix = graph.node("Reshape", &[layer, &shape], [])?;
    let count = exact(channels * positions);
    let gram = graph.node(
        "Gemm",
        &[&matrix, &matrix],
        [("transB", 1.into()), ("alpha", narrow(1.0 / count).into())],
    )?;
    Ok((gram, matrix))
}

pub(super) fn append(
    graph: &mut Builder,
    layer: &str,
    spec: &Spec,
    parts: &mut Parts,
) -> Result<(), InferError> {
    let shape = graph.shape(layer).to_vec();
    let channels = shape.get(1).copied().unwrap_or(1);
    let count = exact(shape.iter().product());
    let entries = exact(channels * channels);
    let term = Term {
        kind: TermKind::Style,
        layer: layer.to_owned(),
        target_shape: vec![channels, channels],
    };
    graph.set_prefix(&term.name());
    let (weight, target) = Parts::declare(graph, &term);
    let (gram, matrix) = gram(graph, layer)?;
    let difference = graph.node("Sub", &[&gram, &target], [])?;
    let squared = graph.node("Mul", &[&difference, &difference], [])?;
    let sum = sum(graph, &squared)?;
    let per_entry = graph.scalar(narrow(1.0 / entries));
    let loss = graph.node("Mul", &[&sum, &per_entry], [])?;
    let factor = narrow(4.0 / entries / count);
    let normalize = spec.semantics.normalize;
    let gradient = if normalize == Normalize::L1 {
        // The length is that of the whole gradient, which must be there before it is scaled.
        let raw = graph.node("Gemm", &[&difference, &matrix], [])?;
        let factor = scale(graph, normalize, &weight, factor, Some(&raw))?;
        graph.node("Mul", &[&raw, &factor], [])?
    } else {
        let factor = scale(graph, normalize, &weight, factor, None)?;
        let scaled = graph.node("Mul", &[&difference, &factor], [])?;
        graph.node("Gemm", &[&scaled, &matrix], [])?
    };
    let shape: Vec<i64> = shape
        .iter()
        .map(|&d| i64::try_from(d).unwrap_or(i64::MAX))
        .collect();
    let shape = graph.ints(&shape);
    let gradient = graph.node("Reshape", &[&gradient, &shape], [])?;
    let gradient = spec.target.enter(graph, &gradient)?;
    parts.seeds.push((layer.to_owned(), gradient));
    parts.finish(graph, term, &loss, &weight)?;
    graph.set_prefix("");
    Ok(())
}
