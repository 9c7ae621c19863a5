//! The chunks of a PNG file, walked without decoding any.

/// One chunk: its four-letter kind, its content, and whether its checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk<'a> {
    pub(super) kind: &'a [u8],
    pub(super) data: &'a [u8],
    pub(super) checksum: u32,
}

impl Chunk<'_> {
    /// Returns true if and only if the stored checksum fits kind and content.
    pub(super) fn is_sound(&self) -> bool {
        let mut crc = flate2::Crc::new();
        crc.update(self.kind);
        crc.update(self.data);
        crc.sum() == self.checksum
    }
}

/// Returns the complete chunks of `bytes`, a file with a PNG signature, up to the first that is
/// cut.
pub(super) fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (kind, after) = after.split_at_checked(4)?;
        let (data, after) = after.split_at_checked(length)?;
        let (checksum, after) = after.split_first_chunk::<4>()?;
        rest = after;
        Some(Chunk {
            kind,
            data,
            checksum: u32::from_be_bytes(*checksum),
        })
    })
}

/// Where a PNG file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With its end chunk (and whatever follows).
    Marked,
    /// Behind a complete chunk, with the end chunk missing or cut: nothing of the picture is lost.
    Unmarked {
        /// Length of the complete chunks and the signature.
        length: usize,
    },
    /// Inside a chunk.
    Cut,
}

/// Returns where `bytes`, a file with a PNG signature, ends.
pub(super) fn end(bytes: &[u8]) -> End {
    let mut length = 8;
    for chunk in chunks(bytes) {
        if chunk.kind == b"IEND" {
            return End::Marked;
        }
        length += 12 + chunk.data.len();
    }
    let rest = bytes.get(length..).unwrap_or_default();
    if END_CHUNK.starts_with(rest) {
        End::Unmarked { length }
    } else {
        End::Cut
    }
}

/// The end chunk, which is the same in every file.
pub(super) const END_CHUNK: [u8; 12] = *b"\0\0\0\0IEND\xae\x42\x60\x82";
