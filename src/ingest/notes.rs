//! The `NAME.error.txt` files beside rejected bundles, and `NAME.duplicate.txt` beside held ones.
//!
//! They are kept equal to what should be there: written for what is rejected or held now, removed
//! when it no longer is. Only files that begin as ours do are ever removed or replaced.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::Mode;
use rustix::fs::OFlags;

use crate::folder::FolderError;
use crate::folder::io_error;
use crate::folder::write_atomic;
use crate::ingest::listing::Entry;
use crate::ingest::listing::Kind;
use crate::ingest::listing::Listing;
use crate::ingest::roles::ERROR_SUFFIX;
use crate::ingest::roles::HELD_SUFFIX;
use crate::job::JobId;
use crate::job::names::NAME_MAX;
use crate::job::names::shorten;

const OPENING: &str = "Pentimento cannot use \"";
const OPENING_HELD: &str = "Pentimento holds \"";

/// The notes that should be there: their paths below `watch/` and their text.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    wanted: BTreeMap<PathBuf, String>,
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
        self.add(note_path(name, ERROR_SUFFIX), &text);
    }

    /// Wants a note for the bundle `name`, shown as `shown`, which is the same work as a job.
    pub(crate) fn want_held(&mut self, name: &OsStr, shown: &str, job: JobId, ready: &str) {
        let text = format!(
            "{OPENING_HELD}{shown}\" back: job {job} has the same pictures and profile and is not \
             finished yet.\n\n\
             What to do: to have it painted a second time all the same, put an empty file {ready} \
             there (or touch the one that is there). It is also taken by itself once job {job} has \
             ended. To be rid of it, take it away.\n\n\
             Nothing was moved or changed. This note goes away by itself.\n"
        );
        self.add(note_path(name, HELD_SUFFIX), &text);
    }

    fn add(&mut self, path: PathBuf, text: &str) {
        let wanted = self.wanted.entry(path).or_default();
        wanted.push_str(if wanted.is_empty() { "" } else { "\n" });
        wanted.push_str(text);
    }

    /// Makes the notes in `watch` equal to the wanted ones; `listing` is what lies there now.
    pub(crate) fn apply(&self, watch: &Path, listing: &Listing) -> Result<(), FolderError> {
        let mut present = BTreeMap::new();
        for path in notes_in(listing) {
            let full = watch.join(&path);
            let text = read_start(&full).map_err(io_error("read", &full))?;
            present.insert(path, text);
        }
        let is_ours = |text: &Vec<u8>| {
            text.starts_with(OPENING.as_bytes()) || text.starts_with(OPENING_HELD.as_bytes())
        };
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

/// Returns the files in `watch/`, and in the folders in it, that are called as notes are.
fn notes_in(listing: &Listing) -> Vec<PathBuf> {
    let is_note = |entry: &&Entry| {
        let name = entry.name.as_bytes();
        let suffixes = [ERROR_SUFFIX, HELD_SUFFIX];
        entry.kind == Kind::File && suffixes.iter().any(|end| name.ends_with(end.as_bytes()))
    };
    let mut notes = Vec::new();
    for entry in &listing.entries {
        if let Kind::Folder(inner) = &entry.kind {
            let inner = inner.iter().filter(is_note);
            notes.extend(inner.map(|note| Path::new(&entry.name).join(&note.name)));
        } else if is_note(&entry) {
            notes.push(PathBuf::from(&entry.name));
        }
    }
    notes
}

/// Returns the path of the note for the bundle `name`, which is a path in a recipe folder.
fn note_path(name: &OsStr, suffix: &str) -> PathBuf {
    let path = Path::new(name);
    let last = path.file_name().unwrap_or(name);
    let mut file_name: OsString = shorten(last, NAME_MAX - suffix.len());
    file_name.push(suffix);
    path.with_file_name(file_name)
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
    fn notes_in_recipe_folders_lie_beside_their_pictures() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("wave")).unwrap();
        let mut notes = Notes::default();
        notes.want("wave/a.jpg".as_ref(), "wave/a.jpg", "empty", "again");
        notes.want_held("wave/b.jpg".as_ref(), "wave/b.jpg", JobId(4), "b.ready");
        apply(&notes, dir.path());
        let held = fs::read_to_string(dir.path().join("wave/b.jpg.duplicate.txt")).unwrap();
        assert!(
            held.contains("job 0004") && held.contains("b.ready"),
            "{held}"
        );
        assert!(dir.path().join("wave/a.jpg.error.txt").exists());
        apply(&Notes::default(), dir.path());
        assert_eq!(fs::read_dir(dir.path().join("wave")).unwrap().count(), 0);
    }

    #[test]
    fn b8_long_names_get_a_note_too() {
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
