//! Protobuf bytes to a model, refusing what cannot be represented.
//!
//! `Constant` nodes become initializers, and inputs that only repeat an initializer (the habit of
//! IR version 3) are dropped, so that a [`Graph`] has one form. Lengths are checked against the
//! bytes that are there before anything is allocated for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prost::Message;
use thiserror::Error;

use super::model::{Attribute, Constant, Data, Dim, ElementType, Graph, Model, Node, ValueInfo};
use super::proto::{self, attribute_type, data_type};

/// Why bytes are not a model that Pentimento can hold.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The bytes are not the protobuf of a model.
    #[error("decode the bytes as an ONNX model")]
    Protobuf(#[source] prost::DecodeError),
    /// A part without which there is no model.
    #[error("the file has no {0}: it is not an ONNX model, or it is cut")]
    Missing(&'static str),
    /// An element type outside the list.
    #[error(
        "{subject} has element type {code}, which is not supported (f32, f64, f16, bf16, i64, i32, u8 and bool are)"
    )]
    ElementType {
        /// What has the type.
        subject: String,
        /// Number of the type in the format.
        code: i32,
    },
    /// A constant whose bytes do not fit its shape.
    #[error("constant `{name}` of shape {dims:?} does not fit its data ({found} elements)")]
    Length {
        /// Name of the constant.
        name: String,
        /// Its shape as written.
        dims: Vec<i64>,
        /// Number of elements found.
        found: usize,
    },
    /// A constant whose elements lie in another file.
    #[error("constant `{0}` keeps its data in another file, which is not read here")]
    External(String),
    /// A constant whose elements lie in another file, and cannot be had from there.
    #[error("fetch the data of constant `{name}` from another file")]
    Fetch {
        /// Name of the constant.
        name: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Attributes of a kind outside the list (a subgraph, a sparse tensor), all of them at once.
    #[error("attributes of a kind that is not supported: {}", .0.join(", "))]
    AttributeKind(Vec<String>),
    /// A text that is not UTF-8.
    #[error("attribute `{attribute}` of node {node} is not UTF-8")]
    Text {
        /// Label of the node.
        node: String,
        /// Name of the attribute.
        attribute: String,
    },
}

/// Where the elements of a constant lie, outside the file of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Path of the file as the model states it: to be taken from the model's own folder.
    pub location: String,
    /// Offset of the first byte.
    pub offset: u64,
    /// Number of bytes: as many as the constant's shape and type need.
    pub length: u64,
}

/// Gives the bytes that a constant keeps in another file.
type Fetch<'a> =
    dyn FnMut(&External) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> + 'a;

/// Returns the model in `bytes`, which must hold the data of all its constants.
pub fn read(bytes: &[u8]) -> Result<Model, ReadError> {
    read_from(bytes, None)
}

/// Returns the model in `bytes`; `fetch` gives the data that its constants keep in other files.
pub fn read_with(bytes: &[u8], fetch: &mut Fetch) -> Result<Model, ReadError> {
    read_from(bytes, Some(fetch))
}

fn read_from(bytes: &[u8], fetch: Option<&mut Fetch>) -> Result<Model, ReadError> {
    let model = proto::ModelProto::decode(bytes).map_err(ReadError::Protobuf)?;
    let mut opset = None;
    let mut other_opsets = BTreeMap::new();
    for import in model.opset_import {
        let version = import.version.unwrap_or_default();
        match import.domain.as_deref() {
            None | Some("" | "ai.onnx") => opset = Some(version),
            Some(domain) => {
                other_opsets.insert(domain.to_owned(), version);
            }
        }
    }
    Ok(Model {
        ir_version: model.ir_version.unwrap_or_default(),
        opset: opset.ok_or(ReadError::Missing("operator set"))?,
        other_opsets,
        producer: model.producer_name.unwrap_or_default(),
        doc: model.doc_string.unwrap_or_default(),
        metadata: model
            .metadata_props
            .into_iter()
            .map(|pair| (pair.key.unwrap_or_default(), pair.value.unwrap_or_default()))
            .collect(),
        graph: graph(model.graph.ok_or(ReadError::Missing("graph"))?, fetch)?,
    })
}

fn graph(graph: proto::GraphProto, mut fetch: Option<&mut Fetch>) -> Result<Graph, ReadError> {
    let mut initializers = BTreeMap::new();
    for mut tensor in graph.initializer {
        let name = tensor.name.clone().unwrap_or_default();
        if let Some(fetch) = fetch.as_mut()
            && tensor.data_location == Some(1)
        {
            fetch_data(&name, &mut tensor, *fetch)?;
        }
        initializers.insert(name.clone(), constant(&name, tensor)?);
    }
    let unsupported: Vec<String> = graph.node.iter().flat_map(unsupported_attributes).collect();
    if !unsupported.is_empty() {
        return Err(ReadError::AttributeKind(unsupported));
    }
    let mut nodes = Vec::with_capacity(graph.node.len());
    for raw in graph.node {
        let mut node = node(raw)?;
        if node.op == "Constant"
            && node.domain.is_empty()
            && let Some(value) = constant_node(&node)
        {
            initializers.insert(node.outputs.swap_remove(0), value);
        } else {
            nodes.push(node);
        }
    }
    let constants: BTreeSet<&String> = initializers.keys().collect();
    let mut inputs = Vec::new();
    for raw in graph.input {
        let info = value_info(raw)?;
        if !constants.contains(&info.name) {
            inputs.push(info);
        }
    }
    let outputs = graph
        .output
        .into_iter()
        .map(value_info)
        .collect::<Result<_, _>>()?;
    Ok(Graph {
        name: graph.name.unwrap_or_default(),
        nodes,
        inputs,
        outputs,
        initializers,
    })
}

/// Puts the bytes of an external constant where those of an internal one are.
fn fetch_data(
    name: &str,
    raw: &mut proto::TensorProto,
    fetch: &mut Fetch,
) -> Result<(), ReadError> {
    let code = raw.data_type.unwrap_or_default();
    let width = match element(name, code)? {
        ElementType::F64 | ElementType::I64 => 8,
        ElementType::F32 | ElementType::I32 => 4,
        ElementType::F16 | ElementType::Bf16 => 2,
        ElementType::U8 | ElementType::Bool => 1,
    };
    let entry = |key: &str| {
        raw.external_data
            .iter()
            .find(|entry| entry.key.as_deref() == Some(key))
            .and_then(|entry| entry.value.clone())
    };
    let length = raw.dims.iter().try_fold(width, |bytes: u64, &d| {
        bytes.checked_mul(u64::try_from(d).ok()?)
    });
    let stated = entry("length").and_then(|length| length.parse::<u64>().ok());
    let external = length
        .filter(|&length| stated.is_none_or(|stated| stated == length))
        .map(|length| External {
            location: entry("location").unwrap_or_default(),
            offset: entry("offset").and_then(|v| v.parse().ok()).unwrap_or(0),
            length,
        });
    let Some(external) = external else {
        return Err(ReadError::Length {
            name: name.to_owned(),
            dims: raw.dims.clone(),
            found: usize::try_from(stated.unwrap_or(0) / width).unwrap_or(usize::MAX),
        });
    };
    let bytes = fetch(&external).map_err(|source| ReadError::Fetch {
        name: name.to_owned(),
        source,
    })?;
    raw.raw_data = Some(bytes);
    raw.data_location = None;
    Ok(())
}

/// Names the attributes of a node that cannot be held.
fn unsupported_attributes(raw: &proto::NodeProto) -> Vec<String> {
    let node = Node {
        name: raw.name.clone().unwrap_or_default(),
        op: raw.op_type.clone().unwrap_or_default(),
        outputs: raw.output.clone(),
        ..Node::default()
    };
    raw.attribute
        .iter()
        .filter_map(|attribute| {
            let kind = match attribute.r#type.unwrap_or_default() {
                attribute_type::FLOAT
                | attribute_type::INT
                | attribute_type::STRING
                | attribute_type::TENSOR
                | attribute_type::FLOATS
                | attribute_type::INTS
                | attribute_type::STRINGS => return None,
                attribute_type::GRAPH | attribute_type::GRAPHS => "a subgraph".to_owned(),
                kind => format!("kind {kind}"),
            };
            let name = attribute.name.as_deref().unwrap_or_default();
            Some(format!("`{name}` of node {} ({kind})", node.label()))
        })
        .collect()
}

/// Returns the value of a `Constant` node, whichever of its attributes carries it.
fn constant_node(node: &Node) -> Option<Constant> {
    if node.outputs.len() != 1 {
        return None;
    }
    match node.attributes.first_key_value()?.1 {
        Attribute::Tensor(constant) => Some(constant.clone()),
        Attribute::Int(i) => Constant::new(Vec::new(), Data::I64(Arc::new(vec![*i]))),
        Attribute::Ints(ints) => Some(Constant::i64s(ints.clone())),
        Attribute::Float(f) => Some(Constant::scalar(*f)),
        Attribute::Floats(floats) => Constant::f32s(vec![floats.len()], floats.clone()),
        Attribute::Text(_) | Attribute::Texts(_) => None,
    }
}

fn node(raw: proto::NodeProto) -> Result<Node, ReadError> {
    let mut node = Node {
        name: raw.name.unwrap_or_default(),
        op: raw.op_type.unwrap_or_default(),
        domain: raw
            .domain
            .filter(|domain| domain != "ai.onnx")
            .unwrap_or_default(),
        inputs: raw.input,
        outputs: raw.output,
        ..Node::default()
    };
    for attribute in raw.attribute {
        let name = attribute.name.clone().unwrap_or_default();
        let value = self::attribute(&node, &name, attribute)?;
        node.attributes.insert(name, value);
    }
    Ok(node)
}

fn attribute(node: &Node, name: &str, raw: proto::AttributeProto) -> Result<Attribute, ReadError> {
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_source| ReadError::Text {
            node: node.label(),
            attribute: name.to_owned(),
        })
    };
    let kind = raw.r#type.unwrap_or_default();
    Ok(match kind {
        attribute_type::FLOAT => Attribute::Float(raw.f.unwrap_or_default()),
        attribute_type::INT => Attribute::Int(raw.i.unwrap_or_default()),
        attribute_type::STRING => Attribute::Text(text(raw.s.unwrap_or_default())?),
        attribute_type::FLOATS => Attribute::Floats(raw.floats),
        attribute_type::INTS => Attribute::Ints(raw.ints),
        attribute_type::STRINGS => Attribute::Texts(
            raw.strings
                .into_iter()
                .map(text)
                .collect::<Result<_, _>>()?,
        ),
        attribute_type::TENSOR => {
            let tensor = raw
                .t
                .ok_or(ReadError::Missing("value of a tensor attribute"))?;
            Attribute::Tensor(constant(&format!("{}.{name}", node.label()), tensor)?)
        }
        _ => {
            let what = format!("`{name}` of node {} (kind {kind})", node.label());
            return Err(ReadError::AttributeKind(vec![what]));
        }
    })
}

fn constant(name: &str, raw: proto::TensorProto) -> Result<Constant, ReadError> {
    if raw.data_location == Some(1) {
        return Err(ReadError::External(name.to_owned()));
    }
    let dims = raw.dims.clone();
    let data = data(name, raw)?;
    let found = data.len();
    let shape = dims
        .iter()
        .map(|&d| usize::try_from(d).ok())
        .collect::<Option<Vec<_>>>();
    shape
        .and_then(|shape| Constant::new(shape, data))
        .ok_or_else(|| ReadError::Length {
            name: name.to_owned(),
            dims,
            found,
        })
}

fn data(name: &str, raw: proto::TensorProto) -> Result<Data, ReadError> {
    let bytes = raw.raw_data.as_deref();
    let halves = || raw.int32_data.iter().map(|&v| low_bits(v));
    let code = raw.data_type.unwrap_or_default();
    Ok(match element(name, code)? {
        ElementType::F32 => Data::F32(Arc::new(match bytes {
            Some(bytes) => words(bytes, f32::from_le_bytes),
            None => raw.float_data,
        })),
        ElementType::F64 => Data::F64(Arc::new(match bytes {
            Some(bytes) => words(bytes, f64::from_le_bytes),
            None => raw.double_data,
        })),
        ElementType::I64 => Data::I64(Arc::new(match bytes {
            Some(bytes) => words(bytes, i64::from_le_bytes),
            None => raw.int64_data,
        })),
        ElementType::I32 => Data::I32(Arc::new(match bytes {
            Some(bytes) => words(bytes, i32::from_le_bytes),
            None => raw.int32_data,
        })),
        ElementType::F16 => Data::F16(Arc::new(match bytes {
            Some(bytes) => words(bytes, half::f16::from_le_bytes),
            None => halves().map(half::f16::from_bits).collect(),
        })),
        ElementType::Bf16 => Data::Bf16(Arc::new(match bytes {
            Some(bytes) => words(bytes, half::bf16::from_le_bytes),
            None => halves().map(half::bf16::from_bits).collect(),
        })),
        ElementType::U8 => Data::U8(Arc::new(match bytes {
            Some(bytes) => bytes.to_vec(),
            None => halves().map(|bits| bits.to_le_bytes()[0]).collect(),
        })),
        ElementType::Bool => Data::Bool(Arc::new(match bytes {
            Some(bytes) => bytes.iter().map(|&b| b != 0).collect(),
            None => raw.int32_data.iter().map(|&v| v != 0).collect(),
        })),
    })
}

/// Returns the low 16 bits, the way the format packs small elements into `int32_data`.
fn low_bits(v: i32) -> u16 {
    let [a, b, ..] = v.to_le_bytes();
    u16::from_le_bytes([a, b])
}

/// Returns the whole words in `bytes`; a cut last word shows as a count that fits no shape.
fn words<const N: usize, T>(bytes: &[u8], from: fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    if rest.is_empty() {
        chunks.iter().map(|&chunk| from(chunk)).collect()
    } else {
        Vec::new()
    }
}

fn value_info(raw: proto::ValueInfoProto) -> Result<ValueInfo, ReadError> {
    let name = raw.name.unwrap_or_default();
    let tensor = raw
        .r#type
        .and_then(|kind| kind.tensor_type)
        .ok_or(ReadError::Missing("tensor type of an input or output"))?;
    let element = element(&name, tensor.elem_type.unwrap_or_default())?;
    let shape = tensor
        .shape
        .map(|shape| shape.dim.into_iter().map(dim).collect())
        .unwrap_or_default();
    Ok(ValueInfo {
        name,
        element,
        shape,
    })
}

fn dim(raw: proto::DimensionProto) -> Dim {
    match (raw.dim_value.map(usize::try_from), raw.dim_param) {
        (Some(Ok(extent)), _) => Dim::Fixed(extent),
        (_, Some(name)) if !name.is_empty() => Dim::Named(name),
        _ => Dim::Unknown,
    }
}

fn element(subject: &str, code: i32) -> Result<ElementType, ReadError> {
    Ok(match code {
        data_type::FLOAT => ElementType::F32,
        data_type::DOUBLE => ElementType::F64,
        data_type::FLOAT16 => ElementType::F16,
        data_type::BFLOAT16 => ElementType::Bf16,
        data_type::INT64 => ElementType::I64,
        data_type::INT32 => ElementType::I32,
        data_type::UINT8 => ElementType::U8,
        data_type::BOOL => ElementType::Bool,
        _ => {
            return Err(ReadError::ElementType {
                subject: format!("`{subject}`"),
                code,
            });
        }
    })
}
