//! One key of a document with its value, and the types and ranges a value may be asked for.
//!
//! Every refusal names the key, the value and what is allowed, and where it stands.

use std::ops::RangeInclusive;

use super::{DocumentError, Item, Place, closest, printable, quoted};

/// One key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    key: String,
    key_at: Place,
    at: Place,
    item: Item,
}

impl Field {
    pub(super) fn new(key: &str, key_at: Place, at: Place, item: Item) -> Self {
        Self {
            key: key.to_owned(),
            key_at,
            at,
            item,
        }
    }

    /// Returns a field that stands in no file: key and value are both at `at`.
    pub fn outside_files(key: &str, at: &Place, item: Item) -> Self {
        Self::new(key, at.clone(), at.clone(), item)
    }

    /// Returns the key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns where the key stands.
    pub fn key_place(&self) -> &Place {
        &self.key_at
    }

    /// Returns the value.
    pub fn item(&self) -> &Item {
        &self.item
    }

    /// Returns the error for a key that means nothing, with the nearest of `known`.
    pub fn unknown<'k>(&self, known: impl IntoIterator<Item = &'k str>) -> DocumentError {
        DocumentError::UnknownKey {
            at: self.key_at.clone(),
            key: printable(&self.key),
            suggestion: closest(&self.key, known),
        }
    }

    /// Returns the error for a value of another type than `expected`.
    pub fn wrong_type(&self, expected: &'static str) -> DocumentError {
        DocumentError::WrongType {
            at: self.at.clone(),
            key: self.key.clone(),
            expected,
            found: self.item.describe(),
        }
    }

    /// Returns the error for `value`, which `allowed` excludes.
    pub fn not_allowed(&self, value: &str, allowed: &str) -> DocumentError {
        DocumentError::NotAllowed {
            at: self.at.clone(),
            key: self.key.clone(),
            value: printable(value),
            allowed: allowed.to_owned(),
            suggestion: None,
        }
    }

    /// Returns the whole number, which must be in `range`.
    pub fn integer(&self, range: RangeInclusive<i64>) -> Result<i64, DocumentError> {
        let Item::Integer(value) = self.item else {
            return Err(self.wrong_type("a whole number"));
        };
        if range.contains(&value) {
            return Ok(value);
        }
        let allowed = format!(
            "it is a whole number from {} to {}",
            range.start(),
            range.end()
        );
        Err(self.not_allowed(&value.to_string(), &allowed))
    }

    /// Returns the whole number, which must be in `range`.
    pub fn count(&self, range: RangeInclusive<u32>) -> Result<u32, DocumentError> {
        let value = self.integer(i64::from(*range.start())..=i64::from(*range.end()))?;
        Ok(u32::try_from(value).expect("the range was one of u32"))
    }

    /// Returns the number, whole or not, which must be finite and in `range`.
    pub fn float(&self, range: RangeInclusive<f64>) -> Result<f64, DocumentError> {
        self.number(&self.item, &range, "a number")
    }

    fn number(
        &self,
        item: &Item,
        range: &RangeInclusive<f64>,
        expected: &'static str,
    ) -> Result<f64, DocumentError> {
        let value = match item {
            #[allow(
                clippy::cast_precision_loss,
                reason = "weights of 2^53 and more are refused"
            )]
            Item::Integer(value) => *value as f64,
            Item::Float(value) => *value,
            Item::Boolean(_) | Item::Text(_) | Item::Date(_) | Item::List(_) | Item::Table(_) => {
                return Err(self.wrong_type(expected));
            }
        };
        if range.contains(&value) {
            // Minus zero is in the range and would be written back as another text.
            return Ok(value + 0.0);
        }
        let allowed = format!(
            "it is a finite number from {} to {}",
            range.start(),
            range.end()
        );
        Err(self.not_allowed(&value.to_string(), &allowed))
    }

    /// Returns the truth value: `true`, `false`, or 1 and 0 as neural-style writes them.
    pub fn boolean(&self) -> Result<bool, DocumentError> {
        match self.item {
            Item::Boolean(value) => Ok(value),
            Item::Integer(0) => Ok(false),
            Item::Integer(1) => Ok(true),
            Item::Integer(_)
            | Item::Float(_)
            | Item::Text(_)
            | Item::Date(_)
            | Item::List(_)
            | Item::Table(_) => Err(self.wrong_type("true or false")),
        }
    }

    /// Returns the string.
    pub fn text(&self) -> Result<&str, DocumentError> {
        self.item
            .as_text()
            .ok_or_else(|| self.wrong_type("a string"))
    }

    /// Returns what `parse` makes of the string; `allowed` says in words what it takes.
    pub fn parsed<T>(
        &self,
        parse: impl Fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Result<T, DocumentError> {
        let text = self.text()?;
        parse(text).ok_or_else(|| self.not_allowed(&quoted(text), allowed))
    }

    /// Returns the value that the string names among `choices`.
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, DocumentError> {
        let text = self.text()?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Ok(*value);
        }
        let names: Vec<_> = choices
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        Err(DocumentError::NotAllowed {
            at: self.at.clone(),
            key: self.key.clone(),
            value: quoted(text),
            allowed: format!("it is one of {}", names.join(", ")),
            suggestion: closest(text, choices.iter().map(|(name, _)| *name)),
        })
    }

    /// Returns the strings of a list, or the parts of one string separated by commas. No part is
    /// empty and none is there twice.
    pub fn names(&self) -> Result<Vec<String>, DocumentError> {
        let expected = "a list of strings, or one string with commas";
        let parts: Vec<&str> = if let Item::List(items) = &self.item {
            let parts: Option<_> = items
                .iter()
                .map(|item| Some(item.as_text()?.trim()))
                .collect();
            parts.ok_or_else(|| self.wrong_type(expected))?
        } else {
            let text = self
                .item
                .as_text()
                .ok_or_else(|| self.wrong_type(expected))?;
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .collect()
        };
        let mut names: Vec<String> = Vec::new();
        for part in parts {
            if part.is_empty() || part.contains(|c: char| c.is_control() || c == ',') {
                return Err(self.not_allowed(&quoted(part), "each item is one name"));
            }
            if names.iter().any(|name| name == part) {
                return Err(self.not_allowed(&quoted(part), "it is there twice"));
            }
            names.push(part.to_owned());
        }
        Ok(names)
    }

    /// Returns the numbers of a list, or those in one string separated by commas; each must be
    /// finite and in `range`.
    pub fn floats(&self, range: &RangeInclusive<f64>) -> Result<Vec<f64>, DocumentError> {
        let expected = "a list of numbers, or one string with commas";
        match &self.item {
            Item::List(items) => items
                .iter()
                .map(|item| self.number(item, range, expected))
                .collect(),
            Item::Integer(_) | Item::Float(_) => {
                Ok(vec![self.number(&self.item, range, expected)?])
            }
            Item::Text(text) => text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| {
                    let value = part.parse().map_err(|_text| self.wrong_type(expected))?;
                    self.number(&Item::Float(value), range, expected)
                })
                .collect(),
            Item::Boolean(_) | Item::Date(_) | Item::Table(_) => Err(self.wrong_type(expected)),
        }
    }
}
