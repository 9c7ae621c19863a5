//! The gradient of each operator, one function each, by family.
//!
//! A rule is: the formula as a comment, a question which gradients are wanted, and the nodes.
//! [`RULES`] has three answers for an operator: a rule; [`nothing`], where no gradient flows (the
//! derivative is 0 almost everywhere, or the values are no numbers); and absence, an error.

mod activation;
mod arithmetic;
mod average_pool;
mod conv;
mod conv_transpose;
mod geometry;
mod global_pool;
mod max_pool;
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

/// Every operator with a gradient, by name.
pub const RULES: &[(&str, Rule)] = &[
    ("Abs", arithmetic::abs),
    ("Add", arithmetic::add),
    ("AveragePool", average_pool::average_pool),
    ("Conv", conv::conv),
    ("ConvTranspose", conv_transpose::conv_transpose),
    ("GlobalAveragePool", global_pool::global_average_pool),
    ("GlobalMaxPool", global_pool::global_max_pool),
    ("Identity", arithmetic::identity),
    ("MaxPool", max_pool::max_pool),
    ("Mul", arithmetic::mul),
    ("Relu", activation::relu),
    ("Resize", resize::resize),
    ("Sign", nothing),
];
