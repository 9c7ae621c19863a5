//! Cases of convolution, pooling and resizing: the geometry of windows in all its variety.

mod conv;
mod pool;
mod resize;

use pentimento::onnx::{Attribute, Builder, Constant, Node};

use super::check::{Case, spread};

/// Whole numbers by attribute; a name without any is a kind of `auto_pad`.
pub type Ints<'a> = &'a [(&'a str, &'a [i64])];

pub fn cases() -> Vec<Case> {
    [conv::cases(), pool::cases(), resize::cases()].concat()
}

/// Steps may be long where the differences are exact, and long steps hide rounding.
pub fn linear(mut case: Case) -> Case {
    case.step = 0.25;
    case
}

/// Adds a constant of values between -1 and 1.
pub fn constant(b: &mut Builder, shape: &[usize], seed: u64) -> String {
    let values = spread(shape, (-1.0, 1.0), seed);
    b.constant(Constant::f32s(shape.to_vec(), values.data().to_vec()).unwrap())
}

/// Adds a node whose attributes are whole numbers.
pub fn node(b: &mut Builder, op: &str, inputs: &[&str], ints: Ints) -> String {
    let attributes = ints.iter().map(|&(name, values)| match (name, values) {
        ("group" | "ceil_mode" | "count_include_pad", [v]) => (name.to_owned(), (*v).into()),
        (kind, []) => ("auto_pad".to_owned(), kind.into()),
        _ => (name.to_owned(), values.to_vec().into()),
    });
    push(b, op, inputs, attributes)
}

/// Adds a node of any attributes.
pub fn push(
    b: &mut Builder,
    op: &str,
    inputs: &[&str],
    attributes: impl Iterator<Item = (String, Attribute)>,
) -> String {
    let name = b.fresh(op);
    b.push(Node {
        name: name.clone(),
        op: op.to_owned(),
        inputs: inputs.iter().map(|&i| i.to_owned()).collect(),
        outputs: vec![name.clone()],
        attributes: attributes.collect(),
        ..Node::default()
    })
    .unwrap();
    name
}
