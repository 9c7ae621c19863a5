//! A safetensors file, to a forward graph.
//!
//! The header is read first; of the tensors only those that the layers use are read, straight into
//! `f32`. Elements may be f16, bf16, f32 or f64.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};

use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use thiserror::Error;

use super::numbers::{Float, read_f32};
use super::tensors::{TensorsError, layers};
use crate::network::layer_list::{LayerList, TensorShapes, Weights};
use crate::onnx::{Constant, Model};

/// Longest header, in bytes: that of any network in use is far below.
const LONGEST_HEADER: u64 = 1 << 24;

/// Why a safetensors file is no network.
#[derive(Debug, Error)]
pub enum SafetensorsError {
    /// The file cannot be read.
    #[error("read the file")]
    Io(#[source] io::Error),
    /// A length that the file does not have.
    #[error(
        "the file is cut or is not in the safetensors format: it has {found} bytes where it speaks of {stated}"
    )]
    Length {
        /// What the file says.
        stated: u64,
        /// What it has.
        found: u64,
    },
    /// A header longer than any network's.
    #[error(
        "the header of the file says that it is {0} bytes long; at most {LONGEST_HEADER} are read"
    )]
    Long(u64),
    /// A header that makes no sense.
    #[error("the file is cut or is not in the safetensors format")]
    Header(#[source] serde_json::Error),
    /// A tensor of the wrong type.
    #[error("tensor `{tensor}` is of type {found}; f16, bf16, f32 and f64 are read")]
    Type {
        /// Name of the tensor.
        tensor: String,
        /// Its type.
        found: String,
    },
    /// The tensors are no network.
    #[error(transparent)]
    Tensors(#[from] TensorsError),
}

/// Returns the forward graph of the weights in `file`, over an input of open size, by `list` or by
/// what the tensors' names show.
pub(in crate::network) fn network(
    name: &str,
    file: &mut (impl Read + Seek),
    list: Option<&LayerList>,
) -> Result<Model, SafetensorsError> {
    let (start, header) = header(file)?;
    let infos = header.tensors();
    let shapes: TensorShapes = infos
        .iter()
        .map(|(name, info)| (name.clone(), info.shape.clone()))
        .collect();
    let (list, wanted) = layers(&shapes, list)?;
    let weights = weights(file, start, &header, &wanted)?;
    Ok(list.graph(name, &weights).map_err(TensorsError::from)?)
}

/// Returns where the tensors begin, and the header.
fn header(file: &mut (impl Read + Seek)) -> Result<(u64, Metadata), SafetensorsError> {
    let found = file.seek(SeekFrom::End(0)).map_err(SafetensorsError::Io)?;
    file.rewind().map_err(SafetensorsError::Io)?;
    let cut = |stated: u64| SafetensorsError::Length { stated, found };
    let mut length = [0; 8];
    if found < 8 {
        return Err(cut(8));
    }
    file.read_exact(&mut length).map_err(SafetensorsError::Io)?;
    let length = u64::from_le_bytes(length);
    if length > found - 8 {
        return Err(cut(length.saturating_add(8)));
    }
    if length > LONGEST_HEADER {
        return Err(SafetensorsError::Long(length));
    }
    let mut text = Vec::new();
    let mut part = file.take(length);
    part.read_to_end(&mut text).map_err(SafetensorsError::Io)?;
    let header: Metadata = serde_json::from_slice(&text).map_err(SafetensorsError::Header)?;
    let stated = (8 + length).saturating_add(header.data_len() as u64);
    if stated == found {
        Ok((8 + length, header))
    } else {
        Err(cut(stated))
    }
}

fn weights(
    file: &mut (impl Read + Seek),
    start: u64,
    header: &Metadata,
    wanted: &BTreeSet<String>,
) -> Result<Weights, SafetensorsError> {
    let infos = wanted
        .iter()
        .filter_map(|name| Some((name, header.info(name)?)));
    infos
        .map(|(name, info)| Ok((name.clone(), tensor(file, start, name, info)?)))
        .collect()
}

fn tensor(
    file: &mut (impl Read + Seek),
    start: u64,
    name: &str,
    info: &TensorInfo,
) -> Result<Constant, SafetensorsError> {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "every other type is refused by name"
    )]
    let kind = match info.dtype {
        Dtype::F64 => Float::F64,
        Dtype::F32 => Float::F32,
        Dtype::F16 => Float::F16,
        Dtype::BF16 => Float::Bf16,
        other => {
            return Err(SafetensorsError::Type {
                tensor: name.to_owned(),
                found: format!("{other:?}"),
            });
        }
    };
    let place = SeekFrom::Start(start + info.data_offsets.0 as u64);
    file.seek(place).map_err(SafetensorsError::Io)?;
    let count = (info.data_offsets.1 - info.data_offsets.0) / kind.size();
    let values = read_f32(file, kind, count).map_err(SafetensorsError::Io)?;
    Ok(Constant::f32s(info.shape.clone(), values)
        .expect("the header's lengths were held against its shapes when it was read"))
}
