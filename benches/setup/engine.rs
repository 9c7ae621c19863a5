//! The ONNX Runtime library and a network, as every benchmark needs them.

use std::path::Path;

use anyhow::Context as _;
use pentimento::engine::Engine;
use pentimento::network::{self, Network};
use pentimento::runtime::{self, Environment, Progress, Request};

/// Loads ONNX Runtime, installing it where it is not there. A process can do this once.
pub(crate) fn engine() -> anyhow::Result<Engine> {
    let environment = Environment::from_process();
    let mut quiet = |_: Progress<'_>| {};
    let library = runtime::ensure(&environment, &Request::default(), &mut quiet)?;
    Ok(Engine::load(&library.path)?)
}

/// Reads a network: a file, or `builtin`.
pub(crate) fn network(name: &Path) -> anyhow::Result<Network> {
    let name = name.to_str().context("the path is not UTF-8")?;
    Ok(network::find(name, &[])?)
}
