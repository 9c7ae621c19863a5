//! Adding pictures: a whole bundle appears in the watch folder at once, copies of what was named.
//!
//! Works without a daemon: whoever watches the folder next takes it. The copies are made in a hidden
//! folder, which nobody looks into, and renamed into place together.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::folder::FolderError;
use crate::folder::move_path;
use crate::job::names::display_path;
use crate::job::names::safe_name;

/// How many names are tried for a bundle whose own is taken.
const NAMES_MAX: u32 = 10_000;

/// What to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The bundle's name; absent for that of the first picture.
    pub name: Option<OsString>,
    /// The content picture.
    pub content: Option<PathBuf>,
    /// The style pictures, in their order.
    pub styles: Vec<PathBuf>,
    /// The profile, as TOML; absent for that of the studio.
    pub profile: Option<String>,
}

/// Why nothing was added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// No picture was named.
    #[error("there is no picture to add")]
    Nothing,
    /// What was named is no ordinary file.
    #[error("{} is not an ordinary file", display_path(path))]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// A file could not be written or read.
    #[error("cannot {what} {}", display_path(path))]
    Io {
        /// The verb and its object.
        what: &'static str,
        /// What it was done to.
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The bundle could not be put into place.
    #[error("cannot put the bundle into the watch folder")]
    Place(#[source] FolderError),
}

/// Copies what was named into `watch` as a new bundle and returns the bundle's folder.
pub fn add(watch: &Path, addition: &Addition) -> Result<PathBuf, AddError> {
    let pictures = || addition.content.iter().chain(&addition.styles);
    let first = pictures().next().ok_or(AddError::Nothing)?;
    for path in pictures() {
        let metadata = fs::metadata(path).map_err(failed("look at", path))?;
        if !metadata.is_file() {
            return Err(AddError::NotAFile { path: path.clone() });
        }
    }
    let staging = tempfile::Builder::new()
        .prefix(".adding-")
        .tempdir_in(watch)
        .map_err(failed("make a folder in", watch))?;
    fill(staging.path(), addition)?;
    let usual = || first.file_stem().unwrap_or_default().to_owned();
    let name = safe_name(&addition.name.clone().unwrap_or_else(usual));
    let staged = staging.keep();
    let placed = place(&staged, watch, &name);
    if placed.is_err() {
        // Copies that nobody will miss.
        let _best_effort = fs::remove_dir_all(&staged);
    }
    placed
}

fn fill(staging: &Path, addition: &Addition) -> Result<(), AddError> {
    let role = |role: String, path: &Path| {
        let to = staging
            .join(role)
            .with_extension(path.extension().unwrap_or_default());
        fs::copy(path, &to).map_err(failed("copy", path)).map(drop)
    };
    if let Some(content) = &addition.content {
        role("content".to_owned(), content)?;
    }
    for (number, style) in (1..).zip(&addition.styles) {
        let only = addition.styles.len() == 1;
        role(
            if only {
                "style".to_owned()
            } else {
                format!("style{number}")
            },
            style,
        )?;
    }
    let texts = [
        ("profile.toml", addition.profile.as_deref()),
        ("READY", Some("")),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            let path = staging.join(name);
            fs::write(&path, text).map_err(failed("write", &path))?;
        }
    }
    // Temporary folders are their owner's only; bundles are as the user's other folders.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(staging, open).map_err(failed("open", staging))
}

fn place(staged: &Path, watch: &Path, name: &str) -> Result<PathBuf, AddError> {
    let mut to = watch.join(name);
    for number in 2..NAMES_MAX {
        match move_path(staged, &to) {
            Err(FolderError::Taken { .. }) => to = watch.join(format!("{name}-{number}")),
            result => return result.map(|()| to).map_err(AddError::Place),
        }
    }
    move_path(staged, &to).map(|()| to).map_err(AddError::Place)
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> AddError {
    move |source| AddError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_bundle_appears_whole_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let watch = dir.path().join("watch");
        fs::create_dir(&watch).unwrap();
        let file = |name: &str| {
            let path = dir.path().join(name);
            fs::write(&path, name).unwrap();
            path
        };
        let addition = Addition {
            name: None,
            content: Some(file("harbour.jpg")),
            styles: vec![file("b.png"), file("a.png")],
            profile: Some("seed = 1\n".to_owned()),
        };
        let first = add(&watch, &addition).unwrap();
        assert_eq!(first, watch.join("harbour"));
        let inside = [
            "READY",
            "content.jpg",
            "profile.toml",
            "style1.png",
            "style2.png",
        ];
        assert_eq!(names(&first), inside);
        assert_eq!(fs::read(first.join("style1.png")).unwrap(), b"b.png");
        assert_eq!(add(&watch, &addition).unwrap(), watch.join("harbour-2"));
        assert_eq!(names(&watch), ["harbour", "harbour-2"]);
    }

    #[test]
    fn what_cannot_be_added_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let addition = |content: Option<PathBuf>| Addition {
            name: Some("x".into()),
            content,
            styles: Vec::new(),
            profile: None,
        };
        let of = |content| add(dir.path(), &addition(content)).unwrap_err();
        assert!(matches!(of(None), AddError::Nothing));
        assert!(matches!(of(Some("/".into())), AddError::NotAFile { .. }));
        assert!(matches!(of(Some("/nowhere".into())), AddError::Io { .. }));
        assert!(names(dir.path()).is_empty());
    }
}
