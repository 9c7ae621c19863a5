//! Other names of a network's layers: those a manifest lists, and those that VGG's plan has in
//! other tools.
//!
//! A layer's own name always wins, so that no alias can make a name mean another layer than it says.
//!
//! The plan is told from the names (`convB_I`, `reluB_I`, `poolB`); then `features.N` is the `N`th
//! layer as PyTorch's `torchvision` numbers them, `B_I` is `reluB_I` for short, and `blockB_convI`,
//! `blockB_pool` are Keras's names, whose convolutions end in their activation.

use std::collections::BTreeMap;

use super::layer::Layer;

/// Returns each alias with the name it stands for; what is not there has none.
pub(super) fn aliases(
    written: &BTreeMap<String, String>,
    layers: &[Layer],
) -> BTreeMap<String, String> {
    let is_layer = |name: &str| layers.iter().any(|layer| layer.name == name);
    let mut aliases = of_vgg(layers);
    aliases.extend(
        written
            .iter()
            .map(|(alias, name)| (alias.clone(), name.clone())),
    );
    aliases.retain(|alias, name| is_layer(name) && !is_layer(alias));
    aliases
}

fn of_vgg(layers: &[Layer]) -> BTreeMap<String, String> {
    let mut aliases = BTreeMap::new();
    for (index, layer) in layers.iter().enumerate() {
        let name = &layer.name;
        let others = match Place::parse(name) {
            Some(Place::Convolution) => Vec::new(),
            Some(Place::Activation(block, number)) => {
                vec![
                    format!("{block}_{number}"),
                    format!("block{block}_conv{number}"),
                ]
            }
            Some(Place::Pooling(block)) => vec![format!("block{block}_pool")],
            None => return BTreeMap::new(),
        };
        aliases.insert(format!("features.{index}"), name.clone());
        aliases.extend(others.into_iter().map(|other| (other, name.clone())));
    }
    aliases
}

/// A layer's place in VGG's plan.
enum Place {
    Convolution,
    Activation(usize, usize),
    Pooling(usize),
}

impl Place {
    fn parse(name: &str) -> Option<Self> {
        let numbers = |rest: &str| {
            let (block, number) = rest.split_once('_')?;
            Some((block.parse().ok()?, number.parse().ok()?))
        };
        if let Some(rest) = name.strip_prefix("conv") {
            let _: (usize, usize) = numbers(rest)?;
            Some(Self::Convolution)
        } else if let Some(rest) = name.strip_prefix("relu") {
            numbers(rest).map(|(block, number)| Self::Activation(block, number))
        } else {
            name.strip_prefix("pool")?.parse().ok().map(Self::Pooling)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layer::LayerKind;
    use super::*;

    fn layers(names: &[&str]) -> Vec<Layer> {
        let layer = |name: &&str| Layer {
            name: (*name).to_owned(),
            kind: LayerKind::Activation,
        };
        names.iter().map(layer).collect()
    }

    #[test]
    fn vgg_has_the_names_of_other_tools() {
        let names = [
            "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1", "relu2_1",
        ];
        let aliases = aliases(&BTreeMap::new(), &layers(&names));
        for (alias, name) in [
            ("features.0", "conv1_1"),
            ("features.4", "pool1"),
            ("features.6", "relu2_1"),
            ("2_1", "relu2_1"),
            ("block1_conv2", "relu1_2"),
            ("block1_pool", "pool1"),
        ] {
            assert_eq!(aliases[alias], name, "{alias}");
        }
    }

    #[test]
    fn an_alias_is_no_other_layers_name_and_leads_somewhere() {
        let written = [("relu1", "relu0"), ("relu4", "relu3"), ("relu9", "gone")];
        let written = written.map(|(alias, name)| (alias.to_owned(), name.to_owned()));
        let aliases = aliases(
            &written.into(),
            &layers(&["conv1", "relu0", "relu1", "relu3"]),
        );
        let found: Vec<_> = aliases
            .iter()
            .map(|(a, n)| (a.as_str(), n.as_str()))
            .collect();
        assert_eq!(found, [("relu4", "relu3")]);
    }
}
