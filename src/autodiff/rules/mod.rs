//! The gradient of each operator, one function each, by family.
//!
//! A rule is: the formula as a comment, a question which gradients are wanted, and the nodes.
//! [`RULES`] has three answers for an operator: a rule; `nothing`, where no gradient flows (the
//! derivative is 0 almost everywhere, or the values are no numbers); and absence, an error.

mod activation;
mod arithmetic;
mod average_pool;
mod conv;
mod conv_transpose;
mod geometry;
mod global_pool;
mod kernel_gradient;
mod layout;
mod linear;
mod max_pool;
mod normalisation;
mod padding;
mod reduce;
mod resize;

use super::Context;
use crate::onnx::Node;

/// Appends the gradients of the wanted inputs of the node at hand.
///
/// The error says in words what the rule does not cover.
pub type Rule = fn(&mut Context) -> Result<(), String>;

/// Returns the rule of a node's operator.
pub fn rule(node: &Node) -> Option<Rule> {
    if !node.domain.is_empty() {
        return None;
    }
    RULES
        .iter()
        .find(|(op, _)| *op == node.op)
        .map(|(_, rule)| *rule)
}

/// No gradient flows through the operator.
#[allow(
    clippy::unnecessary_wraps,
    reason = "the signature is that of every rule"
)]
fn nothing(_context: &mut Context) -> Result<(), String> {
    Ok(())
}

/// Returns an extent or index as the format writes it.
fn signed(extent: usize) -> i64 {
    i64::try_from(extent).unwrap_or(i64::MAX)
}

/// Every operator with a gradient, by name.
pub const RULES: &[(&str, Rule)] = &[
    ("Abs", arithmetic::abs),
    ("Add", arithmetic::sum),
    ("And", nothing),
    ("AveragePool", average_pool::average_pool),
    ("BatchNormalization", normalisation::batch_normalization),
    ("Cast", arithmetic::cast),
    ("Clip", activation::clip),
    ("Concat", layout::concat),
    ("Conv", conv::conv),
    ("ConvTranspose", conv_transpose::conv_transpose),
    ("Div", arithmetic::div),
    ("Dropout", normalisation::dropout),
    ("Elu", activation::elu),
    ("Equal", nothing),
    ("Erf", activation::erf),
    ("Exp", arithmetic::exp),
    ("Expand", arithmetic::identity),
    ("Flatten", layout::reshape),
    ("Gemm", linear::gemm),
    ("GlobalAveragePool", global_pool::global_average_pool),
    ("GlobalMaxPool", global_pool::global_max_pool),
    ("Greater", nothing),
    ("GreaterOrEqual", nothing),
    ("HardSigmoid", activation::hard_sigmoid),
    ("Identity", arithmetic::identity),
    ("LRN", normalisation::lrn),
    ("LeakyRelu", activation::leaky_relu),
    ("Less", nothing),
    ("LessOrEqual", nothing),
    ("Log", arithmetic::log),
    ("MatMul", linear::matmul),
    ("Max", arithmetic::extremum),
    ("MaxPool", max_pool::max_pool),
    ("Min", arithmetic::extremum),
    ("Mul", arithmetic::mul),
    ("Neg", arithmetic::neg),
    ("Not", nothing),
    ("Or", nothing),
    ("PRelu", activation::prelu),
    ("Pad", padding::pad),
    ("Pow", arithmetic::pow),
    ("ReduceMax", reduce::extremum),
    ("ReduceMean", reduce::mean),
    ("ReduceMin", reduce::extremum),
    ("ReduceSum", reduce::sum),
    ("Relu", activation::relu),
    ("Reshape", layout::reshape),
    ("Resize", resize::resize),
    ("Sigmoid", activation::sigmoid),
    ("Sign", nothing),
    ("Slice", layout::slice),
    ("Split", layout::split),
    ("Sqrt", arithmetic::sqrt),
    ("Squeeze", layout::reshape),
    ("Sub", arithmetic::sub),
    ("Sum", arithmetic::sum),
    ("Tanh", activation::tanh),
    ("Transpose", layout::transpose),
    ("Unsqueeze", layout::reshape),
    ("Where", arithmetic::select),
];
