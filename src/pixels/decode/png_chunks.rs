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

/// Returns true if and only if the end chunk is there.
pub(super) fn has_end(bytes: &[u8]) -> bool {
    chunks(bytes).any(|chunk| chunk.kind == b"IEND")
}
