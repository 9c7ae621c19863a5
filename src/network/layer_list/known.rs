//! Layer lists of networks that are in wide use.
//!
//! To add one: a file in `layer_lists/`, and a line here. Lists whose first layers are the same are
//! told apart by the rest of a file's tensors; of those that fit equally well, the first is taken.

use super::{LayerList, LayerListError};

/// Names of the lists.
pub const KNOWN: [&str; 7] = [
    "vgg19",
    "vgg16",
    "nin",
    "squeezenet1_1",
    "nin_cifar10",
    "vgg16_pruned",
    "vgg_face",
];

impl LayerList {
    /// Returns the list of a network in wide use ([`KNOWN`]), classifier and all.
    pub fn known(name: &str) -> Option<Self> {
        let text = match name {
            "vgg19" => include_str!("../layer_lists/vgg19.toml"),
            "vgg16" => include_str!("../layer_lists/vgg16.toml"),
            "nin" => include_str!("../layer_lists/nin.toml"),
            "squeezenet1_1" => include_str!("../layer_lists/squeezenet1_1.toml"),
            "nin_cifar10" => include_str!("../layer_lists/nin_cifar10.toml"),
            "vgg16_pruned" => include_str!("../layer_lists/vgg16_pruned.toml"),
            "vgg_face" => include_str!("../layer_lists/vgg_face.toml"),
            _ => return None,
        };
        let list: Result<Self, LayerListError> = Self::parse(text);
        Some(list.expect("the lists inside the program are read by its tests"))
    }
}
