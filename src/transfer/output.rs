//! What a run leaves behind: snapshots, the table of losses, the result.

use std::io;
use std::path::{Path, PathBuf};

use super::edits::Entry;
use super::losses::{Rows, Table};
use super::recipe::Recipe;
use super::{Task, TransferError};
use crate::pixels::{
    Depth, Picture, original_colors_lua, original_colors_pt, save_jpeg, save_png, verify,
};
use crate::profile::{Compat, OutputFormat, PngDepth, Profile};

/// Quality of a JPEG result.
const JPEG_QUALITY: u8 = 95;

/// Where the files of a run go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The result; its ending decides nothing, the profile's `output_format` does.
    pub result: PathBuf,
    /// How snapshots are named.
    pub snapshots: SavedAs,
    /// The table of losses, if one is wanted.
    pub losses: Option<PathBuf>,
}

/// How snapshots are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedAs {
    /// Beside the result: `out_100.png` for `out.png`, `out_s2_100.png` in a run of several stages.
    Beside,
    /// In this folder: `000100.png`, `s2_000100.png` in a run of several stages.
    In(PathBuf),
}

/// A picture to write, 0–255, and the content picture of its size.
pub(super) struct View<'a> {
    pub(super) picture: Picture,
    pub(super) content: Option<&'a Picture>,
}

/// The files of a run.
pub(super) struct Output<'a> {
    task: &'a Task,
    recipe: Recipe,
    table: Option<Table>,
}

impl<'a> Output<'a> {
    /// Begins the output of a run.
    pub(super) fn new(task: &'a Task, recipe: Recipe) -> Result<Self, TransferError> {
        let table = match &task.naming.losses {
            Some(path) => Some(Table::create(path, task)?),
            None => None,
        };
        Ok(Self {
            task,
            recipe,
            table,
        })
    }

    /// Goes on with the output of a run behind `at` (stage, iteration), and returns what was found
    /// in its table of losses.
    pub(super) fn go_on(
        task: &'a Task,
        recipe: Recipe,
        at: (usize, usize),
    ) -> Result<(Self, Rows), TransferError> {
        let (table, rows) = match &task.naming.losses {
            Some(path) => {
                let (table, rows) = Table::go_on(path, task, at)?;
                (Some(table), rows)
            }
            None => (None, Rows::default()),
        };
        let output = Self {
            task,
            recipe,
            table,
        };
        Ok((output, rows))
    }

    /// Adds a row to the table of losses.
    pub(super) fn losses(
        &mut self,
        at: (usize, usize),
        total: f64,
        terms: &[(String, f32)],
    ) -> Result<(), TransferError> {
        match &mut self.table {
            Some(table) => table.row(at, total, terms),
            None => Ok(()),
        }
    }

    /// Makes the table of losses durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.table.as_ref().map_or(Ok(()), Table::sync)
    }

    /// Takes note of an edit, for the recipe of pictures to come.
    pub(super) fn edited(&mut self, entry: Entry) {
        self.recipe.edited(entry);
    }

    /// Writes a snapshot and returns its file.
    pub(super) fn snapshot(
        &self,
        view: &View,
        at: (usize, usize),
    ) -> Result<PathBuf, TransferError> {
        let path = self.snapshot_path(at);
        self.write(view, &path, at, OutputFormat::Png)
    }

    /// Writes the last good picture of a run that went wrong, and returns its file.
    pub(super) fn last_good(
        &self,
        view: &View,
        at: (usize, usize),
    ) -> Result<PathBuf, TransferError> {
        self.snapshot(view, at)
    }

    /// Writes the result, reads it back, and returns its file.
    pub(super) fn result(&self, view: &View, at: (usize, usize)) -> Result<PathBuf, TransferError> {
        let path = self.task.naming.result.clone();
        let path = self.write(view, &path, at, self.task.profile.output_format)?;
        verify(&path, view.picture.width(), view.picture.height())?;
        Ok(path)
    }

    fn write(
        &self,
        view: &View,
        path: &Path,
        (stage, iteration): (usize, usize),
        format: OutputFormat,
    ) -> Result<PathBuf, TransferError> {
        let recoloured = match view.content.filter(|_| self.task.profile.original_colors) {
            Some(content) => match self.task.profile.compat {
                Some(Compat::Lua) => original_colors_lua(content, &view.picture),
                Some(Compat::Pt) | None => original_colors_pt(content, &view.picture),
            },
            None => None,
        };
        let picture = recoloured.as_ref().unwrap_or(&view.picture);
        match format {
            OutputFormat::Png => {
                let depth = match self.task.profile.png_depth {
                    PngDepth::Eight => Depth::Eight,
                    PngDepth::Sixteen => Depth::Sixteen,
                };
                save_png(picture, path, depth, &self.recipe.texts(stage, iteration))?;
            }
            OutputFormat::Jpeg => save_jpeg(picture, path, JPEG_QUALITY)?,
        }
        Ok(path.to_owned())
    }

    fn snapshot_path(&self, at: (usize, usize)) -> PathBuf {
        let several = self.task.profile.stages().len() > 1;
        let naming = &self.task.naming;
        naming.snapshots.path(&naming.result, several, at)
    }
}

/// Returns the files that the snapshots of a run to its end will have.
pub fn snapshots<'a>(
    profile: &'a Profile,
    result: &'a Path,
    saved: &'a SavedAs,
) -> impl Iterator<Item = PathBuf> + 'a {
    let several = profile.stages().len() > 1;
    profile
        .stages()
        .iter()
        .zip(1..)
        .flat_map(move |(stage, number)| {
            let (every, of) = (stage.save_iter as usize, stage.num_iterations as usize);
            let due = (1..=of).filter(move |i| every > 0 && i.is_multiple_of(every));
            due.map(move |iteration| saved.path(result, several, (number, iteration)))
        })
}

impl SavedAs {
    fn path(&self, result: &Path, several: bool, (stage, iteration): (usize, usize)) -> PathBuf {
        match self {
            Self::Beside => {
                let mut name = result.file_stem().unwrap_or_default().to_owned();
                if several {
                    name.push(format!("_s{stage}"));
                }
                name.push(format!("_{iteration}.png"));
                result.with_file_name(name)
            }
            Self::In(folder) if several => folder.join(format!("s{stage}_{iteration:06}.png")),
            Self::In(folder) => folder.join(format!("{iteration:06}.png")),
        }
    }
}
