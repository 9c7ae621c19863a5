//! Which layers bare tensors are the weights of: a list that is given, or one that their names and
//! shapes decide on.
//!
//! Two ways lead from names to layers. `convB_I.weight` and `convB_I.bias` are the plan of VGG, of
//! any widths and depths: convolutions of stride 1 that keep the size, each followed by a `ReLU`
//! `reluB_I`, with a 2×2 max-pooling `poolB` between blocks. All other names are held against the
//! lists inside the program ([`KNOWN`]), shape by shape, and the one that uses most of the tensors is
//! taken.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::network::layer_list::{
    KNOWN, LayerList, LayerListError, LayerOp, LayerSpec, Match, Pair, TensorShapes, WindowSpec,
};

/// Why bare tensors are no network.
#[derive(Debug, Error)]
pub enum TensorsError {
    /// Tensors and layers that do not fit.
    #[error(transparent)]
    List(#[from] LayerListError),
    /// No list inside the program fits.
    #[error(
        "no network that is known has these tensors: none is named `convB_I.weight` as in VGG, and {}; \
         describe the layers in a file and give it with --layers FILE",
        .tried.join("; ")
    )]
    Unknown {
        /// Each known list and what it lacks.
        tried: Vec<String>,
    },
    /// A tensor that no layer of VGG's plan uses.
    #[error(
        "tensor `{0}` belongs to no layer of VGG's plan, although others are named `convB_I`: \
         describe the layers in a file and give it with --layers FILE"
    )]
    Unused(String),
}

/// Returns the layers of a file with tensors of these shapes, and the names of the tensors to read:
/// those of `list` where it is given, else of the network that the tensors show, up to its
/// classifier.
pub(super) fn layers(
    shapes: &TensorShapes,
    list: Option<&LayerList>,
) -> Result<(LayerList, BTreeSet<String>), TensorsError> {
    if let Some(list) = list {
        let found = list.matched(shapes)?;
        return Ok((list.clone(), found.tensors));
    }
    if let Some(list) = vgg(shapes)? {
        let found = list.matched(shapes)?;
        return match unused(&found, shapes) {
            Some(name) => Err(TensorsError::Unused(name.to_owned())),
            None => Ok((list, found.tensors)),
        };
    }
    known(shapes)
}

/// Returns the known list that uses most of the tensors, the first of several.
fn known(shapes: &TensorShapes) -> Result<(LayerList, BTreeSet<String>), TensorsError> {
    let mut tried = Vec::new();
    let mut best: Option<(LayerList, Match)> = None;
    for (name, list) in KNOWN.iter().filter_map(|n| Some((n, LayerList::known(n)?))) {
        let list = list.without_classifier();
        let found = match list.matched(shapes) {
            Ok(found) => found,
            Err(error) => {
                tried.push(format!("for {name}, {error}"));
                continue;
            }
        };
        let most = best.as_ref().map_or(0, |(_, best)| best.tensors.len());
        if let Some(tensor) = unused(&found, shapes) {
            tried.push(format!("{name} has no use for `{tensor}`"));
        } else if found.tensors.len() > most {
            best = Some((list, found));
        }
    }
    best.map(|(list, found)| (list, found.tensors))
        .ok_or(TensorsError::Unknown { tried })
}

/// Returns a tensor that a match leaves over; those of a classifier are expected to be.
fn unused<'a>(found: &Match, shapes: &'a TensorShapes) -> Option<&'a str> {
    shapes
        .iter()
        .filter(|(name, shape)| !shape.is_empty() && !found.tensors.contains(*name))
        .map(|(name, _)| name.as_str())
        .find(|name| !name.starts_with("fc") && !name.starts_with("classifier"))
}

/// Returns the layers of VGG's plan with the widths of the tensors, if any bears such a name.
fn vgg(shapes: &TensorShapes) -> Result<Option<LayerList>, TensorsError> {
    let mut kernels: BTreeMap<(usize, usize), (&str, &[usize])> = BTreeMap::new();
    for (tensor, shape) in shapes {
        if let Some(layer) = tensor.strip_suffix(".weight")
            && let Some(place) = place(layer)
        {
            kernels.insert(place, (layer, shape));
        }
    }
    let mut layers = Vec::new();
    let mut last_block = None;
    for ((block, index), (layer, shape)) in kernels {
        if let Some(last) = last_block.filter(|&last| last != block) {
            layers.push(spec(format!("pool{last}"), halving()));
        }
        last_block = Some(block);
        layers.push(spec(layer.to_owned(), convolution(layer, shape)?));
        layers.push(spec(format!("relu{block}_{index}"), LayerOp::Relu));
    }
    Ok((!layers.is_empty()).then_some(LayerList { layers }))
}

/// Returns block and index of a layer named `convB_I`.
fn place(layer: &str) -> Option<(usize, usize)> {
    let (block, index) = layer.strip_prefix("conv")?.split_once('_')?;
    Some((block.parse().ok()?, index.parse().ok()?))
}

fn spec(name: String, op: LayerOp) -> LayerSpec {
    LayerSpec {
        name,
        from: Vec::new(),
        tensors: String::new(),
        op,
    }
}

fn halving() -> LayerOp {
    LayerOp::MaxPool {
        window: WindowSpec {
            kernel: Pair::both(2),
            stride: Pair::both(2),
            pad: Pair::both(0),
            dilation: Pair::both(1),
        },
        ceil: false,
    }
}

fn convolution(layer: &str, shape: &[usize]) -> Result<LayerOp, TensorsError> {
    match *shape {
        [out, _, height, width] if height % 2 == 1 && width % 2 == 1 => Ok(LayerOp::Conv {
            out,
            window: WindowSpec {
                kernel: Pair([height, width]),
                stride: Pair::both(1),
                pad: Pair([height / 2, width / 2]),
                dilation: Pair::both(1),
            },
            groups: 1,
            bias: true,
        }),
        _ => Err(TensorsError::List(LayerListError::Shape {
            tensor: format!("{layer}.weight"),
            shape: shape.to_vec(),
            expected: "a kernel of four axes and an odd size".to_owned(),
        })),
    }
}
