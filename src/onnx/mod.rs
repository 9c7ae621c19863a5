//! An ONNX model as plain data: graph, nodes, attributes, constants, read and written as protobuf.
//!
//! What this module is not: an interpreter. It knows the shapes that operators produce (`infer`)
//! and whether a graph hangs together (`check`), never the numbers.
//!
//! Values are named by strings, as in ONNX itself; a [`Graph`] keeps its nodes in an order in which
//! every value is produced before it is used, and `check` holds that.
//!
//! To add an operator: one function in the file of its family under `infer/`, one line in
//! `infer::OPERATORS`; if it is to be differentiated, see `autodiff::rules`.

mod builder;
mod check;
pub mod infer;
mod model;
mod proto;
mod read;
mod write;

pub use builder::Builder;
pub use check::{CheckError, check};
pub use infer::{InferError, Shapes};
pub use model::{
    Attribute, Attributes, Constant, Data, Dim, ElementType, Graph, Model, Node, OPSET, ValueInfo,
};
pub use read::{External, ReadError, read, read_with};
pub use write::write;
