//! Colour spaces to sRGB. Expected values were computed from the primaries in `f64` with numpy.

use moxcms::ColorProfile;
use png::{BitDepth, ColorType};

use super::{
    samples::{CMYK, flat, jpeg, png, with_profile},
    *,
};

fn flat_png(rgb: [u8; 3], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    png((1, 1), (ColorType::Rgb, BitDepth::Eight), chunks, &rgb)
}

fn icc_chunk(profile: &[u8]) -> Vec<u8> {
    [b"p\0\0", samples::deflate(profile).as_slice()].concat()
}

#[test]
fn wide_profiles_are_converted_and_named() {
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    let adobe = ColorProfile::new_adobe_rgb().encode().unwrap();
    for (profile, expected) in [(p3, [214.9, 92.6, 31.0]), (adobe, [227.1, 100.1, 42.4])] {
        let from_png = flat_png([200, 100, 50], &[(b"iCCP", &icc_chunk(&profile))]);
        let opened_png = opened("a.png", &from_png).unwrap();
        assert_near(pixel(&opened_png.picture, 0, 0), expected, 0.6);
        let from_jpeg = with_profile(&jpeg(&flat([200, 100, 50])), &profile);
        let opened_jpeg = opened("a.jpg", &from_jpeg).unwrap();
        assert_near(pixel(&opened_jpeg.picture, 8, 8), expected, 2.5);
        let [Note::Converted(name)] = &opened_jpeg.notes[..] else {
            panic!("{:?}", opened_jpeg.notes)
        };
        assert!(name.contains("P3") || name.contains("Adobe"), "{name}");
    }
}

#[test]
fn an_srgb_profile_changes_no_value() {
    let profile = ColorProfile::new_srgb().encode().unwrap();
    let opened = opened(
        "a.png",
        &flat_png([13, 200, 77], &[(b"iCCP", &icc_chunk(&profile))]),
    );
    let opened = opened.unwrap();
    assert_eq!(pixel(&opened.picture, 0, 0), [13.0, 200.0, 77.0]);
    assert_eq!(opened.notes, []);
}

#[test]
fn a_broken_or_unfitting_profile_never_costs_the_picture() {
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    let grey = ColorProfile::new_gray_with_gamma(1.8).encode().unwrap();
    let picture = jpeg(&flat([200, 100, 50]));
    for profile in [
        b"nonsense".as_slice(),
        &p3[..p3.len() / 2],
        &grey,
        &[0xff; 300],
    ] {
        let opened = opened("a.jpg", &with_profile(&picture, profile)).unwrap();
        assert_eq!(opened.notes, [Note::ProfileIgnored]);
        assert_near(pixel(&opened.picture, 8, 8), [200.0, 100.0, 50.0], 2.0);
    }
}

#[test]
fn a_grey_profile_converts_a_grey_picture() {
    let profile = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let kind = (ColorType::Grayscale, BitDepth::Eight);
    let bytes = png((1, 1), kind, &[(b"iCCP", &icc_chunk(&profile))], &[200]);
    let opened = opened("a.png", &bytes).unwrap();
    assert_near(pixel(&opened.picture, 0, 0), [229.1; 3], 1.0);
}

#[test]
fn an_ink_profile_converts_ink() {
    // A profile that prints the same mid grey (L* = 50, sRGB 118.9) whatever the ink.
    let profile = ink_profile([0x7f80, 0x8000, 0x8000]);
    let opened = opened("a.jpg", &with_profile(CMYK, &profile)).unwrap();
    assert_eq!(opened.notes, [Note::Cmyk { profile: true }]);
    assert_near(pixel(&opened.picture, 3, 3), [118.9; 3], 2.0);
    assert_near(pixel(&opened.picture, 12, 12), [118.9; 3], 2.0);
}

#[test]
fn a_gamma_is_obeyed_unless_it_is_srgb() {
    let linear = flat_png([200, 100, 50], &[(b"gAMA", &100_000_u32.to_be_bytes())]);
    let opened_linear = opened("a.png", &linear).unwrap();
    assert_near(
        pixel(&opened_linear.picture, 0, 0),
        [229.1, 168.1, 122.4],
        0.1,
    );
    assert_eq!(
        opened_linear.notes,
        [Note::Converted("gamma 1.000".to_owned())]
    );
    for gamma in [45_455_u32, 0, 4_000_000_000] {
        let ordinary = flat_png([200, 100, 50], &[(b"gAMA", &gamma.to_be_bytes())]);
        let opened = opened("a.png", &ordinary).unwrap();
        assert_eq!(
            pixel(&opened.picture, 0, 0),
            [200.0, 100.0, 50.0],
            "{gamma}"
        );
        assert_eq!(opened.notes, []);
    }
}

#[test]
fn code_points_are_obeyed_except_for_high_dynamic_range() {
    let p3 = opened(
        "a.png",
        &flat_png([200, 100, 50], &[(b"cICP", &[12, 13, 0, 1])]),
    )
    .unwrap();
    assert_near(pixel(&p3.picture, 0, 0), [214.9, 92.6, 31.0], 0.6);
    let srgb = opened(
        "a.png",
        &flat_png([200, 100, 50], &[(b"cICP", &[1, 13, 0, 1])]),
    )
    .unwrap();
    assert_eq!(pixel(&srgb.picture, 0, 0), [200.0, 100.0, 50.0]);
    assert_eq!(srgb.notes, []);
    let bright = opened(
        "a.png",
        &flat_png([200, 100, 50], &[(b"cICP", &[9, 16, 0, 1])]),
    )
    .unwrap();
    assert_eq!(pixel(&bright.picture, 0, 0), [200.0, 100.0, 50.0]);
    assert_eq!(bright.notes, [Note::ProfileIgnored]);
}

/// Returns an ICC profile from four inks to the one colour `lab` (16-bit encoding of version 2).
fn ink_profile(lab: [u16; 3]) -> Vec<u8> {
    const LUT_OFFSET: u32 = 128 + 4 + 12;
    let mut lut = b"mft2\0\0\0\0\x04\x03\x02\0".to_vec();
    let matrix = [1, 0, 0, 0, 1, 0, 0, 0, 1].map(|value: u32| value << 16);
    lut.extend(matrix.into_iter().flat_map(u32::to_be_bytes));
    let straight = [0, 0xffff_u16];
    let tables = [
        &[2, 2],
        &straight.repeat(4)[..],
        &lab.repeat(16),
        &straight.repeat(3),
    ];
    lut.extend(tables.concat().into_iter().flat_map(u16::to_be_bytes));
    let length = u32::try_from(lut.len()).unwrap();
    let mut profile = (LUT_OFFSET + length).to_be_bytes().to_vec();
    profile.extend(b"\0\0\0\0\x02\x40\0\0prtrCMYKLab ");
    profile.resize(36, 0);
    profile.extend(b"acsp");
    profile.resize(68, 0);
    profile.extend(
        [0xf6d6_u32, 0x1_0000, 0xd32d]
            .into_iter()
            .flat_map(u32::to_be_bytes),
    );
    profile.resize(128, 0);
    profile.extend([1_u32.to_be_bytes(), *b"A2B0"].concat());
    profile.extend([LUT_OFFSET, length].into_iter().flat_map(u32::to_be_bytes));
    profile.extend(lut);
    profile
}
