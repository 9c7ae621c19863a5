//! An objective as a standalone ONNX model, for other programs.

use super::{Objective, ObjectiveError, Term, TermKind};
use crate::network::Network;
use crate::onnx::{Constant, Model};
use crate::tensor::Tensor;

impl Objective {
    /// Returns the objective as a model of its own, with the weight of each term (in order, as
    /// [`Objective::weights`] gives them) inside.
    ///
    /// `targets` are those of the terms that have one, in order; they go inside as well. Where
    /// there are none, the model takes them as inputs, named by [`Term::target_input`].
    pub fn standalone(
        &self,
        network: &Network,
        weights: &[f32],
        targets: &[Tensor],
    ) -> Result<Model, ObjectiveError> {
        let mut model = self.model.clone();
        let what = "The loss terms of a picture over a network, and the gradient of their sum";
        network.describe(&mut model, what);
        for (term, weight) in self.terms.iter().zip(weights) {
            embed(&mut model, &term.weight_input(), Constant::scalar(*weight));
            let note = format!("{weight}, multiplied into {}.loss", term.name());
            model
                .metadata
                .insert(format!("weight_{}", term.name()), note);
        }
        let aimed = self
            .terms
            .iter()
            .filter(|term| term.kind != TermKind::TotalVariation);
        for (i, term) in aimed.enumerate() {
            let input = term.target_input();
            if let Some(target) = targets.get(i) {
                embed(&mut model, &input, constant(term, target)?);
            } else {
                model.metadata.insert(format!("input_{input}"), aim(term));
            }
        }
        Ok(model)
    }
}

/// Returns what a term's target is, in words.
fn aim(term: &Term) -> String {
    let shape = &term.target_shape;
    match term.kind {
        TermKind::Content => format!(
            "f32 {shape:?}: features of the content picture at {}",
            term.layer
        ),
        TermKind::Style => format!(
            "f32 {shape:?}: Gram matrix of the style picture at {}, F·Fᵀ over the channels, divided by the number of elements of F",
            term.layer
        ),
        TermKind::TotalVariation => String::new(),
    }
}

/// Makes an input a constant.
fn embed(model: &mut Model, input: &str, constant: Constant) {
    model.graph.inputs.retain(|info| info.name != input);
    model.graph.initializers.insert(input.to_owned(), constant);
}

fn constant(term: &Term, target: &Tensor) -> Result<Constant, ObjectiveError> {
    Constant::f32s(target.shape().to_vec(), target.data().to_vec())
        .filter(|constant| constant.shape() == term.target_shape)
        .ok_or_else(|| ObjectiveError::Target {
            term: term.name(),
            expected: term.target_shape.clone(),
            found: target.shape().to_vec(),
        })
}
