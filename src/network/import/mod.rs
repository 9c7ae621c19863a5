//! Weights in other formats, to a forward graph. One file or folder a format.

pub mod caffe;
mod dispatch;
mod numbers;
pub mod onnx;
pub(super) mod safetensors;
mod tensors;
pub(super) mod torch;

pub use self::dispatch::{ImportError, ImportOptions, Imported, read};
pub use self::onnx::{ExternalError, OnnxImportError};
pub(super) use self::safetensors::SafetensorsError;
pub(super) use self::torch::TorchError;
