//! What a file in `watch/` is for, told from its name alone.
//!
//! Letter case never matters. Names that belong to other programs (transfers under way, editors,
//! file managers) are nobody's input, at any depth.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;

use crate::folder::JobFolder;

/// What a name says about its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The picture that is re-painted.
    Content,
    /// A picture whose manner is taken.
    Style,
    /// A profile.
    Profile,
    /// A painting of this program that lends its profile: `recipe.png`.
    Painting,
    /// The note that the bundle need not settle any further.
    Ready,
}

/// Why a name is nobody's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// Another program's file, or our own note: not worth a word.
    Silently,
    /// A conflict copy of a synchronising program: worth mentioning.
    ConflictCopy,
}

/// The end of the name of the note that explains a rejection.
pub(crate) const ERROR_SUFFIX: &str = ".error.txt";

/// The end of the name of the note that says why a bundle is held.
pub(crate) const HELD_SUFFIX: &str = ".duplicate.txt";

/// Files that belong to file managers and network shares, in lower case.
const FOREIGN: [&str; 7] = [
    "thumbs.db",
    "desktop.ini",
    "@eadir",
    "__macosx",
    "#recycle",
    "$recycle.bin",
    "icon\r",
];

/// What synchronising programs put into the names of conflict copies, in lower case.
const CONFLICTS: [&str; 3] = [".sync-conflict-", "conflicted copy", "_conflict-"];

/// Endings of files that are still being transferred or edited, in lower case.
const UNFINISHED: [&str; 12] = [
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".download",
    ".swp",
    ".swo",
    ".swx",
    ".bak",
    "~",
];

/// Endings of companions that are never pictures, in lower case.
const COMPANIONS: [&str; 11] = [
    ".txt", ".md", ".toml", ".json", ".xmp", ".xml", ".pp3", ".dop", ".csv", ".log", ".html",
];

/// Returns whether, and how, a file of that name is ignored.
pub(crate) fn ignored(name: &OsStr) -> Option<Ignored> {
    let lower = name.as_bytes().to_ascii_lowercase();
    let contains = |part: &str| {
        lower
            .windows(part.len())
            .any(|window| window == part.as_bytes())
    };
    let ends = |end: &&str| lower.ends_with(end.as_bytes());
    if CONFLICTS.iter().any(|part| contains(part)) {
        return Some(Ignored::ConflictCopy);
    }
    let foreign = lower.starts_with(b".")
        || lower.starts_with(b"~syncthing~")
        || lower.starts_with(b"~$")
        || lower.starts_with(b"#") && lower.ends_with(b"#")
        || FOREIGN.iter().any(|foreign| lower == foreign.as_bytes())
        || UNFINISHED.iter().any(ends)
        || ends(&ERROR_SUFFIX)
        || ends(&HELD_SUFFIX);
    foreign.then_some(Ignored::Silently)
}

/// Returns whether a file of that name is called as this program's notes are.
pub(crate) fn is_note(name: &OsStr) -> bool {
    let lower = name.as_bytes().to_ascii_lowercase();
    [ERROR_SUFFIX, HELD_SUFFIX]
        .iter()
        .any(|end| lower.ends_with(end.as_bytes()))
}

/// Returns what a file inside a job folder is for, or `None` if it is just there.
pub(crate) fn part_in_folder(name: &OsStr) -> Option<Part> {
    let lower = name.as_bytes().to_ascii_lowercase();
    match lower.as_slice() {
        b"profile.toml" => return Some(Part::Profile),
        b"ready" => return Some(Part::Ready),
        b"recipe.png" => return Some(Part::Painting),
        _ => {}
    }
    if is_companion(&lower) {
        return None;
    }
    if starts_as_role(&lower, b"content") {
        Some(Part::Content)
    } else if starts_as_role(&lower, b"style") {
        Some(Part::Style)
    } else {
        None
    }
}

/// Returns what a loose file is for and the bundle that it names, as `harbour` in
/// `harbour.content.jpg`, `harbour.style2.png`, `harbour.toml` and `harbour.ready`; or `None`.
pub(crate) fn part_of_flat(name: &OsStr) -> Option<(OsString, Part)> {
    let (stem, extension) = split_last_dot(name.as_bytes())?;
    let whole = match extension.to_ascii_lowercase().as_slice() {
        b"toml" => Some(Part::Profile),
        b"ready" => Some(Part::Ready),
        _ => None,
    };
    if let Some(part) = whole {
        return Some((OsString::from_vec(stem.to_vec()), part));
    }
    if is_companion(&name.as_bytes().to_ascii_lowercase()) {
        return None;
    }
    let (bundle, role) = split_last_dot(stem)?;
    let role = role.to_ascii_lowercase();
    let part = if role == b"content" {
        Part::Content
    } else if role == b"recipe" && extension.eq_ignore_ascii_case(b"png") {
        Part::Painting
    } else {
        let number = role.strip_prefix(b"style")?;
        let number = number
            .strip_prefix(b"-")
            .or(number.strip_prefix(b"_"))
            .unwrap_or(number);
        number
            .iter()
            .all(u8::is_ascii_digit)
            .then_some(Part::Style)?
    };
    Some((OsString::from_vec(bundle.to_vec()), part))
}

/// Returns true if a loose file of that name may be a picture without a role in its name.
pub(crate) fn may_be_picture(name: &OsStr) -> bool {
    !is_companion(&name.as_bytes().to_ascii_lowercase())
}

/// Returns true if a folder with these names in it is a job folder that was dragged back.
pub(crate) fn is_returned<'a>(mut names: impl Iterator<Item = &'a OsStr>) -> bool {
    names.any(|name| name == JobFolder::RECORD)
}

fn is_companion(lower: &[u8]) -> bool {
    COMPANIONS.iter().any(|end| lower.ends_with(end.as_bytes()))
}

/// Returns true for `content.jpg`, `content-2.jpg`, `content (1).jpg`, `content`; not for
/// `contents.jpg`.
fn starts_as_role(lower: &[u8], role: &[u8]) -> bool {
    lower
        .strip_prefix(role)
        .is_some_and(|rest| rest.first().is_none_or(|byte| !byte.is_ascii_alphabetic()))
}

/// Splits at the last dot; `None` without one or with nothing before it.
fn split_last_dot(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    (dot > 0).then(|| (&name[..dot], &name[dot + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a12_a13_other_programs_files_are_ignored() {
        let silent = [
            ".DS_Store",
            "._photo.jpg",
            "Thumbs.db",
            "desktop.ini",
            "@eaDir",
            "__MACOSX",
            ".harbour.content.jpg.Xy12Za",
            ".syncthing.content.jpg.tmp",
            "~syncthing~content.jpg.tmp",
            "content.jpg.filepart",
            "content.jpg.part",
            "profile.toml~",
            ".profile.toml.swp",
            "harbour.error.txt",
            "harbour.duplicate.txt",
            "~$notes.docx",
            "content.jpg.CRDOWNLOAD",
            "...jpg",
        ];
        for name in silent {
            assert_eq!(ignored(name.as_ref()), Some(Ignored::Silently), "{name}");
        }
        for conflict in [
            "content.sync-conflict-20261123-201400-ABCDEFG.jpg",
            "content (Anna's conflicted copy 2026-11-23).jpg",
            "content_conflict-20261123-201400.jpg",
        ] {
            assert_eq!(ignored(conflict.as_ref()), Some(Ignored::ConflictCopy));
        }
        for name in [
            "harbour (1).jpg",
            "Copy of harbour.jpg",
            "content.jpg",
            "a.b",
            "CON.jpg",
        ] {
            assert_eq!(ignored(name.as_ref()), None, "{name}");
        }
    }

    #[test]
    fn roles_in_a_folder() {
        let cases = [
            ("content.jpg", Some(Part::Content)),
            ("CONTENT.JpEg", Some(Part::Content)),
            ("content (1).jpg", Some(Part::Content)),
            ("content", Some(Part::Content)),
            ("content.heic", Some(Part::Content)),
            ("contents.jpg", None),
            ("content.txt", None),
            ("content.jpg.xmp", None),
            ("style.png", Some(Part::Style)),
            ("Style12.png", Some(Part::Style)),
            ("style-b.png", Some(Part::Style)),
            ("styled.png", None),
            ("Profile.TOML", Some(Part::Profile)),
            ("other.toml", None),
            ("READY", Some(Part::Ready)),
            ("Recipe.PNG", Some(Part::Painting)),
            ("recipe.jpg", None),
            ("holiday.jpg", None),
        ];
        for (name, part) in cases {
            assert_eq!(part_in_folder(name.as_ref()), part, "{name}");
        }
    }

    #[test]
    fn roles_of_loose_files() {
        let cases = [
            ("harbour.content.jpg", Some(("harbour", Part::Content))),
            ("harbour.STYLE.Png", Some(("harbour", Part::Style))),
            ("harbour.style1.png", Some(("harbour", Part::Style))),
            ("harbour.style-02.png", Some(("harbour", Part::Style))),
            ("harbour.styles.png", None),
            (
                "my.old.harbour.content.jpg",
                Some(("my.old.harbour", Part::Content)),
            ),
            ("harbour.toml", Some(("harbour", Part::Profile))),
            ("harbour.ready", Some(("harbour", Part::Ready))),
            ("harbour.recipe.png", Some(("harbour", Part::Painting))),
            ("harbour.recipe.jpg", None),
            ("-rf.content.jpg", Some(("-rf", Part::Content))),
            ("content.jpg", None),
            ("harbour.jpg", None),
            ("harbour.content.txt", None),
            ("harbour", None),
        ];
        for (name, expected) in cases {
            let found = part_of_flat(name.as_ref());
            let found = found
                .as_ref()
                .map(|(stem, part)| (stem.to_str().unwrap(), *part));
            assert_eq!(found, expected, "{name}");
        }
    }
}
