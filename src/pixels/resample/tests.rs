//! Resampling against numbers computed by Pillow 13.0 and by hand.

use super::*;

/// A picture whose planes all hold `(37 x + 91 y + 29 x y) mod 256`.
fn pattern(width: usize, height: usize) -> Picture {
    let plane =
        (0..height).flat_map(|y| (0..width).map(move |x| (x * 37 + y * 91 + x * y * 29) % 256));
    let plane: Vec<f32> = plane
        .map(|value| f32::from(u8::try_from(value).unwrap()))
        .collect();
    Picture::new(width, height, plane.repeat(PLANES)).unwrap()
}

#[track_caller]
fn check(filter: Filter, width: usize, height: usize, expected: &[f32], tolerance: f32) {
    let resized = resize(&pattern(12, 9), width, height, filter);
    assert_eq!((resized.width(), resized.height()), (width, height));
    for channel in 0..PLANES {
        for (at, (found, expected)) in resized.plane(channel).iter().zip(expected).enumerate() {
            assert!(
                (found - expected).abs() <= tolerance,
                "{filter:?} {at}: {found} {expected}"
            );
        }
    }
}

#[test]
fn eight_bit_bilinear_equals_pillow() {
    check(Filter::BilinearU8, 5, 4, &BILINEAR_U8_SMALL, 0.0);
    check(Filter::BilinearU8, 17, 5, &BILINEAR_U8_LARGE, 0.0);
}

#[test]
fn eight_bit_bilinear_equals_pillow_over_many_pixels() {
    // Sum of `value * (index mod 1009 + 1)`; a library with narrower weights misses it.
    let resized = resize(&pattern(83, 61), 200, 23, Filter::BilinearU8);
    let terms = resized.plane(0).iter().zip((1..=1009).cycle());
    let sum: i64 = terms
        .map(|(&value, index)| i64::from(eight_bits(value)) * index)
        .sum();
    assert_eq!(sum, 285_553_118);
}

#[test]
fn float_filters_equal_pillow() {
    check(Filter::Bilinear, 5, 4, &BILINEAR_SMALL, 1e-4);
    check(Filter::Bilinear, 17, 5, &BILINEAR_LARGE, 1e-4);
    check(Filter::Lanczos, 5, 4, &LANCZOS_SMALL, 1e-4);
    check(Filter::Lanczos, 17, 5, &LANCZOS_LARGE, 1e-4);
}

#[test]
fn torch_shrinks_by_area_and_enlarges_by_interpolation() {
    let plane = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0];
    let picture = Picture::new(3, 2, plane.repeat(PLANES)).unwrap();
    let enlarged = resize(&picture, 5, 2, Filter::Torch);
    assert_eq!(
        enlarged.plane(2),
        [0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 35.0, 40.0, 45.0, 50.0]
    );
    let shrunk = resize(&picture, 2, 1, Filter::Torch);
    for (found, expected) in shrunk.plane(0).iter().zip([55.0 / 3.0, 95.0 / 3.0]) {
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
}

#[test]
fn an_equal_size_is_a_copy_except_for_eight_bits() {
    let picture = Picture::new(2, 1, vec![0.4, 254.6, 300.0, -3.0, 7.5, 8.5]).unwrap();
    for filter in [Filter::Bilinear, Filter::Lanczos, Filter::Torch] {
        assert_eq!(resize(&picture, 2, 1, filter), picture);
    }
    let rounded = resize(&picture, 2, 1, Filter::BilinearU8);
    assert_eq!(rounded.data(), [0.0, 255.0, 255.0, 0.0, 8.0, 9.0]);
}

#[test]
fn a_flat_picture_stays_flat_at_every_size() {
    let flat = Picture::new(7, 5, vec![123.0; 105]).unwrap();
    for filter in [
        Filter::BilinearU8,
        Filter::Bilinear,
        Filter::Lanczos,
        Filter::Torch,
    ] {
        for (width, height) in [(1, 1), (3, 40), (64, 2), (0, 9)] {
            let resized = resize(&flat, width, height, filter);
            assert!(
                resized
                    .data()
                    .iter()
                    .all(|value| (value - 123.0).abs() < 1e-3),
                "{filter:?}"
            );
        }
    }
}

// Made with Pillow 13.0 from the 12 x 9 pattern as an array `a` (u8, and as mode F for the float
// filters): `Image.fromarray(a).resize((W, H), Image.BILINEAR)`; SMALL is 5 x 4, LARGE is 17 x 5.
#[rustfmt::skip]
const BILINEAR_U8_SMALL: [f32; 20] = [
    96.0, 116.0, 158.0, 97.0, 135.0, 86.0, 103.0, 136.0, 142.0, 153.0,
    126.0, 138.0, 87.0, 135.0, 150.0, 164.0, 125.0, 45.0, 129.0, 146.0,
];
#[rustfmt::skip]
const BILINEAR_SMALL: [f32; 20] = [
    95.56, 116.1748, 157.8, 97.1182, 134.9749, 86.2605, 103.4671, 135.5122, 142.1848, 153.1073,
    125.9132, 138.2947, 86.4425, 135.0521, 149.5502, 164.2457, 125.3603, 44.2857, 128.9913, 146.4606,
];
#[rustfmt::skip]
const LANCZOS_SMALL: [f32; 20] = [
    96.2312, 118.0286, 166.5063, 87.2346, 134.1426, 87.9707, 95.9618, 142.1399, 140.322, 156.9457,
    116.4335, 143.1435, 79.0642, 143.5052, 152.1008, 180.0594, 131.0764, 22.1924, 135.7914, 147.9086,
];
#[rustfmt::skip]
const BILINEAR_U8_LARGE: [f32; 85] = [
    52.0, 72.0, 101.0, 139.0, 103.0, 98.0, 125.0, 163.0, 201.0, 185.0,
    43.0, 58.0, 90.0, 116.0, 153.0, 142.0, 111.0, 113.0, 97.0, 89.0,
    102.0, 137.0, 111.0, 53.0, 123.0, 192.0, 209.0, 98.0, 145.0, 147.0,
    76.0, 146.0, 159.0, 142.0, 108.0, 84.0, 74.0, 97.0, 109.0, 128.0,
    144.0, 114.0, 84.0, 81.0, 147.0, 128.0, 123.0, 146.0, 157.0, 177.0,
    195.0, 103.0, 147.0, 169.0, 134.0, 155.0, 146.0, 112.0, 78.0, 44.0,
    52.0, 164.0, 178.0, 162.0, 130.0, 152.0, 139.0, 112.0, 164.0, 172.0,
    178.0, 175.0, 173.0, 122.0, 40.0, 37.0, 35.0, 36.0, 47.0, 113.0,
    153.0, 150.0, 148.0, 145.0, 143.0,
];
#[rustfmt::skip]
const BILINEAR_LARGE: [f32; 85] = [
    52.0, 71.7185, 101.4664, 139.2815, 102.8782, 98.2059, 124.7269, 162.542, 200.3571, 185.4664,
    42.5756, 57.8025, 89.7017, 115.1471, 152.9622, 142.3739, 111.0, 113.375, 96.9596, 88.9301,
    102.0772, 136.8713, 111.4301, 52.5772, 122.1949, 191.8125, 208.7243, 97.636, 144.6654, 146.989,
    75.9007, 145.5184, 158.6654, 142.25, 108.0, 84.1021, 73.846, 96.808, 109.583, 127.673,
    143.9913, 113.8045, 83.6176, 81.3339, 146.8149, 128.5865, 122.7595, 145.2785, 157.6107, 176.5865,
    194.7647, 102.625, 146.9816, 169.1287, 134.8051, 154.5993, 146.1581, 111.8346, 77.511, 43.1875,
    51.6875, 164.1875, 177.864, 161.8934, 129.9228, 152.0699, 138.9228, 111.75, 164.0, 172.2227,
    177.7689, 175.2479, 172.7269, 121.2647, 39.6849, 37.1639, 34.6429, 35.8866, 46.2731, 113.1302,
    152.5588, 150.0378, 147.5168, 144.9958, 143.0,
];
#[rustfmt::skip]
const LANCZOS_LARGE: [f32; 85] = [
    54.739, 62.0094, 110.4884, 153.0565, 101.3773, 84.0975, 136.4906, 162.2574, 227.412, 189.6865,
    30.5708, 23.7643, 86.224, 117.4812, 163.7016, 142.0314, 104.2436, 113.046, 98.7362, 86.1756,
    104.5065, 155.2014, 101.4279, 26.6599, 101.4347, 235.3652, 227.2485, 89.1415, 157.0405, 174.2964,
    77.8779, 148.1188, 169.9839, 132.6872, 112.3788, 82.6858, 56.6673, 80.1629, 109.641, 142.3454,
    150.5876, 121.1768, 62.4128, 75.8769, 160.2134, 133.3244, 101.0088, 136.6644, 156.0715, 183.7239,
    200.8286, 98.1075, 147.9994, 174.1677, 131.9448, 150.2938, 160.9538, 127.0486, 88.1962, 10.0944,
    31.9803, 175.6488, 206.868, 155.0155, 130.8253, 159.2659, 145.1108, 111.1241, 158.9074, 170.3984,
    183.7548, 181.465, 185.1335, 113.613, 22.7577, 25.3055, 42.6569, 30.7547, 27.2558, 112.6209,
    175.108, 159.0036, 145.6785, 141.5508, 144.5595,
];
