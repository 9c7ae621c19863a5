//! `original_colors` against Pillow 13.0 and against YUV computed in `f64`.

use super::*;

/// 64 x 64 pixels of whole numbers; each plane is `rule(channel, index) mod 256`.
fn picture(rule: fn(usize, usize) -> usize) -> Picture {
    let values = (0..PLANES).flat_map(|channel| (0..4096).map(move |i| rule(channel, i) % 256));
    let data = values
        .map(|value| f32::from(u8::try_from(value).unwrap()))
        .collect();
    Picture::new(64, 64, data).unwrap()
}

fn content() -> Picture {
    picture(|channel, i| [i * 37, i * 91 + 5, i * i][channel])
}

fn generated() -> Picture {
    picture(|channel, i| [i * 53 + 7, i * 11, i * i * 3 + 1][channel])
}

#[test]
fn eight_bit_colours_equal_pillow() {
    // `Image.merge("YCbCr", [Y of generated, Cb, Cr of content]).convert("RGB")`: the first pixels,
    // and for each plane the sum of `value * (index mod 1009 + 1)`.
    let result = original_colors_pt(&content(), &generated()).unwrap();
    let first: Vec<[f32; 3]> = (0..6)
        .map(|at| [0, 1, 2].map(|channel| result.plane(channel)[at]))
        .collect();
    let expected = [
        [0, 4, 0],
        [0, 52, 0],
        [0, 103, 0],
        [135, 47, 33],
        [131, 97, 0],
        [52, 71, 0],
    ];
    assert_eq!(
        first,
        expected.map(|rgb| rgb.map(|value: u8| f32::from(value)))
    );
    for (channel, expected) in [260_483_066, 263_149_728, 220_846_485]
        .into_iter()
        .enumerate()
    {
        let terms = result.plane(channel).iter().zip((1..=1009).cycle());
        let sum: i64 = terms
            .map(|(&value, index)| i64::from(eight_bits(value)) * index)
            .sum();
        assert_eq!(sum, expected, "plane {channel}");
    }
}

#[test]
fn eight_bit_colours_clip_and_round_the_painting_first() {
    let grey = Picture::new(1, 1, vec![100.0; 3]).unwrap();
    let wild = Picture::new(1, 1, vec![300.0, 254.6, 254.5]).unwrap();
    assert_eq!(original_colors_pt(&grey, &wild).unwrap().data(), [255.0; 3]);
}

#[test]
fn float_colours_follow_the_yuv_of_the_original_unclipped() {
    let (content, painting) = ([200.0, 30.0, 90.0], [270.0, -12.5, 40.25]);
    let result = original_colors_lua(
        &Picture::new(1, 1, content.to_vec()).unwrap(),
        &Picture::new(1, 1, painting.to_vec()).unwrap(),
    );
    let [r, g, b] = content.map(f64::from);
    let [red, green, blue] = painting.map(f64::from);
    let y = 0.299 * red + 0.587 * green + 0.114 * blue;
    let u = -0.14713 * r - 0.28886 * g + 0.436 * b;
    let v = 0.615 * r - 0.51499 * g - 0.10001 * b;
    let expected = [
        y + 1.13983 * v,
        y - 0.39465 * u - 0.58060 * v,
        y + 2.03211 * u,
    ];
    for (found, expected) in result.unwrap().data().iter().zip(expected) {
        assert!(
            (f64::from(*found) - expected).abs() < 1e-3,
            "{found} {expected}"
        );
    }
}

#[test]
fn pictures_of_two_sizes_cannot_be_merged() {
    let other = Picture::new(2, 1, vec![0.0; 6]).unwrap();
    assert_eq!(original_colors_pt(&content(), &other), None);
    assert_eq!(original_colors_lua(&content(), &other), None);
}
