//! The outline of a JPEG file: what its markers say, without decoding anything.
//!
//! Decoders forgive a missing tail, so the question whether a file is complete is answered here:
//! compressed data never contains the end marker, and whatever else could contain one (a thumbnail
//! in an EXIF segment) is skipped by its length.

/// What the markers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks {
    /// The end marker of the first picture in the file is there.
    pub(super) ended: bool,
    /// An Adobe segment is there: four channels are then stored inverted.
    pub(super) adobe: bool,
    /// The frame header names a process that is not the ordinary 8-bit one: more bits, lossless,
    /// hierarchical or arithmetic coding.
    pub(super) unusual: bool,
}

/// Returns the outline of `bytes`, which start with a JPEG signature.
pub(super) fn read(bytes: &[u8]) -> Marks {
    let mut marks = Marks::default();
    let mut at = 2;
    while let Some((marker, after)) = next_marker(bytes, at) {
        at = match marker {
            END => {
                marks.ended = true;
                return marks;
            }
            // Restart markers, a second start marker and TEM have no length.
            0xd0..=0xd8 | 0x01 => after,
            _ => {
                let Some(segment) = segment(bytes, after) else {
                    break;
                };
                match marker {
                    APP14 => marks.adobe |= segment.starts_with(b"Adobe"),
                    0xc0..=0xcf if !matches!(marker, HUFFMAN | JPG | ARITHMETIC) => {
                        let ordinary = matches!(marker, 0xc0..=0xc2) && segment.first() == Some(&8);
                        marks.unusual |= !ordinary;
                    }
                    _ => {}
                }
                after + 2 + segment.len()
            }
        };
    }
    // Damage can look like a segment that reaches beyond the end; the file is there all the same.
    marks.ended = bytes.ends_with(&[0xff, END]);
    marks
}

const END: u8 = 0xd9;
const APP14: u8 = 0xee;
const HUFFMAN: u8 = 0xc4;
const JPG: u8 = 0xc8;
const ARITHMETIC: u8 = 0xcc;

/// Returns the next marker from `at` on and the place behind it. Compressed data is passed over:
/// there, 0xff is followed by 0.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)? + 1;
        match bytes.get(at)? {
            0 | 0xff => {}
            marker => return Some((*marker, at + 1)),
        }
    }
}

/// Returns the content of the segment whose length field is at `at`.
fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    bytes.get(at + 2..at + length.max(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_marker_inside_a_segment_does_not_count() {
        let mut bytes = b"\xff\xd8\xff\xe1\0\x06\xff\xd9\xff\xd9".to_vec();
        bytes.extend(b"\xff\xc0\0\x03\x08\xff\xda\0\x02\x11\xff\0\x22");
        let open = Marks::default();
        assert_eq!(read(&bytes), open);
        bytes.extend(b"\xff\xd0\x33\xff\xff\xd9trailing");
        assert_eq!(
            read(&bytes),
            Marks {
                ended: true,
                ..open
            }
        );
    }

    #[test]
    fn every_cut_of_an_outline_is_read_without_end() {
        let bytes = b"\xff\xd8\xff\xee\0\x07Adobe\xff\xda\0\x02\x11\x22\xff\xd9";
        assert!(read(bytes).adobe && read(bytes).ended);
        for length in 2..bytes.len() {
            assert!(!read(&bytes[..length]).ended, "{length}");
        }
    }
}
