//! Walks protobuf's wire format over a buffered file: keys, numbers, blocks, floats.
//!
//! It knows no message. Nothing is read, skipped or allocated before its length was checked against
//! what is left of the block that holds it, so a length that lies costs nothing.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use thiserror::Error;

/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;

/// Why bytes are not in protobuf's wire format.
#[derive(Debug, Error)]
pub enum WireError {
    /// The file could not be read.
    #[error("read at byte {at}")]
    Io {
        /// Where.
        at: u64,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Less is left than is needed.
    #[error(
        "at byte {at} {needed} bytes are needed, but only {left} are left: the file is cut or damaged"
    )]
    Cut {
        /// Where.
        at: u64,
        /// Bytes that are announced.
        needed: u64,
        /// Bytes that are there.
        left: u64,
    },
    /// A number that does not end.
    #[error("the number at byte {at} has more than 64 bits")]
    Varint {
        /// Where.
        at: u64,
    },
    /// A key that no message has.
    #[error("at byte {at} stands no field of a message (number {number}, wire type {kind})")]
    Key {
        /// Where.
        at: u64,
        /// Number of the field.
        number: u64,
        /// Its wire type.
        kind: u64,
    },
    /// A field whose wire type is not the one of its kind.
    #[error("field `{field}` at byte {at} is not written as {expected}")]
    Kind {
        /// Where.
        at: u64,
        /// Name of the field.
        field: &'static str,
        /// How it should be written.
        expected: &'static str,
    },
    /// Packed numbers that do not fill their block.
    #[error("the {length} bytes of numbers at byte {at} are no multiple of {size}")]
    Packed {
        /// Where.
        at: u64,
        /// Bytes in the block.
        length: u64,
        /// Bytes of a number.
        size: u64,
    },
    /// More description than a network has.
    #[error(
        "at byte {at} the description of the layers, without their weights, passes {most} bytes"
    )]
    Description {
        /// Where.
        at: u64,
        /// The limit.
        most: u64,
    },
    /// An array with more axes than Caffe has.
    #[error("the array at byte {at} has more than 32 axes")]
    Axes {
        /// Where.
        at: u64,
    },
}

/// How a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WireKind {
    /// A number of 7 bits a byte.
    Varint,
    /// Eight bytes.
    Eight,
    /// A length and as many bytes.
    Block,
    /// Four bytes.
    Four,
}

/// A file in protobuf's wire format, and the place in it.
pub(super) struct Wire<R> {
    source: BufReader<R>,
    at: u64,
    length: u64,
}

impl<R: Read + Seek> Wire<R> {
    /// Returns a walker at the beginning of `source`, which has `length` bytes.
    pub(super) fn new(source: R, length: u64) -> Self {
        Self {
            source: BufReader::with_capacity(BUFFER, source),
            at: 0,
            length,
        }
    }

    /// Returns the place: bytes from the beginning.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Returns the bytes in the whole file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Goes to a place within the file.
    pub(super) fn go(&mut self, to: u64) -> Result<(), WireError> {
        let at = self.at;
        let moved = match (i64::try_from(to), i64::try_from(at)) {
            (Ok(new), Ok(old)) => self.source.seek_relative(new - old),
            _ => self.source.seek(SeekFrom::Start(to)).map(|_| ()),
        };
        moved.map_err(|source| WireError::Io { at, source })?;
        self.at = to;
        Ok(())
    }

    /// Returns number and wire type of the next field of a message that ends at `end`, or `None`
    /// at its end.
    pub(super) fn key(&mut self, end: u64) -> Result<Option<(u32, WireKind)>, WireError> {
        if self.at >= end {
            return Ok(None);
        }
        let at = self.at;
        let key = self.varint(end)?;
        let (number, kind) = (key >> 3, key & 7);
        let wire = match kind {
            0 => WireKind::Varint,
            1 => WireKind::Eight,
            2 => WireKind::Block,
            5 => WireKind::Four,
            _ => return Err(WireError::Key { at, number, kind }),
        };
        match u32::try_from(number) {
            Ok(small) if (1..1 << 29).contains(&small) => Ok(Some((small, wire))),
            _ => Err(WireError::Key { at, number, kind }),
        }
    }

    /// Returns the number here.
    pub(super) fn varint(&mut self, end: u64) -> Result<u64, WireError> {
        let start = self.at;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take::<1>(end)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError::Varint { at: start })
    }

    /// Reads the length of a block and returns where the block ends.
    pub(super) fn block(&mut self, end: u64) -> Result<u64, WireError> {
        let length = self.varint(end)?;
        self.need(length, end)?;
        Ok(self.at + length)
    }

    /// Returns the `N` bytes here.
    pub(super) fn take<const N: usize>(&mut self, end: u64) -> Result<[u8; N], WireError> {
        self.need(N as u64, end)?;
        let at = self.at;
        let mut bytes = [0; N];
        self.source
            .read_exact(&mut bytes)
            .map_err(|source| WireError::Io { at, source })?;
        self.at += N as u64;
        Ok(bytes)
    }

    /// Returns the text up to `end`, which was checked; what is not UTF-8 in it is replaced.
    pub(super) fn text(&mut self, end: u64) -> Result<String, WireError> {
        let mut bytes = Vec::new();
        self.pieces(end, 1, |piece| bytes.extend_from_slice(piece))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Hands over the bytes up to `end` in pieces that are multiples of `size` bytes, at most 256.
    pub(super) fn pieces(
        &mut self,
        end: u64,
        size: usize,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), WireError> {
        let mut rest = [0; 256];
        while self.at < end {
            let at = self.at;
            let io = |source| WireError::Io { at, source };
            let left = end - at;
            let ready = self.source.fill_buf().map_err(io)?;
            let here = usize::try_from(left).map_or(ready.len(), |left| left.min(ready.len()));
            let whole = here - here % size;
            if whole > 0 {
                take(&ready[..whole]);
                self.source.consume(whole);
                self.at += whole as u64;
                continue;
            }
            // The buffer ends within a number.
            let rest = &mut rest[..usize::try_from(left).map_or(size, |left| left.min(size))];
            self.source.read_exact(rest).map_err(io)?;
            take(rest);
            self.at += rest.len() as u64;
        }
        Ok(())
    }

    /// Passes over the value of a field.
    pub(super) fn skip(&mut self, kind: WireKind, end: u64) -> Result<(), WireError> {
        match kind {
            WireKind::Varint => self.varint(end).map(|_| ()),
            WireKind::Four => self.take::<4>(end).map(|_| ()),
            WireKind::Eight => self.take::<8>(end).map(|_| ()),
            WireKind::Block => {
                let to = self.block(end)?;
                self.go(to)
            }
        }
    }

    fn need(&self, needed: u64, end: u64) -> Result<(), WireError> {
        let left = end.saturating_sub(self.at);
        if needed > left {
            return Err(WireError::Cut {
                at: self.at,
                needed,
                left,
            });
        }
        Ok(())
    }
}
