//! Activations and arithmetic that set 17 lacks, or that have no gradient of their own, as the
//! formulas by which ONNX defines them.

use super::super::importer::Importer;
use super::required;
use crate::onnx::Node;

/// `x · Φ(x)`, with `Φ(x) = (1 + erf(x/√2)) / 2`, or `(1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2`.
pub(super) fn gelu(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    let curve = match node.text("approximate", "none") {
        "none" => {
            let factor = importer.scalar(y, std::f32::consts::FRAC_1_SQRT_2);
            let scaled = importer.step(y, "Mul", &[x, &factor], [])?;
            importer.step(y, "Erf", &[&scaled], [])?
        }
        "tanh" => {
            let cubic = importer.scalar(y, 0.044_715);
            // √(2/π)
            let factor = importer.scalar(y, 0.797_884_6);
            let square = importer.step(y, "Mul", &[x, x], [])?;
            let cube = importer.step(y, "Mul", &[&square, x], [])?;
            let cube = importer.step(y, "Mul", &[&cube, &cubic], [])?;
            let sum = importer.step(y, "Add", &[x, &cube], [])?;
            let scaled = importer.step(y, "Mul", &[&sum, &factor], [])?;
            importer.step(y, "Tanh", &[&scaled], [])?
        }
        other => return Err(format!("the approximation `{other}` is not known")),
    };
    let (one, half) = (importer.scalar(y, 1.0), importer.scalar(y, 0.5));
    let sum = importer.step(y, "Add", &[&curve, &one], [])?;
    let share = importer.step(y, "Mul", &[&sum, &half], [])?;
    importer.last(y, "Mul", &[x, &share], [])
}

/// `x · max(0, min(1, x/6 + 1/2))`.
pub(super) fn hard_swish(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    let attributes = [("alpha", (1.0_f32 / 6.0).into()), ("beta", 0.5.into())];
    let gate = importer.step(y, "HardSigmoid", &[x], attributes)?;
    importer.last(y, "Mul", &[x, &gate], [])
}

/// `x · σ(α·x)`.
pub(super) fn swish(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    let alpha = importer.scalar(y, node.float("alpha", 1.0));
    let scaled = importer.step(y, "Mul", &[x, &alpha], [])?;
    let gate = importer.step(y, "Sigmoid", &[&scaled], [])?;
    importer.last(y, "Mul", &[x, &gate], [])
}

/// `ln(1 + eˣ)`.
pub(super) fn softplus(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    let (positive, log) = softplus_parts(importer, x, y)?;
    importer.last(y, "Add", &[&positive, &log], [])
}

/// Emits `max(x, 0)` and `ln(1 + e^−|x|)`, whose sum is the softplus and overflows nowhere.
fn softplus_parts(importer: &mut Importer, x: &str, y: &str) -> Result<(String, String), String> {
    let one = importer.scalar(y, 1.0);
    let size = importer.step(y, "Abs", &[x], [])?;
    let negative = importer.step(y, "Neg", &[&size], [])?;
    let power = importer.step(y, "Exp", &[&negative], [])?;
    let sum = importer.step(y, "Add", &[&power, &one], [])?;
    let log = importer.step(y, "Log", &[&sum], [])?;
    let zero = importer.scalar(y, 0.0);
    let positive = importer.step(y, "Max", &[x, &zero], [])?;
    Ok((positive, log))
}

/// `x · tanh(softplus(x))`.
pub(super) fn mish(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    let (positive, log) = softplus_parts(importer, x, y)?;
    let softplus = importer.step(y, "Add", &[&positive, &log], [])?;
    let gate = importer.step(y, "Tanh", &[&softplus], [])?;
    importer.last(y, "Mul", &[x, &gate], [])
}

/// `x / (1 + |x|)`.
pub(super) fn softsign(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    let one = importer.scalar(y, 1.0);
    let size = importer.step(y, "Abs", &[x], [])?;
    let sum = importer.step(y, "Add", &[&size, &one], [])?;
    importer.last(y, "Div", &[x, &sum], [])
}

/// `γ · x` where `x > 0`, else `γ · α·(eˣ − 1)`.
pub(super) fn selu(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    // The defaults are those of the standard.
    let alpha = node.float("alpha", 1.673_263_2);
    let gamma = importer.scalar(y, node.float("gamma", 1.050_701));
    let elu = importer.step(y, "Elu", &[x], [("alpha", alpha.into())])?;
    importer.last(y, "Mul", &[&elu, &gamma], [])
}

/// `x` where `x > 0`, else `α·(e^(x/α) − 1)`.
pub(super) fn celu(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    let alpha = importer.scalar(y, node.float("alpha", 1.0));
    let scaled = importer.step(y, "Div", &[x, &alpha], [])?;
    let elu = importer.step(y, "Elu", &[&scaled], [])?;
    importer.last(y, "Mul", &[&elu, &alpha], [])
}

/// `x` where `x > α`, else 0.
pub(super) fn thresholded_relu(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    let alpha = importer.scalar(y, node.float("alpha", 1.0));
    let zero = importer.scalar(y, 0.0);
    let above = importer.step(y, "Greater", &[x, &alpha], [])?;
    importer.last(y, "Where", &[&above, x, &zero], [])
}

/// `1 / x`.
pub(super) fn reciprocal(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    let one = importer.scalar(y, 1.0);
    importer.last(y, "Div", &[&one, x], [])
}

/// The mean of any number of values, element by element.
pub(super) fn mean(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let y = &node.outputs[0];
    let inputs: Vec<&str> = node.inputs.iter().map(String::as_str).collect();
    #[allow(clippy::cast_precision_loss, reason = "a node has few inputs")]
    let share = importer.scalar(y, 1.0 / inputs.len().max(1) as f32);
    let sum = importer.step(y, "Sum", &inputs, [])?;
    importer.last(y, "Mul", &[&sum, &share], [])
}
