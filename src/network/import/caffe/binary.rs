//! The binary form of a Caffe network, to a [`Message`]; and the weights of one array.
//!
//! The file is walked once for the description, in which the weights are jumped over, and again for
//! the weights of the layers that are wanted. Memory is bounded by the description's limit and by
//! the weights that are asked for; both by the size of the file.

use std::io::{Read, Seek};

use super::message::{Blob, Message, Value};
use super::schema::{Field, Kind, NET};
use super::wire::{Wire, WireError, WireKind};

/// Most bytes of description: a network of a thousand layers takes a few hundred thousand.
pub(super) const MOST_DESCRIPTION: u64 = 8 << 20;

/// What a field takes of that beside its bytes, so that a file of empty fields does not fill the
/// memory.
const FIELD_COST: u64 = 64;

/// Most axes of an array, as in Caffe.
const MOST_AXES: usize = 32;

/// Returns the description of the network in the file.
pub(super) fn network<R: Read + Seek>(wire: &mut Wire<R>) -> Result<Message, WireError> {
    let mut left = MOST_DESCRIPTION;
    let end = wire.length();
    message(wire, NET, end, &mut left)
}

fn message<R: Read + Seek>(
    wire: &mut Wire<R>,
    schema: &'static [Field],
    end: u64,
    left: &mut u64,
) -> Result<Message, WireError> {
    let mut message = Message::default();
    while let Some((number, wire_kind)) = wire.key(end)? {
        let Some(field) = schema.iter().find(|field| field.number == number) else {
            wire.skip(wire_kind, end)?;
            continue;
        };
        value(wire, field, wire_kind, end, left, &mut message)?;
    }
    Ok(message)
}

/// Appends the value, or the packed values, of a field.
fn value<R: Read + Seek>(
    wire: &mut Wire<R>,
    field: &'static Field,
    wire_kind: WireKind,
    end: u64,
    left: &mut u64,
    message: &mut Message,
) -> Result<(), WireError> {
    let wrong = |wire: &Wire<R>, expected| WireError::Kind {
        at: wire.at(),
        field: field.name,
        expected,
    };
    match (field.kind, wire_kind) {
        (Kind::Message(schema), WireKind::Block) => {
            spend(wire, left, 0)?;
            let block = wire.block(end)?;
            let inner = self::message(wire, schema, block, left)?;
            message.push(field.name, Value::Message(inner));
        }
        (Kind::Blob, WireKind::Block) => {
            spend(wire, left, 0)?;
            let block = wire.block(end)?;
            let blob = blob(wire, block)?;
            message.push(field.name, Value::Blob(Box::new(blob)));
        }
        (Kind::Text, WireKind::Block) => {
            let block = wire.block(end)?;
            spend(wire, left, block - wire.at())?;
            let text = wire.text(block)?;
            message.push(field.name, Value::Text(text));
        }
        (Kind::Int | Kind::Float | Kind::Bool | Kind::Word(_), WireKind::Block) => {
            let block = wire.block(end)?;
            while wire.at() < block {
                spend(wire, left, 0)?;
                let value = scalar(wire, field, block)?;
                message.push(field.name, value);
            }
        }
        (Kind::Float, WireKind::Four)
        | (Kind::Int | Kind::Bool | Kind::Word(_), WireKind::Varint) => {
            spend(wire, left, 0)?;
            let value = scalar(wire, field, end)?;
            message.push(field.name, value);
        }
        (Kind::Message(_) | Kind::Blob | Kind::Text, _) => return Err(wrong(wire, "a block")),
        (Kind::Float, _) => return Err(wrong(wire, "a 32-bit float")),
        (Kind::Int | Kind::Bool | Kind::Word(_), _) => return Err(wrong(wire, "a whole number")),
    }
    Ok(())
}

/// Takes the cost of a field of `bytes` from what is left for the description.
fn spend<R: Read + Seek>(wire: &Wire<R>, left: &mut u64, bytes: u64) -> Result<(), WireError> {
    *left = left
        .checked_sub(FIELD_COST.saturating_add(bytes))
        .ok_or(WireError::Description {
            at: wire.at(),
            most: MOST_DESCRIPTION,
        })?;
    Ok(())
}

/// Returns one number, truth value or constant.
fn scalar<R: Read + Seek>(wire: &mut Wire<R>, field: &Field, end: u64) -> Result<Value, WireError> {
    if matches!(field.kind, Kind::Float) {
        return Ok(Value::Float(f32::from_le_bytes(wire.take(end)?)));
    }
    let number = wire.varint(end)?.cast_signed();
    Ok(match field.kind {
        Kind::Bool => Value::Bool(number != 0),
        Kind::Word(words) => Value::Text(
            words
                .iter()
                .find(|(n, _)| *n == number)
                .map_or_else(|| number.to_string(), |(_, word)| (*word).to_owned()),
        ),
        Kind::Int | Kind::Float | Kind::Text | Kind::Message(_) | Kind::Blob => Value::Int(number),
    })
}

/// Returns where the array lies whose message ends at `end`.
fn blob<R: Read + Seek>(wire: &mut Wire<R>, end: u64) -> Result<Blob, WireError> {
    let start = wire.at();
    let (mut shape, mut old) = (None, [None; 4]);
    let (mut floats, mut doubles) = (0, 0);
    while let Some((number, kind)) = wire.key(end)? {
        match (number, kind) {
            (1..=4, WireKind::Varint) => {
                old[number as usize - 1] = Some(wire.varint(end)?.cast_signed());
            }
            (5, WireKind::Block | WireKind::Four) => floats += numbers(wire, kind, 4, end)?,
            (8, WireKind::Block | WireKind::Eight) => doubles += numbers(wire, kind, 8, end)?,
            (7, WireKind::Block) => {
                let block = wire.block(end)?;
                shape = Some(extents(wire, block)?);
            }
            _ => wire.skip(kind, end)?,
        }
    }
    let old = old
        .iter()
        .any(Option::is_some)
        .then(|| old.map(|extent| extent.unwrap_or(0)).to_vec());
    Ok(Blob {
        start,
        end,
        // Caffe lets the older form win where both are written.
        shape: old.or(shape).unwrap_or_default(),
        count: if doubles > 0 { doubles } else { floats },
        double: doubles > 0,
    })
}

/// Passes over numbers of `size` bytes, packed or single, and returns how many they are.
fn numbers<R: Read + Seek>(
    wire: &mut Wire<R>,
    kind: WireKind,
    size: u64,
    end: u64,
) -> Result<u64, WireError> {
    if kind != WireKind::Block {
        wire.skip(kind, end)?;
        return Ok(1);
    }
    let block = wire.block(end)?;
    let (at, length) = (wire.at(), block - wire.at());
    if length % size != 0 {
        return Err(WireError::Packed { at, length, size });
    }
    wire.go(block)?;
    Ok(length / size)
}

/// Returns the numbers of a `BlobShape`.
fn extents<R: Read + Seek>(wire: &mut Wire<R>, end: u64) -> Result<Vec<i64>, WireError> {
    let mut shape = Vec::new();
    while let Some((number, kind)) = wire.key(end)? {
        let at = wire.at();
        match (number, kind) {
            (1, WireKind::Block) => {
                let block = wire.block(end)?;
                while wire.at() < block && shape.len() <= MOST_AXES {
                    shape.push(wire.varint(block)?.cast_signed());
                }
            }
            (1, WireKind::Varint) => shape.push(wire.varint(end)?.cast_signed()),
            _ => wire.skip(kind, end)?,
        }
        if shape.len() > MOST_AXES {
            return Err(WireError::Axes { at });
        }
    }
    Ok(shape)
}

/// Returns the numbers of an array, in its order; those of 64 bits rounded.
pub(super) fn weights<R: Read + Seek>(
    wire: &mut Wire<R>,
    blob: &Blob,
) -> Result<Vec<f32>, WireError> {
    wire.go(blob.start)?;
    // The count was found by walking over as many bytes, so the file holds them.
    let mut values = Vec::with_capacity(usize::try_from(blob.count).unwrap_or(0));
    let (field, size, single) = if blob.double {
        (8, 8, WireKind::Eight)
    } else {
        (5, 4, WireKind::Four)
    };
    while let Some((number, kind)) = wire.key(blob.end)? {
        let to = if number == field && kind == WireKind::Block {
            wire.block(blob.end)?
        } else if number == field && kind == single {
            wire.at() + size as u64
        } else {
            wire.skip(kind, blob.end)?;
            continue;
        };
        wire.pieces(to, size, |bytes| decode(bytes, blob.double, &mut values))?;
    }
    Ok(values)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "weights of 64 bits are rounded to the 32 that the graph computes with"
)]
fn decode(bytes: &[u8], double: bool, values: &mut Vec<f32>) {
    if double {
        values.extend(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|&b| f64::from_le_bytes(b) as f32),
        );
    } else {
        values.extend(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)));
    }
}
