//! A TOML text whose every key and value remembers where it stands.
//!
//! Profiles and settings are read through this, so that each complaint can name file, line and
//! column and show the line itself. Knows nothing of which keys exist: that is asked of the
//! caller. Text that came from outside is shown with its control characters made visible.

mod field;

use std::{fmt, ops::Range, path::Path, sync::Arc};

use toml::{
    Value,
    de::{DeTable, DeValue},
};

pub use field::Field;

/// Columns shown of a long line before the place that is pointed at.
const SHOWN: usize = 100;

/// Why a TOML text, or one value in it, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are UTF-16, as some Windows editors write by default.
    #[error("{file}: the file is encoded in UTF-16; save it again as UTF-8")]
    Utf16 {
        /// The file as shown.
        file: String,
    },
    /// The bytes are no UTF-8.
    #[error("{file}:{line}: byte {byte} of the file is not valid UTF-8; save it again as UTF-8")]
    NotUtf8 {
        /// The file as shown.
        file: String,
        /// Line of the first bad byte, from 1.
        line: usize,
        /// Offset of the first bad byte, from 0.
        byte: usize,
    },
    /// The text is no TOML.
    #[error("{at}: not valid TOML: {message}{}", at.excerpt())]
    Syntax {
        /// Where.
        at: Place,
        /// What the parser says.
        message: String,
    },
    /// A key that means nothing here.
    #[error("{at}: unknown key `{key}`{}{}", hint(suggestion.as_deref()), at.excerpt())]
    UnknownKey {
        /// Where.
        at: Place,
        /// The key as written.
        key: String,
        /// The known key nearest to it, if one is near.
        suggestion: Option<String>,
    },
    /// A value of another type than the key takes.
    #[error("{at}: `{key}` takes {expected}, not {found}{}", at.excerpt())]
    WrongType {
        /// Where.
        at: Place,
        /// The key.
        key: String,
        /// What it takes.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A value of the right type that is not allowed.
    #[error(
        "{at}: `{key}` = {value} is not allowed: {allowed}{}{}",
        hint(suggestion.as_deref()),
        at.excerpt()
    )]
    NotAllowed {
        /// Where.
        at: Place,
        /// The key.
        key: String,
        /// The value as written.
        value: String,
        /// What is allowed, in words.
        allowed: String,
        /// The allowed word nearest to it, if one is near.
        suggestion: Option<String>,
    },
}

/// Where something stands: a file (or an option of the command line) and, for files, the line.
///
/// Cheap to clone, and one pointer wide, since every field and every error carries one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Arc<Spot>);

#[derive(Debug, PartialEq, Eq)]
struct Spot {
    origin: String,
    position: Option<Position>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Position {
    line: usize,
    column: usize,
    text: String,
}

impl Place {
    /// Returns a place that is no line of a file, such as `--set style_weight=5`.
    pub fn outside_files(origin: &str) -> Self {
        let origin = printable(origin);
        Self(Arc::new(Spot {
            origin,
            position: None,
        }))
    }

    /// Returns the line, from 1, if the place is in a file.
    pub fn line(&self) -> Option<usize> {
        self.0.position.as_ref().map(|position| position.line)
    }

    /// Returns the line itself with a caret under the column, each on a line of its own, or
    /// nothing for a place outside files.
    pub fn excerpt(&self) -> String {
        let Some(Position { line, column, text }) = &self.0.position else {
            return String::new();
        };
        let skipped = column.saturating_sub(SHOWN);
        let shown: String = text.chars().skip(skipped).take(SHOWN + 20).collect();
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(column - 1 - skipped);
        format!("\n {number} | {shown}\n {margin} | {indent}^")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.position {
            Some(position) => {
                write!(f, "{}:{}:{}", self.0.origin, position.line, position.column)
            }
            None => f.write_str(&self.0.origin),
        }
    }
}

/// A decoded text and the name under which it is shown.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// Decodes `bytes`: UTF-8 with or without a byte order mark, any line ends.
    pub fn decode(name: &str, bytes: &[u8]) -> Result<Self, DocumentError> {
        let file = printable(name);
        let wide = |pair: &[u8]| pair.contains(&0);
        if bytes.starts_with(&[0xff, 0xfe])
            || bytes.starts_with(&[0xfe, 0xff])
            || (bytes.len() >= 2 && wide(&bytes[..2]))
        {
            return Err(DocumentError::Utf16 { file });
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self {
                name: file,
                text: text.to_owned(),
            }),
            Err(error) => {
                let byte = error.valid_up_to();
                let line = bytes[..byte].split(|&byte| byte == b'\n').count();
                Err(DocumentError::NotUtf8 { file, line, byte })
            }
        }
    }

    /// Parses the text and returns its top-level keys in the order of the file.
    pub fn fields(&self) -> Result<Vec<Field>, DocumentError> {
        let table = DeTable::parse(&self.text).map_err(|error| DocumentError::Syntax {
            at: self.place(error.span().unwrap_or(0..0)),
            message: printable(&error.message().replace('\n', ", ")),
        })?;
        self.table(table.get_ref())
    }

    fn table(&self, table: &DeTable<'_>) -> Result<Vec<Field>, DocumentError> {
        let mut fields = Vec::new();
        for (key, value) in table {
            let key_at = self.place(key.span());
            let at = self.place(value.span());
            let item = self.item(value.get_ref(), &at)?;
            fields.push((
                key.span().start,
                Field::new(key.get_ref(), key_at, at, item),
            ));
        }
        fields.sort_by_key(|(start, _)| *start);
        Ok(fields.into_iter().map(|(_, field)| field).collect())
    }

    fn item(&self, value: &DeValue<'_>, at: &Place) -> Result<Item, DocumentError> {
        let too_large = |text: &str| DocumentError::Syntax {
            at: at.clone(),
            message: format!("the number {text} is too large"),
        };
        Ok(match value {
            DeValue::String(text) => Item::Text(text.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map(Item::Integer)
                .map_err(|_overflow| too_large(number.as_str()))?,
            DeValue::Float(number) => number
                .as_str()
                .parse()
                .map(Item::Float)
                .map_err(|_not_a_float| too_large(number.as_str()))?,
            DeValue::Boolean(value) => Item::Boolean(*value),
            DeValue::Datetime(date) => Item::Date(date.to_string()),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| {
                    let at = self.place(item.span());
                    self.item(item.get_ref(), &at)
                });
                Item::List(items.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => Item::Table(self.table(table)?),
        })
    }

    fn place(&self, span: Range<usize>) -> Place {
        let text = &self.text;
        // What is missing at the end is pointed at after the last thing written, not in the
        // empty line that follows it.
        let end = text.trim_end().len();
        let mut offset = if span.start > end { end } else { span.start };
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let stop = text[offset..]
            .find('\n')
            .map_or(text.len(), |length| offset + length);
        Place(Arc::new(Spot {
            origin: self.name.clone(),
            position: Some(Position {
                line: 1 + text[..offset].matches('\n').count(),
                column: 1 + text[start..offset].chars().count(),
                text: one_to_one(text[start..stop].trim_end()),
            }),
        }))
    }
}

/// A value as TOML has them, with tables as lists of fields.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A whole number.
    Integer(i64),
    /// A number with a point or exponent, `nan` and `inf` included.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A string.
    Text(String),
    /// A date or time: no key takes one.
    Date(String),
    /// An array.
    List(Vec<Item>),
    /// A table.
    Table(Vec<Field>),
}

impl Item {
    /// Returns true if and only if the item is one value: no array and no table.
    pub fn is_single(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Table(_))
    }

    /// Returns the item that `text` spells in TOML, or `None` if it spells none.
    pub fn from_argument(text: &str) -> Option<Self> {
        let value = DeValue::parse(text).ok()?;
        let source = Source {
            name: String::new(),
            text: text.to_owned(),
        };
        source.item(value.get_ref(), &Place::outside_files("")).ok()
    }

    /// Returns the item that holds `value`; what is in it is said to stand at `at`.
    pub fn from_value(value: &Value, at: &Place) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Integer(number) => Self::Integer(*number),
            Value::Float(number) => Self::Float(*number),
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Datetime(date) => Self::Date(date.to_string()),
            Value::Array(items) => Self::List(
                items
                    .iter()
                    .map(|item| Self::from_value(item, at))
                    .collect(),
            ),
            Value::Table(table) => Self::Table(
                table
                    .iter()
                    .map(|(key, value)| Field::outside_files(key, at, Self::from_value(value, at)))
                    .collect(),
            ),
        }
    }

    /// Returns the string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Integer(number) => format!("the integer {number}"),
            Self::Float(number) => format!("the number {number:?}"),
            Self::Boolean(value) => format!("{value}"),
            Self::Text(text) => format!("the string {}", quoted(text)),
            Self::Date(date) => format!("the date {date}"),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }
}

/// Returns the one of `known` that `word` was most likely meant to be, if any is near. Case, and
/// hyphens for underscores, do not count.
pub fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let word = word
        .trim_start_matches('-')
        .to_lowercase()
        .replace('-', "_");
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&word, name), name))
        // Among short words one slip costs much of the likeness.
        .filter(|(likeness, name)| *likeness >= 0.8 || strsim::osa_distance(&word, name) == 1)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

/// Returns `text` with control characters written as escapes, safe to show on a terminal.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Returns `path` as text that is safe to show on a terminal.
pub fn printable_path(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// Returns `text` in quotes, printable and of bounded length.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{dots}\"", printable(&short))
}

/// Replaces each control character by one that keeps the columns.
fn one_to_one(line: &str) -> String {
    let visible = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    line.chars().map(visible).collect()
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
