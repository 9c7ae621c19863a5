//! From TOML text to a `RawProfile`: keys, stages, inheritance and `--set`.
//!
//! Reads no file but the one it is told to and, through `ProfileFolders`, the bases that a profile
//! extends by name.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    document::{Field, Item, Place, Source, printable},
    error::ProfileError,
    raw::{RawJob, RawOptions, RawProfile},
};

/// The newest version of the format that is read, and the one that is written.
pub const VERSION: i64 = 1;
/// The most profiles that may extend each other, the first included.
const MAX_DEPTH: usize = 8;
/// The largest profile file read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Keys of a profile as a whole that are no options.
const ABOUT: [&str; 3] = ["profile_version", "extends", "stages"];

/// The folders in which profiles have names: `NAME.toml` in the first folder that holds it.
#[derive(Debug, Clone, Default)]
pub struct ProfileFolders {
    folders: Vec<PathBuf>,
}

impl ProfileFolders {
    /// Returns these folders, of which any may be missing; without any, no profile has a name.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// Returns the names of all profiles, in order.
    pub fn names(&self) -> Result<Vec<String>, ProfileError> {
        let mut names = Vec::new();
        for folder in &self.folders {
            names.extend(names_in(folder)?);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Returns the file of the profile `name`, if there is one.
    pub fn file(&self, name: &str) -> Result<Option<PathBuf>, ProfileError> {
        for folder in &self.folders {
            // Only what the listing shows is opened, so a name can hold no way out of the folder.
            if names_in(folder)?.iter().any(|known| known == name) {
                return Ok(Some(folder.join(format!("{name}.toml"))));
            }
        }
        Ok(None)
    }
}

fn names_in(folder: &Path) -> Result<Vec<String>, ProfileError> {
    let failed = |source| ProfileError::Unreadable {
        path: folder.to_owned(),
        source,
    };
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_profile = path
            .extension()
            .is_some_and(|extension| extension == "toml");
        if let (true, Some(name)) = (is_profile, path.file_stem().and_then(|stem| stem.to_str())) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

impl RawProfile {
    /// Reads the profile in the file `path`, with the bases it extends from `bases`.
    pub fn load(path: &Path, bases: &ProfileFolders) -> Result<Self, ProfileError> {
        Self::parse(&path.to_string_lossy(), &read(path)?, bases)
    }

    /// Reads the profile in `bytes`, which errors say are of `origin`, with the bases it
    /// extends from `bases`. An empty text is a profile in which everything has its default.
    pub fn parse(origin: &str, bytes: &[u8], bases: &ProfileFolders) -> Result<Self, ProfileError> {
        let mut chain = vec![printable(origin)];
        let (mut profile, mut extends) = parse_one(origin, bytes)?;
        while let Some(field) = extends {
            let name = field.text()?.to_owned();
            let at = field.key_place().clone();
            let closes = chain[1..].contains(&printable(&name));
            chain.push(printable(&name));
            if closes {
                return Err(ProfileError::Circle { at, chain });
            }
            if chain.len() > MAX_DEPTH {
                return Err(ProfileError::TooDeep {
                    at,
                    chain,
                    limit: MAX_DEPTH,
                });
            }
            let Some(path) = bases.file(&name)? else {
                let (name, known) = (printable(&name), bases.names()?);
                return Err(ProfileError::NoSuchBase { at, name, known });
            };
            let (base, next) = parse_one(&path.to_string_lossy(), &read(&path)?)?;
            profile = profile.over(base);
            extends = next;
        }
        Ok(profile)
    }

    /// Changes one value as `--set` does: `assignment` is `key=value`, or `stages.N.key=value`
    /// with stages counted from 0. The value is TOML, or a string without its quotes.
    ///
    /// A profile without stages has one, number 0.
    pub fn set(&mut self, assignment: &str) -> Result<(), ProfileError> {
        let text = printable(assignment);
        let Some((path, value)) = assignment.split_once('=') else {
            return Err(ProfileError::NotAnAssignment { text });
        };
        let (path, value) = (path.trim(), value.trim());
        let at = Place::outside_files(&format!("--set {assignment}"));
        let as_text = Item::Text(value.to_owned());
        let Some(item) = Item::from_argument(value) else {
            return self.set_item(path, &at, as_text);
        };
        if !item.is_single() {
            return self.set_item(path, &at, item);
        }
        // `network=1` and `matte=#fff` are meant as strings; where that fails too, the complaint
        // about the value as TOML is the better one.
        let before = self.clone();
        self.set_item(path, &at, item).or_else(|error| {
            *self = before;
            self.set_item(path, &at, as_text).map_err(|_second| error)
        })
    }

    fn set_item(&mut self, path: &str, at: &Place, item: Item) -> Result<(), ProfileError> {
        if let Some(rest) = path.strip_prefix("stages.") {
            let text = || at.to_string().replace("--set ", "");
            let parts = rest
                .split_once('.')
                .and_then(|(n, key)| Some((n.parse().ok()?, key)));
            let Some((number, key)): Option<(usize, &str)> = parts else {
                return Err(ProfileError::NotAnAssignment { text: text() });
            };
            if self.stages.is_empty() {
                self.stages.push(RawOptions::default());
            }
            let stages = self.stages.len();
            let stage = self
                .stages
                .get_mut(number)
                .ok_or_else(|| ProfileError::NoSuchStage {
                    text: text(),
                    stages,
                })?;
            return assign_to_stage(stage, &Field::outside_files(key, at, item));
        }
        let field = Field::outside_files(path, at, item);
        if self.job.assign(&field)? || self.options.assign(&field)? {
            return Ok(());
        }
        Err(field
            .unknown(RawJob::KEYS.into_iter().chain(RawOptions::KEYS))
            .into())
    }
}

/// Returns the profile in `bytes` alone, and its `extends`.
fn parse_one(origin: &str, bytes: &[u8]) -> Result<(RawProfile, Option<Field>), ProfileError> {
    let fields = Source::decode(origin, bytes)?.fields()?;
    check_version(&fields)?;
    let mut profile = RawProfile::default();
    let mut extends = None;
    for field in fields {
        match field.key() {
            "profile_version" => {}
            "extends" => {
                field.text()?;
                extends = Some(field);
            }
            "stages" => profile.stages = parse_stages(&field)?,
            _ if profile.job.assign(&field)? || profile.options.assign(&field)? => {}
            _ => {
                let known = ABOUT
                    .into_iter()
                    .chain(RawJob::KEYS)
                    .chain(RawOptions::KEYS);
                return Err(field.unknown(known).into());
            }
        }
    }
    Ok((profile, extends))
}

/// Looks at the version before anything else, since a newer profile may hold unknown keys.
fn check_version(fields: &[Field]) -> Result<(), ProfileError> {
    let Some(field) = fields.iter().find(|field| field.key() == "profile_version") else {
        return Ok(());
    };
    let found = field.integer(1..=i64::MAX)?;
    if found > VERSION {
        let at = field.key_place().clone();
        return Err(ProfileError::NewerVersion {
            at,
            found,
            supported: VERSION,
        });
    }
    Ok(())
}

fn parse_stages(field: &Field) -> Result<Vec<RawOptions>, ProfileError> {
    let expected = "[[stages]] sections";
    let Item::List(items) = field.item() else {
        return Err(field.wrong_type(expected).into());
    };
    let mut stages = Vec::new();
    for item in items {
        let Item::Table(fields) = item else {
            return Err(field.wrong_type(expected).into());
        };
        let mut stage = RawOptions::default();
        for field in fields {
            assign_to_stage(&mut stage, field)?;
        }
        stages.push(stage);
    }
    Ok(stages)
}

fn assign_to_stage(stage: &mut RawOptions, field: &Field) -> Result<(), ProfileError> {
    if stage.assign(field)? {
        return Ok(());
    }
    let key = field.key();
    let at = field.key_place().clone();
    if RawJob::KEYS.contains(&key) || ABOUT.contains(&key) {
        return Err(ProfileError::JobWideInStage {
            at,
            key: key.to_owned(),
        });
    }
    // Someone who misspells a job-wide key shall not be led to the nearest stage key.
    let known = RawOptions::KEYS.into_iter().chain(RawJob::KEYS);
    Err(field.unknown(known).into())
}

/// Reads a small regular file; anything else is refused without reading it.
fn read(path: &Path) -> Result<Vec<u8>, ProfileError> {
    let failed = |source| ProfileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // A pipe would hang on being opened.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a file",
        )));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ProfileError::TooLarge {
            path: path.to_owned(),
            limit: MAX_BYTES,
        });
    }
    Ok(bytes)
}
