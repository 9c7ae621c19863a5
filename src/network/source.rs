//! Where the weights of a network are published, and what they are checked against.
//!
//! Nothing is fetched here. A source that passed [`Source::check`] has addresses that may be
//! fetched from: plain `http` only where a checksum of the whole file tells what comes over it, or
//! from this machine.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One published file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    /// Addresses of the same bytes, tried in order.
    pub urls: Vec<String>,
    /// Length in bytes, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SHA-256 in hexadecimal, where it is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// The first digits of the SHA-256, which PyTorch's file names state.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256_prefix: String,
    /// MD5 in hexadecimal, where that is all that is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub md5: String,
    /// Path inside the archive (`.tar.gz`) that the addresses give.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub member: String,
    /// Name of the architecture, where the file holds bare tensors.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub layers: String,
}

/// What a file is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// The whole SHA-256, in lower-case hexadecimal.
    Sha256(String),
    /// The first digits of the SHA-256, in lower-case hexadecimal.
    Sha256Prefix(String),
    /// The MD5, in lower-case hexadecimal.
    Md5(String),
    /// Nothing is known: what came first is remembered.
    FirstUse,
}

/// Why a source cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SourceError {
    /// No address.
    #[error("`urls` names no address")]
    NoAddress,
    /// An address that is none, or of a kind that is not fetched.
    #[error("`{0}` is no address that can be fetched: it must begin with https:// or http://")]
    Address(String),
    /// Plain `http` for a file that nothing vouches for.
    #[error(
        "`{0}` is plain http, so that anybody on the way can change the file: state `sha256`, or use https"
    )]
    Unprotected(String),
    /// A checksum that is none.
    #[error("`{key}` is `{value}`, which is not {digits} hexadecimal digits")]
    Checksum {
        /// Name of the key.
        key: &'static str,
        /// What it holds.
        value: String,
        /// How many digits there must be.
        digits: &'static str,
    },
    /// More than one checksum, which could contradict each other.
    #[error("state one of `sha256`, `sha256_prefix` and `md5`")]
    Several,
}

impl Source {
    /// Returns what the published file is checked against.
    pub fn checksum(&self) -> Checksum {
        let lower = str::to_ascii_lowercase;
        if !self.sha256.is_empty() {
            Checksum::Sha256(lower(&self.sha256))
        } else if !self.sha256_prefix.is_empty() {
            Checksum::Sha256Prefix(lower(&self.sha256_prefix))
        } else if !self.md5.is_empty() {
            Checksum::Md5(lower(&self.md5))
        } else {
            Checksum::FirstUse
        }
    }

    /// Returns the name of the published file: the last part of its first address.
    pub fn file_name(&self) -> &str {
        let path = self.urls.first().map_or("", String::as_str);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }

    pub(super) fn check(&self) -> Result<(), SourceError> {
        let stated = [&self.sha256, &self.sha256_prefix, &self.md5];
        if stated.iter().filter(|sum| !sum.is_empty()).count() > 1 {
            return Err(SourceError::Several);
        }
        digits("sha256", &self.sha256, 64..=64, "64")?;
        digits("sha256_prefix", &self.sha256_prefix, 8..=64, "8 to 64")?;
        digits("md5", &self.md5, 32..=32, "32")?;
        if self.urls.is_empty() {
            return Err(SourceError::NoAddress);
        }
        for url in &self.urls {
            let (is_plain, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://"))
            {
                (Some(rest), _) => (false, rest),
                (None, Some(rest)) => (true, rest),
                (None, None) => return Err(SourceError::Address(url.clone())),
            };
            if rest.is_empty() || rest.starts_with('/') || url.chars().any(char::is_whitespace) {
                return Err(SourceError::Address(url.clone()));
            }
            let is_vouched = !self.sha256.is_empty() || !self.md5.is_empty();
            if is_plain && !is_vouched && !is_this_machine(rest) {
                return Err(SourceError::Unprotected(url.clone()));
            }
        }
        Ok(())
    }
}

/// Whether an address (without its scheme) is of this machine.
fn is_this_machine(rest: &str) -> bool {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_port = |rest: &str| {
        rest.is_empty()
            || rest
                .strip_prefix(':')
                .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|name| host.strip_prefix(name).is_some_and(is_port))
}

fn digits(
    key: &'static str,
    value: &str,
    count: std::ops::RangeInclusive<usize>,
    wanted: &'static str,
) -> Result<(), SourceError> {
    let is_hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if value.is_empty() || (is_hex && count.contains(&value.len())) {
        return Ok(());
    }
    Err(SourceError::Checksum {
        key,
        value: value.to_owned(),
        digits: wanted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Source {
        Source {
            urls: vec![url.to_owned()],
            ..Source::default()
        }
    }

    #[test]
    fn plain_http_needs_somebody_who_vouches() {
        let plain = at("http://a.example/x.caffemodel");
        assert!(matches!(plain.check(), Err(SourceError::Unprotected(_))));
        let vouched = Source {
            sha256: "ab".repeat(32),
            ..plain.clone()
        };
        assert_eq!(vouched.check(), Ok(()));
        let prefix = Source {
            sha256_prefix: "01234567".to_owned(),
            ..plain
        };
        assert!(matches!(prefix.check(), Err(SourceError::Unprotected(_))));
        for own in [
            "http://127.0.0.1:80/x",
            "http://localhost/x",
            "http://[::1]:7/x",
        ] {
            assert_eq!(at(own).check(), Ok(()), "{own}");
        }
        for trick in [
            "http://127.0.0.1.a.example/x",
            "http://localhost:1@a.example/x",
        ] {
            assert!(at(trick).check().is_err(), "{trick}");
        }
    }

    #[test]
    fn addresses_and_checksums_must_be_some() {
        for url in [
            "",
            "ftp://a.example/x",
            "https://",
            "https:///x",
            "https://a b/x",
        ] {
            assert!(
                matches!(at(url).check(), Err(SourceError::Address(_))),
                "{url}"
            );
        }
        assert_eq!(Source::default().check(), Err(SourceError::NoAddress));
        let short = Source {
            sha256: "abc".to_owned(),
            ..at("https://a.example/x")
        };
        assert!(matches!(short.check(), Err(SourceError::Checksum { .. })));
    }

    #[test]
    fn the_file_name_is_the_end_of_the_address() {
        assert_eq!(at("https://a.example/b/c.pth?dl=1").file_name(), "c.pth");
    }
}
