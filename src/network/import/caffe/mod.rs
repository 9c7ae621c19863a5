//! A Caffe network (`.caffemodel`, with or without its `.prototxt`), to a list of layers and their
//! weights.
//!
//! Both generations of the format are read, the older `layers` and the newer `layer`. The file is
//! never held as a whole: its description is taken in one walk, the weights of the layers that are
//! wanted in a second. Whether a network makes sense as a graph is not decided here.
//!
//! A layer type is added in `op` (what it computes), `schema` (its fields) and, where it has weights,
//! `weights`.

mod binary;
mod error;
mod lexer;
mod message;
mod names;
mod net;
mod op;
mod plan;
mod schema;
mod text;
mod weights;
mod wire;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

pub use self::error::{BottomReason, CaffeError, Origin, UnsupportedLayer};
pub use self::lexer::{TextError, TextProblem};
use self::message::{Blob, Message};
use self::net::Net;
use self::plan::{Kept, Plan};
use self::weights::{Holder, Weights};
pub use self::wire::WireError;
use crate::network::layer_list::{INPUT, LayerList, LayerSpec};
use crate::onnx::Constant;

/// How a Caffe network is imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaffeOptions {
    /// The description of the layers; that in the caffemodel itself where there is none.
    pub prototxt: Option<PathBuf>,
    /// Keeps fully connected layers, softmax, and what follows them.
    pub classifier: bool,
}

/// A Caffe network.
#[derive(Debug, Clone, PartialEq)]
pub struct CaffeNetwork {
    /// Its name in the file; may be empty.
    pub name: String,
    /// Its layers, under their own names.
    pub layers: LayerList,
    /// Its weights, f32: `LAYER.weight`, `LAYER.bias`, `LAYER.running_mean`, `LAYER.running_var`.
    pub weights: BTreeMap<String, Constant>,
    /// What it says about the picture.
    pub input: CaffeInput,
    /// What a person should know: what was left out, renamed or not said.
    pub notes: Vec<String>,
}

/// What a Caffe network says about its picture (as a rule BGR, 0–255).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CaffeInput {
    /// Channels.
    pub channels: Option<usize>,
    /// Height and width that it was trained with.
    pub size: Option<[usize; 2]>,
    /// Mean that is subtracted: one number a channel, or one for all; empty where it is not said.
    pub mean: Vec<f32>,
    /// File that holds a mean picture instead.
    pub mean_file: Option<String>,
    /// Factor after the mean was subtracted.
    pub scale: Option<f32>,
}

/// Most bytes of a prototxt: those of networks with hundreds of layers have less than one million.
const MOST_PROTOTXT: u64 = 4 << 20;

/// Reads the Caffe network at `path`.
pub fn read(path: &Path, options: &CaffeOptions) -> Result<CaffeNetwork, CaffeError> {
    let io = |source| CaffeError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut wire = wire::Wire::new(file, length);
    let model = binary::network(&mut wire).map_err(|source| CaffeError::Binary {
        path: path.to_owned(),
        source,
    })?;
    let own = Net::new(&model, Origin::Caffemodel)?;
    let Some(prototxt) = &options.prototxt else {
        return import(&own, &model, wire, path, options);
    };
    let description = describe(prototxt)?;
    let mut net = Net::new(&description, Origin::Prototxt)?;
    net.input.fill(own.input);
    if net.name.is_empty() {
        net.name = own.name;
    }
    import(&net, &model, wire, path, options)
}

/// Reads a prototxt.
fn describe(path: &Path) -> Result<Message, CaffeError> {
    let io = |source| CaffeError::Io {
        path: path.to_owned(),
        source,
    };
    let size = fs::metadata(path).map_err(io)?.len();
    if size > MOST_PROTOTXT {
        return Err(CaffeError::PrototxtSize {
            path: path.to_owned(),
            size,
            most: MOST_PROTOTXT,
        });
    }
    let bytes = fs::read(path).map_err(io)?;
    text::network(&String::from_utf8_lossy(&bytes)).map_err(|source| CaffeError::Prototxt {
        path: path.to_owned(),
        source,
    })
}

/// Takes the layers of `net` and their weights from `model`, whose numbers lie in `wire`.
fn import<R: Read + Seek>(
    net: &Net<'_>,
    model: &Message,
    wire: wire::Wire<R>,
    path: &Path,
    options: &CaffeOptions,
) -> Result<CaffeNetwork, CaffeError> {
    let Plan {
        kept,
        channels,
        mut notes,
    } = plan::plan(net, options.classifier)?;
    let names = names::unique(
        kept.iter().map(|kept| (kept.layer.name, kept.layer.kind)),
        &mut notes,
    );
    let mut held = weights::held(model);
    let arrays = arrays(net, &kept, &mut held)?;
    if net.origin == Origin::Prototxt {
        notes.extend(unused(net, &held));
    }
    let mut weights = Weights {
        wire,
        path,
        origin: net.origin,
        picture: channels,
        tensors: BTreeMap::new(),
    };
    let mut made: Vec<Option<usize>> = Vec::with_capacity(kept.len());
    for ((kept, name), blobs) in kept.iter().zip(&names).zip(arrays) {
        let layer = kept.layer;
        let holder = Holder { layer, name, blobs };
        let read: Vec<Option<usize>> = kept
            .from
            .iter()
            .map(|from| from.map_or(weights.picture, |index| made[index]))
            .collect();
        made.push(weights.take(&holder, &kept.op, &read)?);
    }
    let mut input = net.input.clone();
    input.channels = weights.picture.or(input.channels);
    if let (Some(file), true) = (&input.mean_file, input.mean.is_empty()) {
        notes.push(format!(
            "the mean is a picture, `{file}`, that is not in the file: the mean colour has to be given"
        ));
    }
    Ok(CaffeNetwork {
        name: net.name.to_owned(),
        layers: list(kept, &names),
        weights: weights.tensors,
        input,
        notes,
    })
}

/// Returns the arrays of each kept layer: its own where the file describes itself, else those of
/// the layer of that name.
fn arrays<'a>(
    net: &Net<'a>,
    kept: &[Kept<'a>],
    held: &mut BTreeMap<&'a str, Vec<Vec<&'a Blob>>>,
) -> Result<Vec<Vec<&'a Blob>>, CaffeError> {
    let mut present: Option<Vec<String>> = None;
    let mut arrays = Vec::with_capacity(kept.len());
    for layer in kept {
        let name = layer.layer.name;
        if !weights::has_weights(&layer.op) {
            arrays.push(Vec::new());
            continue;
        }
        if net.origin == Origin::Caffemodel {
            arrays.push(layer.layer.message.blobs("blobs").collect());
            continue;
        }
        let present = present.get_or_insert_with(|| held.keys().map(|&k| k.to_owned()).collect());
        match held.get_mut(name) {
            // Layers of one name share their order.
            Some(of_name) if !of_name.is_empty() => arrays.push(of_name.remove(0)),
            _ => {
                return Err(CaffeError::NoWeights {
                    origin: net.origin,
                    layer: name.to_owned(),
                    present: present.clone(),
                });
            }
        }
    }
    Ok(arrays)
}

/// Returns a note on the layers of the caffemodel whose weights the prototxt has no use for.
fn unused(net: &Net<'_>, held: &BTreeMap<&str, Vec<Vec<&Blob>>>) -> Option<String> {
    let described: std::collections::BTreeSet<&str> =
        net.layers.iter().map(|layer| layer.name).collect();
    let unused: Vec<&str> = held
        .iter()
        .filter(|(name, blobs)| !blobs.is_empty() && !described.contains(*name))
        .map(|(name, _)| *name)
        .collect();
    (!unused.is_empty()).then(|| {
        format!(
            "the caffemodel has weights for layers that the prototxt does not have: {}",
            unused.join(", ")
        )
    })
}

/// Returns the layers under their names, each saying what it reads unless that is the one before.
fn list(kept: Vec<Kept<'_>>, names: &[String]) -> LayerList {
    let layers = kept
        .into_iter()
        .enumerate()
        .map(|(index, kept)| {
            let is_next = kept.from == [index.checked_sub(1)];
            let from = kept.from.iter().map(|from| match from {
                Some(read) => names[*read].clone(),
                None => INPUT.to_owned(),
            });
            LayerSpec {
                name: names[index].clone(),
                from: if is_next { Vec::new() } else { from.collect() },
                tensors: String::new(),
                op: kept.op,
            }
        })
        .collect();
    LayerList { layers }
}
