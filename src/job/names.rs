//! Names of files: how they are shown, made safe for our own folders, ordered and written to JSON.
//!
//! A name on disk is bytes and may hold anything but `/` and NUL. Whatever reaches a terminal, a
//! log or a message goes through [`display_name`]; the bytes themselves are never changed.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use sha2::Digest;
use sha2::Sha256;

/// The longest name, in bytes, that a file may have on the usual filesystems.
pub const NAME_MAX: usize = 255;

/// The longest safe name of a job: leaves room for a date, an id and a number against clashes.
const JOB_NAME_MAX: usize = 200;

/// Returns `name` fit for a terminal or a message: control characters, characters that change
/// the writing direction, backslashes and bytes that are not UTF-8 are escaped (`\n`, `\u{202e}`,
/// `\\`, `\xff`). Different names stay different.
pub fn display_name(name: &OsStr) -> String {
    let mut shown = String::with_capacity(name.len());
    for chunk in name.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' || is_hidden(c) {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _infallible = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// Returns `path` as [`display_name`] shows a name.
pub fn display_path(path: &Path) -> String {
    display_name(path.as_os_str())
}

/// Returns a name for our own folders: readable letters kept, everything that a shell, a terminal
/// or another system could trip over replaced by `_`, never empty, never longer than 200 bytes.
pub fn safe_name(name: &OsStr) -> String {
    let lossy = name.to_string_lossy();
    let replaced: String = lossy
        .chars()
        .map(|c| if is_awkward(c) { '_' } else { c })
        .collect();
    let trimmed = replaced.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let safe = if trimmed.is_empty() {
        "untitled"
    } else {
        trimmed
    };
    let safe = if safe.starts_with('-') {
        format!("_{safe}")
    } else {
        safe.to_owned()
    };
    shorten(OsStr::new(&safe), JOB_NAME_MAX)
        .to_string_lossy()
        .into_owned()
}

/// Returns `name` if it has at most `limit` bytes, else its beginning and a hash of the whole, so
/// that different long names stay different. `limit` is at least 16.
pub fn shorten(name: &OsStr, limit: usize) -> OsString {
    if name.len() <= limit {
        return name.to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    let mut suffix = String::from("~");
    for byte in &digest[..4] {
        let _infallible = write!(suffix, "{byte:02x}");
    }
    let keep = limit - suffix.len();
    let kept = match name.to_str() {
        Some(text) => &name.as_bytes()[..text.floor_char_boundary(keep)],
        None => &name.as_bytes()[..keep],
    };
    let mut short = kept.to_vec();
    short.extend_from_slice(suffix.as_bytes());
    OsString::from_vec(short)
}

/// Compares names as people order them: `style2` before `style10`, letter case ignored first.
pub fn natural_order(a: &OsStr, b: &OsStr) -> Ordering {
    let (mut x, mut y) = (a.as_bytes(), b.as_bytes());
    loop {
        let order = match (x.first(), y.first()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(p), Some(q)) if p.is_ascii_digit() && q.is_ascii_digit() => {
                let (m, n) = (leading_digits(&mut x), leading_digits(&mut y));
                m.len().cmp(&n.len()).then_with(|| m.cmp(n))
            }
            (Some(p), Some(q)) => {
                (x, y) = (&x[1..], &y[1..]);
                p.to_ascii_lowercase().cmp(&q.to_ascii_lowercase())
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes the digits at the front of `bytes` off and returns them without leading zeros.
fn leading_digits<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let end = bytes
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at(end);
    *bytes = rest;
    let zeros = digits.iter().take_while(|b| **b == b'0').count();
    &digits[zeros..]
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

fn is_awkward(c: char) -> bool {
    is_hidden(c) || c == char::REPLACEMENT_CHARACTER || "/\\:*?\"'<>|$`;&".contains(c)
}

/// A path as it is written to JSON: text where it is UTF-8, else a list of bytes; both come back
/// to the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathText(pub PathBuf);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PathForm {
    Text(String),
    Bytes(Vec<u8>),
}

impl Serialize for PathText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match self.0.to_str() {
            Some(text) => PathForm::Text(text.to_owned()),
            None => PathForm::Bytes(self.0.as_os_str().as_bytes().to_vec()),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PathText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match PathForm::deserialize(deserializer)? {
            PathForm::Text(text) => Self(PathBuf::from(text)),
            PathForm::Bytes(bytes) => Self(PathBuf::from(OsString::from_vec(bytes))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_names_are_plain_and_distinct() {
        let cases: [(&[u8], &str); 6] = [
            (b"harbour", "harbour"),
            ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
            (b"two\nlines", "two\\nlines"),
            (b"\x1b[2Jred", "\\u{1b}[2Jred"),
            (b"bad\xff\xfe", "bad\\xff\\xfe"),
            ("a\u{202e}gpj.exe\\".as_bytes(), "a\\u{202e}gpj.exe\\\\"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(display_name(OsStr::from_bytes(bytes)), shown);
        }
    }

    #[test]
    fn safe_names() {
        let cases: [(&[u8], &str); 9] = [
            (b"harbour", "harbour"),
            (b"-rf", "_-rf"),
            (b"$(id);x", "_(id)_x"),
            (b"..", "untitled"),
            (b"", "untitled"),
            (b"two\nlines", "two_lines"),
            (b"trailing  ", "trailing"),
            (b"\xff\xfe", "__"),
            ("h\u{e4}fen 2".as_bytes(), "h\u{e4}fen 2"),
        ];
        for (bytes, safe) in cases {
            assert_eq!(safe_name(OsStr::from_bytes(bytes)), safe);
        }
    }

    #[test]
    fn long_names_are_shortened_on_a_letter_and_stay_different() {
        let (a, b) = ("\u{e4}".repeat(127), format!("{}b", "\u{e4}".repeat(126)));
        let (a, b) = (shorten(a.as_ref(), 100), shorten(b.as_ref(), 100));
        assert!(a.len() <= 100 && a.to_str().is_some());
        assert_ne!(a, b);
        assert_eq!(safe_name(OsStr::new(&"x".repeat(255))).len(), JOB_NAME_MAX);
        let bytes = shorten(OsStr::from_bytes(&[0xff; 255]), 250);
        assert_eq!(bytes.len(), 250);
    }

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = ["style10", "Style2", "style", "style1", "style02b", "art"];
        names.sort_by(|a, b| natural_order(a.as_ref(), b.as_ref()));
        assert_eq!(
            names,
            ["art", "style", "style1", "Style2", "style02b", "style10"]
        );
    }

    #[test]
    fn paths_survive_json() {
        for bytes in [&b"in/puts"[..], b"bad\xff\nname", b""] {
            let path = PathText(PathBuf::from(OsStr::from_bytes(bytes)));
            let json = serde_json::to_string(&path).unwrap();
            assert_eq!(serde_json::from_str::<PathText>(&json).unwrap(), path);
        }
    }
}
