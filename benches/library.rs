//! The ONNX Runtime library of a benchmark.

use pentimento::engine::Engine;
use pentimento::runtime::{self, Environment, Progress, Request};

/// Loads ONNX Runtime, installing it where it is not there. A process can do this once.
pub(crate) fn engine() -> anyhow::Result<Engine> {
    let environment = Environment::from_process();
    let mut quiet = |_: Progress<'_>| {};
    let library = runtime::ensure(&environment, &Request::default(), &mut quiet)?;
    Ok(Engine::load(&library.path)?)
}
