//! The file of a checkpoint: a described part, the pictures, the optimiser's head, a SHA-256.
//!
//! Pairs of L-BFGS lie in files of their own and are named by place and seal. Always true: what is
//! read is what was written for this very run, or an error; and reading takes no more memory than
//! the picture and the optimiser that are expected.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::CheckpointError;
use super::stream::{SealedReader, Writer};
use crate::optim::{Optimizer, Options, StateError};
use crate::tensor::Tensor;

const SIGNATURE: [u8; 8] = *b"PNTMTRF1";

/// The format that this program writes; it goes on from no other.
pub(super) const FORMAT: u32 = 1;

/// Most bytes of the described part: a thousand pairs take a tenth of it.
const MOST_HEADER: u64 = 2 << 20;

/// Bytes that are read at once.
const PORTION: usize = 1 << 16;

/// What a run is made of; another one cannot go on from its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::transfer) struct Origin {
    /// SHA-256 of the profile as it was before any edit, without device and threads.
    pub(in crate::transfer) profile: String,
    /// SHA-256 over the pictures: roles, names and digests.
    pub(in crate::transfer) inputs: String,
    /// SHA-256 over the networks: names and digests.
    pub(in crate::transfer) networks: String,
    /// The seed of all noise.
    pub(in crate::transfer) seed: u32,
}

impl Origin {
    fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.profile != other.profile {
            Some("it was made with another profile")
        } else if self.inputs != other.inputs {
            Some("it was made with other pictures")
        } else if self.networks != other.networks {
            Some("it was made with other networks")
        } else {
            (self.seed != other.seed).then_some("it was made with another seed")
        }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::transfer) struct Progress {
    /// The stage, from 1.
    pub(in crate::transfer) stage: usize,
    /// The last iteration within the stage that is in it.
    pub(in crate::transfer) iteration: usize,
    /// Whether the stage ended there. The picture is then the one that was evaluated last, and
    /// else the one to be evaluated next.
    pub(in crate::transfer) over: bool,
    /// Evaluations made in all attempts, those that were lost included.
    pub(in crate::transfer) evaluations: u64,
    /// Evaluations that led here: rows of the table of losses.
    pub(in crate::transfer) rows: u64,
}

/// What a checkpoint says about the run beside where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::transfer) struct About {
    /// What the run is made of.
    pub(in crate::transfer) origin: Origin,
    /// Where it computed.
    pub(in crate::transfer) device: String,
    /// On how many threads.
    pub(in crate::transfer) threads: usize,
}

/// Where a pair of L-BFGS lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The pair's number.
    pub(super) sequence: u64,
    /// The number of the file of pairs.
    pub(super) file: u64,
    /// Where the pair begins in it.
    pub(super) offset: u64,
    /// How long it is.
    pub(super) bytes: u64,
    /// Its last 32 bytes, which are the SHA-256 of the rest of it.
    pub(super) seal: String,
}

/// The described part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    pub(super) about: About,
    pub(super) progress: Progress,
    /// SHA-256 over the edits that were carried out before.
    pub(super) edits: String,
    pub(super) width: usize,
    pub(super) height: usize,
    /// The iteration of the picture before, if that is kept.
    pub(super) previous: Option<usize>,
    pub(super) pairs: Vec<Place>,
}

/// The only thing that a description of any format has.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// Everything that the next iteration depends on.
#[derive(Debug, Clone)]
pub(in crate::transfer) struct Work {
    /// The variable: `[1, 3, H, W]`.
    pub(in crate::transfer) picture: Tensor,
    /// The optimiser.
    pub(in crate::transfer) optimizer: Optimizer,
    /// The picture before the step that led here, and its iteration: what is kept if this one
    /// turns out not to be a number.
    pub(in crate::transfer) previous: Option<(usize, Tensor)>,
}

impl Work {
    /// Returns width and height.
    pub(super) fn size(&self) -> (usize, usize) {
        match self.picture.shape() {
            [_, _, height, width] => (*width, *height),
            _ => (0, 0),
        }
    }

    /// Returns the bytes of a checkpoint without pairs, nearly.
    pub(super) fn head_bytes(&self) -> u64 {
        // Picture, picture before, and two vectors of either optimiser.
        4 * 4 * self.picture.data().len() as u64
    }
}

/// What a checkpoint must fit.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::transfer) struct Expected {
    /// Width and height of the picture.
    pub(in crate::transfer) size: (usize, usize),
    /// The optimiser.
    pub(in crate::transfer) options: Options,
    /// SHA-256 over the edits before that place.
    pub(in crate::transfer) edits: String,
}

/// Writes a checkpoint and returns its bytes.
pub(super) fn write(
    writer: &mut dyn Write,
    header: &Header,
    work: &Work,
    beat: &mut dyn FnMut(),
) -> Result<u64, StateError> {
    let text = serde_json::to_vec(header).map_err(|error| StateError::Write(error.into()))?;
    let mut writer = Writer::new(writer, true, beat);
    let write = |writer: &mut Writer<'_, _>, bytes: &[u8]| {
        writer.write_all(bytes).map_err(StateError::Write)
    };
    write(&mut writer, &SIGNATURE)?;
    write(&mut writer, &(text.len() as u64).to_le_bytes())?;
    write(&mut writer, &text)?;
    let pictures = [Some(&work.picture), work.previous.as_ref().map(|(_, p)| p)];
    for picture in pictures.into_iter().flatten() {
        let mut bytes = Vec::with_capacity(PORTION);
        for portion in picture.data().chunks(PORTION / 4) {
            bytes.clear();
            bytes.extend(portion.iter().flat_map(|value| value.to_le_bytes()));
            write(&mut writer, &bytes)?;
        }
    }
    work.optimizer.write_head(&mut writer)?;
    writer.end().map_err(StateError::Write)
}

/// Reads the described part of a checkpoint of this program, without looking at the rest.
pub(super) fn read_header(path: &Path) -> Result<Header, CheckpointError> {
    let mut reader = open(path)?;
    header(&mut reader, path)
}

/// Reads a checkpoint; `expect` says what one at that place must fit, and `pairs` where the files of
/// pairs are.
pub(super) fn read(
    path: &Path,
    about: &About,
    expect: &dyn Fn(&Progress) -> Option<Expected>,
    threads: NonZeroUsize,
    pairs: &dyn Fn(u64) -> PathBuf,
) -> Result<(Header, Work), CheckpointError> {
    check_digest(path)?;
    let mut reader = open(path)?;
    let header = header(&mut reader, path)?;
    let other = |what| CheckpointError::Other {
        path: path.to_owned(),
        what,
    };
    if let Some(what) = header.about.origin.difference(&about.origin) {
        return Err(other(what));
    }
    let expected = expect(&header.progress).ok_or(other("there is no such stage"))?;
    if expected.edits != header.edits {
        return Err(other("the edits it was made with are not those on record"));
    }
    if expected.size != (header.width, header.height) {
        return Err(other("its picture has another size"));
    }
    let len = 3 * header.width * header.height;
    let picture = read_picture(&mut reader, path, &header)?;
    let previous = match header.previous {
        Some(iteration) => Some((iteration, read_picture(&mut reader, path, &header)?)),
        None => None,
    };
    let mut open_pair = |sequence: u64| open_pair(&header, sequence, pairs);
    let optimizer =
        Optimizer::read_apart(&mut reader, expected.options, len, threads, &mut open_pair);
    let optimizer = optimizer.map_err(|source| CheckpointError::Optimizer {
        path: path.to_owned(),
        source,
    })?;
    if optimizer.pairs().count() != header.pairs.len() {
        return Err(CheckpointError::Damaged {
            path: path.to_owned(),
            what: "it names other pairs than it needs",
        });
    }
    let work = Work {
        picture,
        optimizer,
        previous,
    };
    Ok((header, work))
}

fn open(path: &Path) -> Result<BufReader<File>, CheckpointError> {
    let file = File::open(path).map_err(file_error(path))?;
    Ok(BufReader::with_capacity(PORTION, file))
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> CheckpointError {
    |source| CheckpointError::File {
        path: path.to_owned(),
        source,
    }
}

/// Holds the last 32 bytes against the SHA-256 of the others.
fn check_digest(path: &Path) -> Result<(), CheckpointError> {
    let damaged = |what| CheckpointError::Damaged {
        path: path.to_owned(),
        what,
    };
    let mut file = File::open(path).map_err(file_error(path))?;
    let length = file.metadata().map_err(file_error(path))?.len();
    let content = length.checked_sub(32).ok_or(damaged("it is cut short"))?;
    let mut hash = Sha256::new();
    let mut left = content;
    let mut bytes = vec![0; PORTION];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(PORTION);
        let n = file.read(&mut bytes[..most]).map_err(file_error(path))?;
        if n == 0 {
            return Err(damaged("it is cut short"));
        }
        hash.update(&bytes[..n]);
        left -= n as u64;
    }
    let mut digest = [0; 32];
    file.read_exact(&mut digest).map_err(file_error(path))?;
    if hash.finalize()[..] == digest {
        Ok(())
    } else {
        Err(damaged("its checksum is not that of its content"))
    }
}

fn header(reader: &mut impl Read, path: &Path) -> Result<Header, CheckpointError> {
    let damaged = |what| CheckpointError::Damaged {
        path: path.to_owned(),
        what,
    };
    let mut start = [0; 16];
    reader.read_exact(&mut start).map_err(file_error(path))?;
    let (signature, length) = start.split_at(8);
    if signature != SIGNATURE {
        return Err(CheckpointError::Other {
            path: path.to_owned(),
            what: "it is no checkpoint of this version of the program",
        });
    }
    let length = length.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
    if length > MOST_HEADER {
        return Err(damaged("the size of its description"));
    }
    let mut text = Vec::new();
    reader
        .take(length)
        .read_to_end(&mut text)
        .map_err(file_error(path))?;
    let version: Version =
        serde_json::from_slice(&text).map_err(|_source| damaged("its description"))?;
    if version.format != FORMAT {
        return Err(CheckpointError::Other {
            path: path.to_owned(),
            what: "another version of the program wrote it",
        });
    }
    serde_json::from_slice(&text).map_err(|_source| damaged("its description"))
}

fn read_picture(
    reader: &mut impl Read,
    path: &Path,
    header: &Header,
) -> Result<Tensor, CheckpointError> {
    let len = 3 * header.width * header.height;
    let mut values = Vec::new();
    let mut bytes = vec![0; PORTION];
    while values.len() < len {
        let n = ((len - values.len()) * 4).min(PORTION);
        reader
            .read_exact(&mut bytes[..n])
            .map_err(file_error(path))?;
        let (portion, _) = bytes[..n].as_chunks();
        values.extend(portion.iter().map(|bytes| f32::from_le_bytes(*bytes)));
    }
    let shape = vec![1, 3, header.height, header.width];
    Tensor::new(shape, values).ok_or(CheckpointError::Damaged {
        path: path.to_owned(),
        what: "the size of its picture",
    })
}

fn open_pair(
    header: &Header,
    sequence: u64,
    pairs: &dyn Fn(u64) -> PathBuf,
) -> io::Result<SealedReader<BufReader<File>>> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, "a pair is not on record");
    let place = header.pairs.iter().find(|place| place.sequence == sequence);
    let place = place.ok_or_else(missing)?;
    let mut file = File::open(pairs(place.file))?;
    file.seek(SeekFrom::Start(place.offset))?;
    let file = BufReader::with_capacity(PORTION, file);
    Ok(SealedReader::new(file, place.bytes, place.seal.clone()))
}
