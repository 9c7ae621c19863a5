//! Which layers of a Caffe network are imported, and what each reads.
//!
//! Blobs become layers here: a layer that writes over what it reads gets a value of its own, named
//! after it, and whoever reads the blob later reads the last that wrote it. Kept is what does not
//! depend on the classifier (unless that is asked for) or on a layer that cannot be computed; such a
//! layer is an error where a convolution depends on it, else a note.

use std::collections::BTreeMap;

use super::error::{BottomReason, CaffeError, UnsupportedLayer};
use super::net::{Layer, Net};
use super::op::{Operation, operation};
use crate::network::layer_list::LayerOp;

/// The layers to import.
pub(super) struct Plan<'a> {
    /// In order.
    pub(super) kept: Vec<Kept<'a>>,
    /// Channels of the picture, where they are told.
    pub(super) channels: Option<usize>,
    /// What was left out, and why.
    pub(super) notes: Vec<String>,
}

/// A layer to import.
pub(super) struct Kept<'a> {
    /// The layer.
    pub(super) layer: &'a Layer<'a>,
    /// What it computes.
    pub(super) op: LayerOp,
    /// Positions in [`Plan::kept`] of what it reads; `None` is the picture.
    pub(super) from: Vec<Option<usize>>,
}

/// What a layer reads.
#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    Picture,
    Step(usize),
    /// A blob that is not there.
    Nothing(&'a str),
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `[N, C, H, W]`.
    Map,
    /// `[N, C, 1, 1]`.
    Point,
    /// `[N, C]`.
    Vector,
    /// `[N, C · H · W]` in Caffe.
    Flat,
}

/// A layer and what was found out about it.
struct Step<'a> {
    layer: &'a Layer<'a>,
    operation: Result<Operation, String>,
    sources: Vec<Source<'a>>,
    form: Form,
    /// It belongs to the classifier, which is not asked for.
    skipped: bool,
    /// It cannot be computed, or depends on what cannot be.
    broken: bool,
    /// A layer that makes the network what it is depends on it.
    needed: bool,
}

/// Decides what is imported of a network.
pub(super) fn plan<'a>(net: &'a Net<'a>, classifier: bool) -> Result<Plan<'a>, CaffeError> {
    let (mut steps, picture) = steps(net, classifier);
    mark_needed(&mut steps, classifier);
    refuse(net, &steps, picture)?;
    if !steps.iter().any(|step| step.needed) {
        return Err(CaffeError::Nothing { origin: net.origin });
    }
    let channels = picture.and_then(|name| net.inputs.get(name).copied().flatten());
    let notes = notes(&steps);
    let mut kept = Vec::new();
    // Where each step's value is made: in a kept layer, or in the picture.
    let mut made: Vec<Option<usize>> = Vec::with_capacity(steps.len());
    for step in steps {
        let whole = !step.skipped && !step.broken;
        let from: Vec<Option<usize>> = step
            .sources
            .iter()
            .map(|source| match source {
                Source::Step(index) => made[*index],
                Source::Picture | Source::Nothing(_) => None,
            })
            .collect();
        match step.operation {
            Ok(Operation::Compute(op)) if whole => {
                made.push(Some(kept.len()));
                kept.push(Kept {
                    layer: step.layer,
                    op,
                    from,
                });
            }
            _ => made.push(from.first().copied().flatten()),
        }
    }
    Ok(Plan {
        kept,
        channels,
        notes,
    })
}

/// Finds out what each layer reads and does; and which blob is the picture, the first that is fed
/// and read.
fn steps<'a>(net: &'a Net<'a>, classifier: bool) -> (Vec<Step<'a>>, Option<&'a str>) {
    let mut steps: Vec<Step<'a>> = Vec::with_capacity(net.layers.len());
    let mut picture = None;
    let mut current: BTreeMap<&str, usize> = BTreeMap::new();
    for layer in &net.layers {
        let sources: Vec<Source<'a>> = layer
            .bottoms
            .iter()
            .map(|&blob| match current.get(blob) {
                Some(&index) => Source::Step(index),
                None if net.inputs.contains_key(blob) => {
                    if *picture.get_or_insert(blob) == blob {
                        Source::Picture
                    } else {
                        Source::Nothing(blob)
                    }
                }
                None => Source::Nothing(blob),
            })
            .collect();
        for top in layer.tops.iter().take(made(layer)) {
            current.insert(top, steps.len());
        }
        let step = step(&steps, layer, sources, classifier);
        steps.push(step);
    }
    (steps, picture)
}

/// How many of a layer's blobs hold its value.
fn made(layer: &Layer<'_>) -> usize {
    if layer.kind == "Split" {
        layer.tops.len()
    } else {
        1
    }
}

fn step<'a>(
    before: &[Step<'a>],
    layer: &'a Layer<'a>,
    sources: Vec<Source<'a>>,
    classifier: bool,
) -> Step<'a> {
    let read = || {
        sources.iter().filter_map(|source| match source {
            Source::Step(index) => Some(&before[*index]),
            Source::Picture | Source::Nothing(_) => None,
        })
    };
    let mut forms = read().map(|step| step.form);
    let first = forms.next().unwrap_or(Form::Map);
    let alike = forms.all(|form| is_map(form) == is_map(first) && (is_map(form) || form == first));
    let shaped = operation(layer).and_then(|operation| {
        let form = form(&operation, first, alike)?;
        Ok((operation, form))
    });
    let (operation, form) = match shaped {
        Ok((operation, form)) => (Ok(operation), form),
        Err(reason) => (Err(reason), Form::Map),
    };
    let is_classifier = matches!(layer.kind, "InnerProduct" | "Softmax");
    let absent = sources.iter().any(|s| matches!(s, Source::Nothing(_)));
    Step {
        skipped: (is_classifier && !classifier) || read().any(|step| step.skipped),
        broken: operation.is_err() || absent || read().any(|step| step.broken),
        needed: false,
        layer,
        operation,
        form,
        sources,
    }
}

fn is_map(form: Form) -> bool {
    matches!(form, Form::Map | Form::Point)
}

/// Returns the form of what an operation makes of a form, or why it makes nothing.
fn form(operation: &Operation, read: Form, alike: bool) -> Result<Form, String> {
    let op = match operation {
        Operation::Same => return Ok(read),
        Operation::Flatten => {
            return Ok(match read {
                Form::Map | Form::Flat => Form::Flat,
                Form::Point | Form::Vector => Form::Vector,
            });
        }
        Operation::Compute(op) => op,
    };
    let possible = match op {
        LayerOp::Linear { .. } => return Ok(Form::Vector),
        LayerOp::GlobalAveragePool if is_map(read) => return Ok(Form::Point),
        LayerOp::Relu
        | LayerOp::LeakyRelu { .. }
        | LayerOp::Sigmoid
        | LayerOp::Tanh
        | LayerOp::Elu { .. }
        | LayerOp::Dropout { .. } => true,
        LayerOp::Sum { .. } | LayerOp::Product | LayerOp::Maximum => alike,
        LayerOp::Concat => alike && read != Form::Flat,
        LayerOp::Softmax => read != Form::Flat,
        LayerOp::Conv { .. }
        | LayerOp::MaxPool { .. }
        | LayerOp::AveragePool { .. }
        | LayerOp::GlobalAveragePool
        | LayerOp::Prelu
        | LayerOp::LrnAcross { .. }
        | LayerOp::LrnWithin { .. }
        | LayerOp::BatchNorm { .. }
        | LayerOp::Scale => is_map(read),
    };
    if !possible {
        return Err("it reads what was flattened to a list of numbers".to_owned());
    }
    Ok(match (op, read) {
        (LayerOp::Conv { .. } | LayerOp::MaxPool { .. } | LayerOp::AveragePool { .. }, _) => {
            Form::Map
        }
        (_, read) => read,
    })
}

/// Marks what the convolutions depend on, and the classifier where it is asked for.
fn mark_needed(steps: &mut [Step<'_>], classifier: bool) {
    for index in (0..steps.len()).rev() {
        let kind = steps[index].layer.kind;
        let is_end =
            kind == "Convolution" || (classifier && matches!(kind, "InnerProduct" | "Softmax"));
        steps[index].needed |= is_end && !steps[index].skipped;
        if steps[index].needed {
            for source in steps[index].sources.clone() {
                if let Source::Step(read) = source {
                    steps[read].needed = true;
                }
            }
        }
    }
}

/// Refuses a network whose needed layers cannot all be computed, naming every one that cannot.
fn refuse<'a>(
    net: &'a Net<'a>,
    steps: &[Step<'a>],
    picture: Option<&'a str>,
) -> Result<(), CaffeError> {
    let needed = || steps.iter().enumerate().filter(|(_, step)| step.needed);
    let layers: Vec<UnsupportedLayer> = needed()
        .filter_map(|(_, step)| {
            let reason = step.operation.as_ref().err()?.clone();
            Some(UnsupportedLayer {
                layer: step.layer.name.to_owned(),
                kind: step.layer.kind.to_owned(),
                reason,
            })
        })
        .collect();
    if !layers.is_empty() {
        let origin = net.origin;
        return Err(CaffeError::Unsupported { origin, layers });
    }
    let missing = needed().find_map(|(index, step)| {
        step.sources.iter().find_map(|source| match source {
            Source::Nothing(blob) => Some((index, *blob)),
            Source::Picture | Source::Step(_) => None,
        })
    });
    match missing {
        Some((index, blob)) => Err(CaffeError::Bottom {
            origin: net.origin,
            layer: steps[index].layer.name.to_owned(),
            blob: blob.to_owned(),
            reason: reason(net, blob, index, picture),
        }),
        None => Ok(()),
    }
}

/// Returns why layer `index` finds nothing under the name `blob`.
fn reason(net: &Net<'_>, blob: &str, index: usize, picture: Option<&str>) -> BottomReason {
    if let (true, Some(picture)) = (net.inputs.contains_key(blob), picture) {
        return BottomReason::SecondInput {
            picture: picture.to_owned(),
        };
    }
    let later = net.layers[index..].iter().find(|l| l.tops.contains(&blob));
    if let Some(layer) = later {
        return BottomReason::Later {
            by: layer.name.to_owned(),
        };
    }
    match net.training.get(blob) {
        Some(by) => BottomReason::Training {
            by: (*by).to_owned(),
        },
        None => BottomReason::Unknown,
    }
}

fn notes(steps: &[Step<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    let skipped: Vec<&str> = steps
        .iter()
        .filter(|s| s.skipped)
        .map(|s| s.layer.name)
        .collect();
    if !skipped.is_empty() {
        let names = skipped.join(", ");
        notes.push(format!(
            "left out with the classifier, which was not asked for: {names}"
        ));
    }
    let broken: Vec<String> = steps
        .iter()
        .filter(|step| step.broken && !step.skipped)
        .map(|step| match &step.operation {
            Ok(_) => step.layer.name.to_owned(),
            Err(reason) => format!("{} ({}: {reason})", step.layer.name, step.layer.kind),
        })
        .collect();
    if !broken.is_empty() {
        let names = broken.join(", ");
        notes.push(format!("left out behind the last convolution: {names}"));
    }
    notes
}
