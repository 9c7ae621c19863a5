//! Pentimento: a watch-folder daemon for neural style transfer.
//!
//! ARCHITECTURE.md gives the order to read the modules in, and says who may import whom.

pub mod autodiff;
pub mod engine;
pub mod network;
pub mod objective;
pub mod onnx;
pub mod optim;
pub mod pixels;
pub mod profile;
pub mod runtime;
pub mod tensor;
pub mod transfer;
