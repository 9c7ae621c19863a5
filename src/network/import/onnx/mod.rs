//! An ONNX file of anybody's making, to a model in the form that Pentimento works with.
//!
//! What comes out has operator set [`OPSET`], f32 throughout, one picture as its input
//! (`[1, 3, height, width]`), constants worked out, and only nodes that have a gradient. Operators of
//! other sets are rewritten node by node (`convert`, one table); what depends on nothing but
//! constants and extents is computed (`fold`). Nodes on which no layer depends, such as the sorting
//! of a classifier's answers, are left out; anything else that cannot be had is an error that names
//! all of it at once.
//!
//! A hostile file costs time and memory in proportion to its size.
//!
//! To take another operator: one line in `convert::CONVERSIONS`, and its rule beside it.

mod convert;
mod error;
mod external;
mod fold;
mod importer;
mod names;
mod order;
mod picture;

use std::path::Path;

pub use error::{ExternalError, OnnxImportError};

use crate::onnx::{self, Model, OPSET};

/// Operator sets that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// Reads the ONNX file at `path`, and the files of weights beside it that it names.
pub fn read(path: &Path) -> Result<Model, OnnxImportError> {
    let bytes = std::fs::read(path).map_err(|source| OnnxImportError::Io {
        path: path.to_owned(),
        source,
    })?;
    from_bytes(&bytes, path.parent().unwrap_or(Path::new("")))
}

/// Reads the ONNX file in `bytes`; files of weights that it names are looked for in `folder`.
pub fn from_bytes(bytes: &[u8], folder: &Path) -> Result<Model, OnnxImportError> {
    let mut files = external::Files::new(folder);
    let model = onnx::read_with(bytes, &mut |wanted| Ok(files.fetch(wanted)?))?;
    convert_model(model)
}

fn convert_model(mut model: Model) -> Result<Model, OnnxImportError> {
    if !OPSETS.contains(&model.opset) {
        return Err(OnnxImportError::Opset {
            found: model.opset,
            oldest: *OPSETS.start(),
            newest: *OPSETS.end(),
        });
    }
    order::sort(&mut model.graph)?;
    let origins = names::Origins::of(&model.graph);
    let picture = picture::find(&model.graph)?;
    let graph = importer::Importer::new(&mut model.graph, model.opset, &picture).run()?;
    Ok(Model {
        ir_version: 8,
        opset: OPSET,
        other_opsets: std::collections::BTreeMap::new(),
        producer: model.producer,
        doc: model.doc,
        metadata: model.metadata,
        graph: names::tidy(graph, &origins),
    })
}
