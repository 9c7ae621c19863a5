//! Pentimento: a watch-folder daemon for neural style transfer.
//!
//! ARCHITECTURE.md gives the order to read the modules in, and says who may import whom.

pub mod api;
pub mod autodiff;
pub mod causes;
pub mod cli;
pub mod clock;
pub mod control;
pub mod daemon;
pub mod download;
pub mod drawing;
pub mod engine;
pub mod folder;
pub mod hooks;
pub mod ingest;
pub mod job;
pub mod logging;
pub mod models;
pub mod network;
pub mod objective;
pub mod onnx;
pub mod optim;
pub mod pixels;
pub mod profile;
pub mod protocol;
pub mod random;
pub mod report;
pub mod retention;
pub mod runtime;
pub mod service;
pub mod settings;
pub mod store;
pub mod supervisor;
pub mod tensor;
pub mod training;
pub mod transfer;
pub mod worker;
