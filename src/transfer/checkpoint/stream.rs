//! Bytes on their way to and from a checkpoint: counted, hashed where that is wanted, their end
//! remembered.
//!
//! A pair of L-BFGS ends with its own SHA-256; those last bytes name it in a manifest, so that it
//! need not be hashed again.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// Bytes between two signs of life.
const BEAT: u64 = 64 << 20;

/// The last 32 bytes of what went by.
#[derive(Debug, Clone, Copy)]
struct Tail([u8; 32]);

impl Tail {
    fn note(&mut self, bytes: &[u8]) {
        let n = bytes.len().min(32);
        self.0.rotate_left(n);
        self.0[32 - n..].copy_from_slice(&bytes[bytes.len() - n..]);
    }
}

/// A writer that knows what went through it, and gives signs of life.
pub(super) struct Writer<'a, W> {
    inner: W,
    hash: Option<Sha256>,
    tail: Tail,
    written: u64,
    beat: &'a mut dyn FnMut(),
    beaten: u64,
}

impl<'a, W: Write> Writer<'a, W> {
    /// Returns a writer; only a `hashing` one has a digest.
    pub(super) fn new(inner: W, hashing: bool, beat: &'a mut dyn FnMut()) -> Self {
        Self {
            inner,
            hash: hashing.then(Sha256::new),
            tail: Tail([0; 32]),
            written: 0,
            beat,
            beaten: 0,
        }
    }

    /// Returns how many bytes went through.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Returns the last 32 bytes in hexadecimal.
    pub(super) fn seal(&self) -> String {
        hex(&self.tail.0)
    }

    /// Appends the SHA-256 of everything, and returns the number of bytes with it.
    pub(super) fn end(mut self) -> io::Result<u64> {
        if let Some(hash) = self.hash.take() {
            let digest = hash.finalize();
            self.inner.write_all(&digest)?;
            self.written += 32;
        }
        self.inner.flush()?;
        Ok(self.written)
    }
}

impl<W: Write> Write for Writer<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&bytes[..n]);
        }
        self.tail.note(&bytes[..n]);
        self.written += n as u64;
        if self.written - self.beaten >= BEAT {
            self.beaten = self.written;
            (self.beat)();
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A reader that refuses, at the end of a record, another one than the manifest names.
pub(super) struct SealedReader<R> {
    inner: R,
    tail: Tail,
    seal: String,
    left: u64,
}

impl<R: Read> SealedReader<R> {
    /// Returns a reader of the record of `bytes` bytes that ends with `seal`.
    pub(super) fn new(inner: R, bytes: u64, seal: String) -> Self {
        Self {
            inner,
            tail: Tail([0; 32]),
            seal,
            left: bytes,
        }
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(most);
        let n = self.inner.read(&mut bytes[..wanted])?;
        self.tail.note(&bytes[..n]);
        self.left -= n as u64;
        if self.left == 0 && n > 0 && hex(&self.tail.0) != self.seal {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "another pair than the one that belongs here",
            ));
        }
        Ok(n)
    }
}

/// Returns bytes in lower-case hexadecimal.
pub(in crate::transfer) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_32_bytes_however_they_came() {
        let bytes: Vec<u8> = (0..100).collect();
        for portion in [1, 3, 31, 32, 33, 100] {
            let mut tail = Tail([0; 32]);
            for part in bytes.chunks(portion) {
                tail.note(part);
            }
            assert_eq!(tail.0, bytes[68..], "in portions of {portion}");
        }
    }
}
