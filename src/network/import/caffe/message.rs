//! A Caffe message as data: its fields by their names in `caffe.proto`, in the order of the file.
//!
//! The binary and the text form both become this, so that what a layer's fields mean is written
//! once. Weights are not in it: a [`Blob`] says where they lie.

/// The fields of a message.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Message {
    fields: Vec<(&'static str, Value)>,
}

/// Value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f32),
    /// A truth value.
    Bool(bool),
    /// A text, or the name of a constant.
    Text(String),
    /// A message.
    Message(Message),
    /// Where an array of weights lies.
    Blob(Box<Blob>),
}

/// Where an array of weights lies in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    /// First byte of its message.
    pub(super) start: u64,
    /// The byte behind its message.
    pub(super) end: u64,
    /// Extents as written: `shape`, or `num`, `channels`, `height` and `width`; empty where
    /// neither is.
    pub(super) shape: Vec<i64>,
    /// Numbers in it.
    pub(super) count: u64,
    /// Whether they have 64 bits.
    pub(super) double: bool,
}

static EMPTY: Message = Message { fields: Vec::new() };

impl Message {
    /// Appends a field.
    pub(super) fn push(&mut self, name: &'static str, value: Value) {
        self.fields.push((name, value));
    }

    /// Returns every value of a field, in order.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.fields
            .iter()
            .filter(move |(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    /// Returns true if and only if the field is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// Returns the whole numbers of a field.
    pub(super) fn ints(&self, name: &str) -> impl Iterator<Item = i64> {
        self.values(name).filter_map(|value| {
            let Value::Int(number) = value else {
                return None;
            };
            Some(*number)
        })
    }

    /// Returns the whole number of a field; the last where several are given, as protobuf has it.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.ints(name).last()
    }

    /// Returns the numbers of a field.
    pub(super) fn floats(&self, name: &str) -> impl Iterator<Item = f32> {
        self.values(name).filter_map(|value| {
            let Value::Float(number) = value else {
                return None;
            };
            Some(*number)
        })
    }

    /// Returns the number of a field, or `default`.
    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.floats(name).last().unwrap_or(default)
    }

    /// Returns the truth value of a field, or `default`.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.values(name)
            .filter_map(|value| {
                let Value::Bool(flag) = value else {
                    return None;
                };
                Some(*flag)
            })
            .last()
            .unwrap_or(default)
    }

    /// Returns the texts of a field.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).filter_map(|value| {
            let Value::Text(text) = value else {
                return None;
            };
            Some(text.as_str())
        })
    }

    /// Returns the text of a field.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).last()
    }

    /// Returns the messages of a field.
    pub(super) fn messages(&self, name: &str) -> impl Iterator<Item = &Message> {
        self.values(name).filter_map(|value| {
            let Value::Message(message) = value else {
                return None;
            };
            Some(message)
        })
    }

    /// Returns the message of a field; one without fields, so with every default, where it is not
    /// given.
    pub(super) fn message(&self, name: &str) -> &Message {
        self.messages(name).last().unwrap_or(&EMPTY)
    }

    /// Returns where the arrays of a field lie.
    pub(super) fn blobs(&self, name: &str) -> impl Iterator<Item = &Blob> {
        self.values(name).filter_map(|value| {
            let Value::Blob(blob) = value else {
                return None;
            };
            Some(blob.as_ref())
        })
    }
}
