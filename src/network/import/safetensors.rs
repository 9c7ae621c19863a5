//! A safetensors file whose tensors bear VGG's layer names, to a forward graph.
//!
//! The family is read off the names: `convB_I.weight` `[out, in, k, k]` and `convB_I.bias` are a
//! convolution of stride 1 that keeps the size, each followed by a `ReLU` `reluB_I`, with a 2×2
//! max-pooling `poolB` between blocks. That covers VGG-16, VGG-19, what is left of them where a
//! file holds only the first layers, and networks built on the same plan.
//!
//! Elements may be f16, bf16 or f32; the graph has f32.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, SafeTensorError, TensorView};
use thiserror::Error;

use crate::onnx::{Builder, Constant, Dim, InferError, Model};

/// Why a file of weights is no network.
#[derive(Debug, Error)]
pub enum SafetensorsError {
    /// The header or the lengths are wrong.
    #[error("the file is cut or is not in the safetensors format")]
    Format(#[from] SafeTensorError),
    /// No tensor bears the name of a VGG convolution.
    #[error("no tensor is named `convB_I.weight`: the layers cannot be told from the names")]
    Family,
    /// A tensor of the wrong type.
    #[error("tensor `{tensor}` is of type {found}; f16, bf16 and f32 are read")]
    Type {
        /// Name of the tensor.
        tensor: String,
        /// Its type.
        found: String,
    },
    /// A tensor that does not fit the layer before it.
    #[error("tensor `{tensor}` has shape {shape:?}, but {expected}")]
    Shape {
        /// Name of the tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// What is needed.
        expected: String,
    },
    /// A convolution without its bias.
    #[error("tensor `{0}` is missing")]
    Missing(String),
    /// The layers do not fit together.
    #[error("put the layers together")]
    Graph(#[from] InferError),
}

/// Returns the forward graph of the weights in `bytes`, over an input of open size.
pub(in crate::network) fn safetensors(name: &str, bytes: &[u8]) -> Result<Model, SafetensorsError> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut layers: BTreeMap<(usize, usize), String> = BTreeMap::new();
    for tensor in file.names() {
        if let Some(place) = tensor.strip_suffix(".weight").and_then(place) {
            layers.insert(place, tensor.trim_end_matches(".weight").to_owned());
        }
    }
    if layers.is_empty() {
        return Err(SafetensorsError::Family);
    }
    // Any size that survives the poolings will do: the graph is stored with open extents.
    let size = 1
        << layers
            .keys()
            .last()
            .map_or(1, |&(block, _)| block.min(16) + 3);
    let mut graph = Builder::new(name);
    let mut value = graph.input("input", &[1, 3, size, size]);
    let mut channels = 3;
    let mut previous_block = layers.keys().next().map_or(0, |&(block, _)| block);
    for ((block, index), layer) in &layers {
        if *block != previous_block {
            value = pool(&mut graph, &value, previous_block)?;
            previous_block = *block;
        }
        value = convolution(&mut graph, &file, layer, &value, &mut channels)?;
        let relu = format!("relu{block}_{index}");
        graph.named_node("Relu", &[&value], &relu, [])?;
        value = relu;
    }
    graph.output(&value);
    let mut graph = graph.finish();
    open_size(&mut graph.inputs[0].shape);
    open_size(&mut graph.outputs[0].shape);
    Ok(Model::new(graph))
}

/// Returns block and index of a layer named `convB_I`.
fn place(layer: &str) -> Option<(usize, usize)> {
    let (block, index) = layer.strip_prefix("conv")?.split_once('_')?;
    Some((block.parse().ok()?, index.parse().ok()?))
}

fn pool(graph: &mut Builder, value: &str, block: usize) -> Result<String, InferError> {
    let name = format!("pool{block}");
    let attributes = [
        ("kernel_shape", vec![2, 2].into()),
        ("strides", vec![2, 2].into()),
    ];
    graph.named_node("MaxPool", &[value], &name, attributes)?;
    Ok(name)
}

fn convolution(
    graph: &mut Builder,
    file: &SafeTensors,
    layer: &str,
    value: &str,
    channels: &mut usize,
) -> Result<String, SafetensorsError> {
    let weight_name = format!("{layer}.weight");
    let bias_name = format!("{layer}.bias");
    let find = |name: &str| {
        file.tensor(name)
            .map_err(|_source| SafetensorsError::Missing(name.to_owned()))
    };
    let (weight, bias) = (find(&weight_name)?, find(&bias_name)?);
    let shape = weight.shape().to_vec();
    let wrong = |tensor: &str, shape: &[usize], expected: String| SafetensorsError::Shape {
        tensor: tensor.to_owned(),
        shape: shape.to_vec(),
        expected,
    };
    let &[out, inputs, kh, kw] = shape.as_slice() else {
        return Err(wrong(
            &weight_name,
            &shape,
            "a kernel has four axes".to_owned(),
        ));
    };
    if out == 0 || inputs != *channels || kh % 2 == 0 || kw % 2 == 0 {
        let expected = format!("a kernel of odd size over {channels} channels is needed");
        return Err(wrong(&weight_name, &shape, expected));
    }
    if bias.shape() != [out] {
        return Err(wrong(
            &bias_name,
            bias.shape(),
            format!("[{out}] is needed"),
        ));
    }
    graph.named_constant(&weight_name, constant(&weight_name, &weight)?);
    graph.named_constant(&bias_name, constant(&bias_name, &bias)?);
    let half = |k: usize| i64::try_from(k / 2).unwrap_or(0);
    let pads = vec![half(kh), half(kw), half(kh), half(kw)];
    graph.named_node(
        "Conv",
        &[value, &weight_name, &bias_name],
        layer,
        [("pads", pads.into())],
    )?;
    *channels = out;
    Ok(layer.to_owned())
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "every other type is refused by name"
)]
fn constant(name: &str, view: &TensorView) -> Result<Constant, SafetensorsError> {
    let data = view.data();
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => data
            .as_chunks()
            .0
            .iter()
            .map(|&chunk| f32::from_le_bytes(chunk))
            .collect(),
        Dtype::F16 => data
            .as_chunks()
            .0
            .iter()
            .map(|&chunk| half::f16::from_le_bytes(chunk).to_f32())
            .collect(),
        Dtype::BF16 => data
            .as_chunks()
            .0
            .iter()
            .map(|&chunk| half::bf16::from_le_bytes(chunk).to_f32())
            .collect(),
        other => {
            return Err(SafetensorsError::Type {
                tensor: name.to_owned(),
                found: format!("{other:?}"),
            });
        }
    };
    Constant::f32s(view.shape().to_vec(), values).ok_or_else(|| SafetensorsError::Shape {
        tensor: name.to_owned(),
        shape: view.shape().to_vec(),
        expected: "its data does not fill that".to_owned(),
    })
}

/// Leaves height and width to the caller.
fn open_size(shape: &mut [Dim]) {
    shape[2] = Dim::Named("height".to_owned());
    shape[3] = Dim::Named("width".to_owned());
}
