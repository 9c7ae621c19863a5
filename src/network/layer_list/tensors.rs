//! Which tensors a list's layers need, and how well those of a file fit.
//!
//! Works on names and shapes alone, so that a file's tensors are read only once it is known which
//! of them are wanted.

use std::collections::{BTreeMap, BTreeSet};

use super::{INPUT, LayerList, LayerListError, LayerOp, LayerSpec, Pair, TensorShapes};

/// What the tensors of a file have in common with a list that fits them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Number of layers, from the first on, that the file's tensors suffice for.
    pub layers: usize,
    /// Names of the tensors that these layers use.
    pub tensors: BTreeSet<String>,
}

/// A tensor that a layer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    /// What stands behind the layer's prefix, without the dot.
    pub suffix: &'static str,
    /// Shapes that the layer can use.
    pub shape: NeededShape,
    /// Whether the layer can be computed without it.
    pub optional: bool,
}

/// Shapes that a layer can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NeededShape {
    /// This one.
    Exactly(Vec<usize>),
    /// A number a channel, or one for all.
    EachOrOne(usize),
    /// `[out, channels · s · s]` for any `s`.
    Flattened { out: usize, channels: usize },
}

impl NeededShape {
    /// Returns true if and only if a tensor of `shape` can be used.
    pub(super) fn fits(&self, shape: &[usize]) -> bool {
        match self {
            Self::Exactly(needed) => shape == needed,
            Self::EachOrOne(channels) => shape == [*channels] || shape == [1],
            Self::Flattened { out, channels } => {
                matches!(shape, &[o, inputs] if o == *out && side(inputs, *channels).is_some())
            }
        }
    }

    /// Returns what a message says is needed.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Exactly(needed) => format!("{needed:?}"),
            Self::EachOrOne(channels) => format!("[{channels}] or [1]"),
            Self::Flattened { out, channels } => {
                format!("[{out}, {channels} · s · s] for a whole number s")
            }
        }
    }
}

/// Returns the side of the square that `inputs` numbers of `channels` channels fill.
pub(super) fn side(inputs: usize, channels: usize) -> Option<usize> {
    let places = inputs.checked_div(channels)?;
    let side = places.isqrt();
    (side > 0 && side * side * channels == inputs).then_some(side)
}

impl LayerList {
    /// Returns the number of channels that each layer gives.
    pub(super) fn channels(&self) -> Result<Vec<usize>, LayerListError> {
        let mut known = BTreeMap::from([(INPUT, 3)]);
        let mut given = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let read: Vec<usize> = self
                .sources(index)
                .into_iter()
                .filter_map(|name| known.get(name).copied())
                .collect();
            let channels = made(layer, &read)?;
            known.insert(&layer.name, channels);
            given.push(channels);
        }
        Ok(given)
    }

    /// Returns the tensors that each layer needs.
    pub(super) fn needs(&self) -> Result<Vec<Vec<Need>>, LayerListError> {
        let given = self.channels()?;
        let place: BTreeMap<&str, usize> = self
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| (layer.name.as_str(), index))
            .collect();
        let needs = self.layers.iter().enumerate().map(|(index, layer)| {
            let read = self.sources(index)[0];
            let channels = place.get(read).map_or(3, |&index| given[index]);
            needs(&layer.op, channels)
        });
        Ok(needs.collect())
    }

    /// Returns how many of the list's layers the tensors of a file suffice for: a file may end before
    /// the list does, but not leave out a layer in between.
    pub fn matched(&self, shapes: &TensorShapes) -> Result<Match, LayerListError> {
        self.check()?;
        let needs = self.needs()?;
        let mut found = Match {
            layers: 0,
            tensors: BTreeSet::new(),
        };
        for (layer, needs) in self.layers.iter().zip(&needs) {
            let Some(first) = needs.first() else {
                found.layers += 1;
                continue;
            };
            let Some(prefix) = prefix(layer, first.suffix, shapes) else {
                break;
            };
            for need in needs {
                let name = format!("{prefix}.{}", need.suffix);
                match shapes.get(&name) {
                    Some(shape) if need.shape.fits(shape) => {
                        found.tensors.insert(name);
                    }
                    Some(shape) => {
                        return Err(LayerListError::Shape {
                            tensor: name,
                            shape: shape.clone(),
                            expected: need.shape.text(),
                        });
                    }
                    None if need.optional => {}
                    None => return Err(LayerListError::Missing(name)),
                }
            }
            found.layers += 1;
        }
        self.hold_no_gap(&needs, &found, shapes)?;
        Ok(found)
    }

    /// Holds that the file names no tensor of a layer behind the first that it lacks.
    fn hold_no_gap(
        &self,
        needs: &[Vec<Need>],
        found: &Match,
        shapes: &TensorShapes,
    ) -> Result<(), LayerListError> {
        let mut rest = self.layers.iter().zip(needs).skip(found.layers);
        let Some((layer, lacking)) = rest.next().filter(|(_, needs)| !needs.is_empty()) else {
            return self.hold_something(needs, found);
        };
        let suffix = lacking[0].suffix;
        let later = rest.find_map(|(layer, needs)| {
            let suffix = needs.first()?.suffix;
            prefix(layer, suffix, shapes).map(|prefix| format!("{prefix}.{suffix}"))
        });
        match later {
            Some(later) => Err(LayerListError::Gap {
                tensor: names(layer, suffix).swap_remove(0),
                later,
            }),
            None => self.hold_something(needs, found),
        }
    }

    fn hold_something(&self, needs: &[Vec<Need>], found: &Match) -> Result<(), LayerListError> {
        if !found.tensors.is_empty() {
            return Ok(());
        }
        let first = self.layers.iter().zip(needs).find(|(_, n)| !n.is_empty());
        let names = first.map(|(layer, needs)| names(layer, needs[0].suffix));
        Err(LayerListError::Nothing(names.unwrap_or_default()))
    }
}

/// Returns what stands before the tensors' names of a layer in a file that names one `suffix`.
pub(super) fn prefix<'a>(
    layer: &'a LayerSpec,
    suffix: &str,
    shapes: &TensorShapes,
) -> Option<&'a str> {
    [&layer.tensors, &layer.name]
        .into_iter()
        .find(|prefix| !prefix.is_empty() && shapes.contains_key(&format!("{prefix}.{suffix}")))
        .map(String::as_str)
}

/// Returns the names that a layer's tensor may have.
fn names(layer: &LayerSpec, suffix: &str) -> Vec<String> {
    let mut prefixes = vec![&layer.tensors, &layer.name];
    prefixes.retain(|prefix| !prefix.is_empty());
    prefixes.dedup();
    prefixes
        .into_iter()
        .map(|prefix| format!("{prefix}.{suffix}"))
        .collect()
}

/// Returns the channels that a layer makes of those that it reads.
fn made(layer: &LayerSpec, read: &[usize]) -> Result<usize, LayerListError> {
    let refused = |expected: String| LayerListError::Channels {
        layer: layer.name.clone(),
        channels: read.to_vec(),
        expected,
    };
    match &layer.op {
        LayerOp::Conv { out, groups, .. } if read[0].is_multiple_of(*groups) => Ok(*out),
        LayerOp::Conv { groups, .. } => Err(refused(format!("it has {groups} groups"))),
        LayerOp::Linear { out, .. } => Ok(*out),
        LayerOp::Concat => Ok(read.iter().sum()),
        LayerOp::Sum { .. } | LayerOp::Product | LayerOp::Maximum => {
            if read.iter().all(|&channels| channels == read[0]) {
                Ok(read[0])
            } else {
                Err(refused("it needs the same number of each".to_owned()))
            }
        }
        LayerOp::MaxPool { .. }
        | LayerOp::AveragePool { .. }
        | LayerOp::GlobalAveragePool
        | LayerOp::Relu
        | LayerOp::LeakyRelu { .. }
        | LayerOp::Prelu
        | LayerOp::Sigmoid
        | LayerOp::Tanh
        | LayerOp::Elu { .. }
        | LayerOp::LrnAcross { .. }
        | LayerOp::LrnWithin { .. }
        | LayerOp::BatchNorm { .. }
        | LayerOp::Scale
        | LayerOp::Dropout { .. }
        | LayerOp::Softmax => Ok(read[0]),
    }
}

/// Returns the tensors that a layer over `channels` channels needs, the one that it cannot be
/// without first.
fn needs(op: &LayerOp, channels: usize) -> Vec<Need> {
    let need = |suffix, shape| Need {
        suffix,
        shape,
        optional: false,
    };
    let each = |suffix, count| need(suffix, NeededShape::Exactly(vec![count]));
    let optional = |need: Need| Need {
        optional: true,
        ..need
    };
    let mut needs = match op {
        LayerOp::Conv {
            out,
            window:
                super::WindowSpec {
                    kernel: Pair([height, width]),
                    ..
                },
            groups,
            ..
        } => {
            let shape = vec![*out, channels / groups, *height, *width];
            vec![need("weight", NeededShape::Exactly(shape))]
        }
        LayerOp::Linear { out, .. } => {
            let shape = NeededShape::Flattened {
                out: *out,
                channels,
            };
            vec![need("weight", shape)]
        }
        LayerOp::Prelu => vec![need("weight", NeededShape::EachOrOne(channels))],
        LayerOp::Scale => vec![each("weight", channels), optional(each("bias", channels))],
        LayerOp::BatchNorm { .. } => vec![
            each("running_mean", channels),
            each("running_var", channels),
            optional(each("weight", channels)),
            optional(each("bias", channels)),
        ],
        LayerOp::MaxPool { .. }
        | LayerOp::AveragePool { .. }
        | LayerOp::GlobalAveragePool
        | LayerOp::Relu
        | LayerOp::LeakyRelu { .. }
        | LayerOp::Sigmoid
        | LayerOp::Tanh
        | LayerOp::Elu { .. }
        | LayerOp::LrnAcross { .. }
        | LayerOp::LrnWithin { .. }
        | LayerOp::Concat
        | LayerOp::Sum { .. }
        | LayerOp::Product
        | LayerOp::Maximum
        | LayerOp::Dropout { .. }
        | LayerOp::Softmax => Vec::new(),
    };
    if let LayerOp::Conv {
        out, bias: true, ..
    }
    | LayerOp::Linear { out, bias: true } = op
    {
        needs.push(each("bias", *out));
    }
    needs
}
