//! The table of losses, a row an evaluation.
//!
//! A run that goes on from a checkpoint cuts off the rows behind it, so that none is there twice and
//! none is missing.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use super::{Task, TransferError};
use crate::profile::Stage;

/// Longest row that is read, in bytes.
const MOST_ROW: u64 = 1 << 20;

/// The table of losses.
pub(super) struct Table {
    path: PathBuf,
    file: BufWriter<File>,
    columns: Vec<String>,
}

/// What was found in a table that is gone on with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// Rows that stay.
    pub(super) kept: u64,
    /// Rows that were cut off.
    pub(super) cut: u64,
}

impl Table {
    /// Begins the table with a column for every term that any stage has.
    pub(super) fn create(path: &Path, task: &Task) -> Result<Self, TransferError> {
        let columns = columns(task);
        let begin = || {
            let mut file = BufWriter::new(File::create(path)?);
            file.write_all(heading(&columns).as_bytes())?;
            file.flush()?;
            Ok(file)
        };
        let file = begin().map_err(failed(path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            columns,
        })
    }

    /// Goes on with the table at `path` behind the row of `at` (stage, iteration), or begins it
    /// where it is not there or has other columns.
    pub(super) fn go_on(
        path: &Path,
        task: &Task,
        at: (usize, usize),
    ) -> Result<(Self, Rows), TransferError> {
        let columns = columns(task);
        let heading = heading(&columns);
        let go_on = || -> io::Result<Option<(File, Rows)>> {
            let file = match OpenOptions::new().read(true).append(true).open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let Some((length, rows)) = measure(&file, &heading, at)? else {
                return Ok(None);
            };
            file.set_len(length)?;
            Ok(Some((file, rows)))
        };
        match go_on().map_err(failed(path))? {
            None => Ok((Self::create(path, task)?, Rows::default())),
            Some((file, rows)) => {
                let table = Self {
                    path: path.to_owned(),
                    file: BufWriter::new(file),
                    columns,
                };
                Ok((table, rows))
            }
        }
    }

    /// Adds a row.
    pub(super) fn row(
        &mut self,
        (stage, iteration): (usize, usize),
        total: f64,
        terms: &[(String, f32)],
    ) -> Result<(), TransferError> {
        // A term that this stage does not have leaves its cell empty.
        let cells = self.columns.iter().map(|column| {
            let term = terms.iter().find(|(name, _)| name == column);
            term.map(|(_, loss)| loss.to_string()).unwrap_or_default()
        });
        let row = format!("{stage},{iteration},{total}{}\n", joined(cells));
        // Rows are few and slow to come; whoever watches the file sees each as it is made.
        let written = self.file.write_all(row.as_bytes());
        let written = written.and_then(|()| self.file.flush());
        written.map_err(failed(&self.path))
    }

    /// Makes the rows durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.get_ref().sync_data()
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> TransferError {
    |source| TransferError::Losses {
        path: path.to_owned(),
        source,
    }
}

/// Returns the length of the part up to the row of `at`, and what is in it and behind it; `None`
/// where the table begins otherwise.
fn measure(file: &File, heading: &str, at: (usize, usize)) -> io::Result<Option<(u64, Rows)>> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        reader.by_ref().take(MOST_ROW).read_until(b'\n', line)
    };
    next(&mut line)?;
    if line != heading.as_bytes() {
        return Ok(None);
    }
    let mut length = line.len() as u64;
    let mut rows = Rows::default();
    let mut last = (0, 0);
    while next(&mut line)? > 0 {
        let place = place(&line).filter(|place| *place > last);
        match place {
            Some(place) if place <= at && rows.cut == 0 => {
                last = place;
                length += line.len() as u64;
                rows.kept += 1;
            }
            Some(_) | None => rows.cut += 1,
        }
    }
    Ok(Some((length, rows)))
}

/// Returns stage and iteration of a row that is whole.
fn place(row: &[u8]) -> Option<(usize, usize)> {
    let row = std::str::from_utf8(row).ok()?.strip_suffix('\n')?;
    let mut cells = row.split(',');
    let place = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
    Some(place)
}

fn heading(columns: &[String]) -> String {
    format!("stage,iteration,total{}\n", joined(columns.iter().cloned()))
}

fn joined(cells: impl Iterator<Item = String>) -> String {
    cells.fold(String::new(), |line, cell| line + "," + &cell)
}

/// Returns the columns of all stages: content terms, style terms, total variation.
fn columns(task: &Task) -> Vec<String> {
    let stages = task.profile.stages();
    let content = stages
        .iter()
        .flat_map(Stage::content_in_use)
        .map(|l| format!("content:{l}"));
    let style = stages
        .iter()
        .flat_map(Stage::style_in_use)
        .map(|l| format!("style:{l}"));
    let tv = stages
        .iter()
        .filter(|s| s.tv_weight > 0.0)
        .map(|_| "tv".to_owned());
    let mut columns: Vec<String> = Vec::new();
    for column in content.chain(style).chain(tv) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "stage,iteration,total,tv\n";

    fn measured(rows: &str, at: (usize, usize)) -> Option<(u64, Rows)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("losses.csv");
        std::fs::write(&path, rows).unwrap();
        measure(&File::open(path).unwrap(), HEADING, at).unwrap()
    }

    #[test]
    fn rows_behind_the_checkpoint_are_counted_and_left_out() {
        let rows = [HEADING, "1,1,9,9\n", "1,2,8,8\n", "2,1,7,7\n", "2,2,6"];
        let text = rows.concat();
        let length = |n: usize| rows[..n].concat().len() as u64;
        let cases = [
            ((0, 0), (length(1), 0, 4)),
            ((1, 1), (length(2), 1, 3)),
            ((1, 9), (length(3), 2, 2)),
            ((2, 1), (length(4), 3, 1)),
            // A row that is not whole is no row.
            ((2, 2), (length(4), 3, 1)),
        ];
        for (at, (length, kept, cut)) in cases {
            assert_eq!(
                measured(&text, at),
                Some((length, Rows { kept, cut })),
                "{at:?}"
            );
        }
    }

    #[test]
    fn another_table_is_not_gone_on_with() {
        assert_eq!(measured("", (1, 1)), None);
        assert_eq!(measured("stage,iteration,total\n1,1,2\n", (1, 1)), None);
        let twice = [HEADING, "1,1,9,9\n", "1,1,9,9\n"].concat();
        let (length, rows) = measured(&twice, (1, 5)).unwrap();
        assert_eq!((rows.kept, rows.cut), (1, 1));
        assert_eq!(length, (twice.len() - "1,1,9,9\n".len()) as u64);
    }
}
