//! One layer of settings: a file, the environment or the flags, checked by itself.
//!
//! What leaves here has only known keys, values of the right type and range, and paths that are
//! absolute or, in the studio's own file, relative to the studio.

use std::{
    collections::BTreeMap,
    fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::{Budget, SettingsError, Surroundings, studio::FILE};
use crate::profile::document::{Field, Item, Place, Source};

/// Before the name of a setting as a variable.
const PREFIX: &str = "PENTIMENTO_";
const SETTLE_SECONDS: RangeInclusive<f64> = 0.0..=3600.0;
const PIXELS: RangeInclusive<i64> = 256..=1_000_000_000;
const LEAST_MEMORY: i64 = 64 << 20;
const DAYS: RangeInclusive<i64> = 1..=36_500;

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Path,
    Paths,
    /// Paths, or tables with a path and the name of a profile.
    Watches,
    Seconds,
    Pixels,
    Memory,
    Budget,
    Days,
    Boolean,
    Name,
}

/// Whether a setting can hold for all of a user's studios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Studio,
    Anywhere,
}

/// Every setting.
pub(super) const KEYS: [(&str, Kind, Scope); 18] = [
    ("watch", Kind::Watches, Scope::Studio),
    ("active", Kind::Path, Scope::Studio),
    ("done", Kind::Path, Scope::Studio),
    ("failed", Kind::Path, Scope::Studio),
    ("profiles", Kind::Path, Scope::Studio),
    ("models", Kind::Path, Scope::Studio),
    ("state_dir", Kind::Path, Scope::Studio),
    ("settle_seconds", Kind::Seconds, Scope::Anywhere),
    ("ort_lib", Kind::Path, Scope::Anywhere),
    ("data_dir", Kind::Path, Scope::Anywhere),
    ("default_profile", Kind::Name, Scope::Anywhere),
    ("max_pixels", Kind::Pixels, Scope::Anywhere),
    ("allow_symlinks", Kind::Boolean, Scope::Anywhere),
    ("memory_limit", Kind::Memory, Scope::Anywhere),
    ("snapshots_budget", Kind::Budget, Scope::Anywhere),
    ("keep_days", Kind::Days, Scope::Anywhere),
    ("model_dirs", Kind::Paths, Scope::Anywhere),
    ("profile_roots", Kind::Paths, Scope::Anywhere),
];

/// One layer, and where each of its keys stands.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) table: Table,
    pub(super) places: BTreeMap<String, String>,
}

/// What paths of a layer are relative to.
#[derive(Debug, Clone, Copy)]
enum Base<'a> {
    /// The studio: they stay relative, so that its name may be any bytes.
    Studio,
    Folder(&'a Path),
}

/// Returns the layers that exist, the one that yields first: user, studio, environment, flags.
pub(super) fn read(
    root: Option<&Path>,
    around: &Surroundings,
) -> Result<Vec<Layer>, SettingsError> {
    let mut layers = Vec::new();
    if let Some(folder) = around.config_dir() {
        let fields = fields_of(&folder.join("config.toml"))?;
        for field in &fields {
            if KEYS
                .iter()
                .any(|(key, _, scope)| *key == field.key() && *scope == Scope::Studio)
            {
                let (at, key) = (field.key_place().to_string(), field.key().to_owned());
                return Err(SettingsError::StudioKey { at, key });
            }
        }
        layers.push(layer(&fields, Base::Folder(&folder), around)?);
    }
    if let Some(root) = root {
        layers.push(layer(&fields_of(&root.join(FILE))?, Base::Studio, around)?);
    }
    let cwd = Base::Folder(&around.cwd);
    layers.push(layer(&from_environment(around)?, cwd, around)?);
    let flags = around.flags.iter().map(|(key, value)| {
        let at = Place::outside_files(&format!("--{}", key.replace('_', "-")));
        field_of_text(key, value, &at)
    });
    layers.push(layer(&flags.collect::<Vec<_>>(), cwd, around)?);
    Ok(layers)
}

/// Returns the keys of a file, none if there is no such file.
fn fields_of(path: &Path) -> Result<Vec<Field>, SettingsError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Source::decode(&path.to_string_lossy(), &bytes)?.fields()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(SettingsError::Unreadable {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Returns the settings among the variables. A variable that is no setting is another program's
/// or another part's business, unless it is one slip away from being one.
fn from_environment(around: &Surroundings) -> Result<Vec<Field>, SettingsError> {
    let mut fields = Vec::new();
    for (name, value) in &around.vars {
        let Some(key) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let key = key.to_lowercase();
        let field = field_of_text(&key, value, &Place::outside_files(name));
        if KEYS.iter().any(|(known, ..)| *known == key) {
            fields.push(field);
        } else if KEYS
            .iter()
            .any(|(known, ..)| strsim::osa_distance(known, &key) <= 2)
        {
            return Err(unknown(&field).into());
        }
    }
    Ok(fields)
}

/// Returns the field that a variable or flag spells: lists are parted by colons, as in PATH.
fn field_of_text(key: &str, text: &str, at: &Place) -> Field {
    let kind = KEYS
        .iter()
        .find(|(known, ..)| *known == key)
        .map(|(_, kind, _)| *kind);
    let as_text = || Item::Text(text.to_owned());
    let item = match kind {
        Some(Kind::Paths | Kind::Watches) => {
            let parts = text.split(':').filter(|part| !part.is_empty());
            Item::List(parts.map(|part| Item::Text(part.to_owned())).collect())
        }
        Some(
            Kind::Seconds | Kind::Pixels | Kind::Memory | Kind::Budget | Kind::Days | Kind::Boolean,
        ) => Item::from_argument(text).unwrap_or_else(as_text),
        Some(Kind::Path | Kind::Name) | None => as_text(),
    };
    Field::outside_files(key, at, item)
}

fn layer(fields: &[Field], base: Base<'_>, around: &Surroundings) -> Result<Layer, SettingsError> {
    let mut layer = Layer::default();
    for field in fields {
        let kind = KEYS.iter().find(|(key, ..)| *key == field.key());
        let (key, kind, _) = kind.ok_or_else(|| unknown(field))?;
        let value = value(field, *kind, base, around)?;
        layer.table.insert((*key).to_owned(), value);
        let place = field.key_place().to_string();
        layer.places.insert((*key).to_owned(), place);
    }
    Ok(layer)
}

fn unknown(field: &Field) -> crate::profile::document::DocumentError {
    field.unknown(KEYS.iter().map(|(key, ..)| *key))
}

fn value(
    field: &Field,
    kind: Kind,
    base: Base<'_>,
    around: &Surroundings,
) -> Result<Value, SettingsError> {
    Ok(match kind {
        Kind::Path => path(field, field.text()?, base, around)?.into(),
        Kind::Paths => paths(field, base, around)?.into(),
        Kind::Watches => watches(field, base, around)?.into(),
        Kind::Seconds => field.float(SETTLE_SECONDS)?.into(),
        Kind::Pixels => field.integer(PIXELS)?.into(),
        Kind::Memory => memory(field)?.into(),
        Kind::Budget => budget(field)?.into(),
        Kind::Days => field.integer(DAYS)?.into(),
        Kind::Boolean => field.boolean()?.into(),
        Kind::Name => name(field)?.into(),
    })
}

fn name(field: &Field) -> Result<String, SettingsError> {
    let name = |text: &str| {
        let plain = !text.is_empty() && !text.contains(['/', '\\']);
        plain.then(|| text.to_owned())
    };
    let allowed = "it is the name of a profile in profiles/, without .toml";
    Ok(field.parsed(name, allowed)?)
}

/// Returns the watch folders, each as a table with `path` and perhaps `profile`.
fn watches(
    field: &Field,
    base: Base<'_>,
    around: &Surroundings,
) -> Result<Vec<Value>, SettingsError> {
    let expected = "a path, a list of paths, or tables [[watch]] with path and profile";
    let items = items(field);
    if items.is_empty() {
        return Err(field
            .not_allowed("[]", "there is at least one watched folder")
            .into());
    }
    let mut values = Vec::new();
    for item in items {
        let mut watch = Table::new();
        match item {
            Item::Text(text) => {
                watch.insert("path".to_owned(), path(field, text, base, around)?.into());
            }
            Item::Table(keys) => {
                for key in keys {
                    let value = match key.key() {
                        "path" => path(key, key.text()?, base, around)?,
                        "profile" => name(key)?,
                        _ => return Err(key.unknown(["path", "profile"]).into()),
                    };
                    watch.insert(key.key().to_owned(), value.into());
                }
                if !watch.contains_key("path") {
                    return Err(field
                        .not_allowed("a [[watch]] without path", "each names its folder as path")
                        .into());
                }
            }
            Item::Integer(_)
            | Item::Float(_)
            | Item::Boolean(_)
            | Item::Date(_)
            | Item::List(_) => {
                return Err(field.wrong_type(expected).into());
            }
        }
        values.push(watch.into());
    }
    Ok(values)
}

/// Returns the items of a list, or the one item that stands for a list of itself.
fn items(field: &Field) -> &[Item] {
    match field.item() {
        Item::List(items) => items,
        Item::Text(_)
        | Item::Integer(_)
        | Item::Float(_)
        | Item::Boolean(_)
        | Item::Date(_)
        | Item::Table(_) => std::slice::from_ref(field.item()),
    }
}

fn paths(
    field: &Field,
    base: Base<'_>,
    around: &Surroundings,
) -> Result<Vec<Value>, SettingsError> {
    let expected = "a path or a list of paths";
    let mut values = Vec::new();
    for item in items(field) {
        let text = item.as_text().ok_or_else(|| field.wrong_type(expected))?;
        values.push(path(field, text, base, around)?.into());
    }
    Ok(values)
}

/// Returns the path `text` with `~` and, unless the base is the studio, the base worked in.
fn path(
    field: &Field,
    text: &str,
    base: Base<'_>,
    around: &Surroundings,
) -> Result<String, SettingsError> {
    if text.trim().is_empty() {
        return Err(field.not_allowed("\"\"", "it is a path").into());
    }
    let (at, key) = (field.key_place().to_string(), field.key().to_owned());
    let path = if let Some(rest) = text.strip_prefix("~/") {
        let Some(home) = around.home() else {
            return Err(SettingsError::NoHome { at, key });
        };
        home.join(rest)
    } else if let Base::Folder(folder) = base {
        folder.join(text)
    } else {
        PathBuf::from(text)
    };
    path.into_os_string().into_string().map_err(|path| {
        let base = PathBuf::from(path)
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        SettingsError::Unspeakable { at, key, base }
    })
}

/// Returns the number of bytes: a whole number, or text such as `8 GiB` (1024³) or `8 GB` (10⁹).
fn memory(field: &Field) -> Result<i64, SettingsError> {
    let allowed = format!("it is {LEAST_MEMORY} bytes or more, or text such as \"8 GiB\"");
    let bytes = match field.item().as_text() {
        Some(text) => {
            bytes_of(text).ok_or_else(|| field.not_allowed(&format!("{text:?}"), &allowed))?
        }
        None => field.integer(i64::MIN..=i64::MAX)?,
    };
    if bytes < LEAST_MEMORY {
        return Err(field.not_allowed(&bytes.to_string(), &allowed).into());
    }
    Ok(bytes)
}

/// Returns the budget as [`Budget::parse`] reads it back.
fn budget(field: &Field) -> Result<String, SettingsError> {
    let text = match field.item().as_text() {
        Some(text) => text.to_owned(),
        None => field.integer(i64::MIN..=i64::MAX)?.to_string(),
    };
    if Budget::parse(&text).is_none() {
        let allowed = "it is a number of bytes, or text such as \"20 GiB\" or \"10 %\" of the disk";
        return Err(field.not_allowed(&format!("{text:?}"), allowed).into());
    }
    Ok(text)
}

pub(super) fn bytes_of(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: i64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}
