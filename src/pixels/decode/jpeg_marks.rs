//! The outline of a JPEG file: what its markers say, without decoding anything.
//!
//! Decoders forgive a missing tail, so the question whether a file is complete is answered here:
//! compressed data never contains the end marker, and whatever else could contain one (a thumbnail
//! in an EXIF segment) is skipped by its length.

use std::collections::BTreeSet;

/// What the markers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a mark that a file has or has not, and they are independent"
)]
pub(super) struct Marks {
    /// The end marker of the first picture in the file is there.
    pub(super) ended: bool,
    /// An Adobe segment is there: four channels are then stored inverted.
    pub(super) adobe: bool,
    /// The frame header names a process that is not the ordinary 8-bit one: more bits, lossless,
    /// hierarchical or arithmetic coding.
    pub(super) unusual: bool,
    /// Where the compressed data of a baseline picture with one scan ends: the place of the end
    /// mark behind it.
    pub(super) end_of_scan: Option<usize>,
    /// A progressive picture lacks scans: some coefficients have not reached their last bit.
    pub(super) lacks_scans: bool,
}

/// Which coefficients of which component have been sent to their last bit, in a progressive
/// picture.
#[derive(Default)]
struct Scans {
    progressive: bool,
    headers_seen: usize,
    /// Identifiers of the components that the frame has.
    components: Vec<u8>,
    /// By component and coefficient: sent to the last bit.
    complete: BTreeSet<(u8, u8)>,
}

impl Scans {
    /// Notes a frame header: bits, height, width, then the components.
    fn frame(&mut self, marker: u8, segment: &[u8]) {
        self.progressive = marker == 0xc2;
        let components = segment.get(6..).unwrap_or_default();
        self.components = components
            .chunks_exact(3)
            .map(|component| component[0])
            .collect();
    }

    /// Notes a scan header: the components, then the first and last coefficient and two bit
    /// positions, of which the low one is 0 in the last pass (ITU T.81, B.2.3 and G.1.1).
    fn scan(&mut self, segment: &[u8]) {
        self.headers_seen += 1;
        let Some((&count, rest)) = segment.split_first() else {
            return;
        };
        let (selectors, rest) = rest.split_at((2 * usize::from(count)).min(rest.len()));
        if let [first, last, bits, ..] = rest
            && bits.trailing_zeros() >= 4
        {
            for selector in selectors.chunks_exact(2) {
                let sent = (*first..=(*last).min(63)).map(|k| (selector[0], k));
                self.complete.extend(sent);
            }
        }
    }

    fn lacks(&self) -> bool {
        self.progressive
            && self.components.iter().any(|&component| {
                (0..64).any(|coefficient| !self.complete.contains(&(component, coefficient)))
            })
    }
}

/// Returns the outline of `bytes`, which start with a JPEG signature.
pub(super) fn read(bytes: &[u8]) -> Marks {
    let mut marks = Marks::default();
    let mut scans = Scans::default();
    let mut at = 2;
    while let Some((marker, after)) = next_marker(bytes, at) {
        at = match marker {
            END => {
                marks.ended = true;
                marks.lacks_scans = scans.lacks();
                let single = !scans.progressive && scans.headers_seen == 1;
                marks.end_of_scan = single.then_some(after - 2);
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
                    SCAN => scans.scan(segment),
                    0xc0..=0xcf if !matches!(marker, HUFFMAN | JPG | ARITHMETIC) => {
                        let ordinary = matches!(marker, 0xc0..=0xc2) && segment.first() == Some(&8);
                        scans.frame(marker, segment);
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
const SCAN: u8 = 0xda;
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
        let end = bytes.len() + 4;
        bytes.extend(b"\xff\xd0\x33\xff\xff\xd9trailing");
        assert_eq!(
            read(&bytes),
            Marks {
                ended: true,
                end_of_scan: Some(end),
                ..open
            }
        );
    }

    #[test]
    fn a_progressive_picture_lacks_scans_until_every_coefficient_is_whole() {
        let scan = |first: u8, last: u8, bits: u8| {
            [
                &b"\xff\xda\0\x08\x01\x07\0"[..],
                &[first, last, bits],
                b"\x11\x22",
            ]
            .concat()
        };
        let frame = b"\xff\xd8\xff\xc2\0\x0b\x08\0\x08\0\x08\x01\x07\x11\0".to_vec();
        let scans = [scan(0, 0, 0x01), scan(1, 63, 0), scan(0, 0, 0x10)];
        for n in 0..=scans.len() {
            let bytes = [&frame[..], &scans[..n].concat(), b"\xff\xd9"].concat();
            let marks = read(&bytes);
            assert_eq!((marks.ended, marks.lacks_scans), (true, n < 3), "{n} scans");
            assert_eq!(marks.end_of_scan, None);
        }
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
