//! What the targets share: files of weights are read from files, as in the program.

use std::path::PathBuf;

use pentimento::network;

/// Writes `bytes` to this process's own file with the ending `ending` and returns where it is.
pub fn file(ending: &str, bytes: &[u8]) -> PathBuf {
    let name = format!("pentimento-fuzz-{}.{ending}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, bytes).expect("the folder of temporary files can be written to");
    path
}

/// Reads `bytes` as a network in a file with the ending `ending`, which may be refused.
pub fn find(ending: &str, bytes: &[u8]) {
    let path = file(ending, bytes);
    let path = path.to_str().expect("the folder of temporary files is UTF-8");
    let _refused_or_read = network::find(path, &[]);
}
