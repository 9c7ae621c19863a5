//! Seeded random numbers, the same on every machine and in every version.
//!
//! SplitMix64 (Steele, Lea, Flood 2014): a state of 64 bits, any of which is a good start, so that
//! streams are made by mixing indices into a seed ([`Random::stream`]). Only whole-number arithmetic,
//! additions and products of floats are used, never a function whose last bit depends on a library.

/// Increment of the state: 2⁶⁴ over the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A sequence of random numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Returns the sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns the sequence that belongs to `seed` and the position `path`: other positions give
    /// unrelated sequences, so that any element can be made without those before it.
    pub fn stream(seed: u64, path: &[u64]) -> Self {
        let mut state = seed;
        for &part in path {
            state = Self::new(state).bits() ^ part.wrapping_mul(STEP);
        }
        let mut random = Self { state };
        let state = random.bits();
        Self { state }
    }

    /// Returns 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number in [0, 1), a multiple of 2⁻²⁴.
    #[allow(clippy::cast_precision_loss, reason = "24 bits fit exactly")]
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// Returns a number between `low` and `high`.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Returns a whole number below `count`, 0 where `count` is 0.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the product's high half is below `count`"
    )]
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }

    /// Returns true with probability `share`.
    pub fn chance(&mut self, share: f32) -> bool {
        self.unit() < share
    }

    /// Returns a number of mean 0 and variance 1 that is nearly normal (the sum of twelve uniform
    /// numbers; it never leaves ±6).
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }

    /// Returns one of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // The first outputs for seed 1234567, as the authors' reference code prints them.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn numbers_fill_their_range_evenly() {
        let mut random = Random::new(5);
        let mut counts = [0_usize; 10];
        for _ in 0..10_000 {
            let unit = random.unit();
            assert!((0.0..1.0).contains(&unit));
            counts[random.below(10)] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
        assert_eq!(random.below(0), 0);
        let normal: Vec<f32> = (0..10_000).map(|_| random.normal()).collect();
        let mean = normal.iter().sum::<f32>() / 10_000.0;
        let variance = normal.iter().map(|v| v * v).sum::<f32>() / 10_000.0;
        assert!(
            mean.abs() < 0.05 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }

    #[test]
    fn streams_follow_every_part_of_their_position() {
        let first = |path: &[u64]| Random::stream(3, path).bits();
        assert_eq!(first(&[1, 2]), first(&[1, 2]));
        let others = [
            first(&[1, 2]),
            first(&[2, 1]),
            first(&[1]),
            first(&[1, 3]),
            first(&[]),
        ];
        for (index, value) in others.iter().enumerate() {
            assert!(!others[..index].contains(value), "{others:?}");
        }
    }
}
