//! Weights in other formats, to a forward graph. One file a format.

mod dispatch;
mod safetensors;

pub use self::dispatch::{ImportError, ImportOptions, Imported, read};
pub(super) use self::safetensors::{SafetensorsError, safetensors};
