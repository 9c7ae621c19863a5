//! A profile: how to paint, as a validated value.
//!
//! Text becomes a `RawProfile` (`read`), in which any key may be absent; with the presets of the
//! networks it becomes a `Profile` (`resolve`), in which nothing is; that is written back as TOML
//! (`written`). Nothing here paints, and nothing reads a picture or a network.
//!
//! Keys are flat and named as neural-style names its options. Those of `Stage` may stand at the
//! top, for all stages, and in any `[[stages]]`, for that one. To add a key, see `raw`.

pub mod document;
mod edit;
mod error;
mod paths;
mod raw;
mod read;
mod resolve;
#[cfg(test)]
mod tests;
mod values;
mod written;

pub(crate) use paths::plain;
pub use {
    edit::{EDITABLE, EditError},
    error::ProfileError,
    paths::Roots,
    raw::{RawOptions, RawProfile},
    read::{ProfileFolders, VERSION},
    resolve::resolve,
    values::{
        Colour, Compat, DeviceRequest, EmbedParams, Init, NetworkRef, OptimizerKind, OutputFormat,
        PngDepth, Pooling,
    },
};

/// A profile in which every option has a value that is allowed.
///
/// Always true: there is at least one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The tool whose semantics and defaults hold; `None` is neural-style-pt's semantics with the
    /// networks' presets as defaults.
    pub compat: Option<Compat>,
    /// The device asked for.
    pub device: DeviceRequest,
    /// Threads to compute with, 0–1024; 0 is one for each core.
    pub threads: u32,
    /// The seed of all noise. `None` (-1 in the text) is to be drawn when the job is made, and
    /// recorded here, so that the job can be painted again.
    pub seed: Option<u32>,
    /// Whether pictures take their colours from the content picture and only their lightness from
    /// the painting.
    pub original_colors: bool,
    /// How the result is stored.
    pub output_format: OutputFormat,
    /// Bits for each channel, if it is stored as PNG.
    pub png_depth: PngDepth,
    /// How much of the painting's making is written into pictures.
    pub embed_params: EmbedParams,
    /// The colour behind what is transparent in an input.
    pub matte: Colour,
    /// The most pixels an input may have, 256–10⁹; the studio's limit holds beside it, and alone
    /// where this is `None`.
    pub max_pixels: Option<u64>,
    stages: Vec<Stage>,
}

fn in_use(weight: f64, layers: &[String]) -> &[String] {
    if weight > 0.0 { layers } else { &[] }
}

impl Profile {
    /// Returns whether a content picture takes part: in a loss, as a start, or for its colours.
    pub fn needs_content(&self) -> bool {
        let needs =
            |stage: &Stage| !stage.content_in_use().is_empty() || matches!(stage.init, Init::Image);
        self.original_colors || self.stages.iter().any(needs)
    }

    /// Returns whether style pictures take part.
    pub fn needs_style(&self) -> bool {
        self.stages
            .iter()
            .any(|stage| !stage.style_in_use().is_empty())
    }

    /// Returns the stages in their order, at least one.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Replaces the names of each stage's layers in use by those that `rename` gives for its network.
    pub fn rename_layers<E>(
        &mut self,
        rename: impl Fn(&NetworkRef, &[String]) -> Result<Vec<String>, E>,
    ) -> Result<(), E> {
        for stage in &mut self.stages {
            if !stage.content_in_use().is_empty() {
                stage.content_layers = rename(&stage.network, &stage.content_layers)?;
            }
            if !stage.style_in_use().is_empty() {
                stage.style_layers = rename(&stage.network, &stage.style_layers)?;
            }
        }
        Ok(())
    }

    /// Checks that every stage in which styles take part can blend `styles` style pictures.
    pub fn check_styles(&self, styles: usize) -> Result<(), ProfileError> {
        for (stage, options) in self.stages.iter().enumerate() {
            let weights = options.style_blend_weights.len();
            if weights != 0 && weights != styles && !options.style_in_use().is_empty() {
                return Err(ProfileError::BlendCount {
                    stage,
                    weights,
                    styles,
                });
            }
        }
        Ok(())
    }
}

/// One stage of a painting: a size, and how long and towards what to paint at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The network to look through.
    pub network: NetworkRef,
    /// Weight of each content layer's loss, 0–10¹².
    pub content_weight: f64,
    /// Weight of each style layer's loss, 0–10¹².
    pub style_weight: f64,
    /// Weight of the total variation, 0–10¹².
    pub tv_weight: f64,
    /// Loss evaluations, 1–10⁶.
    pub num_iterations: u32,
    /// The longest side of content and painting in pixels, 16–16384.
    pub image_size: u32,
    /// The longest side of the styles as a multiple of `image_size`, 0.01–100.
    pub style_scale: f64,
    /// The share of each style picture in the order of the file names, as written: 0–10¹², at
    /// least one above 0, sum not 1. Empty is equal shares. See `Profile::check_styles`.
    pub style_blend_weights: Vec<f64>,
    /// What the stage starts from; `Previous` in all stages but the first unless they say else.
    pub init: Init,
    /// The optimiser.
    pub optimizer: OptimizerKind,
    /// Adam's step, 10⁻⁹–10⁶, for a picture in 0–255. L-BFGS does not use it.
    pub learning_rate: f64,
    /// Pairs that L-BFGS remembers, 1–1000 (0 in the text is 100, as the original tools have it).
    pub lbfgs_num_correction: u32,
    /// What pooling layers do.
    pub pooling: Pooling,
    /// Layers with a content loss, each once; not checked against the network.
    pub content_layers: Vec<String>,
    /// Layers with a style loss, each once; not checked against the network.
    pub style_layers: Vec<String>,
    /// The original tools' option of this name, in the sense of the tool whose semantics hold.
    pub normalize_gradients: bool,
    /// neural-style-pt's option of this name.
    pub normalize_weights: bool,
    /// Iterations between snapshots, 0–10⁶; 0 is no snapshot but the last picture.
    pub save_iter: u32,
    /// Iterations between printed losses, 0–10⁶; 0 is never.
    pub print_iter: u32,
    /// Whether the optimiser's state goes on from the stage before.
    ///
    /// False in the first stage. Else, unless written: true if the stage goes on from the picture
    /// before it with the same size, optimiser, network, pooling and layers. Other weights do not
    /// reset it. It can be asked for with another network, pooling or other layers, and not with
    /// another size or optimiser.
    pub carry_optimizer: bool,
}

impl Stage {
    /// Returns the layers at which the content counts: none where `content_weight` is 0.
    pub fn content_in_use(&self) -> &[String] {
        in_use(self.content_weight, &self.content_layers)
    }

    /// Returns the layers at which the style counts: none where `style_weight` is 0.
    pub fn style_in_use(&self) -> &[String] {
        in_use(self.style_weight, &self.style_layers)
    }

    /// Returns the share of each of `styles` style pictures; the shares sum to 1.
    ///
    /// `styles` must be a count that `Profile::check_styles` accepted.
    pub fn style_shares(&self, styles: usize) -> Vec<f64> {
        let weights = &self.style_blend_weights;
        let equal = || vec![1.0; styles];
        let weights = if weights.is_empty() {
            equal()
        } else {
            weights.clone()
        };
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }
}
