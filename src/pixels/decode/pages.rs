//! How many pictures a GIF or TIFF holds, found without decoding any.
//!
//! Both walks end at the first thing that does not fit and never loop: the decoder that follows
//! says what is wrong with a file.

/// The outline of a GIF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct GifOutline {
    /// Frames, counted up to two.
    pub(super) frames: usize,
    /// Whether the end mark was reached (not looked for beyond the second frame).
    pub(super) ended: bool,
}

/// Returns the outline of `bytes`, a file with a GIF signature.
pub(super) fn gif_outline(bytes: &[u8]) -> GifOutline {
    let mut outline = GifOutline::default();
    let mut at = 13 + bytes.get(10).map_or(0, |&flags| palette_length(flags));
    loop {
        let next = match bytes.get(at) {
            Some(0x21) => skip_blocks(bytes, at + 2),
            Some(0x2c) => {
                outline.frames += 1;
                if outline.frames == 2 {
                    return outline;
                }
                let flags = bytes.get(at + 9).copied().unwrap_or_default();
                skip_blocks(bytes, at + 11 + palette_length(flags))
            }
            Some(0x3b) => {
                outline.ended = true;
                None
            }
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return outline,
        }
    }
}

fn palette_length(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

/// Returns the place behind the data blocks that start at `at`.
fn skip_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}

/// Returns how many full pages the TIFF `bytes` holds, not counting previews and masks; 1 where it
/// cannot be told.
pub(super) fn tiff_pages(bytes: &[u8]) -> usize {
    const MAX_PAGES: usize = 1000;
    let reader = TiffReader {
        bytes,
        little: bytes.starts_with(b"II"),
    };
    // BigTIFF has wider fields; such files are large single pictures in practice.
    if reader.number::<2>(2) != Some(42) {
        return 1;
    }
    let (mut pages, mut at, mut seen) = (0, reader.number::<4>(4), 0);
    while let Some(directory) = at.filter(|&at| at != 0 && seen < MAX_PAGES) {
        let Some(entries) = reader.number::<2>(directory) else {
            break;
        };
        let preview = (0..entries).any(|entry| reader.is_preview(directory + 2 + entry * 12));
        pages += usize::from(!preview);
        seen += 1;
        at = reader.number::<4>(directory + 2 + entries * 12);
    }
    pages.max(1)
}

struct TiffReader<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl TiffReader<'_> {
    /// Returns the unsigned number of `N` bytes at `at`.
    fn number<const N: usize>(&self, at: usize) -> Option<usize> {
        let bytes: [u8; N] = self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()?;
        let shift = |value: usize, byte: &u8| value << 8 | usize::from(*byte);
        Some(if self.little {
            bytes.iter().rev().fold(0, shift)
        } else {
            bytes.iter().fold(0, shift)
        })
    }

    /// Returns true if and only if the directory entry at `at` marks a reduced copy or a mask.
    fn is_preview(&self, at: usize) -> bool {
        const NEW_SUBFILE_TYPE: usize = 254;
        const REDUCED_OR_MASK: usize = 0b101;
        self.number::<2>(at) == Some(NEW_SUBFILE_TYPE)
            && self
                .number::<4>(at + 8)
                .is_some_and(|flags| flags & REDUCED_OR_MASK != 0)
    }
}
