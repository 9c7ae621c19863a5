//! Small networks as files of weights.

use safetensors::tensor::{Dtype, TensorView, serialize};

/// Returns a safetensors file of f32 tensors: name, shape, elements.
pub fn file(tensors: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
    let raw: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&raw).map(|((name, shape, _), raw)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), raw).unwrap();
        (name.as_str(), view)
    });
    serialize(views, None).unwrap()
}

/// Returns the tensors of a network on VGG's plan with so many convolutions in each block and
/// `channels` everywhere, `rule` giving the elements.
pub fn vgg(
    blocks: &[usize],
    channels: usize,
    rule: impl Fn(usize) -> f32,
) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let mut tensors = Vec::new();
    let mut read = 3;
    for (block, &count) in blocks.iter().enumerate() {
        for index in 0..count {
            let layer = format!("conv{}_{}", block + 1, index + 1);
            let kernel = (0..channels * read * 9).map(&rule).collect();
            tensors.push((
                format!("{layer}.weight"),
                vec![channels, read, 3, 3],
                kernel,
            ));
            let bias = (0..channels).map(&rule).collect();
            tensors.push((format!("{layer}.bias"), vec![channels], bias));
            read = channels;
        }
    }
    tensors
}
