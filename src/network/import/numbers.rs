//! Floating-point numbers of every width as files hold them (low byte first), read into `f32` without
//! holding the file's bytes beside the result.

use std::io::{self, Read};

/// A floating-point type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Float {
    /// 64 bits.
    F64,
    /// 32 bits.
    F32,
    /// 16 bits, IEEE.
    F16,
    /// 16 bits, brain.
    Bf16,
}

impl Float {
    /// Returns the bytes of one number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// Bytes read at a time: a multiple of every number's size.
const AT_A_TIME: usize = 1 << 16;

/// Reads `count` numbers; the caller holds that the file has room for as many.
pub(super) fn read_f32(reader: &mut impl Read, kind: Float, count: usize) -> io::Result<Vec<f32>> {
    let mut values = Vec::with_capacity(count);
    let mut buffer = vec![0; AT_A_TIME.min(count.saturating_mul(kind.size()))];
    while values.len() < count {
        let numbers = (count - values.len()).min(buffer.len() / kind.size());
        let bytes = &mut buffer[..numbers * kind.size()];
        reader.read_exact(bytes)?;
        append(&mut values, kind, bytes);
    }
    Ok(values)
}

fn append(values: &mut Vec<f32>, kind: Float, bytes: &[u8]) {
    match kind {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the nearest f32 is what a network in f32 computes with"
        )]
        Float::F64 => {
            let wide = bytes
                .as_chunks()
                .0
                .iter()
                .map(|&chunk| f64::from_le_bytes(chunk));
            values.extend(wide.map(|value| value as f32));
        }
        Float::F32 => {
            values.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&chunk| f32::from_le_bytes(chunk)),
            );
        }
        Float::F16 => {
            let half = bytes
                .as_chunks()
                .0
                .iter()
                .map(|&c| half::f16::from_le_bytes(c));
            values.extend(half.map(half::f16::to_f32));
        }
        Float::Bf16 => {
            let half = bytes
                .as_chunks()
                .0
                .iter()
                .map(|&c| half::bf16::from_le_bytes(c));
            values.extend(half.map(half::bf16::to_f32));
        }
    }
}
