//! Weights in other formats, to a forward graph. One file a format.

pub mod caffe;
mod safetensors;

pub(super) use self::safetensors::{SafetensorsError, safetensors};
