//! The data types of a model: what a file holds, with nothing derived.
//!
//! Constants share their storage ([`std::sync::Arc`]), so that cloning a graph for another stage
//! does not copy a network's weights.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Version of the standard operator set in which Pentimento writes its own graphs.
///
/// 17 is the last whose `Resize` ONNX Runtime keeps in its blocked layout; every version that
/// Pentimento accepts runs it.
pub const OPSET: i64 = 17;

/// A whole model: a graph and the operator set that its nodes are written in.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Version of the file format.
    pub ir_version: i64,
    /// Version of the standard operator set (domain "" or "ai.onnx").
    pub opset: i64,
    /// Other operator sets the file names, by domain.
    pub other_opsets: BTreeMap<String, i64>,
    /// Name of the program that wrote the file.
    pub producer: String,
    /// What the model is, in words.
    pub doc: String,
    /// Free text pairs.
    pub metadata: BTreeMap<String, String>,
    /// The one graph.
    pub graph: Graph,
}

impl Model {
    /// Wraps a graph of Pentimento's own making ([`OPSET`]).
    pub fn new(graph: Graph) -> Self {
        Self {
            ir_version: 8,
            opset: OPSET,
            other_opsets: BTreeMap::new(),
            producer: "pentimento".to_owned(),
            doc: String::new(),
            metadata: BTreeMap::new(),
            graph,
        }
    }
}

/// Nodes in an order in which values are produced before they are used.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// Name of the graph.
    pub name: String,
    /// The nodes, in topological order.
    pub nodes: Vec<Node>,
    /// What the caller feeds; initializers are never repeated here.
    pub inputs: Vec<ValueInfo>,
    /// What the caller gets.
    pub outputs: Vec<ValueInfo>,
    /// Constants by the name of the value.
    pub initializers: BTreeMap<String, Constant>,
}

impl Graph {
    /// Returns the position of the node that produces each value.
    pub fn producers(&self) -> BTreeMap<&str, usize> {
        let mut producers = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for output in node.outputs.iter().filter(|name| !name.is_empty()) {
                producers.insert(output.as_str(), index);
            }
        }
        producers
    }
}

/// Attributes of a node by name.
pub type Attributes = BTreeMap<String, Attribute>;

/// One operation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// Name, unique within the graph where Pentimento wrote it; may be empty in a foreign file.
    pub name: String,
    /// Operator, for example `Conv`.
    pub op: String,
    /// Domain of the operator; empty for the standard one.
    pub domain: String,
    /// Names of the values read; an empty name is an input left out.
    pub inputs: Vec<String>,
    /// Names of the values produced; an empty name is an output left out.
    pub outputs: Vec<String>,
    /// Attributes that were written; an absent one has the operator's default.
    pub attributes: Attributes,
}

impl Node {
    /// Returns the name of input `i`, or `None` where it is left out.
    pub fn input(&self, i: usize) -> Option<&str> {
        self.inputs
            .get(i)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    /// Returns the integer attribute `name`, or `default` where it is absent.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        match self.attributes.get(name) {
            Some(Attribute::Int(value)) => *value,
            _ => default,
        }
    }

    /// Returns the number attribute `name`, or `default` where it is absent.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        match self.attributes.get(name) {
            Some(Attribute::Float(value)) => *value,
            _ => default,
        }
    }

    /// Returns the list attribute `name`, or `None` where it is absent.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attributes.get(name) {
            Some(Attribute::Ints(values)) => Some(values),
            _ => None,
        }
    }

    /// Returns the text attribute `name`, or `default` where it is absent.
    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        match self.attributes.get(name) {
            Some(Attribute::Text(value)) => value,
            _ => default,
        }
    }

    /// Returns how a message names the node: its name and operator.
    pub fn label(&self) -> String {
        if self.name.is_empty() {
            let output = self.outputs.first().map_or("", String::as_str);
            format!("{} (producing `{output}`)", self.op)
        } else {
            format!("{} `{}`", self.op, self.name)
        }
    }
}

/// Value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f32),
    /// A text.
    Text(String),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// Numbers.
    Floats(Vec<f32>),
    /// Texts.
    Texts(Vec<String>),
    /// A constant.
    Tensor(Constant),
}

impl From<i64> for Attribute {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f32> for Attribute {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Attribute {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<Vec<i64>> for Attribute {
    fn from(value: Vec<i64>) -> Self {
        Self::Ints(value)
    }
}

/// Element types that Pentimento's graphs can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 16-bit float (IEEE).
    F16,
    /// 16-bit float (brain).
    Bf16,
    /// 64-bit signed whole number.
    I64,
    /// 32-bit signed whole number.
    I32,
    /// 8-bit unsigned whole number.
    U8,
    /// Truth value.
    Bool,
}

/// Elements of a constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// 32-bit floats.
    F32(Arc<Vec<f32>>),
    /// 64-bit floats.
    F64(Arc<Vec<f64>>),
    /// IEEE half floats.
    F16(Arc<Vec<half::f16>>),
    /// Brain half floats.
    Bf16(Arc<Vec<half::bf16>>),
    /// 64-bit whole numbers.
    I64(Arc<Vec<i64>>),
    /// 32-bit whole numbers.
    I32(Arc<Vec<i32>>),
    /// Bytes.
    U8(Arc<Vec<u8>>),
    /// Truth values.
    Bool(Arc<Vec<bool>>),
}

impl Data {
    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(data) => data.len(),
            Self::F64(data) => data.len(),
            Self::F16(data) => data.len(),
            Self::Bf16(data) => data.len(),
            Self::I64(data) => data.len(),
            Self::I32(data) => data.len(),
            Self::U8(data) => data.len(),
            Self::Bool(data) => data.len(),
        }
    }

    /// Returns true if and only if there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the type of the elements.
    pub fn element_type(&self) -> ElementType {
        match self {
            Self::F32(_) => ElementType::F32,
            Self::F64(_) => ElementType::F64,
            Self::F16(_) => ElementType::F16,
            Self::Bf16(_) => ElementType::Bf16,
            Self::I64(_) => ElementType::I64,
            Self::I32(_) => ElementType::I32,
            Self::U8(_) => ElementType::U8,
            Self::Bool(_) => ElementType::Bool,
        }
    }
}

/// A constant tensor.
///
/// Always true: the number of elements is the product of `shape`.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    shape: Vec<usize>,
    data: Data,
}

impl Constant {
    /// Returns a constant, or `None` if the number of elements does not fit the shape.
    pub fn new(shape: Vec<usize>, data: Data) -> Option<Self> {
        let count = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d))?;
        (count == data.len()).then_some(Self { shape, data })
    }

    /// Returns `f32` elements of `shape`, or `None` if their number does not fit.
    pub fn f32s(shape: Vec<usize>, data: Vec<f32>) -> Option<Self> {
        Self::new(shape, Data::F32(Arc::new(data)))
    }

    /// Returns a scalar `f32`.
    pub fn scalar(value: f32) -> Self {
        Self {
            shape: Vec::new(),
            data: Data::F32(Arc::new(vec![value])),
        }
    }

    /// Returns a list of whole numbers, the form of axes, shapes and sizes.
    pub fn i64s(data: Vec<i64>) -> Self {
        Self {
            shape: vec![data.len()],
            data: Data::I64(Arc::new(data)),
        }
    }

    /// Returns the extent of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the elements.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Returns the elements if they are `f32`.
    pub fn as_f32(&self) -> Option<&[f32]> {
        let Data::F32(data) = &self.data else {
            return None;
        };
        Some(data)
    }

    /// Returns the elements if they are whole numbers, widened to 64 bits.
    pub fn as_i64(&self) -> Option<Vec<i64>> {
        if let Data::I32(data) = &self.data {
            return Some(data.iter().map(|&v| i64::from(v)).collect());
        }
        let Data::I64(data) = &self.data else {
            return None;
        };
        Some(data.to_vec())
    }
}

/// One axis of an input or output as a file states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// A fixed extent.
    Fixed(usize),
    /// A named extent that the caller chooses.
    Named(String),
    /// Nothing is said.
    Unknown,
}

/// Name, type and shape of an input or output.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueInfo {
    /// Name of the value.
    pub name: String,
    /// Type of its elements.
    pub element: ElementType,
    /// Extents.
    pub shape: Vec<Dim>,
}

impl ValueInfo {
    /// Returns an `f32` value of a fixed shape.
    pub fn f32(name: &str, shape: &[usize]) -> Self {
        Self {
            name: name.to_owned(),
            element: ElementType::F32,
            shape: shape.iter().map(|&d| Dim::Fixed(d)).collect(),
        }
    }

    /// Returns the extents if all are fixed.
    pub fn fixed_shape(&self) -> Option<Vec<usize>> {
        self.shape
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(extent) => Some(*extent),
                Dim::Named(_) | Dim::Unknown => None,
            })
            .collect()
    }
}
