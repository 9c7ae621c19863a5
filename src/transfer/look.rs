//! What a network makes of a picture at one layer, without painting anything.

use thiserror::Error;

use super::forecast::forward_bytes;
use super::{Tools, gib};
use crate::engine::{EngineError, SessionOptions};
use crate::network::{Network, Pooling, UnknownLayer};
use crate::objective::{IMAGE, ObjectiveError, features, grams};
use crate::pixels::Picture;
use crate::tensor::Tensor;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The layer's values, `[1, C, h, w]`.
    Features,
    /// Their Gram matrix, `[C, C]`, divided by the number of values: what the style loss compares.
    Gram,
}

/// Why a layer cannot be looked at.
#[derive(Debug, Error)]
pub enum LookError {
    /// A layer that the network does not have.
    #[error(transparent)]
    Layer(#[from] UnknownLayer),
    /// The network cannot be laid over a picture of this size.
    #[error(transparent)]
    Network(#[from] ObjectiveError),
    /// ONNX Runtime failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// More memory is needed than there is.
    #[error("layer `{layer}` of a picture of {width}×{height} needs about {} of memory, {} may be used: make the picture smaller (--size)", gib(*.needed), gib(*.available))]
    Memory {
        /// Name of the layer.
        layer: String,
        /// Width of the picture.
        width: usize,
        /// Height of the picture.
        height: usize,
        /// Bytes needed.
        needed: u64,
        /// Bytes that may be used.
        available: u64,
    },
    /// The graph gave nothing.
    #[error("the graph of layer `{layer}` returned nothing")]
    Nothing {
        /// Name of the layer.
        layer: String,
    },
}

/// Returns what `network` makes of `picture` (at the size that it has) at `layer`; `memory` is the
/// bytes that may be used, where that is known.
pub fn look(
    network: &Network,
    (layer, pooling): (&str, Pooling),
    picture: &Picture,
    sight: Sight,
    (tools, memory): (&Tools, Option<u64>),
) -> Result<Tensor, LookError> {
    let layers = [network.layer(layer)?.name.clone()];
    let (width, height) = (picture.width(), picture.height());
    let model = match sight {
        Sight::Features => features(network, &layers, (height, width), pooling)?,
        Sight::Gram => grams(network, &layers, (height, width), pooling)?,
    };
    let needed = forward_bytes(&model.graph);
    if let Some(available) = memory.filter(|available| needed > *available) {
        return Err(LookError::Memory {
            layer: layer.to_owned(),
            width,
            height,
            needed,
            available,
        });
    }
    let options = SessionOptions::new(tools.device, tools.threads.get());
    let mut session = tools.engine.session(&model, &options)?;
    let results = session.run(&[(IMAGE, &picture.to_tensor())])?;
    results.into_iter().next().ok_or(LookError::Nothing {
        layer: layer.to_owned(),
    })
}
