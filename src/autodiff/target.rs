//! Which form of a gradient is emitted: the one place where the device decides.

use crate::onnx::infer::window::Window;
use crate::onnx::{Builder, Constant, InferError};

/// What the backward pass is written for.
///
/// Every form is standard ONNX and right everywhere; a target only says which is fast there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// ONNX Runtime on a processor, which keeps convolutions and their neighbours in a blocked
    /// layout (`NCHWc`) as long as every operator between them knows it.
    Blocked,
    /// ONNX Runtime on a processor with kernels that are no constants, as in training: then
    /// convolutions and all else keep the plain layout.
    Planar,
    /// Anything else, CUDA above all: the plain form of each gradient.
    Plain,
}

/// How the gradient of a convolution's kernel is formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelForm {
    /// One matrix product a tap.
    Taps,
    /// What all taps see joined, and one matrix product.
    Columns,
    /// Winograd's F(4×4, 3×3), differentiated.
    Winograd,
}

/// Fewest channels, in and out, from which Winograd's form is the fastest on a processor.
const WINOGRAD_CHANNELS: usize = 24;

/// Most elements under a window for which joining what the taps see is the fastest.
const COLUMN_ELEMENTS: usize = 96;

impl Target {
    /// Returns true if and only if a detour through convolutions and integer `Resize` is cheaper
    /// than leaving the layout in which ONNX Runtime's convolutions keep their values.
    pub fn blocked(self) -> bool {
        self == Self::Blocked
    }

    /// Returns the form of the gradient of a kernel between `channels` in and out, each of one
    /// group.
    ///
    /// Measured on two cores with AVX-512 (`benches/README.md`): at 3 channels the joined form
    /// takes 0.4 of the time of the product for each tap, and from 32 channels on Winograd's takes 0.5
    /// to 0.9 of it.
    pub fn kernel_form(self, windows: &[Window], channels: [usize; 2], group: usize) -> KernelForm {
        if self == Self::Plain {
            return KernelForm::Taps;
        }
        let small = windows.len() == 2
            && windows
                .iter()
                .all(|w| (w.kernel, w.stride, w.dilation) == (3, 1, 1));
        if small && group == 1 && channels.iter().all(|&c| c >= WINOGRAD_CHANNELS) {
            return KernelForm::Winograd;
        }
        let elements = channels[0] * windows.iter().map(|w| w.kernel).product::<usize>();
        if elements <= COLUMN_ELEMENTS {
            KernelForm::Columns
        } else {
            KernelForm::Taps
        }
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
            Self::Planar | Self::Plain => Ok(value.to_owned()),
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
