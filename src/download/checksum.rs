//! Checksums of a file, and what they are compared with.

use std::{
    fmt,
    io::{self, Read},
};

use md5::Md5;
use sha2::{Digest, Sha256};

/// The checksums of a file, in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// SHA-256.
    pub sha256: String,
    /// MD5: known for some old files only, and no proof against a forger.
    pub md5: String,
}

/// What a file must have, in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// This SHA-256.
    Sha256(String),
    /// A SHA-256 that begins so.
    Sha256Prefix(String),
    /// This MD5.
    Md5(String),
    /// Anything.
    Anything,
}

impl Expected {
    /// Whether it tells a file from any other.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Sha256(_) | Self::Md5(_))
    }

    /// Returns the checksum that is wrong, if one is.
    pub(super) fn contradiction(&self, found: &Sums) -> Option<String> {
        let sha256 = || format!("SHA-256 {}", found.sha256);
        match self {
            Self::Sha256(sum) => (*sum != found.sha256).then(sha256),
            Self::Sha256Prefix(sum) => (!found.sha256.starts_with(sum)).then(sha256),
            Self::Md5(sum) => (*sum != found.md5).then(|| format!("MD5 {}", found.md5)),
            Self::Anything => None,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(sum) => write!(f, "SHA-256 {sum}"),
            Self::Sha256Prefix(sum) => write!(f, "a SHA-256 that begins with {sum}"),
            Self::Md5(sum) => write!(f, "MD5 {sum}"),
            Self::Anything => f.write_str("anything"),
        }
    }
}

/// Reads to the end and returns the checksums.
pub fn sums(mut from: impl Read) -> io::Result<Sums> {
    let (mut sha256, mut md5) = (Sha256::new(), Md5::new());
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                sha256.update(&buffer[..count]);
                md5.update(&buffer[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Sums {
        sha256: hex(&sha256.finalize()),
        md5: hex(&md5.finalize()),
    })
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        let sums = sums(&b"abc"[..]).unwrap();
        assert_eq!(
            sums.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(sums.md5, "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn a_wrong_sum_is_told() {
        let sums = sums(&b"abc"[..]).unwrap();
        let fits = [
            Expected::Sha256(sums.sha256.clone()),
            Expected::Sha256Prefix("ba7816bf".to_owned()),
            Expected::Md5(sums.md5.clone()),
            Expected::Anything,
        ];
        for expected in fits {
            assert_eq!(expected.contradiction(&sums), None, "{expected}");
        }
        let wrong = [
            Expected::Sha256(sums.sha256.replace('b', "c")),
            Expected::Sha256Prefix("a7816bf8".to_owned()),
            Expected::Md5("0".repeat(32)),
        ];
        for expected in wrong {
            assert!(expected.contradiction(&sums).is_some(), "{expected}");
        }
    }
}
