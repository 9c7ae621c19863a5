//! A tensor on the host: a shape and `f32` data in row-major order.
//!
//! Pictures and features are `[N, C, H, W]`. This type does no arithmetic on purpose: what is
//! computed on tensors is computed by graphs (`autodiff`, `engine`); here they are only carried.

/// A dense `f32` tensor in row-major order.
///
/// Always true: `data.len()` is the product of `shape` (1 for a scalar, whose shape is empty).
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    /// Returns a tensor of `shape` over `data`, or `None` if the length does not fit the shape.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Option<Self> {
        (shape.iter().product::<usize>() == data.len()).then_some(Self { shape, data })
    }

    /// Returns a scalar (empty shape).
    pub fn scalar(value: f32) -> Self {
        Self {
            shape: Vec::new(),
            data: vec![value],
        }
    }

    /// Returns a tensor of `shape` filled with `value`.
    pub fn full(shape: Vec<usize>, value: f32) -> Self {
        let data = vec![value; shape.iter().product()];
        Self { shape, data }
    }

    /// Returns the extent of each axis, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the elements in row-major order.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Returns the elements in row-major order, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Takes the tensor apart.
    pub fn into_parts(self) -> (Vec<usize>, Vec<f32>) {
        (self.shape, self.data)
    }
}
