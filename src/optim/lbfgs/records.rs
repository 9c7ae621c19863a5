//! L-BFGS on disk: one record for what the next evaluation is compared with, then one for each
//! pair, oldest first.
//!
//! A pair's record stands alone and never changes, so it can be kept in a file of its own.

use super::{
    super::state::{Kind, RecordReader, RecordWriter, StateError},
    Last, Lbfgs, LbfgsOptions, Pair, Products,
};
use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    num::NonZeroUsize,
};

impl Lbfgs {
    /// Writes the state; see [`Optimizer::write_to`](super::super::Optimizer::write_to).
    pub fn write_to(&self, writer: &mut impl Write) -> Result<(), StateError> {
        self.write_head(writer)?;
        self.pairs.iter().try_for_each(|pair| pair.write_to(writer))
    }

    /// Writes the state but for the pairs; see
    /// [`Optimizer::write_head`](super::super::Optimizer::write_head).
    pub fn write_head(&self, writer: &mut impl Write) -> Result<(), StateError> {
        let mut record = RecordWriter::begin(writer, Kind::Lbfgs)?;
        record.bytes(&encode(&self.options))?;
        record.u64(self.evaluations)?;
        record.f64(self.scale)?;
        record.u64(self.next_sequence)?;
        record.length(self.pairs.len())?;
        record.length(self.last.as_ref().map_or(0, |last| last.gradient.len()))?;
        if let Some(last) = &self.last {
            record.vector(&last.gradient)?;
            record.vector(&last.step)?;
        }
        record.end()
    }

    /// Reads the state; see [`Optimizer::read_from`](super::super::Optimizer::read_from).
    pub fn read_from(
        reader: &mut impl Read,
        options: LbfgsOptions,
        len: usize,
        threads: NonZeroUsize,
    ) -> Result<Self, StateError> {
        Self::read_with(reader, options, len, threads, |reader, _| {
            Pair::read_from(reader, len, options.history)
        })
    }

    /// Reads the state and its pairs from elsewhere; see
    /// [`Optimizer::read_apart`](super::super::Optimizer::read_apart).
    pub fn read_apart<R: Read>(
        reader: &mut impl Read,
        options: LbfgsOptions,
        len: usize,
        threads: NonZeroUsize,
        open: &mut dyn FnMut(u64) -> io::Result<R>,
    ) -> Result<Self, StateError> {
        Self::read_with(reader, options, len, threads, |_, sequence| {
            let mut reader = open(sequence).map_err(StateError::Read)?;
            let pair = Pair::read_from(&mut reader, len, options.history)?;
            // What was opened holds this pair and nothing else, or it is another one.
            if reader.read(&mut [0]).map_err(StateError::Read)? > 0 {
                return Err(StateError::Inconsistent("a pair that does not end"));
            }
            Ok(pair)
        })
    }

    fn read_with<R: Read>(
        reader: &mut R,
        options: LbfgsOptions,
        len: usize,
        threads: NonZeroUsize,
        mut read_pair: impl FnMut(&mut R, u64) -> Result<Pair, StateError>,
    ) -> Result<Self, StateError> {
        let mut record = RecordReader::begin(reader, Kind::Lbfgs)?;
        record.expect_options(&encode(&options))?;
        let evaluations = record.u64()?;
        let scale = record.f64()?;
        let next_sequence = record.u64()?;
        let n_pairs = record.u64()?;
        record.expect_length(if evaluations == 0 { 0 } else { len })?;
        let last = if evaluations == 0 {
            None
        } else {
            Some(Last {
                gradient: record.vector(len)?,
                step: record.vector(len)?,
            })
        };
        record.end()?;
        let most = (options.history.get() as u64).min(next_sequence);
        if n_pairs > most.min(evaluations.saturating_sub(1)) {
            return Err(StateError::Inconsistent("more pairs than there can be"));
        }
        let mut pairs = VecDeque::new();
        for sequence in next_sequence - n_pairs..next_sequence {
            let pair = read_pair(reader, sequence)?;
            // The recursion looks the products with the present older pairs up in this one.
            if pair.sequence != sequence || pair.products.with_older.len() < pairs.len() {
                return Err(StateError::Inconsistent(
                    "pairs that do not follow each other",
                ));
            }
            pairs.push_back(pair);
        }
        Ok(Self {
            options,
            threads,
            evaluations,
            scale,
            next_sequence,
            pairs,
            last,
        })
    }
}

impl Pair {
    /// Writes the pair as a record that stands alone; its last 32 bytes are the SHA-256 of the rest.
    pub fn write_to(&self, writer: &mut impl Write) -> Result<(), StateError> {
        let mut record = RecordWriter::begin(writer, Kind::Pair)?;
        record.u64(self.sequence)?;
        record.f64(self.products.curvature)?;
        record.f64(self.products.change_square)?;
        record.length(self.products.with_older.len())?;
        record.length(self.step.len())?;
        for value in self.products.with_older.as_flattened() {
            record.f64(*value)?;
        }
        record.vector(&self.step)?;
        record.vector(&self.change)?;
        record.end()
    }

    /// Reads a pair of vectors of `len` elements that belongs to at most `history` pairs.
    fn read_from(
        reader: &mut impl Read,
        len: usize,
        history: NonZeroUsize,
    ) -> Result<Self, StateError> {
        let mut record = RecordReader::begin(reader, Kind::Pair)?;
        let sequence = record.u64()?;
        let curvature = record.f64()?;
        let change_square = record.f64()?;
        let n_older = record.u64()?;
        if n_older >= history.get() as u64 {
            return Err(StateError::Inconsistent(
                "a pair with more before it than there can be",
            ));
        }
        record.expect_length(len)?;
        let with_older = (0..n_older)
            .map(|_| Ok([record.f64()?, record.f64()?]))
            .collect::<Result<_, StateError>>()?;
        let step = record.vector(len)?;
        let change = record.vector(len)?;
        record.end()?;
        Ok(Self {
            sequence,
            step,
            change,
            products: Products {
                curvature,
                change_square,
                with_older,
            },
        })
    }
}

/// Returns the options as they are written.
fn encode(options: &LbfgsOptions) -> Vec<u8> {
    let history = options.history.get() as u64;
    [history.to_le_bytes(), options.learning_rate.to_le_bytes()].concat()
}
