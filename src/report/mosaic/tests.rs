//! Mosaics of small made-up channels, read back pixel by pixel.

#![allow(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "small whole numbers and copies are exact"
)]

use super::*;

/// Returns `channels` maps that each rise from 0, and the last of them constant.
fn rising(channels: usize, height: usize, width: usize) -> Vec<f32> {
    let len = height * width;
    let value = |i: usize| match i / len {
        last if last + 1 == channels => 2.0,
        channel => (i % len * (channel + 1)) as f32,
    };
    (0..channels * len).map(value).collect()
}

fn pixel(picture: &Picture, x: usize, y: usize) -> [f32; 3] {
    let len = picture.width() * picture.height();
    let at = y * picture.width() + x;
    [0, 1, 2].map(|plane| picture.data()[plane * len + at])
}

#[test]
fn small_channels_are_magnified_by_a_whole_factor() {
    let data = rising(5, 3, 4);
    let maps = Maps::new(&data, (5, 3, 4)).unwrap();
    let shown = mosaic(&maps, &[3, 0, 4], Range::Own, &[]);
    let channels: Vec<usize> = shown.tiles.iter().map(|tile| tile.channel).collect();
    assert_eq!(channels, [3, 0, 4]);
    for tile in &shown.tiles {
        assert_eq!((tile.width, tile.height), (4 * 80, 3 * 80));
        for (x, y) in [(0, 0), (3, 0), (1, 2), (3, 2)] {
            let value = maps.channel(tile.channel)[y * 4 + x];
            let [expected, ..] = grey(value, (tile.lowest, tile.highest));
            for within in [0, 79] {
                let at = (tile.x + x * 80 + within, tile.y + y * 80 + within);
                assert_eq!(
                    pixel(&shown.picture, at.0, at.1),
                    [f32::from(expected); 3],
                    "channel {}, value at {x}, {y}",
                    tile.channel
                );
            }
        }
    }
    let flat = &shown.tiles[2];
    assert_eq!((flat.lowest, flat.highest), (2.0, 2.0));
}

#[test]
fn a_common_range_compares_channels() {
    let data = rising(3, 2, 2);
    let maps = Maps::new(&data, (3, 2, 2)).unwrap();
    let shown = mosaic(&maps, &[0, 1], Range::Common, &["heading".to_owned()]);
    let last = |tile: &Tile| {
        let at = (tile.x + tile.width - 1, tile.y + tile.height - 1);
        pixel(&shown.picture, at.0, at.1)[0]
    };
    assert_eq!(
        shown.tiles.iter().map(last).collect::<Vec<_>>(),
        [128.0, 255.0]
    );
}

#[test]
fn large_channels_are_reduced_to_means() {
    let data = rising(2, 3, 1000);
    let maps = Maps::new(&data, (2, 3, 1000)).unwrap();
    let shown = mosaic(&maps, &[0], Range::Own, &[]);
    let tile = &shown.tiles[0];
    assert_eq!((tile.width, tile.height), (250, 1));
    let block = (0..3).flat_map(|row| (4..8).map(move |column| row * 1000 + column));
    let mean = block.map(|i| data[i]).sum::<f32>() / 12.0;
    let [expected, ..] = grey(mean, (0.0, 2999.0));
    assert_eq!(
        pixel(&shown.picture, tile.x + 1, tile.y),
        [f32::from(expected); 3]
    );
}

#[test]
fn tiles_and_words_never_overlap_and_stay_inside() {
    for (count, height, width) in [(1, 1, 1), (7, 50, 3), (64, 12, 16), (3000, 2, 2)] {
        let data = rising(count, height, width);
        let maps = Maps::new(&data, (count, height, width)).unwrap();
        let channels: Vec<usize> = (0..count).collect();
        let shown = mosaic(
            &maps,
            &channels,
            Range::Own,
            &["a".to_owned(), "b".to_owned()],
        );
        assert_eq!(shown.tiles.len(), count);
        let (right, bottom) = (shown.picture.width(), shown.picture.height());
        for (a, b) in shown.tiles.iter().zip(shown.tiles.iter().skip(1)) {
            let beside = a.y == b.y && a.x + a.width < b.x;
            let below = b.y >= a.y + a.height + text_height(LABEL.0) && b.x == MARGIN;
            assert!(beside || below, "{a:?} {b:?}");
        }
        let inside = |tile: &Tile| {
            tile.x + tile.width < right && tile.y + tile.height + text_height(LABEL.0) < bottom
        };
        assert!(shown.tiles.iter().all(inside));
        assert!(right * bottom < 3 * MOST_PIXELS, "{right}×{bottom}");
    }
}

#[test]
fn thumbnails_hold_every_channel() {
    let data = rising(5, 2, 3);
    let maps = Maps::new(&data, (5, 2, 3)).unwrap();
    let picture = thumbnails(&maps, &[1, 0, 2], Range::Own, 2);
    assert_eq!((picture.width(), picture.height()), (7, 5));
    assert_eq!(pixel(&picture, 2, 1), [255.0; 3], "the end of the first");
    assert_eq!(
        pixel(&picture, 4, 0),
        [0.0; 3],
        "the beginning of the second"
    );
    assert_eq!(pixel(&picture, 2, 4), [255.0; 3], "the end of the third");
}

#[test]
fn data_that_does_not_fit_is_refused() {
    assert!(Maps::new(&[], (0, 1, 1)).is_none());
    assert!(Maps::new(&[1.0; 5], (1, 2, 2)).is_none());
    assert!(Maps::new(&[1.0; 4], (usize::MAX, 2, 2)).is_none());
}
