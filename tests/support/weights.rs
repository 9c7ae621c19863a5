//! Small networks as files of weights.

use pentimento::network::layer_list::{LayerList, LayerOp};
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

/// Uneven numbers within ±1 that do not repeat with any extent of a network.
pub struct Uneven(pub u64);

impl Uneven {
    /// Returns the next.
    pub fn draw(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the upper bits, 24 of them"
        )]
        let bits = (self.0 >> 40) as u32;
        bits as f32 / (1_u32 << 23) as f32 - 1.0
    }
}

/// Returns kernels and biases for the convolutions of a list, by the names of PyTorch's files, of
/// a size that keeps the values from growing or fading layer by layer.
pub fn made_up(list: &LayerList) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let mut uneven = Uneven(7);
    let mut channels = 3;
    let mut tensors = Vec::new();
    for layer in &list.layers {
        let LayerOp::Conv { out, window, .. } = &layer.op else {
            continue;
        };
        let shape = vec![*out, channels, window.kernel.0[0], window.kernel.0[1]];
        let size = (6.0 / shape[1..].iter().product::<usize>() as f32).sqrt();
        let kernel = (0..shape.iter().product())
            .map(|_| size * uneven.draw())
            .collect();
        let bias = (0..*out).map(|_| uneven.draw()).collect();
        tensors.push((format!("{}.weight", layer.tensors), shape, kernel));
        tensors.push((format!("{}.bias", layer.tensors), vec![*out], bias));
        channels = *out;
    }
    tensors
}
