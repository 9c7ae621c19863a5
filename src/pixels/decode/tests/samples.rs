//! Small files of every kind, made here.

use std::io::Cursor;

use image::{
    DynamicImage, ImageEncoder, ImageFormat, RgbImage, RgbaImage, codecs::jpeg::JpegEncoder,
};

/// Made with Pillow 13.0: 56 x 40, quality 85, progressive.
pub(super) const PROGRESSIVE: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/pixels/progressive.jpg"
));

/// Made with Pillow 13.0: 16 x 16, CMYK with an Adobe segment; quadrants of 60 % cyan, magenta,
/// yellow and black.
pub(super) const CMYK: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/pixels/cmyk.jpg"
));

/// A smooth picture, different in every corner.
pub(super) fn smooth(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let scaled = |value: u32, side: u32| u8::try_from(value * 200 / side + 20).unwrap();
        image::Rgb([
            scaled(x, width),
            scaled(y, height),
            scaled(x + y, width + height),
        ])
    })
}

/// A picture of one colour.
pub(super) fn flat(rgb: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(16, 16, image::Rgb(rgb))
}

pub(super) fn encoded(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    let image = DynamicImage::from(image.clone());
    image
        .write_to(&mut Cursor::new(&mut bytes), format)
        .unwrap();
    bytes
}

pub(super) fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    let (width, height) = image.dimensions();
    encoder
        .write_image(image, width, height, image::ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// Puts an application segment behind the start marker of a JPEG.
pub(super) fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap();
    let mut bytes = vec![0xff, 0xd8, 0xff, marker];
    bytes.extend(length.to_be_bytes());
    bytes.extend(content);
    bytes.extend(&jpeg[2..]);
    bytes
}

/// Returns EXIF data (without the JPEG prefix) that states an orientation.
pub(super) fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    exif
}

/// Returns a JPEG with an embedded colour profile.
pub(super) fn with_profile(jpeg: &[u8], profile: &[u8]) -> Vec<u8> {
    let content = [b"ICC_PROFILE\0\x01\x01", profile].concat();
    with_segment(jpeg, 0xe2, &content)
}

/// Returns a PNG whose header and data are written by hand: `chunks` come between the header and
/// the data.
pub(super) fn png(
    (width, height): (u32, u32),
    (colour, depth): (png::ColorType, png::BitDepth),
    chunks: &[(&[u8; 4], &[u8])],
    data: &[u8],
) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([depth as u8, colour as u8, 0, 0, 0]);
    push_chunk(&mut bytes, *b"IHDR", &header);
    for (kind, content) in chunks {
        push_chunk(&mut bytes, **kind, content);
    }
    let row = (data.len() / usize::try_from(height).unwrap()).max(1);
    let rows = data.chunks_exact(row).flat_map(|row| [&[0], row].concat());
    push_chunk(&mut bytes, *b"IDAT", &deflate(&rows.collect::<Vec<u8>>()));
    push_chunk(&mut bytes, *b"IEND", &[]);
    bytes
}

pub(super) fn push_chunk(bytes: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    bytes.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&kind);
    crc.update(content);
    bytes.extend(kind);
    bytes.extend(content);
    bytes.extend(crc.sum().to_be_bytes());
}

pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns an animation of `frames` frames.
pub(super) fn gif(frames: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for frame in 0..frames {
        let colour = image::Rgba([frame * 100, 50, 200, 255]);
        let image = RgbaImage::from_pixel(12, 8, colour);
        encoder.encode_frame(image::Frame::new(image)).unwrap();
    }
    drop(encoder);
    bytes
}

/// Returns an uncompressed little-endian TIFF of 2 x 1 grey pixels for each subfile type.
pub(super) fn tiff(pages: &[u32]) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    for (index, subfile_type) in pages.iter().enumerate() {
        let start = u32::try_from(bytes.len()).unwrap();
        let entries: [(u16, u32); 9] = [
            (254, *subfile_type),
            (256, 2),
            (257, 1),
            (258, 8),
            (259, 1),
            (262, 1),
            (273, start + 2 + 9 * 12 + 4),
            (278, 1),
            (279, 2),
        ];
        bytes.extend(9_u16.to_le_bytes());
        for (tag, value) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(4_u16.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        let next = start + 2 + 9 * 12 + 4 + 2;
        let last = index + 1 == pages.len();
        bytes.extend((if last { 0 } else { next }).to_le_bytes());
        bytes.extend([40, 200]);
    }
    bytes
}
