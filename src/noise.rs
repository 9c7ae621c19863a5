//! Seeded noise, the same on every machine and in every version.
//!
//! Own arithmetic rather than a library's, because a seed is part of a recipe: the same seed must
//! give the same picture after any update. SplitMix64 (Steele, Lea, Flood 2014) feeds the
//! Box–Muller transform.

/// Returns `count` numbers drawn from the normal distribution N(0, 1).
pub fn normal(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let radius = (-2.0 * unit(&mut state).ln()).sqrt();
        let angle = std::f64::consts::TAU * unit(&mut state);
        values.push(narrow(radius * angle.cos()));
        values.push(narrow(radius * angle.sin()));
    }
    values.truncate(count);
    values
}

/// Returns `count` numbers spread evenly over (0, 1].
pub fn uniform(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed;
    (0..count).map(|_| narrow(unit(&mut state))).collect()
}

/// Returns a number in (0, 1].
#[allow(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
fn unit(state: &mut u64) -> f64 {
    ((next(state) >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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
    fn splitmix_gives_its_published_sequence() {
        // The first outputs for seed 1234567, as the authors' reference code prints them.
        let mut state = 1_234_567;
        assert_eq!(next(&mut state), 6_457_827_717_110_365_317);
        assert_eq!(next(&mut state), 3_203_168_211_198_807_973);
    }

    #[test]
    fn even_numbers_fill_their_range_and_follow_their_seed() {
        let values = uniform(7, 100_000);
        let below = |limit: f32| values.iter().filter(|&&v| v <= limit).count();
        assert_eq!((below(0.0), below(1.0)), (0, 100_000));
        assert!((24_500..25_500).contains(&below(0.25)), "{}", below(0.25));
        assert_eq!(values[..9], uniform(7, 9));
        assert_ne!(values[..9], uniform(8, 9));
    }

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
