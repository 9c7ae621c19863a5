//! `original_colors`: the lightness of the painting with the colours of the content.
//!
//! Two definitions, one for each tool that people's recipes come from. Neither takes part in the
//! optimisation; both are applied to a picture that is about to be saved.

use super::picture::{PLANES, Picture};

/// Returns the Y of `generated` with the Cb and Cr of `content`, as neural-style-pt does it.
///
/// Both are clipped and rounded to 8 bits and taken through the integer YCbCr of Pillow, so the
/// result holds whole numbers in 0-255. `None` if the sizes differ.
pub fn original_colors_pt(content: &Picture, generated: &Picture) -> Option<Picture> {
    let tables = YcbcrTables::new();
    merge(content, generated, |content, generated| {
        let content = content.map(eight_bits);
        let [y, _, _] = tables.ycbcr(generated.map(eight_bits));
        let [_, cb, cr] = tables.ycbcr(content);
        tables.rgb([y, cb, cr]).map(f32::from)
    })
}

/// Returns the Y of `generated` with the U and V of `content`, as the Lua original does it.
///
/// Floating-point YUV of the values as they are: nothing is clipped or rounded, and `content` is
/// the content resized to the size of `generated`. `None` if the sizes differ.
pub fn original_colors_lua(content: &Picture, generated: &Picture) -> Option<Picture> {
    merge(content, generated, |[r, g, b], [red, green, blue]| {
        let y = 0.299 * red + 0.587 * green + 0.114 * blue;
        let u = -0.147_13 * r - 0.288_86 * g + 0.436 * b;
        let v = 0.615 * r - 0.514_99 * g - 0.100_01 * b;
        [
            y + 1.139_83 * v,
            y - 0.394_65 * u - 0.580_60 * v,
            y + 2.032_11 * u,
        ]
    })
}

/// Combines two pictures of one size pixel by pixel.
fn merge(
    content: &Picture,
    generated: &Picture,
    rule: impl Fn([f32; PLANES], [f32; PLANES]) -> [f32; PLANES],
) -> Option<Picture> {
    let (width, height) = (generated.width(), generated.height());
    if (content.width(), content.height()) != (width, height) {
        return None;
    }
    let len = width * height;
    let pixel = |picture: &Picture, at: usize| [0, 1, 2].map(|channel| picture.plane(channel)[at]);
    let mut data = vec![0.0; PLANES * len];
    for at in 0..len {
        let rgb = rule(pixel(content, at), pixel(generated, at));
        for (channel, value) in rgb.into_iter().enumerate() {
            data[channel * len + at] = value;
        }
    }
    Picture::new(width, height, data)
}

/// Clips to 0-255 and rounds to the nearest whole number; what is not a number becomes 0.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value was clipped to the range of u8, and the cast takes NaN to 0"
)]
pub(super) fn eight_bits(value: f32) -> u8 {
    value.clamp(0.0, 255.0).round() as u8
}

/// Pillow's YCbCr: full range, fixed point with six fractional bits, products from tables.
struct YcbcrTables {
    y: [[i32; 256]; 3],
    cb: [[i32; 256]; 3],
    cr: [[i32; 256]; 3],
    red_from_cr: [i32; 256],
    green_from_cb: [i32; 256],
    green_from_cr: [i32; 256],
    blue_from_cb: [i32; 256],
}

const SCALE_BITS: u32 = 6;

impl YcbcrTables {
    fn new() -> Self {
        let from_zero = |factor: f64| products(factor, 0);
        let from_middle = |factor: f64| products(factor, 128);
        Self {
            y: [from_zero(0.299), from_zero(0.587), from_zero(0.114)],
            cb: [from_zero(-0.168_74), from_zero(-0.331_26), from_zero(0.5)],
            cr: [from_zero(0.5), from_zero(-0.418_69), from_zero(-0.081_31)],
            red_from_cr: from_middle(1.402),
            green_from_cb: from_middle(-0.344_14),
            green_from_cr: from_middle(-0.714_14),
            blue_from_cb: from_middle(1.772),
        }
    }

    fn ycbcr(&self, rgb: [u8; 3]) -> [u8; 3] {
        let sum = |table: &[[i32; 256]; 3]| {
            let products = table
                .iter()
                .zip(rgb)
                .map(|(row, value)| row[usize::from(value)]);
            products.sum::<i32>() >> SCALE_BITS
        };
        [sum(&self.y), sum(&self.cb) + 128, sum(&self.cr) + 128].map(clip)
    }

    fn rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let (y, cb, cr) = (i32::from(y), usize::from(cb), usize::from(cr));
        [
            y + (self.red_from_cr[cr] >> SCALE_BITS),
            y + ((self.green_from_cb[cb] + self.green_from_cr[cr]) >> SCALE_BITS),
            y + (self.blue_from_cb[cb] >> SCALE_BITS),
        ]
        .map(clip)
    }
}

/// Returns `factor * (i - zero)` for `i` in 0-255 in fixed point.
///
/// A half is added before the fraction is cut off, for negative products too: that is not rounding
/// to nearest, but it is what the 8-bit reference does.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the products stay below 2^15"
)]
fn products(factor: f64, zero: i32) -> [i32; 256] {
    let mut table = [0; 256];
    for (entry, i) in table.iter_mut().zip(0..) {
        *entry = (factor * f64::from(1 << SCALE_BITS) * f64::from(i - zero) + 0.5) as i32;
    }
    table
}

fn clip(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).expect("clipped to the range of u8")
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers and copies are exact")]
mod tests;
