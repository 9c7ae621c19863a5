//! Which size a picture gets when its longest side is given.
//!
//! The tools differ by a pixel here, and a pixel changes every layer behind it: each rule is the
//! exact arithmetic of its tool, not an approximation of it.

/// How the sides are rounded to whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// neural-style-pt: both sides are `f64` products, cut off to whole numbers. The longest side
    /// can come out one less than asked for.
    BothTruncated,
    /// Lua neural-style: the longest side is exactly what was asked for, the other is cut off.
    LongestExact,
}

/// Returns the width and height that make the longest side of `width` x `height` equal to `size`.
///
/// Smaller pictures are enlarged too. No side becomes less than 1. Width and height must not be 0.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sides are far below 2^53 and the product is not negative"
)]
pub fn fit_longest(width: usize, height: usize, size: usize, rounding: Rounding) -> (usize, usize) {
    let longest = width.max(height).max(1);
    let side = |side: usize| match rounding {
        Rounding::BothTruncated => (size as f64 / longest as f64 * side as f64) as usize,
        Rounding::LongestExact => size * side / longest,
    };
    (side(width).max(1), side(height).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_follow_the_arithmetic_of_each_tool() {
        // From Python: `int(float(size) / max(w, h) * side)`.
        let both = |w, h, size| fit_longest(w, h, size, Rounding::BothTruncated);
        assert_eq!(both(1024, 683, 512), (512, 341));
        assert_eq!(both(683, 1024, 512), (341, 512));
        assert_eq!(both(100, 49, 400), (400, 196));
        assert_eq!(both(49, 30, 512), (511, 313));
        let exact = |w, h, size| fit_longest(w, h, size, Rounding::LongestExact);
        assert_eq!(exact(1024, 683, 512), (512, 341));
        assert_eq!(exact(49, 30, 512), (512, 313));
        assert_eq!(exact(10_000, 1, 512), (512, 1));
        assert_eq!(exact(1, 10_000, 512), (1, 512));
    }
}
