//! A layer list in TOML: read, with every key known, and written.
//!
//! The derived reader of a flattened, tagged type passes unknown keys over, so the keys are held
//! against [`KINDS`] first.

use toml::{Table, Value};

use super::{LayerList, LayerListError, LayerSpec};

/// Keys that every layer may have.
const COMMON: &[&str] = &["name", "kind", "from", "tensors"];

/// Keys of windows.
pub(super) const WINDOW: &[&str] = &["kernel", "stride", "pad", "dilation"];

/// Every kind of layer with the keys of its own; those of [`WINDOW`] where the flag is set.
pub(super) const KINDS: &[(&str, bool, &[&str])] = &[
    ("conv", true, &["out", "groups", "bias"]),
    ("max_pool", true, &["ceil"]),
    ("average_pool", true, &["ceil", "count_include_pad"]),
    ("global_average_pool", false, &[]),
    ("relu", false, &[]),
    ("leaky_relu", false, &["slope"]),
    ("prelu", false, &[]),
    ("sigmoid", false, &[]),
    ("tanh", false, &[]),
    ("elu", false, &["alpha"]),
    ("lrn_across", false, &["size", "alpha", "beta", "k"]),
    ("lrn_within", false, &["size", "alpha", "beta"]),
    ("batch_norm", false, &["epsilon"]),
    ("scale", false, &[]),
    ("concat", false, &[]),
    ("sum", false, &["coefficients"]),
    ("product", false, &[]),
    ("maximum", false, &[]),
    ("linear", false, &["out", "bias"]),
    ("dropout", false, &["ratio"]),
    ("softmax", false, &[]),
];

impl LayerList {
    /// Reads a list written in TOML, and holds that it makes sense ([`LayerList::check`]).
    pub fn parse(text: &str) -> Result<Self, LayerListError> {
        let mut table: Table = text.parse()?;
        known("the file", table.keys(), &["layers"])?;
        let entries = match table.remove("layers") {
            Some(Value::Array(entries)) => entries,
            // Said in the derived reader's own words.
            other => {
                let table = other.map(|value| Table::from_iter([("layers".to_owned(), value)]));
                return Ok(table.unwrap_or_default().try_into()?);
            }
        };
        if entries.len() > super::check::MOST_LAYERS {
            return Err(LayerListError::Length(entries.len()));
        }
        let layers = entries.into_iter().enumerate().map(layer);
        let list = Self {
            layers: layers.collect::<Result<_, _>>()?,
        };
        list.check()?;
        Ok(list)
    }

    /// Returns the list in TOML, as [`LayerList::parse`] reads it.
    pub fn to_toml(&self) -> Result<String, LayerListError> {
        Ok(toml::to_string(self)?)
    }
}

fn layer((index, entry): (usize, Value)) -> Result<LayerSpec, LayerListError> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let name = text("name").map_or_else(|| format!("number {}", index + 1), str::to_owned);
    if let (Some(table), Some(kind)) = (entry.as_table(), text("kind")) {
        let Some((_, windows, own)) = KINDS.iter().find(|(known, ..)| *known == kind) else {
            return Err(LayerListError::Kind {
                layer: name,
                kind: kind.to_owned(),
                known: KINDS.iter().map(|(kind, ..)| *kind).collect(),
            });
        };
        let windows = if *windows { WINDOW } else { &[] };
        known(&name, table.keys(), &[COMMON, own, windows].concat())?;
    }
    entry.try_into().map_err(|source| LayerListError::Layer {
        layer: name,
        source,
    })
}

fn known<'a>(
    place: &str,
    keys: impl IntoIterator<Item = &'a String>,
    known: &[&'static str],
) -> Result<(), LayerListError> {
    let unknown = keys.into_iter().find(|key| !known.contains(&key.as_str()));
    unknown.map_or(Ok(()), |key| {
        Err(LayerListError::Key {
            place: place.to_owned(),
            key: key.clone(),
            known: known.to_vec(),
        })
    })
}
