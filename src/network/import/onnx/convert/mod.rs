//! Each operator of any set, in operators of set 17 that have a gradient.
//!
//! A conversion takes a node of the file, asks the importer for what is known of its inputs, and
//! emits nodes; its error says in words what cannot be had. Operators without a line in
//! [`CONVERSIONS`] mean the same in all sets that are read and are emitted as they are; an attribute
//! that set 17 does not know is refused, so that no newer meaning slips through.

mod activation;
mod axes;
mod layout;
mod normal;
mod resize;

use super::importer::Importer;
use crate::onnx::{Constant, ElementType, Node};

/// Emits what computes the outputs of a node.
type Conversion = fn(&mut Importer, &Node) -> Result<(), String>;

/// Emits what computes the outputs of `node`.
pub(super) fn node(importer: &mut Importer, node: &Node) -> Result<(), String> {
    match CONVERSIONS.iter().find(|(op, _)| *op == node.op) {
        Some((_, conversion)) => conversion(importer, node),
        None => as_it_is(importer, node.clone()),
    }
}

/// Emits a node that has its form already, under the name of what it produces.
fn as_it_is(importer: &mut Importer, node: Node) -> Result<(), String> {
    importer.emit(Node {
        name: node.outputs[0].clone(),
        ..node
    })
}

/// Holds that a node has only attributes that operator set 17 knows.
pub(super) fn check(node: &Node) -> Result<(), String> {
    let known = ATTRIBUTES
        .iter()
        .find(|(op, _)| *op == node.op)
        .map_or(&[][..], |(_, known)| known);
    match node
        .attributes
        .keys()
        .find(|name| !known.contains(&name.as_str()))
    {
        Some(name) => Err(format!("attribute `{name}` is not known")),
        None => Ok(()),
    }
}

/// Returns the type of what an emitted node produces, where it is known.
pub(super) fn kind(importer: &Importer, node: &Node) -> Option<ElementType> {
    match node.op.as_str() {
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Not" => {
            Some(ElementType::Bool)
        }
        "Cast" => layout::element_type(node.int("to", 0)),
        "Where" => importer.kind(node.input(1)?),
        _ => importer.kind(node.input(0)?),
    }
}

/// Returns the whole numbers that newer sets give as input `i` and older ones as an attribute.
fn list(
    importer: &Importer,
    node: &Node,
    i: usize,
    attribute: &str,
) -> Result<Option<Vec<i64>>, String> {
    let Some(name) = node.input(i) else {
        return Ok(node.ints(attribute).map(<[i64]>::to_vec));
    };
    importer
        .constant(name)
        .and_then(Constant::as_i64)
        .map(Some)
        .ok_or_else(|| {
            format!("its {attribute} (`{name}`) are neither constant nor the same for all sizes")
        })
}

/// Returns input `i`, which the operator requires.
fn required(node: &Node, i: usize) -> Result<&str, String> {
    node.input(i).ok_or_else(|| format!("input {i} is missing"))
}

/// Every operator that is rewritten, by name.
const CONVERSIONS: &[(&str, Conversion)] = &[
    ("AveragePool", axes::average_pool),
    ("BatchNormalization", normal::batch),
    ("Cast", layout::cast),
    ("CastLike", layout::cast_like),
    ("Celu", activation::celu),
    ("Clip", axes::clip),
    ("Dropout", normal::dropout),
    ("Gather", layout::gather),
    ("Gelu", activation::gelu),
    ("GroupNormalization", normal::group),
    ("HardSwish", activation::hard_swish),
    ("Identity", layout::identity),
    ("InstanceNormalization", normal::instance),
    ("LayerNormalization", normal::layer),
    ("LogSoftmax", normal::log_softmax),
    ("Mean", activation::mean),
    ("MeanVarianceNormalization", normal::mean_variance),
    ("Mish", activation::mish),
    ("Pad", axes::pad),
    ("Reciprocal", activation::reciprocal),
    ("ReduceL1", axes::reduce_l1),
    ("ReduceL2", axes::reduce_l2),
    ("ReduceMax", axes::reduce),
    ("ReduceMean", axes::reduce),
    ("ReduceMin", axes::reduce),
    ("ReduceSum", axes::reduce),
    ("ReduceSumSquare", axes::reduce_sum_square),
    ("Reshape", layout::reshape),
    ("Resize", resize::resize),
    ("Selu", activation::selu),
    ("Slice", axes::slice),
    ("Softmax", normal::softmax),
    ("Softplus", activation::softplus),
    ("Softsign", activation::softsign),
    ("Split", axes::split),
    ("Squeeze", axes::squeeze),
    ("Swish", activation::swish),
    ("ThresholdedRelu", activation::thresholded_relu),
    ("Tile", layout::tile),
    ("Unsqueeze", axes::squeeze),
    ("Upsample", resize::upsample),
];

/// The attributes of each operator in operator set 17; operators without any are left out.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    (
        "AveragePool",
        &[
            "auto_pad",
            "ceil_mode",
            "count_include_pad",
            "kernel_shape",
            "pads",
            "strides",
        ],
    ),
    (
        "BatchNormalization",
        &["epsilon", "momentum", "training_mode"],
    ),
    ("Cast", &["to"]),
    ("Concat", &["axis"]),
    (
        "Conv",
        &[
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "pads",
            "strides",
        ],
    ),
    (
        "ConvTranspose",
        &[
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "output_padding",
            "output_shape",
            "pads",
            "strides",
        ],
    ),
    ("Elu", &["alpha"]),
    ("Flatten", &["axis"]),
    ("Gemm", &["alpha", "beta", "transA", "transB"]),
    ("HardSigmoid", &["alpha", "beta"]),
    ("LRN", &["alpha", "beta", "bias", "size"]),
    ("LeakyRelu", &["alpha"]),
    (
        "MaxPool",
        &[
            "auto_pad",
            "ceil_mode",
            "dilations",
            "kernel_shape",
            "pads",
            "storage_order",
            "strides",
        ],
    ),
    ("Pad", &["mode"]),
    ("ReduceMax", &["axes", "keepdims"]),
    ("ReduceMean", &["axes", "keepdims"]),
    ("ReduceMin", &["axes", "keepdims"]),
    ("ReduceSum", &["keepdims", "noop_with_empty_axes"]),
    ("Reshape", &["allowzero"]),
    (
        "Resize",
        &[
            "coordinate_transformation_mode",
            "cubic_coeff_a",
            "exclude_outside",
            "extrapolation_value",
            "mode",
            "nearest_mode",
        ],
    ),
    ("Split", &["axis"]),
    ("Transpose", &["perm"]),
];
