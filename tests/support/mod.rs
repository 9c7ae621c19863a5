//! What the integration tests share.

use std::path::PathBuf;
use std::sync::OnceLock;

use pentimento::engine::Engine;

/// Returns the engine of this test process; a process can load ONNX Runtime once.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let path = PathBuf::from(std::env::var_os("ORT_DYLIB_PATH").unwrap());
        Engine::load(&path).unwrap()
    })
}
