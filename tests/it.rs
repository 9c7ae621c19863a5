//! The integration tests, one module a part of the program.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    unreachable_pub,
    reason = "a test fails by panicking, and says why it skips"
)]

mod api;
mod autodiff;
mod cli;
mod daemon;
mod download;
mod ingest;
mod models;
mod network;
mod objective;
mod onnx;
mod service;
mod store;
mod supervisor;
mod support;
mod training;
mod transfer;
mod worker;
