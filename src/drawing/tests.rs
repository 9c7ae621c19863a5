use sha2::{Digest, Sha256};

use super::draw;

#[test]
fn a_seed_gives_the_same_bytes_for_ever() {
    let mut hash = Sha256::new();
    for seed in 0..64 {
        hash.update(draw(48, seed));
    }
    let hash: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hash, "");
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
    // A medium that places its marks by pixels would not; grain does, and is finer.
    let mut alike = 0;
    for seed in 0..40 {
        let (small, large) = (draw(32, seed), draw(96, seed));
        let mut away = 0.0;
        for index in 0..32 * 32 {
            let (column, row) = (index % 32, index / 32);
            for channel in 0..3 {
                let inside = (0..9).map(|k| {
                    let (x, y) = (3 * column + k % 3, 3 * row + k / 3);
                    f32::from(large[(y * 96 + x) * 3 + channel])
                });
                away += (inside.sum::<f32>() / 9.0 - f32::from(small[index * 3 + channel])).abs();
            }
        }
        alike += usize::from(away / 3072.0 < 16.0);
    }
    assert!(alike >= 30, "{alike} of 40");
}
