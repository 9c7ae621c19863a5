//! What the integration tests share.

pub mod job;
pub mod server;
pub mod studio;
pub mod weights;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pentimento::engine::{Device, Engine};
use pentimento::runtime::{self, Environment, Progress, Request};
use pentimento::transfer::Tools;

/// Returns the ONNX Runtime library, installing it where it is not there: what `cargo test` needs
/// is set up by `cargo test`.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let environment = Environment::from_process();
        let mut quiet = |_: Progress<'_>| {};
        runtime::ensure(&environment, &Request::default(), &mut quiet)
            .unwrap()
            .path
    })
}

/// Returns the engine of this test process; a process can load ONNX Runtime once.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::load(library()).unwrap())
}

/// Returns the tools to paint with on the processor.
pub fn tools(threads: usize) -> Tools<'static> {
    Tools {
        engine: engine(),
        device: Device::Cpu,
        threads: NonZeroUsize::new(threads).unwrap(),
    }
}

/// Returns a file beside the repository that the tests may use, or prints why the test is skipped.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: shared/{name} is not beside the repository");
    None
}
