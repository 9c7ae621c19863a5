//! PNG: every colour type and depth, cuts, checksums, transparency, animation.

use png::{BitDepth, ColorType};

use super::{
    samples::{encoded, exif, png, push_chunk, smooth},
    *,
};

/// Name, kind, chunks, data, and the two pixels expected.
type Case<'a> = (
    &'a str,
    (ColorType, BitDepth),
    &'a [(&'a [u8; 4], &'a [u8])],
    &'a [u8],
    [[f32; 3]; 2],
);

#[test]
fn every_kind_of_png_becomes_the_same_form() {
    let palette: &[u8] = &[10, 20, 30, 200, 100, 50];
    let cases: [Case; 9] = [
        (
            "1 bit",
            (ColorType::Grayscale, BitDepth::One),
            &[],
            &[0b0100_0000],
            [[0.0; 3], [255.0; 3]],
        ),
        (
            "2 bit",
            (ColorType::Grayscale, BitDepth::Two),
            &[],
            &[0b0110_0000],
            [[85.0; 3], [170.0; 3]],
        ),
        (
            "4 bit",
            (ColorType::Grayscale, BitDepth::Four),
            &[],
            &[0x3f],
            [[51.0; 3], [255.0; 3]],
        ),
        (
            "grey",
            (ColorType::Grayscale, BitDepth::Eight),
            &[],
            &[7, 99],
            [[7.0; 3], [99.0; 3]],
        ),
        (
            "palette",
            (ColorType::Indexed, BitDepth::One),
            &[(b"PLTE", palette)],
            &[0b1000_0000],
            [[200.0, 100.0, 50.0], [10.0, 20.0, 30.0]],
        ),
        (
            "rgb",
            (ColorType::Rgb, BitDepth::Eight),
            &[],
            &[1, 2, 3, 4, 5, 6],
            [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
        ),
        (
            "grey and alpha",
            (ColorType::GrayscaleAlpha, BitDepth::Eight),
            &[],
            &[100, 255, 100, 0],
            [[100.0; 3], [255.0; 3]],
        ),
        (
            "colour key",
            (ColorType::Rgb, BitDepth::Eight),
            &[(b"tRNS", &[0, 1, 0, 2, 0, 3])],
            &[1, 2, 3, 4, 5, 6],
            [[255.0; 3], [4.0, 5.0, 6.0]],
        ),
        (
            "16 bit grey",
            (ColorType::Grayscale, BitDepth::Sixteen),
            &[],
            &[0xff, 0xff, 0x80, 0x00],
            [[255.0; 3], [32768.0 / 257.0; 3]],
        ),
    ];
    for (name, kind, chunks, data, expected) in cases {
        let opened = opened("a.png", &png((2, 1), kind, chunks, data)).unwrap();
        let found = [0, 1].map(|x| pixel(&opened.picture, x, 0));
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn sixteen_bits_keep_their_precision() {
    let data: Vec<u8> = (1000..1064_u16).flat_map(u16::to_be_bytes).collect();
    let kind = (ColorType::Grayscale, BitDepth::Sixteen);
    let picture = opened("a.png", &png((64, 1), kind, &[], &data))
        .unwrap()
        .picture;
    let steps: Vec<u16> = picture
        .plane(0)
        .iter()
        .map(|v| (v * 257.0).round() as u16)
        .collect();
    assert_eq!(steps, (1000..1064).collect::<Vec<u16>>());
}

#[test]
fn transparency_shows_the_matte_and_is_measured() {
    let kind = (ColorType::Rgba, BitDepth::Eight);
    let data = [0, 0, 0, 255, 0, 0, 0, 0, 100, 0, 0, 51, 9, 9, 9, 255];
    let file = dropped("a.png", &png((4, 1), kind, &[], &data));
    let options = DecodeOptions {
        matte: [200.0, 100.0, 0.0],
        ..DecodeOptions::default()
    };
    let opened = open(&file.path, &options).unwrap();
    assert_eq!(pixel(&opened.picture, 0, 0), [0.0; 3]);
    assert_eq!(pixel(&opened.picture, 1, 0), [200.0, 100.0, 0.0]);
    assert_near(pixel(&opened.picture, 2, 0), [180.0, 80.0, 0.0], 1e-3);
    assert_eq!(pixel(&opened.picture, 3, 0), [9.0; 3]);
    assert!((opened.transparency - 0.45).abs() < 1e-6);
    let [Note::Transparent { share }] = opened.notes[..] else {
        panic!("{:?}", opened.notes)
    };
    assert!((share - opened.transparency).abs() < f32::EPSILON);
    assert_eq!(
        opened.notes[0].to_string(),
        "45.0 % transparent: laid over the matte colour"
    );
}

#[test]
fn a_fully_transparent_picture_is_all_matte() {
    let data = [7, 8, 9, 0].repeat(4);
    let bytes = png((2, 2), (ColorType::Rgba, BitDepth::Eight), &[], &data);
    let opened = opened("a.png", &bytes).unwrap();
    assert!(opened.picture.data().iter().all(|&value| value == 255.0));
    assert_eq!(opened.transparency, 1.0);
}

#[test]
fn a_cut_png_is_incomplete_and_only_the_end_may_miss() {
    let whole = encoded(&smooth(60, 40), image::ImageFormat::Png);
    for cut in (9..whole.len() - 40).step_by(13).chain([whole.len() / 2]) {
        let error = opened("a.png", &whole[..cut]).unwrap_err();
        assert!(
            error.may_still_arrive(),
            "{cut} of {}: {}",
            whole.len(),
            told(&error)
        );
    }
    let without = opened("a.png", &whole[..whole.len() - 12]).unwrap();
    assert_eq!(without.notes, [Note::EndMissing]);
    assert_eq!(without.picture, opened("a.png", &whole).unwrap().picture);
}

#[test]
fn a_wrong_checksum_is_damage() {
    let mut bytes = encoded(&smooth(60, 40), image::ImageFormat::Png);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    let error = opened("a.png", &bytes).unwrap_err();
    assert!(
        matches!(error, DecodeError::Damaged { .. }),
        "{}",
        told(&error)
    );
    assert!(error.to_string().contains("the PNG file") && error.to_string().contains("damaged"));
}

#[test]
fn an_interlaced_png_equals_the_plain_one() {
    // 8 x 8 grey whose value is the index, interlaced by hand in the seven passes.
    let passes = [
        (0, 8, 0, 8),
        (4, 8, 0, 8),
        (0, 4, 4, 8),
        (2, 4, 0, 4),
        (0, 2, 2, 4),
        (1, 2, 0, 2),
    ];
    let mut rows = Vec::new();
    for (x0, dx, y0, dy) in passes.into_iter().chain([(0, 1, 1, 2)]) {
        for y in (y0..8).step_by(dy) {
            rows.push(0);
            rows.extend(
                (x0..8)
                    .step_by(dx)
                    .map(|x| u8::try_from(y * 8 + x).unwrap()),
            );
        }
    }
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    push_chunk(
        &mut bytes,
        *b"IHDR",
        &[0, 0, 0, 8, 0, 0, 0, 8, 8, 0, 0, 0, 1],
    );
    push_chunk(&mut bytes, *b"IDAT", &samples::deflate(&rows));
    push_chunk(&mut bytes, *b"IEND", &[]);
    let picture = opened("a.png", &bytes).unwrap().picture;
    let expected: Vec<f32> = (0..64_u8).map(f32::from).collect();
    assert_eq!(picture.plane(0), expected);
}

#[test]
fn an_animation_gives_its_first_frame_and_says_so() {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[10, 20]).unwrap();
    writer.write_image_data(&[30, 40]).unwrap();
    writer.finish().unwrap();
    let opened = opened("a.png", &bytes).unwrap();
    assert_eq!(opened.notes, [Note::Animated]);
    assert_eq!(opened.picture.plane(0), [10.0, 20.0]);
}

#[test]
fn the_orientation_chunk_is_obeyed() {
    let kind = (ColorType::Grayscale, BitDepth::Eight);
    let bytes = png((2, 1), kind, &[(b"eXIf", &exif(6))], &[10, 20]);
    let picture = opened("a.png", &bytes).unwrap().picture;
    assert_eq!((picture.width(), picture.height()), (1, 2));
    assert_eq!(picture.plane(0), [10.0, 20.0]);
}
