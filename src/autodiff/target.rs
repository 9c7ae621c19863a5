//! Which form of a gradient is emitted: the one place where the device decides.

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
