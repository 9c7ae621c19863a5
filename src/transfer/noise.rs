//! Seeded normal noise, the same on every machine and in every version.
//!
//! Own arithmetic rather than a library's, because a seed is part of a recipe: the same seed must
//! give the same picture after any update. The crate's random bits feed the Box–Muller transform.

use crate::random::Random;

/// Returns `count` numbers drawn from the normal distribution N(0, 1).
pub(super) fn normal(seed: u64, count: usize) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let radius = (-2.0 * unit(&mut random).ln()).sqrt();
        let angle = std::f64::consts::TAU * unit(&mut random);
        values.push(narrow(radius * angle.cos()));
        values.push(narrow(radius * angle.sin()));
    }
    values.truncate(count);
    values
}

/// Returns a number in (0, 1].
#[allow(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
fn unit(random: &mut Random) -> f64 {
    ((random.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "noise needs no more than f32"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_normal_and_follows_its_seed() {
        let values = normal(7, 100_000);
        let count = 100_000.0;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let variance = values
            .iter()
            .map(|&v| f64::from(v) * f64::from(v))
            .sum::<f64>()
            / count;
        let beyond = values.iter().filter(|v| v.abs() > 1.96).count();
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
        assert!((4500..5500).contains(&beyond), "{beyond}");
        assert_eq!(values[..9], normal(7, 9));
        assert_ne!(values[..9], normal(8, 9));
    }
}
