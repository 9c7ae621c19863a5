//! The older form of a PyTorch file, written before 1.6 and still on demand: five pickles one after
//! the other (a number that marks the form, its version, the machine, what describes the tensors,
//! the storages' keys), then each storage's number of elements (8 bytes) and its numbers.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::rc::Rc;

use super::super::numbers::{Float, read_f32};
use super::error::TorchError;
use super::pickle;
use super::value::{Object, Pickled, Storage, Value};

/// The number that marks the form.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;

/// The one version of the form that there is.
const VERSION: i128 = 1001;

/// A file that was opened.
pub(super) struct Legacy<R> {
    file: R,
    /// Each storage with the place of its first element.
    places: BTreeMap<String, (u64, Rc<Storage>)>,
}

impl<R: Read + Seek> Legacy<R> {
    /// Reads what describes the tensors of a file of `length` bytes, and finds its storages.
    pub(super) fn open(mut file: R, length: u64) -> Result<(Self, Pickled), TorchError> {
        // A file that is none of PyTorch's need not be a pickle at all.
        let first = pickle::read(&mut file).map_err(|error| {
            if matches!(error, TorchError::Io(_)) {
                error
            } else {
                TorchError::Format
            }
        })?;
        if !matches!(first.root, Value::Int(MAGIC)) {
            return Err(TorchError::Format);
        }
        if !matches!(pickle::read(&mut file)?.root, Value::Int(VERSION)) {
            return Err(TorchError::Format);
        }
        // What the machine was like: those that put the high byte first have long been gone, and
        // PyTorch itself does not ask.
        pickle::read(&mut file)?;
        let pickled = pickle::read(&mut file)?;
        let keys = pickle::read(&mut file)?;
        let mut legacy = Self {
            file,
            places: BTreeMap::new(),
        };
        legacy.find(&keys, &pickled.storages, length)?;
        Ok((legacy, pickled))
    }

    /// Goes through the storages, which lie in the order of `keys` up to the end of the file.
    fn find(
        &mut self,
        keys: &Pickled,
        storages: &[Rc<Storage>],
        length: u64,
    ) -> Result<(), TorchError> {
        let known: BTreeMap<&str, &Rc<Storage>> = storages
            .iter()
            .map(|storage| (storage.key.as_str(), storage))
            .collect();
        let mut at = self.file.stream_position().map_err(TorchError::Io)?;
        for key in texts(keys).ok_or(TorchError::NoState)? {
            let wrong = |reason: String| TorchError::Storage {
                storage: key.to_owned(),
                reason,
            };
            let storage = *known
                .get(key)
                .ok_or_else(|| wrong("nothing says of what type it is".to_owned()))?;
            let bytes = storage.count.checked_mul(storage.element.size());
            let end = bytes.and_then(|bytes| at.checked_add(8)?.checked_add(bytes as u64));
            let Some(end) = end.filter(|&end| end <= length) else {
                let count = storage.count;
                return Err(wrong(format!(
                    "{count} numbers reach beyond the file's end"
                )));
            };
            let mut count = [0; 8];
            self.file
                .seek(SeekFrom::Start(at))
                .map_err(TorchError::Io)?;
            self.file.read_exact(&mut count).map_err(TorchError::Io)?;
            let count = u64::from_le_bytes(count);
            if count != storage.count as u64 {
                let described = storage.count;
                return Err(wrong(format!(
                    "{described} numbers are described, not {count}"
                )));
            }
            self.places
                .insert(key.to_owned(), (at + 8, Rc::clone(storage)));
            at = end;
        }
        Ok(())
    }

    /// Reads the numbers `range` of a storage, whose elements are of type `float`.
    pub(super) fn numbers(
        &mut self,
        storage: &Storage,
        float: Float,
        range: &Range<usize>,
    ) -> Result<Vec<f32>, TorchError> {
        let place = self.places.get(&storage.key);
        let Some((start, _)) = place.filter(|(_, known)| **known == *storage) else {
            return Err(TorchError::Storage {
                storage: storage.key.clone(),
                reason: "it is not there, or described in two ways".to_owned(),
            });
        };
        let place = SeekFrom::Start(start + (range.start * float.size()) as u64);
        self.file.seek(place).map_err(TorchError::Io)?;
        read_f32(&mut self.file, float, range.len()).map_err(TorchError::Io)
    }
}

/// Returns the texts of a pickled list.
fn texts(pickled: &Pickled) -> Option<Vec<&str>> {
    let Value::Object(place) = pickled.root else {
        return None;
    };
    let Some(Object::List(list)) = pickled.objects.get(place) else {
        return None;
    };
    let texts = list.iter().map(|value| {
        let Value::Text(text) = value else {
            return None;
        };
        Some(&**text)
    });
    texts.collect()
}
