//! What can go wrong while ONNX Runtime is found or installed.
//!
//! Every message says what was being done, names the file or client, and says what a person can
//! do about it, since these are among the first errors that anyone meets.

use std::{fmt, io, path::PathBuf};

use super::{Origin, Version, device::Lack, version::MINIMUM};

/// Why there is no ONNX Runtime library, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "cannot read the ONNX Runtime library {} ({origin}): correct the path, or leave it away to \
         have one found or installed", .path.display()
    )]
    Unreadable {
        origin: Origin,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "{} ({origin}) is not a shared library: name the file libonnxruntime.so itself",
        .path.display()
    )]
    NotALibrary { origin: Origin, path: PathBuf },
    #[error("{} ({origin}) is built for another processor than this one", .path.display())]
    Foreign { origin: Origin, path: PathBuf },
    #[error(
        "{} ({origin}) is ONNX Runtime {version}: {MINIMUM} or newer is needed", .path.display()
    )]
    TooOld {
        origin: Origin,
        path: PathBuf,
        version: Version,
    },
    #[error(
        "no data folder to keep ONNX Runtime in: set HOME, or XDG_DATA_HOME to an absolute path"
    )]
    NoDataFolder,
    #[error("cannot {doing} {}", .path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot install {what}{}\n{ways}", listed(.failures))]
    Install {
        what: String,
        failures: Vec<Failure>,
        ways: WaysOut,
    },
    #[error("there is no CUDA variant of ONNX Runtime for this platform")]
    NoCudaVariant,
    #[error("cuda:{card} cannot be used{}", listed(.lacks))]
    NoCuda { card: u32, lacks: Vec<Lack> },
}

/// One client that was tried, and why it brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub client: &'static str,
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.client, self.why)
    }
}

/// What a person can do where no client could fetch the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaysOut {
    /// Where a library can be put by hand.
    pub(super) by_hand: PathBuf,
}

impl fmt::Display for WaysOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "three ways out:")?;
        writeln!(
            f,
            "  1. install python3 with pip, or uv, or npm, see that it has network, and start again"
        )?;
        writeln!(
            f,
            "  2. set ORT_DYLIB_PATH (or --ort-lib) to a library of version {MINIMUM} or newer"
        )?;
        write!(f, "  3. copy such a library to {}", self.by_hand.display())
    }
}

/// Writes one line for each item, or nothing.
fn listed<T: fmt::Display>(items: &[T]) -> String {
    items.iter().fold(String::new(), |lines, item| {
        lines + "\n  - " + &item.to_string()
    })
}
