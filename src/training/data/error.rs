//! Why there is nothing to train on, and what was found in what there is.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::pixels::DecodeError;

/// Why a data set cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No source was given.
    #[error("nothing to train on: name a folder of pictures, a folder of classes, or `procedural`")]
    NoSource,
    /// A folder could not be read.
    #[error("read the folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder without pictures.
    #[error("there is no picture in {} or in its sub-folders ({} are looked for)", path.display(), super::list::ENDINGS.join(", "))]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A network learns by telling classes apart, and there are fewer than two.
    #[error("{}; training tells classes apart: give two sub-folders of pictures, or a folder with two pictures or more{}", one(.found.as_deref()), unreadable(*.skipped))]
    OneClass {
        /// The only class, if there is one.
        found: Option<String>,
        /// How many pictures could not be used.
        skipped: usize,
    },
    /// An option out of its range.
    #[error("training option `{option}`: {reason}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// More pictures than memory.
    #[error("{pictures} pictures need {} MB even at the size of a crop, and {} MB are allowed: use fewer pictures, a smaller crop, or allow more memory", bytes / 1_000_000, limit / 1_000_000)]
    Memory {
        /// How many pictures there are.
        pictures: usize,
        /// Least bytes that they take.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
}

fn one(found: Option<&str>) -> String {
    match found {
        Some(name) => format!("there is only one class, `{}`", name.escape_debug()),
        None => "no picture can be used".to_owned(),
    }
}

fn unreadable(skipped: usize) -> String {
    match skipped {
        0 => String::new(),
        1 => " (1 picture could not be used)".to_owned(),
        many => format!(" ({many} pictures could not be used)"),
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct DataReport {
    /// Pictures that are used, drawings among them.
    pub pictures: usize,
    /// Classes.
    pub classes: usize,
    /// Crops that are kept to tell the accuracy.
    pub held_out: usize,
    /// Pictures that cannot be used.
    pub skipped: Vec<Skipped>,
    /// Pictures that were smaller than a crop and were enlarged.
    pub enlarged: Vec<PathBuf>,
    /// Files that are no pictures by their names, and pictures that lie beside the classes' folders.
    pub ignored: usize,
    /// Side of a drawing.
    pub side: usize,
    /// Side of a square with the most pixels that a picture from a file is held with.
    pub file_side: usize,
}

/// A picture that cannot be used.
#[derive(Debug)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why a picture cannot be used.
#[derive(Debug)]
pub enum SkipReason {
    /// It cannot be read; the error names the file.
    Unreadable(DecodeError),
    /// Its shorter side has less than half a crop.
    TooSmall {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Pixels that the shorter side needs.
        least: usize,
    },
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            SkipReason::Unreadable(error) => write!(f, "{error}"),
            SkipReason::TooSmall {
                width,
                height,
                least,
            } => write!(
                f,
                "{} has {width}×{height} pixels; its shorter side needs {least}",
                self.path.to_string_lossy().escape_debug()
            ),
        }
    }
}
