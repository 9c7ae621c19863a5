//! Pentimento: a watch-folder daemon for neural style transfer.
//!
//! The modules are listed in reading order; ARCHITECTURE.md says who may import whom.

pub mod autodiff;
pub mod engine;
pub mod onnx;
pub mod profile;
pub mod settings;
pub mod tensor;
