//! The weights of the layers that are imported, checked against the layers, read from the file.
//!
//! A layer's channels follow from its weights and from the layers before it; whatever disagrees is
//! an error that says what the description asks for and what the file holds. Nothing is read
//! before its shape was checked.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::Path;

use super::binary;
use super::error::{CaffeError, Origin};
use super::message::{Blob, Message};
use super::net::Layer;
use super::wire::Wire;
use crate::network::layer_list::{LayerOp, WindowSpec};
use crate::onnx::Constant;

/// Reads weights from a caffemodel.
pub(super) struct Weights<'a, R> {
    /// The file.
    pub(super) wire: Wire<R>,
    /// Its path, for messages.
    pub(super) path: &'a Path,
    /// Where the layers are described.
    pub(super) origin: Origin,
    /// Channels of the picture, as far as they are known.
    pub(super) picture: Option<usize>,
    /// What was read: by the name of the tensor.
    pub(super) tensors: BTreeMap<String, Constant>,
}

/// A layer, the name of its tensors, and its arrays in the file.
pub(super) struct Holder<'a> {
    /// The layer.
    pub(super) layer: &'a Layer<'a>,
    /// What stands before `.weight` and the others.
    pub(super) name: &'a str,
    /// Its arrays, in order.
    pub(super) blobs: Vec<&'a Blob>,
}

/// Whether an operation has weights.
pub(super) fn has_weights(op: &LayerOp) -> bool {
    matches!(
        op,
        LayerOp::Conv { .. }
            | LayerOp::Linear { .. }
            | LayerOp::BatchNorm { .. }
            | LayerOp::Scale
            | LayerOp::Prelu
    )
}

impl<R: Read + Seek> Weights<'_, R> {
    /// Reads the weights of a layer over layers of `read` channels, where those are known, and
    /// returns the channels it makes.
    pub(super) fn take(
        &mut self,
        holder: &Holder<'_>,
        op: &LayerOp,
        read: &[Option<usize>],
    ) -> Result<Option<usize>, CaffeError> {
        let channels = read.first().copied().flatten();
        match op {
            LayerOp::Conv {
                out,
                window,
                groups,
                bias,
            } => {
                let kinds = if *bias { "weight, bias" } else { "weight" };
                let blobs = self.arrays(holder, kinds)?;
                let shape = self.kernel(holder, (*out, *groups), window, channels)?;
                self.tensor(holder, blobs[0], "weight", shape)?;
                self.vector(holder, blobs.get(1), "bias", Some(*out))?;
                Ok(Some(*out))
            }
            LayerOp::Linear { out, bias } => {
                self.linear(holder, *out, *bias)?;
                Ok(Some(*out))
            }
            LayerOp::BatchNorm { .. } => self.batch_norm(holder, channels),
            LayerOp::Scale => {
                let has_bias = holder
                    .layer
                    .message
                    .message("scale_param")
                    .flag("bias_term", false);
                let kinds = if has_bias { "weight, bias" } else { "weight" };
                let blobs = self.arrays(holder, kinds)?;
                let channels = self.vector(holder, blobs.first(), "weight", channels)?;
                self.vector(holder, blobs.get(1), "bias", channels)?;
                Ok(channels)
            }
            LayerOp::Prelu => {
                let blobs = self.arrays(holder, "weight")?;
                let param = holder.layer.message.message("prelu_param");
                let is_shared = param.flag("channel_shared", false);
                let expected = if is_shared { Some(1) } else { channels };
                let found = self.vector(holder, blobs.first(), "weight", expected)?;
                Ok(if is_shared { channels } else { found })
            }
            LayerOp::Concat => Ok(read.iter().copied().sum()),
            LayerOp::Sum { .. } | LayerOp::Product | LayerOp::Maximum => self.joined(holder, read),
            LayerOp::MaxPool { .. }
            | LayerOp::AveragePool { .. }
            | LayerOp::GlobalAveragePool
            | LayerOp::Relu
            | LayerOp::LeakyRelu { .. }
            | LayerOp::Sigmoid
            | LayerOp::Tanh
            | LayerOp::Elu { .. }
            | LayerOp::LrnAcross { .. }
            | LayerOp::LrnWithin { .. }
            | LayerOp::Dropout { .. }
            | LayerOp::Softmax => Ok(channels),
        }
    }

    /// Returns the common channels of the layers that are joined.
    fn joined(
        &self,
        holder: &Holder<'_>,
        read: &[Option<usize>],
    ) -> Result<Option<usize>, CaffeError> {
        let channels: Vec<usize> = read.iter().copied().flatten().collect();
        if channels.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(CaffeError::Channels {
                origin: self.origin,
                layer: holder.layer.name.to_owned(),
                channels,
            });
        }
        Ok(channels.first().copied())
    }

    /// Returns the arrays of a layer, which are as many as `kinds` names.
    fn arrays<'a>(
        &self,
        holder: &Holder<'a>,
        kinds: &'static str,
    ) -> Result<Vec<&'a Blob>, CaffeError> {
        let expected = kinds.split(", ").count();
        if holder.blobs.len() == expected {
            return Ok(holder.blobs.clone());
        }
        Err(CaffeError::Arrays {
            origin: self.origin,
            layer: holder.layer.name.to_owned(),
            expected,
            kinds,
            found: holder.blobs.len(),
        })
    }

    /// Checks a convolution's kernel and returns its shape `[out, in / groups, h, w]`.
    fn kernel(
        &mut self,
        holder: &Holder<'_>,
        (out, groups): (usize, usize),
        window: &WindowSpec,
        channels: Option<usize>,
    ) -> Result<Vec<usize>, CaffeError> {
        let blob = holder.blobs[0];
        let shape = extents(blob);
        let [height, width] = window.kernel.0;
        let own = match shape.as_deref() {
            Some(&[_, own, _, _]) => own,
            _ => 0,
        };
        let needed = match channels {
            Some(channels) if channels % groups == 0 => Some(channels / groups),
            Some(_) => None,
            None => Some(own),
        };
        let expected = [out, needed.unwrap_or(0), height, width];
        if needed.is_some_and(|n| n > 0) && shape.as_deref() == Some(&expected) {
            self.picture = self.picture.or(own.checked_mul(groups));
            return Ok(expected.to_vec());
        }
        let reads = match channels {
            Some(channels) => format!("[{out}, {channels} / {groups}, {height}, {width}]"),
            None => format!("[{out}, …, {height}, {width}]"),
        };
        let expected = format!("{reads} (of {groups} groups)");
        Err(self.shape(holder, "weight", expected, blob))
    }

    fn linear(&mut self, holder: &Holder<'_>, out: usize, bias: bool) -> Result<(), CaffeError> {
        let kinds = if bias { "weight, bias" } else { "weight" };
        let blobs = self.arrays(holder, kinds)?;
        let param = holder.layer.message.message("inner_product_param");
        let is_transposed = param.flag("transpose", false);
        // The older generation writes 1 × 1 × out × in.
        let shape = extents(blobs[0]).map(|shape| match shape.as_slice() {
            [1, 1, rows, columns] => vec![*rows, *columns],
            other => other.to_vec(),
        });
        let sides = match shape.as_deref() {
            Some(&[rows, columns]) if is_transposed => Some((columns, rows)),
            Some(&[rows, columns]) => Some((rows, columns)),
            _ => None,
        };
        let Some((_, inputs)) = sides.filter(|(rows, inputs)| *rows == out && *inputs > 0) else {
            let expected = if is_transposed {
                format!("[…, {out}]")
            } else {
                format!("[{out}, …]")
            };
            return Err(self.shape(holder, "weight", expected, blobs[0]));
        };
        let mut values = self.values(holder, blobs[0], "weight", &[out, inputs])?;
        if is_transposed {
            values = (0..out * inputs)
                .map(|at| values[(at % inputs) * out + at / inputs])
                .collect();
        }
        self.insert(holder, "weight", vec![out, inputs], values);
        self.vector(holder, blobs.get(1), "bias", Some(out))?;
        Ok(())
    }

    /// Caffe stores sums of mean and variance, and the factor that they are to be divided by.
    fn batch_norm(
        &mut self,
        holder: &Holder<'_>,
        channels: Option<usize>,
    ) -> Result<Option<usize>, CaffeError> {
        let blobs = self.arrays(holder, "mean, variance, factor")?;
        let count = self.length(holder, blobs[0], "mean", channels)?;
        self.length(holder, blobs[1], "variance", Some(count))?;
        self.length(holder, blobs[2], "factor", Some(1))?;
        let factor = self.values(holder, blobs[2], "factor", &[1])?[0];
        let scale = if factor == 0.0 { 0.0 } else { 1.0 / factor };
        for (blob, kind) in [(blobs[0], "running_mean"), (blobs[1], "running_var")] {
            let mut values = self.values(holder, blob, kind, &[count])?;
            for value in &mut values {
                *value *= scale;
            }
            self.insert(holder, kind, vec![count], values);
        }
        Ok(Some(count))
    }

    /// Reads an array with one number a channel, if there is one, and returns how many.
    fn vector(
        &mut self,
        holder: &Holder<'_>,
        blob: Option<&&Blob>,
        kind: &'static str,
        count: Option<usize>,
    ) -> Result<Option<usize>, CaffeError> {
        let Some(&blob) = blob else {
            return Ok(count);
        };
        let count = self.length(holder, blob, kind, count)?;
        self.tensor(holder, blob, kind, vec![count])?;
        Ok(Some(count))
    }

    /// Checks that an array has one axis, or one beside axes of 1, and returns its length.
    fn length(
        &self,
        holder: &Holder<'_>,
        blob: &Blob,
        kind: &'static str,
        count: Option<usize>,
    ) -> Result<usize, CaffeError> {
        let long = extents(blob).map(|shape| {
            let long: Vec<usize> = shape.into_iter().filter(|&extent| extent != 1).collect();
            long
        });
        let found = match long.as_deref() {
            Some(&[]) => Some(1),
            Some(&[length]) => Some(length),
            _ => None,
        };
        match found {
            Some(found) if found > 0 && count.is_none_or(|count| count == found) => Ok(found),
            _ => {
                let expected = count.map_or("[…]".to_owned(), |count| format!("[{count}]"));
                Err(self.shape(holder, kind, expected, blob))
            }
        }
    }

    fn tensor(
        &mut self,
        holder: &Holder<'_>,
        blob: &Blob,
        kind: &'static str,
        shape: Vec<usize>,
    ) -> Result<(), CaffeError> {
        let values = self.values(holder, blob, kind, &shape)?;
        self.insert(holder, kind, shape, values);
        Ok(())
    }

    /// Returns the numbers of an array, which fill `needed`.
    fn values(
        &mut self,
        holder: &Holder<'_>,
        blob: &Blob,
        kind: &'static str,
        needed: &[usize],
    ) -> Result<Vec<f32>, CaffeError> {
        let wrong = |found| CaffeError::Count {
            layer: holder.layer.name.to_owned(),
            kind,
            shape: blob.shape.clone(),
            found,
        };
        let count = needed
            .iter()
            .try_fold(1_usize, |n, &extent| n.checked_mul(extent));
        if count.map(|count| count as u64) != Some(blob.count) {
            return Err(wrong(blob.count));
        }
        let values =
            binary::weights(&mut self.wire, blob).map_err(|source| CaffeError::Binary {
                path: self.path.to_owned(),
                source,
            })?;
        // The file may have changed since it was walked over.
        if Some(values.len()) != count {
            return Err(wrong(values.len() as u64));
        }
        Ok(values)
    }

    fn insert(&mut self, holder: &Holder<'_>, kind: &str, shape: Vec<usize>, values: Vec<f32>) {
        let tensor = Constant::f32s(shape, values).expect("the numbers were counted");
        self.tensors
            .insert(format!("{}.{kind}", holder.name), tensor);
    }

    fn shape(
        &self,
        holder: &Holder<'_>,
        kind: &'static str,
        expected: String,
        blob: &Blob,
    ) -> CaffeError {
        CaffeError::Shape {
            origin: self.origin,
            layer: holder.layer.name.to_owned(),
            kind,
            expected,
            found: blob.shape.clone(),
        }
    }
}

/// Returns the extents of an array; `None` where one is negative. Without extents it is a list.
fn extents(blob: &Blob) -> Option<Vec<usize>> {
    if blob.shape.is_empty() {
        return usize::try_from(blob.count).ok().map(|count| vec![count]);
    }
    blob.shape
        .iter()
        .map(|&extent| usize::try_from(extent).ok())
        .collect()
}

/// Returns the arrays of every layer of a caffemodel that has some, by the layer's name, in order.
pub(super) fn held(model: &Message) -> BTreeMap<&str, Vec<Vec<&Blob>>> {
    let mut held: BTreeMap<&str, Vec<Vec<&Blob>>> = BTreeMap::new();
    for layer in model.messages("layer").chain(model.messages("layers")) {
        let blobs: Vec<&Blob> = layer.blobs("blobs").collect();
        if !blobs.is_empty() {
            held.entry(layer.text("name").unwrap_or_default())
                .or_default()
                .push(blobs);
        }
    }
    held
}
