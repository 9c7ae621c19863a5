//! Records on disk: how an optimiser's state is written and read back.
//!
//! A record is a signature, a version, a kind, its fields, and the SHA-256 of all of that; numbers
//! are little-endian. Always true: reading takes no more memory than the vectors it was told to
//! expect, and a record that was cut or altered anywhere is an error.

use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use thiserror::Error;

const SIGNATURE: [u8; 8] = *b"PNTMOPTM";
const VERSION: u32 = 1;

/// Elements converted at once.
const PORTION: usize = 16 * 1024;

/// A state that cannot be written or taken up again.
#[derive(Debug, Error)]
pub enum StateError {
    /// Writing failed.
    #[error("cannot write the optimiser's state")]
    Write(#[source] io::Error),
    /// Reading failed, or the state ended early.
    #[error("cannot read the optimiser's state")]
    Read(#[source] io::Error),
    /// The signature is missing.
    #[error("this is not the state of an optimiser")]
    Signature,
    /// Written by another version of the format.
    #[error("the optimiser's state has format {found}, this program reads format {VERSION}")]
    Version {
        /// The version found.
        found: u32,
    },
    /// A record of another kind than expected: another optimiser's, or out of order.
    #[error("the optimiser's state holds {found} where {wanted} was expected")]
    Kind {
        /// What was expected.
        wanted: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// Made with other options than the run that wants to go on from it.
    #[error("the optimiser's state was made with other options")]
    Options,
    /// Belongs to a variable of another size.
    #[error("the optimiser's state is for {saved} values, this picture has {wanted}")]
    Length {
        /// The length in the state, or of the part that is wrong.
        saved: u64,
        /// The length wanted.
        wanted: u64,
    },
    /// The parts do not fit together.
    #[error("the optimiser's state contradicts itself: {0}")]
    Inconsistent(&'static str),
    /// The checksum is not that of the content.
    #[error("the optimiser's state is damaged (checksum of {0})")]
    Checksum(&'static str),
}

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lbfgs,
    Pair,
    Adam,
    AdamW,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Lbfgs, Self::Pair, Self::Adam, Self::AdamW];

    fn code(self) -> u32 {
        match self {
            Self::Lbfgs => 1,
            Self::Pair => 2,
            Self::Adam => 3,
            Self::AdamW => 4,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Lbfgs => "the state of L-BFGS",
            Self::Pair => "a pair of L-BFGS",
            Self::Adam => "the state of Adam",
            Self::AdamW => "the state of AdamW",
        }
    }
}

/// Writes one record.
pub(super) struct RecordWriter<'a, W> {
    writer: &'a mut W,
    hash: Sha256,
}

impl<'a, W: Write> RecordWriter<'a, W> {
    pub(super) fn begin(writer: &'a mut W, kind: Kind) -> Result<Self, StateError> {
        let mut record = Self {
            writer,
            hash: Sha256::new(),
        };
        record.bytes(&SIGNATURE)?;
        record.bytes(&VERSION.to_le_bytes())?;
        record.bytes(&kind.code().to_le_bytes())?;
        Ok(record)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        self.hash.update(bytes);
        self.writer.write_all(bytes).map_err(StateError::Write)
    }

    pub(super) fn u64(&mut self, value: u64) -> Result<(), StateError> {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn length(&mut self, value: usize) -> Result<(), StateError> {
        self.u64(value as u64)
    }

    pub(super) fn f64(&mut self, value: f64) -> Result<(), StateError> {
        self.bytes(&value.to_le_bytes())
    }

    /// Writes the elements; their number is not written.
    pub(super) fn vector(&mut self, values: &[f32]) -> Result<(), StateError> {
        let mut bytes = Vec::with_capacity(values.len().min(PORTION) * 4);
        for portion in values.chunks(PORTION) {
            bytes.clear();
            bytes.extend(portion.iter().flat_map(|value| value.to_le_bytes()));
            self.bytes(&bytes)?;
        }
        Ok(())
    }

    pub(super) fn end(self) -> Result<(), StateError> {
        let digest = self.hash.finalize();
        self.writer.write_all(&digest).map_err(StateError::Write)
    }
}

/// Reads one record.
pub(super) struct RecordReader<'a, R> {
    reader: &'a mut R,
    hash: Sha256,
    kind: Kind,
}

impl<'a, R: Read> RecordReader<'a, R> {
    pub(super) fn begin(reader: &'a mut R, kind: Kind) -> Result<Self, StateError> {
        let mut record = Self {
            reader,
            hash: Sha256::new(),
            kind,
        };
        if record.array()? != SIGNATURE {
            return Err(StateError::Signature);
        }
        let found = u32::from_le_bytes(record.array()?);
        if found != VERSION {
            return Err(StateError::Version { found });
        }
        let code = u32::from_le_bytes(record.array()?);
        if code != kind.code() {
            let found = Kind::ALL.into_iter().find(|kind| kind.code() == code);
            let found = found.map_or("something unknown", Kind::name);
            return Err(StateError::Kind {
                wanted: kind.name(),
                found,
            });
        }
        Ok(record)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, StateError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Result<f64, StateError> {
        self.array().map(f64::from_le_bytes)
    }

    /// Reads the options and refuses others than `wanted`.
    pub(super) fn expect_options(&mut self, wanted: &[u8]) -> Result<(), StateError> {
        let mut found = vec![0; wanted.len()];
        self.fill(&mut found)?;
        if found == wanted {
            Ok(())
        } else {
            Err(StateError::Options)
        }
    }

    /// Reads a length and refuses any but `wanted`.
    pub(super) fn expect_length(&mut self, wanted: usize) -> Result<(), StateError> {
        let (saved, wanted) = (self.u64()?, wanted as u64);
        if saved == wanted {
            Ok(())
        } else {
            Err(StateError::Length { saved, wanted })
        }
    }

    /// Reads `len` elements.
    pub(super) fn vector(&mut self, len: usize) -> Result<Vec<f32>, StateError> {
        // Grown portion by portion: a state that ends early must not cost its full memory first.
        let mut values = Vec::new();
        let mut bytes = vec![0; len.min(PORTION) * 4];
        while values.len() < len {
            let portion = (len - values.len()).min(PORTION) * 4;
            let bytes = &mut bytes[..portion];
            self.fill(bytes)?;
            values.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|bytes| f32::from_le_bytes(*bytes)),
            );
        }
        Ok(values)
    }

    pub(super) fn end(self) -> Result<(), StateError> {
        let mut digest = [0; 32];
        self.reader
            .read_exact(&mut digest)
            .map_err(StateError::Read)?;
        if self.hash.finalize()[..] == digest {
            Ok(())
        } else {
            Err(StateError::Checksum(self.kind.name()))
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StateError> {
        self.reader.read_exact(bytes).map_err(StateError::Read)?;
        self.hash.update(bytes);
        Ok(())
    }
}
