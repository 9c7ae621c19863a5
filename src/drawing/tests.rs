//! Drawings are what their seed says: their bytes, their size, and some contrast.

use sha2::{Digest, Sha256};

use super::draw;

#[test]
fn a_seed_gives_the_same_bytes_for_ever() {
    let hash = (0..64).fold(Sha256::new(), |hash, seed| {
        hash.chain_update(draw(48, seed))
    });
    assert_eq!(hash.finalize()[..8], [20, 206, 23, 205, 123, 135, 62, 200]);
}

#[test]
fn drawings_have_their_size_and_differ() {
    let drawings: Vec<Vec<u8>> = (0..200).map(|seed| draw(32, seed)).collect();
    for (seed, drawing) in drawings.iter().enumerate() {
        assert_eq!(drawing.len(), 32 * 32 * 3);
        assert!(
            !drawings[..seed].contains(drawing),
            "seed {seed} repeats an earlier one"
        );
        // What has no contrast teaches nothing.
        let mean = drawing.iter().map(|&v| f32::from(v)).sum::<f32>() / 3072.0;
        let spread = drawing
            .iter()
            .map(|&v| (f32::from(v) - mean).powi(2))
            .sum::<f32>()
            / 3072.0;
        assert!(spread.sqrt() > 4.0, "seed {seed} is nearly one colour");
    }
}

#[test]
fn a_size_may_be_anything() {
    for side in [0, 1, 2, 3, 7, 129] {
        for seed in 0..40 {
            assert_eq!(draw(side, seed).len(), side.max(1).pow(2) * 3);
        }
    }
}

#[test]
fn another_size_shows_the_same_picture() {
    let alike = (0..40).filter(|&seed| {
        let (small, large) = (draw(64, seed), draw(128, seed));
        let pixel = |drawing: &[u8], side: usize, x: usize, y: usize, channel: usize| {
            f32::from(drawing[(y * side + x) * 3 + channel])
        };
        let mut away = 0.0;
        for index in 0..64 * 64 * 3 {
            let (x, y, channel) = (index / 3 % 64, index / 192, index % 3);
            let inside = [(0, 0), (1, 0), (0, 1), (1, 1)]
                .map(|(right, down)| pixel(&large, 128, 2 * x + right, 2 * y + down, channel));
            let mean = inside.iter().sum::<f32>() / 4.0;
            away += (mean - pixel(&small, 64, x, y, channel)).abs();
        }
        away / (64.0 * 64.0 * 3.0) < 20.0
    });
    // The rest has grain or patterns that are too fine for 64 pixels.
    let alike = alike.count();
    assert!(alike >= 32, "{alike} of 40");
}
