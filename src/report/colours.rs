//! Colours for numbers, in which more is lighter.
//!
//! Lightness grows steadily, so that order can be told without the bar beside it, and on a grey
//! print. The stops are this project's own.

use crate::pixels::Rgb;

/// From the ground over violet and orange to nearly white.
const SEQUENTIAL: [[f32; 3]; 6] = [
    [12.0, 10.0, 24.0],
    [62.0, 22.0, 104.0],
    [142.0, 36.0, 108.0],
    [218.0, 78.0, 66.0],
    [248.0, 158.0, 54.0],
    [252.0, 248.0, 196.0],
];

/// From light blue over the ground to light orange.
const DIVERGING: [[f32; 3]; 5] = [
    [170.0, 220.0, 250.0],
    [44.0, 112.0, 184.0],
    [14.0, 14.0, 20.0],
    [196.0, 88.0, 36.0],
    [255.0, 222.0, 160.0],
];

/// Returns the colour of a share from 0 to 1.
pub fn sequential(share: f32) -> Rgb {
    between(&SEQUENTIAL, share)
}

/// Returns the colour of a share from -1 to 1.
pub fn diverging(share: f32) -> Rgb {
    between(&DIVERGING, f32::midpoint(share, 1.0))
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a handful of stops, and colours that are clamped before"
)]
fn between(stops: &[[f32; 3]], share: f32) -> Rgb {
    let last = stops.len() - 1;
    // What is no number is drawn as the least.
    let place = share.clamp(0.0, 1.0).max(0.0) * last as f32;
    let below = (place as usize).min(last - 1);
    let part = place - below as f32;
    let mut colour = [0; 3];
    for (channel, value) in colour.iter_mut().enumerate() {
        let (from, to) = (stops[below][channel], stops[below + 1][channel]);
        *value = (from + (to - from) * part).round().clamp(0.0, 255.0) as u8;
    }
    colour
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lightness of a colour (Rec. 709, without gamma: good enough for order).
    fn lightness(colour: Rgb) -> f32 {
        let [r, g, b] = colour.map(f32::from);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn more_is_lighter() {
        let shares = (0..=100_u8).map(|n| f32::from(n) / 100.0);
        let steps: Vec<f32> = shares.clone().map(|s| lightness(sequential(s))).collect();
        assert!(steps.windows(2).all(|pair| pair[0] <= pair[1]));
        for sign in [1.0, -1.0] {
            let steps: Vec<f32> = shares
                .clone()
                .map(|s| lightness(diverging(sign * s)))
                .collect();
            assert!(steps.windows(2).all(|pair| pair[0] <= pair[1]));
        }
        assert_ne!(diverging(0.5), diverging(-0.5));
    }

    #[test]
    fn what_lies_outside_is_the_nearest_end() {
        assert_eq!(sequential(7.0), sequential(1.0));
        assert_eq!(sequential(f32::NAN), sequential(0.0));
        assert_eq!(diverging(-7.0), diverging(-1.0));
    }
}
