//! A model to protobuf bytes.
//!
//! Elements are written as raw little-endian bytes, the only form that every type shares. Writing
//! is total: every [`Model`] has a file.

use prost::Message;

use super::model::{Attribute, Constant, Data, Dim, ElementType, Graph, Model, Node, ValueInfo};
use super::proto::{self, attribute_type, data_type};

/// Returns the bytes of `model` as an `.onnx` file holds them.
pub fn write(model: &Model) -> Vec<u8> {
    let standard = proto::OperatorSetIdProto {
        domain: Some(String::new()),
        version: Some(model.opset),
    };
    let others = model
        .other_opsets
        .iter()
        .map(|(domain, &version)| proto::OperatorSetIdProto {
            domain: Some(domain.clone()),
            version: Some(version),
        });
    let metadata_props = model
        .metadata
        .iter()
        .map(|(key, value)| proto::StringStringEntryProto {
            key: Some(key.clone()),
            value: Some(value.clone()),
        })
        .collect();
    proto::ModelProto {
        ir_version: Some(model.ir_version),
        producer_name: Some(model.producer.clone()),
        doc_string: Some(model.doc.clone()),
        graph: Some(graph(&model.graph)),
        opset_import: std::iter::once(standard).chain(others).collect(),
        metadata_props,
    }
    .encode_to_vec()
}

fn graph(graph: &Graph) -> proto::GraphProto {
    proto::GraphProto {
        name: Some(graph.name.clone()),
        node: graph.nodes.iter().map(node).collect(),
        initializer: graph
            .initializers
            .iter()
            .map(|(name, constant)| tensor(Some(name), constant))
            .collect(),
        input: graph.inputs.iter().map(value_info).collect(),
        output: graph.outputs.iter().map(value_info).collect(),
    }
}

fn node(node: &Node) -> proto::NodeProto {
    proto::NodeProto {
        input: node.inputs.clone(),
        output: node.outputs.clone(),
        name: Some(node.name.clone()),
        op_type: Some(node.op.clone()),
        attribute: node
            .attributes
            .iter()
            .map(|(name, value)| attribute(name, value))
            .collect(),
        domain: Some(node.domain.clone()),
    }
}

fn attribute(name: &str, value: &Attribute) -> proto::AttributeProto {
    let mut out = proto::AttributeProto {
        name: Some(name.to_owned()),
        ..Default::default()
    };
    let kind = match value {
        Attribute::Int(i) => {
            out.i = Some(*i);
            attribute_type::INT
        }
        Attribute::Float(f) => {
            out.f = Some(*f);
            attribute_type::FLOAT
        }
        Attribute::Text(text) => {
            out.s = Some(text.as_bytes().to_vec());
            attribute_type::STRING
        }
        Attribute::Ints(ints) => {
            out.ints.clone_from(ints);
            attribute_type::INTS
        }
        Attribute::Floats(floats) => {
            out.floats.clone_from(floats);
            attribute_type::FLOATS
        }
        Attribute::Texts(texts) => {
            out.strings = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
            attribute_type::STRINGS
        }
        Attribute::Tensor(constant) => {
            out.t = Some(tensor(None, constant));
            attribute_type::TENSOR
        }
    };
    out.r#type = Some(kind);
    out
}

fn tensor(name: Option<&str>, constant: &Constant) -> proto::TensorProto {
    proto::TensorProto {
        dims: constant.shape().iter().map(|&d| extent(d)).collect(),
        data_type: Some(element(constant.data().element_type())),
        name: name.map(str::to_owned),
        raw_data: Some(raw(constant.data())),
        ..Default::default()
    }
}

fn raw(data: &Data) -> Vec<u8> {
    match data {
        Data::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::F16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::Bf16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::I32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::U8(v) => v.to_vec(),
        Data::Bool(v) => v.iter().map(|&x| u8::from(x)).collect(),
    }
}

fn value_info(info: &ValueInfo) -> proto::ValueInfoProto {
    let dim = info
        .shape
        .iter()
        .map(|dim| match dim {
            Dim::Fixed(d) => proto::DimensionProto {
                dim_value: Some(extent(*d)),
                dim_param: None,
            },
            Dim::Named(name) => proto::DimensionProto {
                dim_value: None,
                dim_param: Some(name.clone()),
            },
            Dim::Unknown => proto::DimensionProto::default(),
        })
        .collect();
    proto::ValueInfoProto {
        name: Some(info.name.clone()),
        r#type: Some(proto::TypeProto {
            tensor_type: Some(proto::TensorTypeProto {
                elem_type: Some(element(info.element)),
                shape: Some(proto::TensorShapeProto { dim }),
            }),
        }),
    }
}

fn extent(d: usize) -> i64 {
    i64::try_from(d).expect("a constant with this extent would not fit in memory")
}

fn element(kind: ElementType) -> i32 {
    match kind {
        ElementType::F32 => data_type::FLOAT,
        ElementType::F64 => data_type::DOUBLE,
        ElementType::F16 => data_type::FLOAT16,
        ElementType::Bf16 => data_type::BFLOAT16,
        ElementType::I64 => data_type::INT64,
        ElementType::I32 => data_type::INT32,
        ElementType::U8 => data_type::UINT8,
        ElementType::Bool => data_type::BOOL,
    }
}
