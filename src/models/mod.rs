//! Networks on disk: which are installed and where, and putting them there.
//!
//! A network is installed when the file that its manifest names lies in a folder of networks. It
//! gets there by one rename, after it was fetched, checked, converted and read back, so it is there
//! whole or not at all. What was put there, and what published files were like when they were first
//! fetched, stands in `models.lock` beside it.
//!
//! Fetching is `download`'s, reading `network`'s; this module knows folders and order.

mod error;
mod import;
mod install;
mod list;
mod lockfile;
mod pull;
mod remove;
mod verify;

use std::path::PathBuf;

use crate::download;

pub use error::ModelsError;
pub use import::{Conversion, import};
pub use list::{Entry, State, entry, list};
pub use lockfile::{Check, LockFile, Pin, Record};
pub use pull::{IfThere, Order, Pulled, pull};
pub use remove::{Removed, remove};
pub use verify::{Problem, Verdict, verify};

/// Where networks are looked for and put.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Where one is put.
    pub install: PathBuf,
    /// Where one is looked for, the nearest first.
    pub look: Vec<PathBuf>,
}

/// What happens while a network is installed, in order.
#[derive(Debug)]
pub enum Event<'a> {
    /// Another process is installing; this one waits for it.
    Waiting,
    /// The file is being fetched.
    Download(download::Event<'a>),
    /// A source gave nothing; the next is tried.
    GaveUp(&'a ModelsError),
    /// The file is taken out of its archive.
    Unpacking,
    /// The file is turned into a graph.
    Converting,
    /// A remark of the reader of the file.
    Note(&'a str),
}
