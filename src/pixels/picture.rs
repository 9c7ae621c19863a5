//! The one form in which the program handles pictures.
//!
//! A `Picture` says nothing about where it came from; what was changed while reading it is told by
//! the notes of the decoder. Values may lie outside 0-255 while a picture is being painted; they
//! are clipped when it is written.

use crate::tensor::Tensor;

/// Number of colour planes of a picture.
pub(super) const PLANES: usize = 3;

/// A picture in planar RGB: `[3, H, W]`, `f32`, 0-255, sRGB (gamma-encoded).
///
/// Always true: width and height are at least 1, and `data.len() == 3 * width * height`.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    width: usize,
    height: usize,
    data: Vec<f32>,
}

impl Picture {
    /// Returns a picture over `data` (`[3, height, width]`, RGB, 0-255), or `None` if a side is
    /// zero or the length does not fit.
    pub fn new(width: usize, height: usize, data: Vec<f32>) -> Option<Self> {
        let len = width.checked_mul(height)?.checked_mul(PLANES)?;
        (len > 0 && len == data.len()).then_some(Self {
            width,
            height,
            data,
        })
    }

    /// Returns the number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the number of rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Returns the values as `[3, H, W]`, RGB, 0-255.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Returns one colour plane (0 red, 1 green, 2 blue) as `[H, W]`.
    pub(super) fn plane(&self, channel: usize) -> &[f32] {
        let len = self.width * self.height;
        &self.data[channel * len..(channel + 1) * len]
    }

    /// Returns the picture as a tensor `[1, 3, H, W]`, RGB, 0-255.
    pub fn to_tensor(&self) -> Tensor {
        self.clone().into_tensor()
    }

    /// Turns the picture into a tensor `[1, 3, H, W]`, RGB, 0-255, without copying.
    pub fn into_tensor(self) -> Tensor {
        Tensor::new(vec![1, PLANES, self.height, self.width], self.data)
            .expect("a picture holds three values for each pixel")
    }

    /// Returns the picture that `tensor` (`[1, 3, H, W]`, RGB, 0-255) holds, or `None` if the
    /// shape is another.
    pub fn from_tensor(tensor: Tensor) -> Option<Self> {
        let (shape, data) = tensor.into_parts();
        match shape[..] {
            [1, PLANES, height, width] => Self::new(width, height, data),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers and copies are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_keeps_shape_and_values_both_ways() {
        let values: Vec<f32> = (0..18_u8).map(f32::from).collect();
        let picture = Picture::new(3, 2, values.clone()).unwrap();
        assert_eq!(picture.plane(1), &values[6..12]);
        let tensor = picture.to_tensor();
        assert_eq!(tensor.shape(), [1, 3, 2, 3]);
        assert_eq!(tensor.data(), values);
        assert_eq!(Picture::from_tensor(tensor), Some(picture));
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert_eq!(Picture::new(0, 4, Vec::new()), None);
        assert_eq!(Picture::new(2, 2, vec![0.0; 11]), None);
        assert_eq!(Picture::new(usize::MAX, 2, vec![0.0; 6]), None);
        assert_eq!(
            Picture::from_tensor(Tensor::full(vec![1, 4, 2, 2], 0.0)),
            None
        );
    }
}
