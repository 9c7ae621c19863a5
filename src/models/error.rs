//! Why a network could not be installed, listed or removed.

use std::{io, path::Path, path::PathBuf};

use thiserror::Error;

use crate::download::DownloadError;
use crate::download::archive::ArchiveError;
use crate::network::import::ImportError;
use crate::network::{ManifestError, NetworkError};

/// Why something was not done with a network.
#[derive(Debug, Error)]
pub enum ModelsError {
    /// There is no such network, or its manifest cannot be used.
    #[error(transparent)]
    Network(Box<NetworkError>),
    /// A manifest that says nothing about where the weights are.
    #[error("the manifest of network {name} states no [[source]] to fetch it from; put its weights at {}", file.display())]
    NoSource {
        /// Name of the network.
        name: String,
        /// Where its weights are looked for.
        file: PathBuf,
    },
    /// The network inside the program.
    #[error("network {name} is inside the program: there is nothing to {doing}")]
    Inside {
        /// Name of the network.
        name: String,
        /// What was to be done.
        doing: &'static str,
    },
    /// A file that could not be fetched.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A member that could not be taken out of its archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A file that is not what it was.
    #[error(
        "{url} gives another file than when it was first fetched (SHA-256 {found}, then {pinned}); it was not kept. \
         If that is as it should be, remove its [pin] from {}", lock.display()
    )]
    Changed {
        /// The address.
        url: String,
        /// What was remembered.
        pinned: String,
        /// What came now.
        found: String,
        /// The lock file's folder.
        lock: PathBuf,
    },
    /// A file that is no network.
    #[error("make a network of {from}")]
    Convert {
        /// Where the file came from.
        from: String,
        /// What is wrong with it.
        #[source]
        source: Box<ImportError>,
    },
    /// A network that cannot be read back.
    #[error("use the network made of {from}")]
    ReadBack {
        /// Where the file came from.
        from: String,
        /// What is wrong with it.
        #[source]
        source: Box<NetworkError>,
    },
    /// No source gave the network.
    #[error("network {name} could not be fetched{}", listed(.failures))]
    NoSourceLeft {
        /// Name of the network.
        name: String,
        /// What was wrong with each source.
        failures: Vec<ModelsError>,
    },
    /// A manifest that cannot be written as it was put together.
    #[error("the manifest of network {name} makes no sense")]
    Manifest {
        /// Name of the network.
        name: String,
        /// What is wrong with it.
        #[source]
        source: Box<ManifestError>,
    },
    /// A name that is none.
    #[error(
        "`{0}` is no name for a network: use letters, digits, `_`, `-` and `.`, not at the beginning"
    )]
    Name(String),
    /// A name that has a network already.
    #[error("there is a network {name} already, at {}: remove it first, or choose another name with --as", file.display())]
    Taken {
        /// Name of the network.
        name: String,
        /// Its file.
        file: PathBuf,
    },
    /// Input options for a network whose manifest states them.
    #[error("what network {name} wants as input stands in {}: change it there", manifest.display())]
    InputStated {
        /// Name of the network.
        name: String,
        /// Its manifest.
        manifest: PathBuf,
    },
    /// A network that was not installed by this program.
    #[error("network {name} was not installed by `pentimento models`{}", at_all(.file.as_deref()))]
    NotOurs {
        /// Name of the network.
        name: String,
        /// Its file, if there is one.
        file: Option<PathBuf>,
    },
    /// A lock file that cannot be read.
    #[error("read {}: mend it, or remove it to forget what was installed and pinned", path.display())]
    LockFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The file system refused something.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl From<NetworkError> for ModelsError {
    fn from(error: NetworkError) -> Self {
        Self::Network(Box::new(error))
    }
}

impl ModelsError {
    /// Whether another source could not do better.
    pub(super) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::File { .. }
                | Self::LockFile { .. }
                | Self::Download(DownloadError::Stopped { .. } | DownloadError::NoSpace { .. })
        )
    }
}

pub(super) fn at<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> ModelsError + 'a {
    move |source| ModelsError::File {
        doing,
        path: path.to_owned(),
        source,
    }
}

fn at_all(file: Option<&Path>) -> String {
    match file {
        Some(file) => format!(
            ": {} was put there by hand, remove it by hand",
            file.display()
        ),
        None => ", and is not there".to_owned(),
    }
}

/// Writes each error with its sources on a line of its own.
fn listed(failures: &[ModelsError]) -> String {
    failures.iter().fold(String::new(), |mut text, failure| {
        text.push_str("\n  - ");
        text.push_str(&failure.to_string());
        let mut source = std::error::Error::source(failure);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    })
}
