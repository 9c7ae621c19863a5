//! Weights in other formats, to a forward graph. One file or folder a format.

pub mod caffe;
mod numbers;
pub mod onnx;
pub(super) mod safetensors;
mod tensors;
pub(super) mod torch;

pub(super) use self::onnx::OnnxImportError;
pub(super) use self::safetensors::SafetensorsError;
pub(super) use self::torch::TorchError;
