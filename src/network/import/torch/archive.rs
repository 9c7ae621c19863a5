//! The zip form of a PyTorch file: `NAME/data.pkl` describes the tensors, `NAME/data/KEY` holds the
//! numbers of a storage. Nothing in it is compressed, so no part can be larger than the file.

use std::borrow::Cow;
use std::io::{self, Read, Seek};
use std::ops::Range;

use zip::{CompressionMethod, ZipArchive, read::ZipFile};

use super::super::numbers::{Float, read_f32};
use super::error::TorchError;
use super::pickle;
use super::value::{Pickled, Storage};

/// Longest text beside the tensors, in bytes.
const LONGEST_NOTE: u64 = 64;

/// An archive that was opened.
pub(super) struct Archive<R> {
    zip: ZipArchive<R>,
    /// What stands before the names of all parts.
    prefix: String,
}

impl<R: Read + Seek> Archive<R> {
    /// Opens an archive and reads what describes its tensors.
    pub(super) fn open(file: R) -> Result<(Self, Pickled), TorchError> {
        let zip = ZipArchive::new(file).map_err(TorchError::Zip)?;
        let names: Vec<&str> = zip
            .file_names()
            .filter_map(Result::ok)
            .filter_map(|name| match name {
                Cow::Borrowed(name) => Some(name),
                Cow::Owned(_) => None,
            })
            .collect();
        let description = names
            .iter()
            .filter(|name| **name == "data.pkl" || name.ends_with("/data.pkl"))
            .min_by_key(|name| name.len());
        let Some(description) = description else {
            return Err(TorchError::Entry("data.pkl".to_owned()));
        };
        let prefix = description.trim_end_matches("data.pkl").to_owned();
        if names
            .iter()
            .any(|name| *name == format!("{prefix}constants.pkl"))
        {
            return Err(TorchError::Script);
        }
        let mut archive = Self { zip, prefix };
        archive.hold_byte_order()?;
        let pickled = archive.description()?;
        Ok((archive, pickled))
    }

    fn description(&mut self) -> Result<Pickled, TorchError> {
        let mut part = self.part("data.pkl")?;
        let pickled = pickle::read(&mut part)?;
        read_on(&mut part, u64::MAX).map_err(|source| TorchError::Part {
            entry: "data.pkl".to_owned(),
            source,
        })?;
        Ok(pickled)
    }

    /// Reads the numbers `range` of a storage, whose elements are of type `float`.
    pub(super) fn numbers(
        &mut self,
        storage: &Storage,
        float: Float,
        range: &Range<usize>,
    ) -> Result<Vec<f32>, TorchError> {
        let name = format!("data/{}", storage.key);
        let failed = |source| TorchError::Part {
            entry: name.clone(),
            source,
        };
        let mut part = self.part(&name)?;
        let stated = storage.count.checked_mul(float.size());
        if stated.map(|bytes| bytes as u64) != Some(part.size()) {
            return Err(TorchError::Storage {
                storage: storage.key.clone(),
                reason: format!(
                    "{} numbers are described, and it has {} bytes",
                    storage.count,
                    part.size()
                ),
            });
        }
        let before = (range.start * float.size()) as u64;
        read_on(&mut part, before).map_err(failed)?;
        let numbers = read_f32(&mut part, float, range.len()).map_err(failed)?;
        read_on(&mut part, u64::MAX).map_err(failed)?;
        Ok(numbers)
    }

    fn hold_byte_order(&mut self) -> Result<(), TorchError> {
        let name = format!("{}byteorder", self.prefix);
        if self.zip.index_for_name(&name).is_none() {
            // Written since PyTorch 2.1; before, there was only one.
            return Ok(());
        }
        let mut order = String::new();
        let mut part = self.part("byteorder")?.take(LONGEST_NOTE);
        part.read_to_string(&mut order)
            .map_err(|source| TorchError::Part {
                entry: name,
                source,
            })?;
        if order.trim() == "little" {
            Ok(())
        } else {
            Err(TorchError::ByteOrder(order))
        }
    }

    fn part(&mut self, name: &str) -> Result<ZipFile<'_, R>, TorchError> {
        let name = format!("{}{name}", self.prefix);
        let Some(index) = self.zip.index_for_name(&name) else {
            return Err(TorchError::Entry(name));
        };
        let part = self.zip.by_index(index).map_err(TorchError::Zip)?;
        if part.compression() == CompressionMethod::Stored {
            Ok(part)
        } else {
            Err(TorchError::Compressed(name))
        }
    }
}

/// Reads up to `bytes` further bytes of a part for nothing; its check sum is held against it when
/// its end is read.
fn read_on(part: &mut impl Read, bytes: u64) -> io::Result<u64> {
    io::copy(&mut part.take(bytes), &mut io::sink())
}
