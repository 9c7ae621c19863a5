//! The tensors of a state dictionary by name, wherever in a file's containers it is.

use std::collections::BTreeMap;

use super::error::TorchError;
use super::value::{Object, Pickled, Tensor, Value};

/// Names under which programs that train keep a state dictionary beside other things.
const KEPT_UNDER: [&str; 6] = [
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "network",
    "params",
];

/// What wrappers of a network put before all its names.
const WRAPPERS: [&str; 3] = ["module.", "model.", "net."];

/// Most containers around a state dictionary.
const MOST_CONTAINERS: usize = 3;

/// Returns the tensors by name, without what wrappers put before all of them.
///
/// Each lies within its storage.
pub(super) fn tensors(pickled: &Pickled) -> Result<BTreeMap<String, Tensor>, TorchError> {
    let mut value = &pickled.root;
    for _ in 0..=MOST_CONTAINERS {
        let entries = entries(value, &pickled.objects).ok_or(TorchError::NoState)?;
        let tensors: BTreeMap<String, Tensor> = entries
            .iter()
            .filter_map(|(name, value)| {
                let Value::Tensor(tensor) = value else {
                    return None;
                };
                Some(((*name).to_owned(), Tensor::clone(tensor)))
            })
            .collect();
        if !tensors.is_empty() {
            hold(&tensors)?;
            return Ok(unwrapped(tensors));
        }
        let kept = KEPT_UNDER.iter().find_map(|name| entries.get(name));
        value = kept.ok_or(TorchError::NoState)?;
    }
    Err(TorchError::NoState)
}

fn entries<'a>(value: &'a Value, objects: &'a [Object]) -> Option<BTreeMap<&'a str, &'a Value>> {
    let Value::Object(place) = value else {
        return None;
    };
    let Some(Object::Dict(pairs)) = objects.get(*place) else {
        return None;
    };
    let named = pairs.iter().filter_map(|(key, value)| {
        let Value::Text(name) = key else {
            return None;
        };
        Some((&**name, value))
    });
    Some(named.collect())
}

fn hold(tensors: &BTreeMap<String, Tensor>) -> Result<(), TorchError> {
    let wrong = tensors.iter().find(|(_, tensor)| tensor.range().is_none());
    wrong.map_or(Ok(()), |(name, tensor)| {
        Err(TorchError::Tensor {
            tensor: name.clone(),
            reason: format!(
                "extents {:?} with strides {:?} from element {} on do not lie within its {} numbers",
                tensor.shape, tensor.strides, tensor.offset, tensor.storage.count
            ),
        })
    })
}

fn unwrapped(mut tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    while let Some(wrapper) = WRAPPERS
        .iter()
        .find(|wrapper| tensors.keys().all(|name| name.starts_with(**wrapper)))
    {
        tensors = tensors
            .into_iter()
            .map(|(name, tensor)| (name[wrapper.len()..].to_owned(), tensor))
            .collect();
    }
    tensors
}
