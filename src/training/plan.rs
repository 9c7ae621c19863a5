//! What is trained: a layer list whose layers follow each other, checked, and the presets.
//!
//! Always true of a [`Plan`]: there is at least one convolution, every batch normalisation stands
//! right behind a convolution (so that it can be folded into it in the end), and every layer passes
//! a change of scale on, which is what lets the trained network be rescaled.

use thiserror::Error;

use crate::network::layer_list::{LayerList, LayerOp, LayerSpec, Pair, WindowSpec};

/// Why a layer list cannot be trained.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// No preset of that name.
    #[error("there is no preset `{0}`: choose {presets}, or give a layer list", presets = PRESETS.join(" or "))]
    Preset(String),
    /// A list that trains nothing.
    #[error("the layer list has no convolution")]
    NoConvolution,
    /// A layer that does not read the one before it.
    #[error("layer `{layer}` reads `{from}`: layers that are trained read the layer before them")]
    Branch {
        /// Name of the layer.
        layer: String,
        /// What it reads.
        from: String,
    },
    /// A layer of a kind that cannot be trained.
    #[error(
        "layer `{layer}` is {what}, which cannot be trained here: conv, batch_norm, relu, leaky_relu, max_pool, average_pool and dropout can"
    )]
    Kind {
        /// Name of the layer.
        layer: String,
        /// What it is.
        what: &'static str,
    },
    /// Batch normalisation elsewhere than behind a convolution.
    #[error("batch normalisation `{0}` must stand right behind a convolution")]
    Norm(String),
    /// A name that is missing, taken, or not fit for one.
    #[error(
        "layer name `{0}` is empty, used twice or holds something else than letters, digits, `_`, `-` and `.`"
    )]
    Name(String),
    /// A number that makes no sense.
    #[error("layer `{layer}`: {reason}")]
    Number {
        /// Name of the layer.
        layer: String,
        /// What makes no sense.
        reason: &'static str,
    },
}

/// Names of the presets.
pub const PRESETS: [&str; 2] = ["small", "vgg-thin"];

/// Most channels of a layer.
const MOST_CHANNELS: usize = 4096;

/// Largest kernel, stride, padding or dilation.
const LARGEST_WINDOW: usize = 64;

/// Most layers.
const MOST_LAYERS: usize = 512;

/// Returns the layer list of a preset: 3×3 convolutions, each with batch normalisation and a ReLU,
/// and 2×2 max-pooling between the blocks.
///
/// `small` is the built-in network's; `vgg-thin` has VGG-19's layers at a quarter of the channels.
pub fn preset(name: &str) -> Result<LayerList, PlanError> {
    let blocks: &[&[usize]] = match name {
        "small" => &[&[32, 32], &[64, 64], &[128, 128, 128], &[256, 256], &[256]],
        "vgg-thin" => &[
            &[16, 16],
            &[32, 32],
            &[64, 64, 64, 64],
            &[128, 128, 128, 128],
            &[128, 128, 128, 128],
        ],
        _ => return Err(PlanError::Preset(name.to_owned())),
    };
    let mut layers = Vec::new();
    let mut add = |name: String, op| {
        layers.push(LayerSpec {
            name,
            from: Vec::new(),
            tensors: String::new(),
            op,
        });
    };
    for (block, channels) in (1..).zip(blocks) {
        if block > 1 {
            let op = LayerOp::MaxPool {
                window: window(2, 2, 0),
                ceil: false,
            };
            add(format!("pool{}", block - 1), op);
        }
        for (index, &out) in (1..).zip(*channels) {
            let op = LayerOp::Conv {
                out,
                window: window(3, 1, 1),
                groups: 1,
                bias: false,
            };
            add(format!("conv{block}_{index}"), op);
            add(
                format!("norm{block}_{index}"),
                LayerOp::BatchNorm { epsilon: 1e-5 },
            );
            add(format!("relu{block}_{index}"), LayerOp::Relu);
        }
    }
    Ok(LayerList { layers })
}

fn window(kernel: usize, stride: usize, pad: usize) -> WindowSpec {
    WindowSpec {
        kernel: Pair::both(kernel),
        stride: Pair::both(stride),
        pad: Pair::both(pad),
        dilation: Pair::both(1),
    }
}

/// Layers to train, in order, each reading the one before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The layers.
    pub layers: Vec<PlannedLayer>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedLayer {
    /// Name of the layer and of the value that it produces.
    pub name: String,
    /// What it computes.
    pub kind: Kind,
}

/// What a layer computes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Convolution, with batch normalisation behind it or without.
    Conv {
        /// Channels made.
        out: usize,
        /// Windows.
        window: WindowSpec,
        /// Groups of channels.
        groups: usize,
        /// Whether there is a bias; never with a normalisation, whose own takes its place.
        bias: bool,
        /// The guard of the division of the normalisation behind it.
        norm: Option<f32>,
    },
    /// `x` where positive, else `slope · x`.
    Activation {
        /// Slope below 0: 0 for `max(x, 0)`.
        slope: f32,
    },
    /// Maximum or average over windows.
    Pool {
        /// Windows.
        window: WindowSpec,
        /// Rounds the number of windows up.
        ceil: bool,
        /// Maximum or average.
        over: PoolKind,
    },
    /// Drops whole channels of a picture while training.
    Dropout {
        /// Share that is dropped.
        ratio: f32,
    },
}

/// What a pooling takes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKind {
    /// The maximum.
    Max,
    /// The average, padding counted or not.
    Average {
        /// Whether padding counts in the divisor.
        count_include_pad: bool,
    },
}

impl Plan {
    /// Checks a layer list.
    pub fn new(list: &LayerList) -> Result<Self, PlanError> {
        let mut layers: Vec<PlannedLayer> = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        let mut before = crate::network::layer_list::INPUT;
        if list.layers.len() > MOST_LAYERS {
            return Err(PlanError::Number {
                layer: list.layers[MOST_LAYERS].name.clone(),
                reason: "there are more layers than can be trained (512)",
            });
        }
        for spec in &list.layers {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            if spec.name.is_empty() || !spec.name.chars().all(plain) || !names.insert(&spec.name) {
                return Err(PlanError::Name(spec.name.clone()));
            }
            if let Some(from) = spec.from.iter().find(|from| *from != before) {
                return Err(PlanError::Branch {
                    layer: spec.name.clone(),
                    from: from.clone(),
                });
            }
            before = &spec.name;
            if let LayerOp::BatchNorm { epsilon } = spec.op {
                let conv = layers.last_mut().map(|layer| &mut layer.kind);
                let Some(Kind::Conv { norm, bias, .. }) = conv.filter(|kind| kind.takes_norm())
                else {
                    return Err(PlanError::Norm(spec.name.clone()));
                };
                number(
                    &spec.name,
                    epsilon > 0.0 && epsilon < 1.0,
                    "its epsilon must lie between 0 and 1",
                )?;
                (*norm, *bias) = (Some(epsilon), false);
                continue;
            }
            layers.push(PlannedLayer {
                name: spec.name.clone(),
                kind: kind(spec)?,
            });
        }
        if layers
            .iter()
            .any(|layer| matches!(layer.kind, Kind::Conv { .. }))
        {
            Ok(Self { layers })
        } else {
            Err(PlanError::NoConvolution)
        }
    }

    /// Returns the activations of each block, a block being what lies between poolings.
    pub fn blocks(&self) -> Vec<Vec<&str>> {
        let mut blocks = vec![Vec::new()];
        for layer in &self.layers {
            match layer.kind {
                Kind::Pool { .. } => blocks.push(Vec::new()),
                Kind::Activation { .. } => {
                    if let Some(block) = blocks.last_mut() {
                        block.push(layer.name.as_str());
                    }
                }
                Kind::Conv { .. } | Kind::Dropout { .. } => {}
            }
        }
        blocks.retain(|block| !block.is_empty());
        blocks
    }
}

impl Kind {
    fn takes_norm(&self) -> bool {
        matches!(self, Self::Conv { norm: None, .. })
    }
}

fn number(layer: &str, holds: bool, reason: &'static str) -> Result<(), PlanError> {
    if holds {
        Ok(())
    } else {
        Err(PlanError::Number {
            layer: layer.to_owned(),
            reason,
        })
    }
}

fn kind(spec: &LayerSpec) -> Result<Kind, PlanError> {
    let refused = |what| {
        Err(PlanError::Kind {
            layer: spec.name.clone(),
            what,
        })
    };
    match &spec.op {
        LayerOp::Conv {
            out,
            window,
            groups,
            bias,
        } => {
            check_channels(&spec.name, *out, *groups)?;
            check_window(&spec.name, window)?;
            Ok(Kind::Conv {
                out: *out,
                window: *window,
                groups: *groups,
                bias: *bias,
                norm: None,
            })
        }
        LayerOp::Relu => Ok(Kind::Activation { slope: 0.0 }),
        LayerOp::LeakyRelu { slope } => {
            number(
                &spec.name,
                (0.0..=1.0).contains(slope),
                "its slope must lie between 0 and 1",
            )?;
            Ok(Kind::Activation { slope: *slope })
        }
        LayerOp::MaxPool { window, ceil } => {
            check_window(&spec.name, window)?;
            Ok(Kind::Pool {
                window: *window,
                ceil: *ceil,
                over: PoolKind::Max,
            })
        }
        LayerOp::AveragePool {
            window,
            ceil,
            count_include_pad,
        } => {
            check_window(&spec.name, window)?;
            Ok(Kind::Pool {
                window: *window,
                ceil: *ceil,
                over: PoolKind::Average {
                    count_include_pad: *count_include_pad,
                },
            })
        }
        LayerOp::Dropout { ratio } => {
            number(
                &spec.name,
                (0.0..1.0).contains(ratio),
                "its ratio must be at least 0 and below 1",
            )?;
            Ok(Kind::Dropout { ratio: *ratio })
        }
        LayerOp::BatchNorm { .. } => Err(PlanError::Norm(spec.name.clone())),
        LayerOp::GlobalAveragePool => refused("a global pooling (training adds its own)"),
        LayerOp::Linear { .. } => refused("a linear layer (training adds its own)"),
        LayerOp::Softmax => refused("a softmax (training adds its own)"),
        LayerOp::Concat | LayerOp::Sum { .. } | LayerOp::Product | LayerOp::Maximum => {
            refused("a join of layers")
        }
        LayerOp::Prelu | LayerOp::Sigmoid | LayerOp::Tanh | LayerOp::Elu { .. } => {
            refused("an activation that does not pass a change of scale on")
        }
        LayerOp::LrnAcross { .. } | LayerOp::LrnWithin { .. } | LayerOp::Scale => {
            refused("a normalisation other than batch_norm")
        }
    }
}

fn check_channels(layer: &str, out: usize, groups: usize) -> Result<(), PlanError> {
    number(
        layer,
        (1..=MOST_CHANNELS).contains(&out),
        "it must make 1 to 4096 channels",
    )?;
    number(
        layer,
        groups > 0 && out.is_multiple_of(groups),
        "its channels must fill its groups",
    )
}

fn check_window(layer: &str, window: &WindowSpec) -> Result<(), PlanError> {
    let inside = |pair: Pair, least: usize| {
        pair.0
            .iter()
            .all(|value| (least..=LARGEST_WINDOW).contains(value))
    };
    number(
        layer,
        inside(window.kernel, 1) && inside(window.stride, 1) && inside(window.dilation, 1),
        "kernel, stride and dilation must be 1 to 64",
    )?;
    number(layer, inside(window.pad, 0), "padding must be 0 to 64")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> LayerList {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn every_preset_can_be_trained() {
        for name in PRESETS {
            let plan = Plan::new(&preset(name).unwrap()).unwrap();
            assert_eq!(plan.blocks().len(), 5, "{name}");
            let convolutions = plan.layers.iter().filter(|layer| {
                matches!(
                    layer.kind,
                    Kind::Conv {
                        norm: Some(_),
                        bias: false,
                        ..
                    }
                )
            });
            let expected = if name == "small" { 10 } else { 16 };
            assert_eq!(convolutions.count(), expected, "{name}");
        }
        let error = preset("large").unwrap_err().to_string();
        assert!(
            error.contains("`large`: choose small or vgg-thin"),
            "{error}"
        );
    }

    #[test]
    fn what_cannot_be_trained_is_named() {
        let conv = r#"{ name = "c", kind = "conv", out = 4, kernel = 3 }"#;
        let cases = [
            ("layers = []".to_owned(), "no convolution"),
            (
                format!(r#"layers = [{conv}, {{ name = "s", kind = "softmax" }}]"#),
                "`s` is a softmax",
            ),
            (
                format!(r#"layers = [{conv}, {{ name = "r", kind = "relu", from = ["input"] }}]"#),
                "`r` reads `input`",
            ),
            (
                format!("layers = [{conv}, {conv}]"),
                "`c` is empty, used twice",
            ),
            (
                format!(
                    r#"layers = [{conv}, {{ name = "r", kind = "relu" }}, {{ name = "n", kind = "batch_norm" }}]"#
                ),
                "`n` must stand right behind",
            ),
            (
                r#"layers = [{ name = "c", kind = "conv", out = 99999, kernel = 3 }]"#.to_owned(),
                "1 to 4096 channels",
            ),
            (
                r#"layers = [{ name = "c", kind = "conv", out = 4, kernel = 0 }]"#.to_owned(),
                "must be 1 to 64",
            ),
            (
                format!(r#"layers = [{conv}, {{ name = "d", kind = "dropout", ratio = 1.0 }}]"#),
                "below 1",
            ),
        ];
        for (text, expected) in cases {
            let error = Plan::new(&list(&text)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
