//! PyTorch's files of weights (`.pth`, `.pt`), to a forward graph: state dictionaries, in both forms
//! that `torch.save` has written.
//!
//! Such a file is a program in Python's pickle language. Here a machine that knows tensors, texts,
//! numbers and containers ([`pickle`]) reads it; nothing is run, and whatever else a file names is
//! refused by name. Of the numbers only those that the layers use are read.

mod archive;
mod error;
mod legacy;
mod names;
mod pickle;
mod state;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

pub(in crate::network) use error::TorchError;

use self::archive::Archive;
use self::legacy::Legacy;
use self::value::{Element, Storage, Tensor};
use super::numbers::Float;
use super::tensors::{TensorsError, layers};
use crate::network::layer_list::{LayerList, TensorShapes, Weights};
use crate::onnx::{Constant, Model};

/// Numbers that tensors may hold beyond what the file has bytes for, where they share or repeat
/// some.
const MOST_REPEATED: u64 = 1 << 24;

/// Returns the forward graph of the weights in `file`, over an input of open size, by `list` or by
/// what the tensors' names show. Small reads are made: `file` should be buffered.
pub(in crate::network) fn network(
    name: &str,
    file: impl Read + Seek,
    list: Option<&LayerList>,
) -> Result<Model, TorchError> {
    let mut file = StateFile::open(file)?;
    let (list, wanted) = layers(&file.shapes(), list)?;
    let weights = file.read(&wanted)?;
    Ok(list.graph(name, &weights).map_err(TensorsError::from)?)
}

/// A state dictionary whose numbers are still in the file.
struct StateFile<R> {
    form: Form<R>,
    length: u64,
    tensors: BTreeMap<String, Tensor>,
}

/// The forms that `torch.save` has written.
enum Form<R> {
    Zip(Archive<R>),
    Legacy(Legacy<R>),
}

impl<R: Read + Seek> StateFile<R> {
    /// Reads what describes the tensors.
    fn open(mut file: R) -> Result<Self, TorchError> {
        let length = file.seek(SeekFrom::End(0)).map_err(TorchError::Io)?;
        file.rewind().map_err(TorchError::Io)?;
        let mut start = Vec::new();
        let read = (&mut file).take(4).read_to_end(&mut start);
        read.map_err(TorchError::Io)?;
        file.rewind().map_err(TorchError::Io)?;
        let (form, pickled) = if start == *b"PK\x03\x04" {
            let (archive, pickled) = Archive::open(file)?;
            (Form::Zip(archive), pickled)
        } else {
            let (legacy, pickled) = Legacy::open(file, length)?;
            (Form::Legacy(legacy), pickled)
        };
        Ok(Self {
            form,
            length,
            tensors: state::tensors(&pickled)?,
        })
    }

    fn shapes(&self) -> TensorShapes {
        let tensors = self.tensors.iter();
        tensors
            .map(|(name, tensor)| (name.clone(), tensor.shape.clone()))
            .collect()
    }

    /// Reads the tensors of these names; one storage is read once, whoever shares it.
    fn read(&mut self, wanted: &BTreeSet<String>) -> Result<Weights, TorchError> {
        let mut shared: BTreeMap<&str, Vec<(&str, &Tensor, Float)>> = BTreeMap::new();
        let mut elements = 0_usize;
        for (name, tensor) in self
            .tensors
            .iter()
            .filter(|(name, _)| wanted.contains(*name))
        {
            let float = match tensor.storage.element {
                Element::Float(float) => float,
                Element::Whole { name: found, .. } => {
                    return Err(TorchError::Type {
                        tensor: name.clone(),
                        found,
                    });
                }
            };
            elements = elements.saturating_add(tensor.count().unwrap_or(usize::MAX));
            let sharing = shared.entry(tensor.storage.key.as_str()).or_default();
            sharing.push((name, tensor, float));
        }
        if elements as u64 > self.length.saturating_add(MOST_REPEATED) {
            return Err(TorchError::Repeated {
                elements,
                bytes: self.length,
            });
        }
        let mut weights = Weights::new();
        for sharing in shared.values() {
            read_shared(&mut self.form, sharing, &mut weights)?;
        }
        Ok(weights)
    }
}

/// Reads the part of a storage that tensors lie in, and takes each out of it.
fn read_shared(
    form: &mut Form<impl Read + Seek>,
    sharing: &[(&str, &Tensor, Float)],
    weights: &mut Weights,
) -> Result<(), TorchError> {
    let (_, first, float) = sharing[0];
    let storage = &first.storage;
    let mut part: Option<Range<usize>> = None;
    for (name, tensor, _) in sharing {
        if tensor.storage != *storage {
            return Err(TorchError::Tensor {
                tensor: (*name).to_owned(),
                reason: "it shares its numbers with a tensor of another type".to_owned(),
            });
        }
        let range = tensor.range().unwrap_or(0..0);
        part = Some(match part {
            Some(part) if range.is_empty() => part,
            Some(part) => part.start.min(range.start)..part.end.max(range.end),
            None => range,
        });
    }
    let part = part.unwrap_or(0..0);
    let numbers = numbers(form, storage, float, &part)?;
    let mut whole = Some(numbers);
    for (index, (name, tensor, _)) in sharing.iter().enumerate() {
        let range = tensor.range().unwrap_or(0..0);
        let numbers = whole.as_deref().unwrap_or_default();
        let values = if sharing.len() == index + 1 && range == part && tensor.is_contiguous() {
            whole.take().unwrap_or_default()
        } else if range.is_empty() {
            Vec::new()
        } else {
            tensor.gather(&numbers[range.start - part.start..range.end - part.start])
        };
        let constant = Constant::f32s(tensor.shape.clone(), values)
            .expect("as many numbers were taken as the extents say");
        weights.insert((*name).to_owned(), constant);
    }
    Ok(())
}

fn numbers(
    form: &mut Form<impl Read + Seek>,
    storage: &Storage,
    float: Float,
    range: &Range<usize>,
) -> Result<Vec<f32>, TorchError> {
    match form {
        Form::Zip(archive) => archive.numbers(storage, float, range),
        Form::Legacy(legacy) => legacy.numbers(storage, float, range),
    }
}
