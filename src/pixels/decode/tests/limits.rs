//! Sizes are judged by the header, before anything of that size is allocated.

use png::{BitDepth, ColorType};

use super::{
    samples::{encoded, jpeg, png, smooth},
    *,
};

fn giant_png(side: u32) -> Vec<u8> {
    png((side, side), (ColorType::Rgba, BitDepth::Eight), &[], &[])
}

/// A sample of each format whose header was changed to claim a giant.
fn giants() -> Vec<(&'static str, Vec<u8>)> {
    let image = smooth(16, 16);
    let mut jpeg = jpeg(&image);
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xfd, 0xe8, 0xfd, 0xe8]);
    let mut gif = samples::gif(1);
    gif[6..10].fill(0xff);
    let mut bmp = encoded(&image, image::ImageFormat::Bmp);
    bmp[18..26].copy_from_slice(&[0x60, 0xea, 0, 0, 0x60, 0xea, 0, 0]);
    let mut qoi = encoded(&image, image::ImageFormat::Qoi);
    qoi[4..12].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
    let mut tga = encoded(&image, image::ImageFormat::Tga);
    tga[12..16].fill(0xff);
    let mut tiff = samples::tiff(&[0]);
    tiff[8 + 2 + 12 + 8..][..4].copy_from_slice(&200_000_u32.to_le_bytes());
    tiff[8 + 2 + 24 + 8..][..4].copy_from_slice(&200_000_u32.to_le_bytes());
    let mut webp = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f".to_vec();
    webp.extend([0xff; 12]);
    vec![
        ("a.png", giant_png(30_000)),
        ("b.png", giant_png(i32::MAX as u32)),
        ("a.jpg", jpeg),
        ("a.gif", gif),
        ("a.bmp", bmp),
        ("a.qoi", qoi),
        ("a.tga", tga),
        ("a.tif", tiff),
        ("a.ppm", b"P6 4000000000 4000000000 255\n".to_vec()),
        ("a.webp", webp),
    ]
}

#[test]
fn giants_are_refused_by_their_header() {
    for (name, bytes) in giants() {
        let error = opened(name, &bytes).unwrap_err();
        // Three decoders check before we can: any refusal will do, as long as it comes at once.
        let lenient = matches!(name, "a.webp" | "a.ppm" | "a.tif");
        let by_size = matches!(error, DecodeError::TooManyPixels { .. });
        assert!(by_size || lenient, "{name}: {}", told(&error));
    }
    let text = opened("a.png", &giant_png(30_000)).unwrap_err().to_string();
    assert!(
        text.contains("30000 x 30000 pixels, more than the limit of 120000000"),
        "{text}"
    );
    assert!(text.contains("`max_pixels`"), "{text}");
}

#[test]
fn a_real_picture_above_the_limit_is_refused_and_at_the_limit_read() {
    for (name, bytes) in [
        ("a.png", encoded(&smooth(50, 40), image::ImageFormat::Png)),
        ("a.jpg", jpeg(&smooth(50, 40))),
        ("a.webp", encoded(&smooth(50, 40), image::ImageFormat::WebP)),
    ] {
        let file = dropped(name, &bytes);
        let with = |max_pixels| {
            open(
                &file.path,
                &DecodeOptions {
                    max_pixels,
                    ..DecodeOptions::default()
                },
            )
        };
        assert!(with(2000).is_ok(), "{name}");
        assert!(
            matches!(with(1999), Err(DecodeError::TooManyPixels { .. })),
            "{name}"
        );
    }
}

#[test]
fn a_bomb_of_repeated_pixels_is_refused() {
    // 20000 x 20000 grey in a small file: within every library's byte limit, above ours.
    let rows = vec![0; 20_001];
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..200 {
        std::io::Write::write_all(&mut encoder, &rows).unwrap();
    }
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let side = 20_000_u32.to_be_bytes();
    let header = [&side[..], &side, &[8, 0, 0, 0, 0]].concat();
    samples::push_chunk(&mut bytes, *b"IHDR", &header);
    samples::push_chunk(&mut bytes, *b"IDAT", &encoder.finish().unwrap());
    let error = opened("bomb.png", &bytes).unwrap_err();
    assert!(
        matches!(error, DecodeError::TooManyPixels { .. }),
        "{}",
        told(&error)
    );
}

#[test]
fn texts_in_a_picture_are_never_unpacked_while_reading_it() {
    let bomb = samples::deflate(&vec![b'x'; 64 << 20]);
    let content = [b"Comment\0\0", bomb.as_slice()].concat();
    let kind = (ColorType::Grayscale, BitDepth::Eight);
    let bytes = png((1, 1), kind, &[(b"zTXt", &content)], &[9]);
    assert_eq!(opened("a.png", &bytes).unwrap().picture.plane(0), [9.0]);
}

#[test]
fn extreme_shapes_are_read() {
    for (width, height) in [(1, 1), (1, 8000), (8000, 1)] {
        let picture = opened(
            "a.png",
            &encoded(&smooth(width, height), image::ImageFormat::Png),
        );
        let picture = picture.unwrap().picture;
        assert_eq!(
            (picture.width(), picture.height()),
            (width as usize, height as usize)
        );
    }
}
