//! Sine, exponential and easing from sums and products alone.
//!
//! A system's own sine may differ in its last bit from machine to machine; a drawing must not. Exact
//! are only `+ − × ÷`, the square root and rounding, and everything here is made of them. Errors are
//! below 10⁻⁵, which no picture shows.

use std::f32::consts::{LOG2_E, TAU};

/// Returns the sine of an angle in turns (1 is the whole circle).
pub(super) fn sine(turns: f32) -> f32 {
    let turn = turns - turns.round();
    let folded = if turn > 0.25 {
        0.5 - turn
    } else if turn < -0.25 {
        -0.5 - turn
    } else {
        turn
    };
    let angle = folded * TAU;
    let square = angle * angle;
    let tail = -1.0 / 5040.0 + square / 362_880.0;
    angle * (1.0 + square * (-1.0 / 6.0 + square * (1.0 / 120.0 + square * tail)))
}

/// Returns the cosine of an angle in turns.
pub(super) fn cosine(turns: f32) -> f32 {
    sine(turns + 0.25)
}

/// Returns the direction (cosine, sine) of an angle in turns.
pub(super) fn direction(turns: f32) -> [f32; 2] {
    [cosine(turns), sine(turns)]
}

/// Returns `exp(x)`, `x` taken to lie within ±80.
pub(super) fn exponential(x: f32) -> f32 {
    let power = x.clamp(-80.0, 80.0) * LOG2_E;
    let whole = power.floor();
    let rest = (power - whole) * std::f32::consts::LN_2;
    let tail = 1.0 / 120.0 + rest * (1.0 / 720.0 + rest / 5040.0);
    let part =
        1.0 + rest * (1.0 + rest * (0.5 + rest * (1.0 / 6.0 + rest * (1.0 / 24.0 + rest * tail))));
    // The exponent of an f32 lies in bits 23 to 30, biased by 127.
    part * f32::from_bits(((whole as i32 + 127) as u32) << 23)
}

/// Returns the bell `exp(−t²)`.
pub(super) fn bell(t: f32) -> f32 {
    exponential(-(t * t))
}

/// Returns 0 up to `low`, 1 from `high` on, and an even slope between.
pub(super) fn ease(t: f32, low: f32, high: f32) -> f32 {
    let t = ((t - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Returns `below` at 0, `above` at 1.
pub(super) fn mix(below: f32, above: f32, amount: f32) -> f32 {
    below + (above - below) * amount
}

/// Returns the length of a vector.
pub(super) fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_functions_they_stand_for() {
        for step in -400..400_i16 {
            let t = f32::from(step) / 97.0;
            assert!(
                (sine(t) - (t * TAU).sin()).abs() < 2e-5,
                "sine of {t} turns"
            );
            assert!(
                (cosine(t) - (t * TAU).cos()).abs() < 2e-5,
                "cosine of {t} turns"
            );
            let x = t * 4.0;
            assert!((exponential(x) / x.exp() - 1.0).abs() < 2e-5, "exp({x})");
        }
    }
}
