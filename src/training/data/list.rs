//! Lists the pictures of the sources and the class of each, without opening any.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::DataSource;
use super::error::DataError;

/// Endings of the files that are taken for pictures.
pub(super) const ENDINGS: [&str; 14] = [
    "jpg", "jpeg", "png", "webp", "tif", "tiff", "bmp", "gif", "qoi", "tga", "pnm", "ppm", "pgm",
    "pbm",
];

/// Where one picture comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file.
    File(PathBuf),
    /// The drawing of a seed.
    Drawing(u64),
}

/// A picture and its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) origin: Origin,
    /// Index into the classes.
    pub(super) class: usize,
}

/// All pictures.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) items: Vec<Item>,
    pub(super) classes: Vec<String>,
    /// Files that are not used.
    pub(super) ignored: usize,
}

/// Lists what the sources hold.
pub(super) fn list(sources: &[DataSource]) -> Result<Listing, DataError> {
    if sources.is_empty() {
        return Err(DataError::NoSource);
    }
    let mut listing = Listing::default();
    let mut named = BTreeMap::new();
    for source in sources {
        match source {
            DataSource::Folder(path) => folder(path, &mut listing, &mut named)?,
            DataSource::Procedural { count, seed } => {
                for index in 0..*count as u64 {
                    let seed = seed.wrapping_add(index);
                    listing.alone(Origin::Drawing(seed), format!("drawing {seed}"));
                }
            }
        }
    }
    Ok(listing)
}

impl Listing {
    /// Returns how many of the pictures are drawings.
    pub(super) fn drawings(&self) -> usize {
        let drawn = |item: &&Item| matches!(item.origin, Origin::Drawing(_));
        self.items.iter().filter(drawn).count()
    }

    /// Returns how many of the pictures are files.
    pub(super) fn files(&self) -> usize {
        self.items.len() - self.drawings()
    }

    /// Adds a picture that is a class of its own.
    fn alone(&mut self, origin: Origin, name: String) {
        let class = self.classes.len();
        self.classes.push(name);
        self.items.push(Item { origin, class });
    }
}

/// Lists a folder; `named` holds the classes that are sub-folders, by name.
fn folder(
    path: &Path,
    listing: &mut Listing,
    named: &mut BTreeMap<String, usize>,
) -> Result<(), DataError> {
    let top = entries(path)?;
    let mut found = 0;
    for sub in top.folders {
        let inside = entries(&sub)?;
        listing.ignored += inside.others;
        if inside.pictures.is_empty() {
            continue;
        }
        found += inside.pictures.len();
        let name = file_name(&sub);
        let class = *named.entry(name.clone()).or_insert_with(|| {
            listing.classes.push(name);
            listing.classes.len() - 1
        });
        listing
            .items
            .extend(inside.pictures.into_iter().map(|file| Item {
                origin: Origin::File(file),
                class,
            }));
    }
    listing.ignored += top.others;
    if found > 0 {
        listing.ignored += top.pictures.len();
        return Ok(());
    }
    if top.pictures.is_empty() {
        return Err(DataError::Empty {
            path: path.to_owned(),
        });
    }
    for file in top.pictures {
        let name = file_name(&file);
        listing.alone(Origin::File(file), name);
    }
    Ok(())
}

/// What lies in a folder, in the order of names; what begins with a dot is not looked at.
#[derive(Default)]
struct Entries {
    pictures: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    others: usize,
}

fn entries(path: &Path) -> Result<Entries, DataError> {
    let failed = |source: io::Error| DataError::Folder {
        path: path.to_owned(),
        source,
    };
    let mut found = Entries::default();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let ending = file
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        if file_name(&file).starts_with('.') {
            continue;
        }
        if file.is_dir() {
            found.folders.push(file);
        } else if ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
            found.pictures.push(file);
        } else {
            found.others += 1;
        }
    }
    found.pictures.sort();
    found.folders.sort();
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
