//! Just enough of the ELF format to read a shared library's dynamic string table.
//!
//! It answers which machine a library is for, which libraries it needs, and which version names it
//! defines. It reads headers and one table with stated limits, never the code, and loads nothing.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

const SEGMENTS_MAX: u16 = 512;
const DYNAMIC_MAX: u64 = 1 << 16;
const STRINGS_MAX: u64 = 1 << 26;

const SEGMENT_LOAD: u32 = 1;
const SEGMENT_DYNAMIC: u32 = 2;
const TAG_NEEDED: u64 = 1;
const TAG_STRINGS: u64 = 5;
const TAG_STRINGS_SIZE: u64 = 10;

/// The dynamic section of a 64-bit little-endian ELF library.
#[derive(Debug)]
pub(super) struct Dynamic {
    machine: u16,
    needed: Vec<usize>,
    table: Vec<u8>,
}

impl Dynamic {
    /// Says whether the library is for the processor that this program was built for.
    pub(super) fn is_native(&self) -> bool {
        native_machine() == Some(self.machine)
    }

    /// Returns the file names of the libraries that this one cannot be loaded without.
    pub(super) fn needed(&self) -> impl Iterator<Item = &str> {
        self.needed.iter().filter_map(|&start| {
            let rest = self.table.get(start..)?;
            str::from_utf8(rest.split(|&byte| byte == 0).next()?).ok()
        })
    }

    /// Returns every readable string of the table: symbol, library and version names.
    pub(super) fn strings(&self) -> impl Iterator<Item = &str> {
        self.table
            .split(|&byte| byte == 0)
            .filter_map(|name| str::from_utf8(name).ok())
    }
}

/// Returns ELF's number for the processor that this program was built for.
pub(super) const fn native_machine() -> Option<u16> {
    if cfg!(target_arch = "x86_64") {
        Some(62)
    } else if cfg!(target_arch = "aarch64") {
        Some(183)
    } else {
        None
    }
}

/// Reads the library at `path`; `None` if it is no 64-bit little-endian ELF file with a dynamic
/// section, or is cut short.
pub(super) fn read(path: &Path) -> io::Result<Option<Dynamic>> {
    let mut file = File::open(path)?;
    match read_from(&mut file) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        other => other,
    }
}

fn read_from(file: &mut File) -> io::Result<Option<Dynamic>> {
    let header = bytes(file, 0, 64)?;
    let (segment_bytes, segments) = (u16_at(&header, 54), u16_at(&header, 56));
    let expected = header.starts_with(b"\x7fELF\x02\x01") && segment_bytes == 56;
    if !expected || segments > SEGMENTS_MAX {
        return Ok(None);
    }
    let table = bytes(file, u64_at(&header, 32), u64::from(segments) * 56)?;
    let segments: Vec<Segment> = table.chunks_exact(56).map(Segment::parse).collect();
    let Some(dynamic) = segments
        .iter()
        .find(|segment| segment.kind == SEGMENT_DYNAMIC)
    else {
        return Ok(None);
    };
    let entries = bytes(file, dynamic.offset, dynamic.size.min(DYNAMIC_MAX))?;
    let entries = || {
        entries
            .chunks_exact(16)
            .map(|entry| (u64_at(entry, 0), u64_at(entry, 8)))
    };
    let value = |tag| entries().find(|entry| entry.0 == tag).map(|entry| entry.1);
    let (Some(address), Some(size)) = (value(TAG_STRINGS), value(TAG_STRINGS_SIZE)) else {
        return Ok(None);
    };
    let Some(offset) = segments
        .iter()
        .find_map(|segment| segment.offset_of(address))
    else {
        return Ok(None);
    };
    let needed = entries()
        .filter(|entry| entry.0 == TAG_NEEDED)
        .filter_map(|entry| usize::try_from(entry.1).ok())
        .collect();
    let table = bytes(file, offset, size.min(STRINGS_MAX))?;
    Ok(Some(Dynamic {
        machine: u16_at(&header, 18),
        needed,
        table,
    }))
}

struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

impl Segment {
    fn parse(entry: &[u8]) -> Self {
        Self {
            kind: u32_at(entry, 0),
            offset: u64_at(entry, 8),
            address: u64_at(entry, 16),
            size: u64_at(entry, 32),
        }
    }

    /// Returns where in the file the byte at `address` lies, if this segment loads it.
    fn offset_of(&self, address: u64) -> Option<u64> {
        let within = address.checked_sub(self.address)?;
        (self.kind == SEGMENT_LOAD && within < self.size)
            .then(|| self.offset.checked_add(within))?
    }
}

fn bytes(file: &mut File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read == length) {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(field(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(field(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(field(bytes, at))
}
