//! Shapes of operators that work element by element.

use super::{Reading, Shape, broadcast};

/// The output has the shape of the first input.
pub(super) fn same(reading: &Reading) -> Result<Vec<Shape>, String> {
    Ok(vec![reading.shape(0)?.to_vec(); reading.node.outputs.len()])
}

/// The first output has the shape of the input, the statistics that training gives that of the
/// mean and variance.
pub(super) fn batch_normalization(reading: &Reading) -> Result<Vec<Shape>, String> {
    let mut shapes = vec![reading.shape(0)?.to_vec()];
    for i in 1..reading.node.outputs.len() {
        shapes.push(reading.shape(if i == 1 { 3 } else { 4 })?.to_vec());
    }
    Ok(shapes)
}

/// The output has the shape that all inputs broadcast to.
pub(super) fn broadcasting(reading: &Reading) -> Result<Vec<Shape>, String> {
    let mut shape = reading.shape(0)?.to_vec();
    for i in 1..reading.node.inputs.len() {
        shape = broadcast(&shape, reading.shape(i)?)?;
    }
    Ok(vec![shape])
}
