//! What a file is, judged by its first bytes and not by its name.
//!
//! Only the name decides for TGA, which has no signature. Formats that are common but not read
//! here are recognised too, so that a person is told what to convert instead of "not an image".

use std::{fmt, path::Path};

/// A format that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG and APNG.
    Png,
    /// GIF.
    Gif,
    /// WebP.
    WebP,
    /// TIFF with one page.
    Tiff,
    /// BMP.
    Bmp,
    /// QOI.
    Qoi,
    /// TGA.
    Tga,
    /// PBM, PGM, PPM, PAM.
    Pnm,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Qoi => "QOI",
            Self::Tga => "TGA",
            Self::Pnm => "PNM",
        })
    }
}

impl Format {
    /// Returns true if and only if files of this format are commonly named `*.extension` (lower
    /// case).
    pub(super) fn is_named(self, extension: &str) -> bool {
        let extensions: &[&str] = match self {
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif", "jif"],
            Self::Png => &["png", "apng"],
            Self::Gif => &["gif"],
            Self::WebP => &["webp"],
            Self::Tiff => &["tif", "tiff"],
            Self::Bmp => &["bmp", "dib"],
            Self::Qoi => &["qoi"],
            Self::Tga => &["tga", "targa", "icb", "vda", "vst"],
            Self::Pnm => &["pnm", "pbm", "pgm", "ppm", "pam"],
        };
        extensions.contains(&extension)
    }
}

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sniffed {
    /// A format that is read.
    Picture(Format),
    /// A picture that is not read: what it is, and the conversion to do.
    Foreign {
        what: &'static str,
        mend: &'static str,
    },
    /// Only zeros: the space was reserved and the data has not come.
    Blank,
    /// No picture: what it looks like.
    Other(&'static str),
}

/// Returns what `bytes`, the content of the file at `path`, looks like.
pub(super) fn sniff(path: &Path, bytes: &[u8]) -> Sniffed {
    let extension = extension(path);
    if let Some(format) = readable(bytes) {
        return match raw_photo(&extension, bytes) {
            Some(what) if format == Format::Tiff => Sniffed::Foreign {
                what,
                mend: DEVELOP,
            },
            _ => Sniffed::Picture(format),
        };
    }
    if let Some((what, mend)) = foreign(bytes) {
        return Sniffed::Foreign { what, mend };
    }
    if let Some(looks_like) = other(bytes) {
        return Sniffed::Other(looks_like);
    }
    if is_tga(&extension, bytes) {
        return Sniffed::Picture(Format::Tga);
    }
    if bytes.iter().take(4096).all(|&byte| byte == 0) {
        return Sniffed::Blank;
    }
    text(bytes)
}

/// Returns the extension of a file name in lower case, empty if there is none.
pub(super) fn extension(path: &Path) -> String {
    path.extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase()
}

const DEVELOP: &str = "develop it in a photo program and export a JPEG, PNG or 16-bit TIFF";
const EXPORT: &str = "export it as PNG or JPEG from the program that made it";

fn readable(bytes: &[u8]) -> Option<Format> {
    let signatures: [(&[u8], Format); 9] = [
        (b"\xff\xd8\xff", Format::Jpeg),
        (b"\x89PNG\r\n\x1a\n", Format::Png),
        (b"GIF87a", Format::Gif),
        (b"GIF89a", Format::Gif),
        (b"II*\0", Format::Tiff),
        (b"MM\0*", Format::Tiff),
        (b"II+\0", Format::Tiff),
        (b"MM\0+", Format::Tiff),
        (b"qoif", Format::Qoi),
    ];
    let found = signatures
        .iter()
        .find(|(signature, _)| bytes.starts_with(signature));
    if let Some((_, format)) = found {
        return Some(*format);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(Format::WebP);
    }
    // Two letters are too little to tell a BMP from a text; its header length says more.
    let bitmap_header = bytes
        .get(14..18)
        .map(|length| length[0] >= 12 && length[1..] == [0; 3]);
    if bytes.starts_with(b"BM") && bitmap_header == Some(true) {
        return Some(Format::Bmp);
    }
    match bytes {
        [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace() => Some(Format::Pnm),
        _ => None,
    }
}

fn is_tga(extension: &str, bytes: &[u8]) -> bool {
    if bytes.ends_with(b"TRUEVISION-XFILE.\0") {
        return true;
    }
    let plausible = bytes.len() >= 18
        && bytes[1] <= 1
        && matches!(bytes[2], 1..=3 | 9..=11)
        && matches!(bytes[16], 8 | 15 | 16 | 24 | 32);
    Format::Tga.is_named(extension) && plausible
}

/// Returns the camera's own format that hides in a TIFF container.
fn raw_photo(extension: &str, bytes: &[u8]) -> Option<&'static str> {
    const EXTENSIONS: [&str; 14] = [
        "dng", "nef", "nrw", "arw", "sr2", "srf", "cr2", "pef", "3fr", "erf", "iiq", "kdc", "dcr",
        "rwl",
    ];
    let canon = bytes.get(8..10) == Some(b"CR");
    (canon || EXTENSIONS.contains(&extension)).then_some("a camera RAW file")
}

fn foreign(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const HEIC: &str = "export it as JPEG from the phone or convert it: `heif-convert in.heic \
                        out.jpg` or `magick in.heic out.jpg`";
    const AVIF: &str = "convert it: `avifdec in.avif out.png` or `magick in.avif out.png`";
    if bytes.get(4..8) == Some(b"ftyp") {
        return match bytes.get(8..12)? {
            b"avif" | b"avis" => Some(("an AVIF picture", AVIF)),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
                Some(("a HEIC picture", HEIC))
            }
            b"crx " => Some(("a camera RAW file", DEVELOP)),
            _ => None,
        };
    }
    let signatures: [(&[u8], &'static str, &'static str); 15] = [
        (b"8BPS", "a Photoshop document", EXPORT),
        (b"gimp xcf", "a GIMP document", EXPORT),
        (b"FUJIFILMCCD-RAW", "a camera RAW file", DEVELOP),
        (b"IIRO", "a camera RAW file", DEVELOP),
        (b"IIRS", "a camera RAW file", DEVELOP),
        (b"IIU\0", "a camera RAW file", DEVELOP),
        (b"FOVb", "a camera RAW file", DEVELOP),
        (b"\0MRM", "a camera RAW file", DEVELOP),
        (
            b"\xff\x0a",
            "a JPEG XL picture",
            "convert it: `djxl in.jxl out.png`",
        ),
        (
            b"\0\0\0\x0cJXL \r\n",
            "a JPEG XL picture",
            "convert it: `djxl in.jxl out.png`",
        ),
        (
            b"\0\0\0\x0cjP  \r\n",
            "a JPEG 2000 picture",
            "convert it: `magick in.jp2 out.png`",
        ),
        (b"v/1\x01", "an OpenEXR picture", EXPORT),
        (b"#?RADIANCE", "a Radiance HDR picture", EXPORT),
        (
            b"\0\0\x01\0",
            "an icon",
            "convert it: `magick in.ico out.png`",
        ),
        (b"DDS ", "a DirectDraw texture", EXPORT),
    ];
    let found = signatures
        .iter()
        .find(|(signature, _, _)| bytes.starts_with(signature));
    found.map(|(_, what, mend)| (*what, *mend))
}

/// Returns what a file is that holds no picture but has a signature.
fn other(bytes: &[u8]) -> Option<&'static str> {
    let signatures: [(&[u8], &'static str); 9] = [
        (b"%PDF", "a PDF document"),
        (b"%!PS", "a PostScript document"),
        (b"PK\x03\x04", "a zip archive or office document"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"7z\xbc\xaf", "a 7-Zip archive"),
        (b"Rar!", "a RAR archive"),
        (b"\x7fELF", "a program"),
        (b"\x1aE\xdf\xa3", "a film"),
        (b"SQLite format 3", "a database"),
    ];
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some("a film");
    }
    let found = signatures
        .iter()
        .find(|(signature, _)| bytes.starts_with(signature));
    found.map(|(_, looks_like)| *looks_like)
}

/// Tells kinds of text from each other and from other data.
fn text(bytes: &[u8]) -> Sniffed {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_lowercase();
    if start.contains("<html") || start.contains("<!doctype html") {
        return Sniffed::Other("a web page");
    }
    if start.contains("<svg") {
        return Sniffed::Foreign {
            what: "an SVG drawing",
            mend: "convert it: `rsvg-convert -w 1024 in.svg -o out.png` or `magick in.svg out.png`",
        };
    }
    Sniffed::Other(if is_text(bytes) {
        "text"
    } else {
        "unknown binary data"
    })
}

fn is_text(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(512)];
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t' | 0x0c | 0x1b);
    // The cut at 512 bytes may fall inside a letter.
    let utf8 = match std::str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    utf8 && !start.iter().any(control)
}
