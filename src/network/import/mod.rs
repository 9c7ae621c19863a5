//! Weights in other formats, to a forward graph. One file or folder a format.

mod numbers;
pub(super) mod safetensors;
mod tensors;
pub(super) mod torch;

pub(super) use self::safetensors::SafetensorsError;
pub(super) use self::torch::TorchError;
