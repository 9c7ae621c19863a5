//! Why settings or a studio cannot be used, in words for the person who has to mend them.

use std::{io, path::PathBuf};

use crate::profile::document::{DocumentError, printable_path};

/// Why settings cannot be read or a studio cannot be found or made.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file, variable or flag is wrong where it stands.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A file exists and cannot be read.
    #[error("cannot read the settings {}", printable_path(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key that is about one studio stands in the user's file.
    #[error(
        "{at}: `{key}` is about one studio and cannot be set for all of them; write it into the \
         studio's pentimento.toml"
    )]
    StudioKey {
        /// Where.
        at: String,
        /// The key.
        key: String,
    },
    /// A relative path cannot be completed, because the folder it starts from has no spelling.
    #[error(
        "{at}: `{key}` is relative to {}, whose name is not valid UTF-8; write it as an absolute \
         path",
        printable_path(base)
    )]
    Unspeakable {
        /// Where.
        at: String,
        /// The key.
        key: String,
        /// The folder.
        base: PathBuf,
    },
    /// A path begins with `~` and the home folder is not known.
    #[error("{at}: `{key}` begins with ~ and HOME is not set; write it as an absolute path")]
    NoHome {
        /// Where.
        at: String,
        /// The key.
        key: String,
    },
    /// Nothing says where the user's data lie.
    #[error("there is no folder for data: set HOME, XDG_DATA_HOME or PENTIMENTO_DATA_DIR")]
    NoDataDir,
    /// The checked layers did not fit together.
    #[error("the settings cannot be put together")]
    Layers(#[from] config::ConfigError),
    /// No studio here or above.
    #[error(
        "no pentimento.toml in {} or in any folder above it; make a studio with `pentimento \
         init`, or name one with --studio DIR",
        printable_path(from)
    )]
    NoStudio {
        /// Where the search began.
        from: PathBuf,
    },
    /// The folder that was named is no studio.
    #[error(
        "{} is no studio: there is no pentimento.toml in it; make it one with `pentimento init {}`",
        printable_path(folder),
        printable_path(folder)
    )]
    NotAStudio {
        /// The folder.
        folder: PathBuf,
    },
    /// Results would be taken for drops.
    #[error(
        "{key} = {} lies inside the watched folder {}, so that results would be taken for new \
         drops; move one of them out of the other",
        printable_path(output),
        printable_path(watch)
    )]
    OutputInWatch {
        /// The key of the output folder.
        key: &'static str,
        /// The output folder.
        output: PathBuf,
        /// The watched folder.
        watch: PathBuf,
    },
    /// Drops would be seen twice.
    #[error(
        "the watched folder {} is the same as, or lies inside, the watched folder {}; watch one \
         of them",
        printable_path(inner),
        printable_path(outer)
    )]
    WatchInWatch {
        /// The inner folder.
        inner: PathBuf,
        /// The outer folder.
        outer: PathBuf,
    },
    /// A folder or file of a studio cannot be made.
    #[error("cannot create {}", printable_path(path))]
    NotCreated {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
