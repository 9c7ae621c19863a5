//! A layer list and its weights, to a forward graph.
//!
//! Values bear the layers' names and initializers those of the layers with `.weight` and so on,
//! whatever the file calls them. Height and width of the picture stay open.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::nodes::Laying;
use super::tensors::prefix;
use super::{INPUT, LayerList, LayerListError, LayerOp, TensorShapes, Weights};
use crate::onnx::{Constant, Data, Dim, Graph, InferError, Model};

/// Sides of the picture that a network is put together with, one after the other until one fits:
/// the graph is kept with open extents. Some networks work only from a size on, or only with sizes
/// whose halves meet where branches do.
const SIDES: [usize; 6] = [256, 224, 227, 299, 1 << 10, 1 << 14];

impl LayerList {
    /// Returns the forward graph of the list with `weights`, over `input` of `[1, 3, height, width]`.
    ///
    /// Where the weights end before the list does, so does the network. Weights of any
    /// floating-point type become `f32`.
    pub fn graph(&self, name: &str, weights: &Weights) -> Result<Model, LayerListError> {
        let shapes: TensorShapes = weights
            .iter()
            .map(|(name, constant)| (name.clone(), constant.shape().to_vec()))
            .collect();
        let found = self.matched(&shapes)?;
        let tensors = self.tensors(found.layers, weights, &shapes)?;
        let mut refusal = None;
        for side in SIDES {
            match self.laid(name, side, found.layers, &tensors) {
                Ok(graph) => return Ok(Model::new(graph)),
                Err(LayerListError::Graph(error @ InferError::Node { .. })) => {
                    refusal = Some(error);
                }
                Err(other) => return Err(other),
            }
        }
        let refusal = refusal.expect("there are sides, and each was refused");
        Err(LayerListError::Graph(refusal))
    }

    /// Returns the tensors of the first `layers` layers in `f32`, by layer and suffix.
    fn tensors(
        &self,
        layers: usize,
        weights: &Weights,
        shapes: &TensorShapes,
    ) -> Result<Vec<Tensors>, LayerListError> {
        let needs = self.needs()?;
        let pairs = self.layers.iter().zip(needs).take(layers);
        pairs
            .map(|(layer, needs)| {
                let first = needs.first();
                let prefix = first.and_then(|need| prefix(layer, need.suffix, shapes));
                let mut tensors = Tensors::new();
                for (need, prefix) in needs.iter().filter_map(|need| Some((need, prefix?))) {
                    let name = format!("{prefix}.{}", need.suffix);
                    if let Some(constant) = weights.get(&name) {
                        let wide = in_f32(constant).ok_or(LayerListError::Type(name))?;
                        tensors.insert(need.suffix, wide);
                    }
                }
                Ok(tensors)
            })
            .collect()
    }

    fn laid(
        &self,
        name: &str,
        side: usize,
        layers: usize,
        tensors: &[Tensors],
    ) -> Result<Graph, LayerListError> {
        let mut laying = Laying::new(name, [1, 3, side, side]);
        // A dropout is nothing here: whoever reads it reads what it reads.
        let mut values: BTreeMap<&str, &str> = BTreeMap::from([(INPUT, INPUT)]);
        let mut last = INPUT;
        for (index, layer) in self.layers.iter().enumerate().take(layers) {
            let read: Vec<&str> = self
                .sources(index)
                .into_iter()
                .map(|name| values.get(name).copied().unwrap_or(INPUT))
                .collect();
            last = if matches!(layer.op, LayerOp::Dropout { .. }) {
                read[0]
            } else {
                laying.layer(layer, &read, &tensors[index])?;
                &layer.name
            };
            values.insert(&layer.name, last);
        }
        let mut graph = laying.finish(last);
        open_size(&mut graph.inputs[0].shape);
        open_size(&mut graph.outputs[0].shape);
        Ok(graph)
    }
}

/// Tensors of a layer by what stands behind its name.
pub(super) type Tensors = BTreeMap<&'static str, Constant>;

/// Leaves height and width to the caller.
fn open_size(shape: &mut [Dim]) {
    shape[2] = Dim::Named("height".to_owned());
    shape[3] = Dim::Named("width".to_owned());
}

/// Returns the constant in `f32`, or `None` where it holds no floating-point numbers.
fn in_f32(constant: &Constant) -> Option<Constant> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the nearest f32 is what a network in f32 computes with"
    )]
    let values: Vec<f32> = match constant.data() {
        Data::F32(_) => return Some(constant.clone()),
        Data::F64(data) => data.iter().map(|&v| v as f32).collect(),
        Data::F16(data) => data.iter().map(|v| v.to_f32()).collect(),
        Data::Bf16(data) => data.iter().map(|v| v.to_f32()).collect(),
        Data::I64(_) | Data::I32(_) | Data::U8(_) | Data::Bool(_) => return None,
    };
    Constant::new(constant.shape().to_vec(), Data::F32(Arc::new(values)))
}
