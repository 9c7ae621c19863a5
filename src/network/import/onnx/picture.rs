//! The input that holds the picture.

use std::collections::BTreeSet;

use super::OnnxImportError;
use crate::onnx::{Dim, ElementType, Graph, ValueInfo};

/// The input, and the sizes at which extents are tried out.
pub(super) struct Picture {
    /// Name of the input.
    pub(super) name: String,
    /// Its shape as the file states it, batch of 1 and three channels filled in.
    pub(super) shape: Vec<Dim>,
    /// Shapes to try: one where the file fixes the size, else two that differ in both sides, so that
    /// what is the same for both does not depend on the size.
    pub(super) trials: Vec<[usize; 4]>,
}

/// Two heights and two widths, large enough for any network and divisible by any usual stride.
const TRIALS: [[usize; 2]; 2] = [[1024, 1152], [1408, 1664]];

/// The largest side that a file may fix.
const LARGEST_SIDE: usize = 1 << 16;

/// Returns the one input of `graph` that is read, which must be able to hold a picture.
pub(super) fn find(graph: &Graph) -> Result<Picture, OnnxImportError> {
    let nodes = graph.nodes.iter();
    let read: BTreeSet<&String> = nodes.flat_map(|node| &node.inputs).collect();
    let inputs = graph.inputs.iter();
    let inputs: Vec<&ValueInfo> = inputs.filter(|info| read.contains(&info.name)).collect();
    let &[info] = inputs.as_slice() else {
        let named = |info: &&ValueInfo| format!("`{}` {}", info.name, shown(&info.shape));
        return Err(OnnxImportError::Inputs(inputs.iter().map(named).collect()));
    };
    let refuse = |reason: String| OnnxImportError::Picture {
        name: info.name.clone(),
        shape: shown(&info.shape),
        reason,
    };
    match info.element {
        ElementType::F32 | ElementType::F64 | ElementType::F16 | ElementType::Bf16 => {}
        ElementType::I64 | ElementType::I32 | ElementType::U8 | ElementType::Bool => {
            return Err(refuse("its elements are no floats".to_owned()));
        }
    }
    let [batch, channels, sides @ ..] = info.shape.as_slice() else {
        return Err(refuse(axes()));
    };
    if sides.len() != 2 {
        return Err(refuse(axes()));
    }
    if let Dim::Fixed(n) = batch
        && *n != 1
    {
        let reason = format!("it is a batch of {n}; export the network with a batch of 1");
        return Err(refuse(reason));
    }
    match channels {
        Dim::Fixed(3) | Dim::Named(_) | Dim::Unknown => {}
        Dim::Fixed(_) if sides[1] == Dim::Fixed(3) => {
            let reason = "its channels are the last axis; export the network with channels first";
            return Err(refuse(reason.to_owned()));
        }
        Dim::Fixed(n) => return Err(refuse(format!("it has {n} channels, a picture has 3"))),
    }
    if matches!(channels, Dim::Named(_) | Dim::Unknown) && sides[1] == Dim::Fixed(3) {
        let reason = "its channels are the last axis; export the network with channels first";
        return Err(refuse(reason.to_owned()));
    }
    let fixed = |dim: &Dim| match dim {
        Dim::Fixed(extent) => Some(*extent),
        Dim::Named(_) | Dim::Unknown => None,
    };
    let sides = [fixed(&sides[0]), fixed(&sides[1])];
    let fits = |side: &usize| (1..=LARGEST_SIDE).contains(side);
    if !sides.iter().flatten().all(fits) {
        return Err(refuse(format!("a side is from 1 to {LARGEST_SIDE}")));
    }
    let mut trials = TRIALS.map(|[h, w]| [1, 3, sides[0].unwrap_or(h), sides[1].unwrap_or(w)]);
    let trials = if trials[0] == trials[1] {
        vec![trials[0]]
    } else {
        trials.sort_unstable();
        trials.to_vec()
    };
    let open = |side: Option<usize>, name: &str| side.map_or(Dim::Named(name.into()), Dim::Fixed);
    Ok(Picture {
        name: info.name.clone(),
        shape: vec![
            Dim::Fixed(1),
            Dim::Fixed(3),
            open(sides[0], "height"),
            open(sides[1], "width"),
        ],
        trials,
    })
}

fn axes() -> String {
    "a picture has four axes: 1, channels, height, width".to_owned()
}

/// Returns a shape as people write it.
fn shown(shape: &[Dim]) -> String {
    let extents: Vec<String> = shape
        .iter()
        .map(|dim| match dim {
            Dim::Fixed(extent) => extent.to_string(),
            Dim::Named(name) => name.clone(),
            Dim::Unknown => "?".to_owned(),
        })
        .collect();
    format!("[{}]", extents.join(", "))
}
