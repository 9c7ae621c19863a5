//! Versions of ONNX Runtime, and reading one from a library without loading it.
//!
//! Loading a library of the wrong kind can end the process, so the file itself is asked: its ELF
//! version definition first, since a name can lie, then its name behind all links.

use std::{fmt, fs, io, path::Path, str::FromStr};

use super::elf;

/// The oldest version that has the interface (API 22) this program is built against.
pub const MINIMUM: Version = Version {
    major: 1,
    minor: 22,
    patch: 0,
};

/// A release of ONNX Runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The text is no `major.minor.patch` in decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version is three numbers with dots between them")]
pub struct ParseVersionError;

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.').map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits
                .then(|| part.parse().ok())
                .flatten()
                .ok_or(ParseVersionError)
        });
        let mut next = || parts.next().unwrap_or(Err(ParseVersionError));
        let version = Self {
            major: next()?,
            minor: next()?,
            patch: next()?,
        };
        if parts.next().is_some() {
            Err(ParseVersionError)
        } else {
            Ok(version)
        }
    }
}

/// What a library file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A library for this machine; the version if it could be read.
    Library(Option<Version>),
    /// No shared library at all, or one of another operating system.
    Other,
    /// A shared library for another processor.
    Foreign,
}

/// Looks at the library at `path`. Links are followed.
pub(super) fn inspect(path: &Path) -> io::Result<Kind> {
    let named = fs::canonicalize(path)?
        .file_name()
        .and_then(|name| from_file_name(&name.to_string_lossy()));
    if cfg!(target_os = "macos") {
        return Ok(Kind::Library(named));
    }
    let Some(dynamic) = elf::read(path)? else {
        return Ok(Kind::Other);
    };
    if !dynamic.is_native() {
        return Ok(Kind::Foreign);
    }
    let stamped = dynamic
        .strings()
        .find_map(|name| name.strip_prefix("VERS_")?.parse().ok());
    Ok(Kind::Library(stamped.or(named)))
}

/// Reads the version out of `libonnxruntime.so.1.32.0` or `libonnxruntime.1.32.0.dylib`.
pub(super) fn from_file_name(name: &str) -> Option<Version> {
    let rest = name.strip_prefix("libonnxruntime.")?;
    rest.strip_prefix("so.")
        .or_else(|| rest.strip_suffix(".dylib"))?
        .parse()
        .ok()
}

/// Says whether a file of this name can be the ONNX Runtime library.
pub(super) fn is_library_name(name: &str) -> bool {
    name.strip_prefix("libonnxruntime.").is_some_and(|rest| {
        rest == "so" || rest.starts_with("so.") || rest.split('.').next_back() == Some("dylib")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_plain_numbers() {
        let version = |major, minor, patch| {
            Ok(Version {
                major,
                minor,
                patch,
            })
        };
        assert_eq!("1.32.0".parse::<Version>(), version(1, 32, 0));
        for bad in [
            "",
            "1",
            "1.32",
            "1.32.0.1",
            "1.+2.0",
            "1.32.x",
            "1..0",
            "99999999999.0.0",
        ] {
            assert_eq!(bad.parse::<Version>(), Err(ParseVersionError), "{bad}");
        }
        assert!(
            Version {
                major: 1,
                minor: 9,
                patch: 9
            } < MINIMUM
        );
        assert!(
            Version {
                major: 1,
                minor: 100,
                patch: 0
            } > MINIMUM
        );
    }

    #[test]
    fn file_names_give_versions_on_both_systems() {
        let version = Some(Version {
            major: 1,
            minor: 32,
            patch: 0,
        });
        assert_eq!(from_file_name("libonnxruntime.so.1.32.0"), version);
        assert_eq!(from_file_name("libonnxruntime.1.32.0.dylib"), version);
        assert_eq!(from_file_name("libonnxruntime.so.1"), None);
        assert_eq!(from_file_name("libonnxruntime_providers_shared.so"), None);
    }

    #[test]
    fn providers_and_backups_are_no_candidates() {
        for yes in [
            "libonnxruntime.so",
            "libonnxruntime.so.1",
            "libonnxruntime.1.32.0.dylib",
        ] {
            assert!(is_library_name(yes), "{yes}");
        }
        for no in [
            "libonnxruntime_providers_cuda.so",
            "libonnxruntime.a",
            "onnxruntime.so",
        ] {
            assert!(!is_library_name(no), "{no}");
        }
    }
}
