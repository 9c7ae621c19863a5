//! Pentimento: a watch-folder daemon for neural style transfer.
//!
//! The modules are listed in reading order; ARCHITECTURE.md says who may import whom.

pub mod autodiff;
pub mod engine;
pub mod network;
pub mod objective;
pub mod onnx;
pub mod optim;
pub mod pixels;
pub mod tensor;
