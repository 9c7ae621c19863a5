//! The names of Python that state dictionaries use, and what is made of their arguments.
//!
//! To be understood, a name stands in [`value`]; every other is refused by name. Nothing is ever
//! called: a tensor is only described.

use std::rc::Rc;

use super::super::numbers::Float;
use super::error::TorchError;
use super::value::{Element, Global, Object, Storage, Tensor, Value};

/// Types of storages by what stands before `Storage` in their names.
const ELEMENTS: &[(&str, Element)] = &[
    ("Double", Element::Float(Float::F64)),
    ("Float", Element::Float(Float::F32)),
    ("Half", Element::Float(Float::F16)),
    ("BFloat16", Element::Float(Float::Bf16)),
    ("Long", whole(8, "i64")),
    ("Int", whole(4, "i32")),
    ("Short", whole(2, "i16")),
    ("Char", whole(1, "i8")),
    ("Byte", whole(1, "u8")),
    ("Bool", whole(1, "truth values")),
];

const fn whole(size: usize, name: &'static str) -> Element {
    Element::Whole { size, name }
}

/// Modules whose classes are whole models.
const MODELS: &[&str] = &["torch.nn.", "torchvision.", "timm.", "__torch__"];

/// Returns what a name stands for.
pub(super) fn value(module: &str, name: &str) -> Result<Value, TorchError> {
    let global = match (module, name) {
        ("collections", "OrderedDict") => Global::OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Global::RebuildTensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
            Global::RebuildParameter
        }
        ("torch", "Size") => Global::Size,
        ("torch", "device") => Global::Device,
        ("torch" | "torch.cuda", _) => match element(name) {
            Some(element) => Global::Storage(element),
            None if module == "torch" && is_dtype(name) => return Ok(Value::Other),
            None => return Err(refusal(module, name)),
        },
        _ => return Err(refusal(module, name)),
    };
    Ok(Value::Global(global))
}

fn element(name: &str) -> Option<Element> {
    let kind = name.strip_suffix("Storage")?;
    let known = ELEMENTS.iter().find(|(known, _)| *known == kind);
    known.map(|(_, element)| *element)
}

fn is_dtype(name: &str) -> bool {
    let digits = name.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let kind = &name[..name.len() - digits.len()];
    ["float", "bfloat", "int", "uint"].contains(&kind) && digits.parse::<u8>().is_ok()
        || name == "bool"
}

fn refusal(module: &str, name: &str) -> TorchError {
    let full = format!("{module}.{name}");
    if MODELS.iter().any(|models| module.starts_with(models)) {
        TorchError::WholeModel(full)
    } else {
        TorchError::Code(full)
    }
}

/// Returns the entries of an ordered dictionary made of `arguments`: none, or one list of pairs.
pub(super) fn pairs(arguments: &[Value], objects: &[Object]) -> Option<Vec<(Value, Value)>> {
    let entries = match arguments {
        [] => return Some(Vec::new()),
        [list] => items(list, objects)?,
        _ => return None,
    };
    entries
        .iter()
        .map(|pair| match items(pair, objects)? {
            [key, value] => Some((key.clone(), value.clone())),
            _ => None,
        })
        .collect()
}

fn items<'a>(value: &'a Value, objects: &'a [Object]) -> Option<&'a [Value]> {
    if let Value::Tuple(tuple) = value {
        return Some(&tuple.items);
    }
    let Value::Object(place) = value else {
        return None;
    };
    let Object::List(list) = objects.get(*place)? else {
        return None;
    };
    Some(list)
}

/// Returns the tensor of `arguments`: storage, offset, extents, strides, and what does not matter.
pub(super) fn tensor(arguments: &[Value]) -> Option<Value> {
    let [
        Value::Storage(storage),
        Value::Int(offset),
        shape,
        strides,
        ..,
    ] = arguments
    else {
        return None;
    };
    Some(Value::Tensor(Rc::new(Tensor {
        storage: Rc::clone(storage),
        offset: extent(*offset)?,
        shape: extents(shape)?,
        strides: extents(strides)?,
    })))
}

/// Returns the storage that `described` says, and its first element within that of its key:
/// `('storage', type, key, device, count)`, in older files with `(key, first, count)` or nothing
/// behind.
pub(super) fn storage(described: &Value) -> Option<(Storage, usize)> {
    let Value::Tuple(tuple) = described else {
        return None;
    };
    let [
        Value::Text(word),
        Value::Global(Global::Storage(element)),
        Value::Text(key),
        _,
        Value::Int(count),
        view @ ..,
    ] = tuple.items.as_slice()
    else {
        return None;
    };
    let first = match view {
        [Value::Tuple(view), ..] => match view.items.as_slice() {
            [_, Value::Int(first), _] => extent(*first)?,
            _ => return None,
        },
        _ => 0,
    };
    let storage = Storage {
        key: key.to_string(),
        element: *element,
        count: extent(*count)?,
    };
    (&**word == "storage").then_some((storage, first))
}

fn extents(value: &Value) -> Option<Vec<usize>> {
    let Value::Tuple(tuple) = value else {
        return None;
    };
    let extents = tuple.items.iter().map(|item| {
        let Value::Int(number) = item else {
            return None;
        };
        extent(*number)
    });
    extents.collect()
}

/// Returns an extent that fits the signed numbers of the format.
fn extent(number: i128) -> Option<usize> {
    usize::try_from(i64::try_from(number).ok()?).ok()
}
