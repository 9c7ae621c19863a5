//! Random models, to be written, read and damaged.

use std::sync::Arc;

use pentimento::onnx::{
    Attribute, Attributes, Constant, Data, Dim, ElementType, Graph, Model, Node, ValueInfo,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Any model that has a file and is equal to itself (so without NaN).
pub fn model() -> impl Strategy<Value = Model> {
    let head = (
        0..12_i64,
        any::<i64>(),
        btree_map("[a-z]{2,5}", any::<i64>(), 0..3),
    );
    let about = (".{0,5}", ".{0,9}", btree_map(".{0,5}", ".{0,9}", 0..3));
    (head, about, graph()).prop_map(|((ir_version, opset, other_opsets), about, graph)| Model {
        ir_version,
        opset,
        other_opsets,
        producer: about.0,
        doc: about.1,
        metadata: about.2,
        graph,
    })
}

fn graph() -> impl Strategy<Value = Graph> {
    (
        ".{0,5}",
        vec(node(), 0..5),
        vec(value_info("i_"), 0..3),
        vec(value_info("o_"), 0..3),
        btree_map("c_.{0,4}", constant(), 0..5),
    )
        .prop_map(|(name, nodes, inputs, outputs, initializers)| Graph {
            name,
            nodes,
            inputs,
            outputs,
            initializers,
        })
}

fn node() -> impl Strategy<Value = Node> {
    (
        ".{0,5}",
        "[A-Z][a-z]{0,4}",
        prop_oneof![Just(String::new()), "[a-z]{2,5}"],
        vec(".{0,4}", 0..4),
        vec(".{0,4}", 0..3),
        attributes(),
    )
        .prop_map(|(name, op, domain, inputs, outputs, attributes)| Node {
            name,
            op,
            domain,
            inputs,
            outputs,
            attributes,
        })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let kind = prop_oneof![
        any::<i64>().prop_map(Attribute::Int),
        number().prop_map(Attribute::Float),
        ".{0,6}".prop_map(Attribute::Text),
        vec(any::<i64>(), 0..4).prop_map(Attribute::Ints),
        vec(number(), 0..4).prop_map(Attribute::Floats),
        vec(".{0,6}", 0..4).prop_map(Attribute::Texts),
        constant().prop_map(Attribute::Tensor),
    ];
    btree_map(".{0,5}", kind, 0..5)
}

fn number() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("NaN differs from itself", |v| !v.is_nan())
}

fn value_info(prefix: &'static str) -> impl Strategy<Value = ValueInfo> {
    let dim = prop_oneof![
        (0..usize::MAX / 2).prop_map(Dim::Fixed),
        ".{1,4}".prop_map(Dim::Named),
        Just(Dim::Unknown),
    ];
    let element = prop_oneof![
        Just(ElementType::F32),
        Just(ElementType::F64),
        Just(ElementType::F16),
        Just(ElementType::Bf16),
        Just(ElementType::I64),
        Just(ElementType::I32),
        Just(ElementType::U8),
        Just(ElementType::Bool),
    ];
    (".{0,5}", element, vec(dim, 0..4)).prop_map(move |(name, element, shape)| ValueInfo {
        name: format!("{prefix}{name}"),
        element,
        shape,
    })
}

/// Any constant of up to three axes.
fn constant() -> impl Strategy<Value = Constant> {
    vec(0..4_usize, 0..4).prop_flat_map(|shape| {
        let n = shape.iter().product::<usize>();
        let data = prop_oneof![
            vec(number(), n).prop_map(|v| Data::F32(Arc::new(v))),
            vec(-1e300..1e300, n).prop_map(|v| Data::F64(Arc::new(v))),
            vec(number(), n).prop_map(|v| {
                Data::F16(Arc::new(v.into_iter().map(half::f16::from_f32).collect()))
            }),
            vec(number(), n).prop_map(|v| {
                Data::Bf16(Arc::new(v.into_iter().map(half::bf16::from_f32).collect()))
            }),
            vec(any::<i64>(), n).prop_map(|v| Data::I64(Arc::new(v))),
            vec(any::<i32>(), n).prop_map(|v| Data::I32(Arc::new(v))),
            vec(any::<u8>(), n).prop_map(|v| Data::U8(Arc::new(v))),
            vec(any::<bool>(), n).prop_map(|v| Data::Bool(Arc::new(v))),
        ];
        data.prop_map(move |data| Constant::new(shape.clone(), data).unwrap())
    })
}
