//! Weights in other formats, to a forward graph. One file a format.

pub mod onnx;
mod safetensors;

pub use self::onnx::{ExternalError, OnnxImportError};
pub(super) use self::safetensors::{SafetensorsError, safetensors};
