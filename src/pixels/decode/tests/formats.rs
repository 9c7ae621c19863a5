//! The formats beside JPEG and PNG, and names that promise another one.

use image::ImageFormat;

use super::{
    samples::{encoded, exif, gif, jpeg, smooth, tiff},
    *,
};

const PLAIN: [(&str, ImageFormat, Format); 6] = [
    ("a.webp", ImageFormat::WebP, Format::WebP),
    ("a.tiff", ImageFormat::Tiff, Format::Tiff),
    ("a.bmp", ImageFormat::Bmp, Format::Bmp),
    ("a.qoi", ImageFormat::Qoi, Format::Qoi),
    ("a.tga", ImageFormat::Tga, Format::Tga),
    ("a.ppm", ImageFormat::Pnm, Format::Pnm),
];

#[test]
fn lossless_formats_keep_every_value() {
    let image = smooth(30, 20);
    for (name, library_format, format) in PLAIN {
        let opened = opened(name, &encoded(&image, library_format)).unwrap();
        assert_eq!(
            (opened.format, &opened.notes[..]),
            (format, [].as_slice()),
            "{name}"
        );
        for (x, y, rgb) in image.enumerate_pixels() {
            let found = pixel(&opened.picture, x as usize, y as usize);
            assert_eq!(found, rgb.0.map(f32::from), "{name} {x} {y}");
        }
    }
}

#[test]
fn cut_files_of_every_format_are_refused() {
    let image = smooth(30, 20);
    for (name, library_format, _) in PLAIN {
        let whole = encoded(&image, library_format);
        for cut in [
            whole.len() / 50 + 20,
            whole.len() / 4,
            whole.len() / 2,
            whole.len() * 9 / 10,
        ] {
            let error = opened(name, &whole[..cut]);
            let error = error.expect_err(&format!("{name} cut to {cut} of {}", whole.len()));
            let refused = error.may_still_arrive() || matches!(error, DecodeError::Damaged { .. });
            assert!(refused, "{name} cut to {cut}: {}", told(&error));
        }
    }
    let whole = gif(1);
    assert!(opened("a.gif", &whole[..whole.len() / 2]).is_err());
}

#[test]
fn animations_give_their_first_frame_and_say_so() {
    let still = opened("a.gif", &gif(1)).unwrap();
    assert_eq!(still.notes, []);
    let moving = opened("a.gif", &gif(2)).unwrap();
    assert_eq!(moving.notes, [Note::Animated]);
    assert_eq!(pixel(&moving.picture, 3, 3), pixel(&still.picture, 3, 3));
    let ended_early = gif(1);
    let cut = opened("a.gif", &ended_early[..ended_early.len() - 1]).unwrap();
    assert_eq!(cut.notes, [Note::EndMissing]);
}

#[test]
fn a_tiff_with_pages_is_refused_but_not_for_its_previews() {
    assert_eq!(
        opened("a.tif", &tiff(&[0])).unwrap().picture.plane(0),
        [40.0, 200.0]
    );
    assert_eq!(
        opened("a.tif", &tiff(&[0, 1, 4])).unwrap().picture.plane(0),
        [40.0, 200.0]
    );
    let error = opened("a.tif", &tiff(&[0, 0, 1])).unwrap_err();
    assert!(
        matches!(error, DecodeError::ManyPages { pages: 2, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("magick 'in.tiff[0]' page.png"));
}

#[test]
fn a_tiff_that_points_at_itself_ends() {
    let mut bytes = tiff(&[0]);
    let next = 8 + 2 + 9 * 12;
    bytes[next..next + 4].copy_from_slice(&8_u32.to_le_bytes());
    assert!(opened("a.tif", &bytes).is_err());
}

#[test]
fn webp_keeps_transparency_and_orientation() {
    let image = image::RgbaImage::from_fn(4, 2, |x, _| {
        image::Rgba([10, 20, 30, if x < 2 { 255 } else { 0 }])
    });
    let mut bytes = Vec::new();
    let encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
    let mut encoder = encoder;
    image::ImageEncoder::set_exif_metadata(&mut encoder, exif(6)).unwrap();
    encoder
        .encode(&image, 4, 2, image::ExtendedColorType::Rgba8)
        .unwrap();
    let opened = opened("a.webp", &bytes).unwrap();
    assert_eq!((opened.picture.width(), opened.picture.height()), (2, 4));
    assert_eq!(pixel(&opened.picture, 0, 0), [10.0, 20.0, 30.0]);
    assert_eq!(pixel(&opened.picture, 0, 3), [255.0; 3]);
    assert!((opened.transparency - 0.5).abs() < 1e-6);
}

#[test]
fn the_content_decides_and_a_wrong_name_is_noted() {
    let bytes = jpeg(&smooth(20, 20));
    let wrong = opened("holiday.HEIC", &bytes).unwrap();
    assert_eq!(wrong.format, Format::Jpeg);
    assert_eq!(wrong.notes[0].to_string(), "named .heic but is JPEG");
    assert_eq!(opened("holiday", &bytes).unwrap().notes, []);
    assert_eq!(opened("holiday.JPEG", &bytes).unwrap().notes, []);
}

#[test]
fn floating_point_tiff_is_scaled_and_never_gives_nan() {
    let image = image::Rgb32FImage::from_fn(3, 1, |x, _| {
        image::Rgb(
            [
                [0.5, 1.0, 0.25],
                [f32::NAN, -3.0, 9.0],
                [f32::INFINITY, 0.0, 1.0],
            ][x as usize],
        )
    });
    let mut bytes = Vec::new();
    let mut cursor = std::io::Cursor::new(&mut bytes);
    image::DynamicImage::from(image)
        .write_to(&mut cursor, ImageFormat::Tiff)
        .unwrap();
    let picture = opened("a.tiff", &bytes).unwrap().picture;
    assert_eq!(pixel(&picture, 0, 0), [127.5, 255.0, 63.75]);
    assert_eq!(pixel(&picture, 1, 0), [0.0, 0.0, 255.0]);
    assert_eq!(pixel(&picture, 2, 0), [255.0, 0.0, 255.0]);
}
