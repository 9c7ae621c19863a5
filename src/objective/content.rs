//! The content loss: `w · (1/(C·M)) Σ (F − P)²` at a layer.
//!
//! `F` are the features of the picture, `P` those of the content picture, both `[1, C, h, w]` with
//! `M = h·w` (Gatys, Ecker, Bethge 2016, equation 1, with the mean in place of half the sum, as in
//! neural-style). The gradient at the layer is `2w/(C·M) · (F − P)`.

use super::{Parts, Spec, Term, TermKind, exact, narrow, scale, sum};
use crate::onnx::{Builder, InferError};

pub(super) fn append(
    graph: &mut Builder,
    layer: &str,
    spec: &Spec,
    parts: &mut Parts,
) -> Result<(), InferError> {
    let shape = graph.shape(layer).to_vec();
    let count = exact(shape.iter().product());
    let term = Term {
        kind: TermKind::Content,
        layer: layer.to_owned(),
        target_shape: shape,
    };
    graph.set_prefix(&term.name());
    let (weight, target) = Parts::declare(graph, &term);
    let difference = graph.node("Sub", &[layer, &target], [])?;
    let squared = graph.node("Mul", &[&difference, &difference], [])?;
    let sum = sum(graph, &squared)?;
    let per_element = graph.scalar(narrow(1.0 / count));
    let loss = graph.node("Mul", &[&sum, &per_element], [])?;
    let factor = scale(
        graph,
        spec.semantics.normalize,
        &weight,
        narrow(2.0 / count),
        Some(&difference),
    )?;
    let gradient = graph.node("Mul", &[&difference, &factor], [])?;
    let gradient = spec.target.enter(graph, &gradient)?;
    parts.seeds.push((layer.to_owned(), gradient));
    parts.finish(graph, term, &loss, &weight)?;
    graph.set_prefix("");
    Ok(())
}
