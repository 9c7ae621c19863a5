//! Heat maps of small matrices, read back entry by entry.

#![allow(clippy::float_cmp, reason = "whole numbers and copies are exact")]

use super::*;

fn entry(map: &HeatMap, row: usize, column: usize) -> [f32; 3] {
    let picture = &map.picture;
    let (x, y) = (
        map.place.x + column * map.place.cell + map.place.cell / 2,
        map.place.y + row * map.place.cell + map.place.cell / 2,
    );
    let len = picture.width() * picture.height();
    [0, 1, 2].map(|plane| picture.data()[plane * len + y * picture.width() + x])
}

#[test]
fn every_entry_has_the_colour_of_its_value() {
    for matrix in [
        [4.0, 1.0, 0.0, 1.0, 2.0, 0.5, 0.0, 0.5, 3.0],
        [4.0, -1.0, 0.0, -1.0, 2.0, 0.5, 0.0, 0.5, 3.0],
    ] {
        let map = heat_map(&matrix, &[7, 0, 12], &["heading".to_owned()]);
        for (i, value) in matrix.iter().enumerate() {
            let expected = map.place.colour(*value).map(f32::from);
            assert_eq!(entry(&map, i / 3, i % 3), expected, "entry {i}");
        }
        assert_eq!(map.place.largest, 4.0);
        assert_eq!(map.place.signed, matrix[1] < 0.0);
        assert_eq!(map.place.colour(4.0), map.place.of_share(1.0));
        assert_eq!(map.place.colour(1.0), map.place.of_share(0.5));
    }
}

#[test]
fn the_bar_is_labelled_with_values() {
    let map = heat_map(&[8.0, 0.0, 0.0, 8.0], &[0, 1], &[]);
    let labels: Vec<String> = ticks(&map.place)
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(labels, ["8", "4.5", "2", "0.5", "0"]);
}

#[test]
fn sizes_from_one_to_thousands() {
    for side in [1, 2, 100, 1500] {
        let names: Vec<usize> = (0..side).collect();
        let map = heat_map(&vec![0.0; side * side], &names, &[]);
        let (right, bottom) = (
            map.place.x + side * map.place.cell,
            map.place.y + side * map.place.cell,
        );
        assert!(
            right < map.picture.width() && bottom < map.picture.height(),
            "{side}"
        );
    }
}
