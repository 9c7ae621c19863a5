//! The `NAME.error.txt` files beside rejected bundles.
//!
//! They are kept equal to what should be there: written for what is rejected now, removed when it
//! no longer is. Only files that begin as ours do are ever removed or replaced.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::Mode;
use rustix::fs::OFlags;

use crate::folder::FolderError;
use crate::folder::io_error;
use crate::folder::write_atomic;
use crate::ingest::listing::Kind;
use crate::ingest::listing::Listing;
use crate::ingest::roles::ERROR_SUFFIX;
use crate::job::names::NAME_MAX;
use crate::job::names::shorten;

const OPENING: &str = "Pentimento cannot use \"";

/// The notes that should be there: file names in `watch/` and their text.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    wanted: BTreeMap<OsString, String>,
}

impl Notes {
    /// Wants a note for the bundle `name`, shown as `shown`. Two bundles of one name share it.
    pub(crate) fn want(&mut self, name: &OsStr, shown: &str, reason: &str, hint: &str) {
        let text = format!(
            "{OPENING}{shown}\" as it is.\n\n\
             What is wrong: {reason}\n\n\
             What to do: {hint}\n\n\
             Nothing was moved or changed. This note goes away by itself once that is mended.\n"
        );
        let wanted = self.wanted.entry(file_name(name)).or_default();
        wanted.push_str(if wanted.is_empty() { "" } else { "\n" });
        wanted.push_str(&text);
    }

    /// Makes the notes in `watch` equal to the wanted ones; `listing` is what lies there now.
    pub(crate) fn apply(&self, watch: &Path, listing: &Listing) -> Result<(), FolderError> {
        let mut present = BTreeMap::new();
        for entry in &listing.entries {
            let is_note = entry.name.as_bytes().ends_with(ERROR_SUFFIX.as_bytes());
            if is_note && entry.kind == Kind::File {
                let path = watch.join(&entry.name);
                let text = read_start(&path).map_err(io_error("read", &path))?;
                present.insert(entry.name.clone(), text);
            }
        }
        let is_ours = |text: &Vec<u8>| text.starts_with(OPENING.as_bytes());
        for (name, text) in &present {
            if is_ours(text) && !self.wanted.contains_key(name) {
                let path = watch.join(name);
                std::fs::remove_file(&path).map_err(io_error("remove", &path))?;
            }
        }
        for (name, text) in &self.wanted {
            let old = present.get(name);
            if old.is_none_or(|old| is_ours(old) && old != text.as_bytes()) {
                write_atomic(&watch.join(name), text.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Returns the name of the note for the bundle `name`.
pub(crate) fn file_name(name: &OsStr) -> OsString {
    let mut file_name = shorten(name, NAME_MAX - ERROR_SUFFIX.len());
    file_name.push(ERROR_SUFFIX);
    file_name
}

fn read_start(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let mut text = Vec::new();
    file.take(1 << 16).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ingest::Links;
    use crate::ingest::listing;

    fn apply(notes: &Notes, watch: &Path) {
        notes
            .apply(watch, &listing::read(watch, Links::Refuse).unwrap())
            .unwrap();
    }

    #[test]
    fn notes_come_and_go_and_other_files_stay() {
        let dir = tempfile::tempdir().unwrap();
        let theirs = dir.path().join("mine.error.txt");
        fs::write(&theirs, "a user's own words").unwrap();
        let mut notes = Notes::default();
        notes.want(
            "harbour".as_ref(),
            "harbour",
            "it is empty",
            "drop it again",
        );
        notes.want("mine".as_ref(), "mine", "it is empty", "drop it again");
        apply(&notes, dir.path());
        let text = fs::read_to_string(dir.path().join("harbour.error.txt")).unwrap();
        assert!(
            text.contains("it is empty") && text.contains("drop it again"),
            "{text}"
        );
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "a user's own words");

        apply(&Notes::default(), dir.path());
        assert!(!dir.path().join("harbour.error.txt").exists());
        assert!(theirs.exists());
    }

    #[test]
    fn long_names_get_a_note_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut notes = Notes::default();
        notes.want(
            "n".repeat(255).as_ref(),
            "n",
            "it is empty",
            "drop it again",
        );
        apply(&notes, dir.path());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        apply(&notes, dir.path());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
