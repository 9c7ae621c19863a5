//! Shapes of operators that work element by element.

use super::{Reading, Shape, broadcast};

/// The output has the shape of the first input.
pub(super) fn same(reading: &Reading) -> Result<Vec<Shape>, String> {
    Ok(vec![reading.shape(0)?.to_vec(); reading.node.outputs.len()])
}

/// The output has the shape that all inputs broadcast to.
pub(super) fn broadcasting(reading: &Reading) -> Result<Vec<Shape>, String> {
    let mut shape = reading.shape(0)?.to_vec();
    for i in 1..reading.node.inputs.len() {
        shape = broadcast(&shape, reading.shape(i)?)?;
    }
    Ok(vec![shape])
}
