//! What makes the watching process a good service of systemd: what it tells the service manager,
//! and the unit that starts it.
//!
//! Talks to the manager's socket and writes unit files; knows nothing of jobs beside their number,
//! and starts no program itself. Without systemd everything here is silent.

mod escape;
mod install;
mod linger;
mod notify;
mod unit;

use std::io;
use std::path::PathBuf;

pub use crate::service::escape::unit_name;
pub use crate::service::install::Installed;
pub use crate::service::install::Places;
pub use crate::service::install::find;
pub use crate::service::install::install;
pub use crate::service::install::uninstall;
pub use crate::service::linger::Linger;
pub use crate::service::linger::Machine;
pub use crate::service::notify::Counts;
pub use crate::service::notify::Notifier;
pub use crate::service::notify::Variables;
pub use crate::service::unit::Scope;
pub use crate::service::unit::Unit;

use crate::folder::FolderError;
use crate::job::names::display_name;
use crate::job::names::display_path;

/// Why a unit cannot be written, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// systemd refuses programs with such a path, however it is written.
    #[error(
        "systemd cannot start {}: its path holds a quote, a backslash or a control character; \
         install the program somewhere else",
        display_path(program)
    )]
    Program {
        /// The program.
        program: PathBuf,
    },
    /// The user's name cannot stand in a unit.
    #[error("`{}` is no name of a user", display_name(name.as_ref()))]
    User {
        /// What was given.
        name: String,
    },
    /// Nothing says where a user's units lie.
    #[error("there is no folder for a user's units: set HOME or XDG_CONFIG_HOME")]
    NoUnitFolder,
    /// Somebody else's file has the unit's name.
    #[error(
        "{} was not written by pentimento and is left as it is; move it away first",
        display_path(path)
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read, or a folder not be made, or a unit not be removed.
    #[error("cannot {what} {}", display_path(path))]
    Io {
        /// The verb.
        what: &'static str,
        /// The path it was done to.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The unit cannot be written.
    #[error("cannot write the unit")]
    NotWritten(#[source] FolderError),
}
