//! Paths as systemd reads them: a name for a unit, a word in a command line, a text with `%`.
//!
//! Pure. The rules are those of systemd.service(5) and systemd.syntax(7): words are parted by
//! white space unless quoted, backslashes begin an escape, `%` a specifier, `$` a variable.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::Digest;
use sha2::Sha256;

/// The most bytes of the studio's own name in the name of its unit; the manager allows 255 in all.
const NAME_MAX: usize = 60;

/// Returns the name of the unit of the studio at `root`: `pentimento-NAME-HASH.service`.
///
/// `NAME` is the folder's, with everything but ASCII letters, digits, `_`, `.` and `-` replaced, so
/// that it can be typed without quotes; the hash is of the whole path, so that two studios never
/// share a unit.
pub fn unit_name(root: &Path) -> String {
    let name = root.file_name().unwrap_or(OsStr::new("studio"));
    let mut plain: String = name
        .to_string_lossy()
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || "_.-".contains(c) => c,
            _ => '_',
        })
        .collect();
    plain.truncate(NAME_MAX);
    let digest = Sha256::digest(root.as_os_str().as_bytes());
    let hash = digest[..4].iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    });
    format!("pentimento-{plain}-{hash}.service")
}

/// Returns `word` as one argument of `ExecStart=`: the program gets exactly these bytes.
pub(super) fn argument(word: &OsStr) -> String {
    let mut text = String::from("\"");
    for chunk in word.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '%' => text.push_str("%%"),
                '$' => text.push_str("$$"),
                c if c.is_control() => {
                    let mut bytes = [0; 4];
                    push_bytes(&mut text, c.encode_utf8(&mut bytes).as_bytes());
                }
                c => text.push(c),
            }
        }
        push_bytes(&mut text, chunk.invalid());
    }
    text.push('"');
    text
}

/// Returns the path of a program as the first word of `ExecStart=`, or `None` if systemd refuses
/// such a path in whatever spelling. Variables are not looked for there.
pub(super) fn program(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|_| path.is_absolute())?;
    let is_refused = |c: char| c.is_control() || "\"'\\".contains(c);
    (!text.contains(is_refused)).then(|| format!("\"{}\"", text.replace('%', "%%")))
}

/// Returns a text in which no `%` is a specifier.
pub(super) fn no_specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

fn push_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arguments_are_quoted_by_the_rules_of_systemd() {
        let cases: [(&[u8], &str); 8] = [
            (b"/home/ann/studio", r#""/home/ann/studio""#),
            (b"/home/ann/my studio", r#""/home/ann/my studio""#),
            (b"/a/100%", r#""/a/100%%""#),
            (b"/a/back\\slash", r#""/a/back\\slash""#),
            (b"/a/$HOME/${x}", r#""/a/$$HOME/$${x}""#),
            (b"/a/'one' \"two\";", r#""/a/'one' \"two\";""#),
            (b"/a/line\nbreak\t", r#""/a/line\x0abreak\x09""#),
            (b"/a/\xff\xc3\xa9", "\"/a/\\xff\u{e9}\""),
        ];
        for (bytes, written) in cases {
            assert_eq!(argument(OsStr::from_bytes(bytes)), written);
        }
    }

    /// Reads a word as systemd does: quotes, C escapes, then specifiers, then variables.
    fn read(word: &str) -> Vec<u8> {
        let inner = word.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        let mut plain = Vec::new();
        let mut rest = inner.as_bytes();
        while let [first, tail @ ..] = rest {
            (plain, rest) = match (first, tail) {
                (b'\\', [b'x', a, b, tail @ ..]) => {
                    let digits = String::from_utf8(vec![*a, *b]).unwrap();
                    plain.push(u8::from_str_radix(&digits, 16).unwrap());
                    (plain, tail)
                }
                (b'\\', [c @ (b'\\' | b'"'), tail @ ..]) => {
                    plain.push(*c);
                    (plain, tail)
                }
                (b'\\' | b'"', _) => panic!("a stray {:?} in {word}", *first as char),
                (byte, tail) => {
                    plain.push(*byte);
                    (plain, tail)
                }
            };
        }
        [b'%', b'$'].iter().fold(plain, |bytes, sign| {
            let mut once = Vec::new();
            let mut rest = &bytes[..];
            while let [first, tail @ ..] = rest {
                once.push(*first);
                rest = tail;
                if first == sign {
                    assert_eq!(tail.first(), Some(sign), "a live {:?}", *sign as char);
                    rest = &tail[1..];
                }
            }
            once
        })
    }

    proptest! {
        #[test]
        fn every_argument_comes_back(bytes in prop::collection::vec(1_u8.., 0..40)) {
            let written = argument(OsStr::from_bytes(&bytes));
            prop_assert!(!written.contains(char::is_control));
            prop_assert_eq!(read(&written), bytes);
        }
    }

    #[test]
    fn unit_names_can_be_typed_and_stay_different() {
        let a = unit_name(Path::new("/home/ann/my studio%"));
        assert!(a.starts_with("pentimento-my_studio_-"), "{a}");
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        assert!(a.chars().all(allowed), "{a}");
        assert_ne!(a, unit_name(Path::new("/home/bob/my studio%")));
        let long = format!("/{}", "\u{e9}".repeat(120));
        assert!(unit_name(Path::new(&long)).len() < 100);
        assert!(unit_name(Path::new("/")).starts_with("pentimento-studio-"));
    }

    #[test]
    fn programs_that_systemd_refuses_are_refused() {
        assert_eq!(
            program(Path::new("/opt/100 % it/pentimento")).unwrap(),
            "\"/opt/100 %% it/pentimento\""
        );
        for path in ["/a/b\"c", "/a/b'c", "/a/b\\c", "/a/b\nc", "relative"] {
            assert_eq!(program(Path::new(path)), None, "{path:?}");
        }
    }
}
