//! Every setting with its value and where that comes from.
//!
//! For people who ask why something is as it is: the layers are read as `Settings::load` reads them,
//! and the last one that has a key is named.

use std::path::Path;

use config::{File, FileFormat};
use toml::{Table, Value};

use super::{
    Settings, SettingsError, Surroundings, defaults,
    layers::{self, KEYS, Kind},
};
use crate::profile::plain;

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The key as the files have it.
    pub key: &'static str,
    /// The value in force, paths absolute; absent where there is none.
    pub value: Option<Value>,
    /// Where it is from: `default`, a file with line and column, a variable or a flag.
    pub origin: String,
}

/// Returns every setting of the studio at `root`, or those that hold outside any studio, in the
/// order in which the files have them.
pub fn listed(root: Option<&Path>, around: &Surroundings) -> Result<Vec<Setting>, SettingsError> {
    let settings = Settings::load(root, around)?;
    let layers = layers::read(root, around)?;
    let mut builder = defaults()?;
    for layer in &layers {
        builder = builder.add_source(File::from_str(&layer.table.to_string(), FileFormat::Toml));
    }
    let merged: Table = builder.build()?.try_deserialize()?;
    let base = plain(&around.cwd.join(root.unwrap_or(Path::new(""))));
    Ok(KEYS
        .iter()
        .map(|(key, kind, _)| {
            let mut layers = layers.iter().rev();
            let place = layers.find_map(|layer| layer.places.get(*key));
            let value = merged.get(*key).map(|value| placed(value, *kind, &base));
            let (value, origin) = match (value, *key) {
                (None, "data_dir") => (
                    Some(settings.data_dir.to_string_lossy().into_owned().into()),
                    "default".to_owned(),
                ),
                (value, _) => (value, place.cloned().unwrap_or("default".to_owned())),
            };
            Setting { key, value, origin }
        })
        .collect())
}

/// Returns a value with its paths made absolute.
fn placed(value: &Value, kind: Kind, base: &Path) -> Value {
    let at = |text: &str| Value::from(plain(&base.join(text)).to_string_lossy().into_owned());
    match (kind, value) {
        (Kind::Path | Kind::Paths, Value::String(text)) => at(text),
        (Kind::Paths | Kind::Watches, Value::Array(items)) => {
            Value::Array(items.iter().map(|item| placed(item, kind, base)).collect())
        }
        (Kind::Watches, Value::Table(watch)) => {
            let mut watch = watch.clone();
            if let Some(Value::String(path)) = watch.get("path") {
                watch.insert("path".to_owned(), at(path));
            }
            watch.into()
        }
        _ => value.clone(),
    }
}
