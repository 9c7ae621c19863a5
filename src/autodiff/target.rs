//! Which form of a gradient is emitted: the one place where the device decides.

use crate::onnx::{Builder, Constant, InferError};

/// What the backward pass is written for.
///
/// Every form is standard ONNX and right everywhere; a target only says which is fast there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// ONNX Runtime on a processor, which keeps convolutions and their neighbours in a blocked
    /// layout (`NCHWc`) as long as every operator between them knows it.
    Blocked,
    /// Anything else, CUDA above all: the plain form of each gradient.
    Plain,
}

impl Target {
    /// Returns true if and only if a detour through convolutions and integer `Resize` is cheaper
    /// than leaving the layout in which ONNX Runtime's convolutions keep their values.
    pub fn blocked(self) -> bool {
        self == Self::Blocked
    }

    /// Returns `value` (`[N, C, H, W]`), made in the plain layout, as the backward pass wants to add
    /// it.
    ///
    /// Blocked, a 1×1 convolution of each channel with 1 takes it into the blocked layout, where
    /// the addition becomes part of the convolution that it is added to.
    pub fn enter(self, graph: &mut Builder, value: &str) -> Result<String, InferError> {
        let &[_, channels, _, _] = graph.shape(value) else {
            return Ok(value.to_owned());
        };
        match self {
            Self::Plain => Ok(value.to_owned()),
            Self::Blocked => depthwise(graph, value, channels, 1.0),
        }
    }
}

/// Appends `factor · value` as a convolution of each channel by itself.
fn depthwise(
    graph: &mut Builder,
    value: &str,
    channels: usize,
    factor: f32,
) -> Result<String, InferError> {
    let kernel = Constant::f32s(vec![channels, 1, 1, 1], vec![factor; channels])
        .expect("one factor a channel");
    let kernel = graph.constant(kernel);
    let group = i64::try_from(channels).unwrap_or(i64::MAX);
    graph.node("Conv", &[value, &kernel], [("group", group.into())])
}
