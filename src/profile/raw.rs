//! A profile as written: every key may be absent.
//!
//! Values are checked on their way in, each by itself; what must hold between several keys is
//! `resolve`'s concern. A new key is added here (field, `KEYS`, `assign`, `over`), in `resolve`
//! and in `written`.

use std::ops::RangeInclusive;

use toml::Table;

use super::{
    document::{DocumentError, Field, Item, Place},
    error::ProfileError,
    values::{
        Colour, Compat, DeviceRequest, EmbedParams, Init, NetworkRef, OptimizerKind, OutputFormat,
        PngDepth, Pooling,
    },
};

/// Bounded so that no weight is infinite in `f32`.
pub(super) const WEIGHT: RangeInclusive<f64> = 0.0..=1e12;
pub(super) const LEARNING_RATE: RangeInclusive<f64> = 1e-9..=1e6;
const STYLE_SCALE: RangeInclusive<f64> = 0.01..=100.0;
pub(super) const ITERATIONS: RangeInclusive<u32> = 1..=1_000_000;
pub(super) const EVERY: RangeInclusive<u32> = 0..=1_000_000;
const IMAGE_SIZE: RangeInclusive<u32> = 16..=16_384;
const CORRECTIONS: RangeInclusive<u32> = 0..=1_000;
const THREADS: RangeInclusive<u32> = 0..=1_024;
/// -1, which draws a seed, and all seeds.
const SEED: RangeInclusive<i64> = -1..=u32::MAX as i64;
const PIXELS: RangeInclusive<i64> = 256..=1_000_000_000;

/// A profile after its bases were merged in and before defaults were.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawProfile {
    pub(super) job: RawJob,
    pub(super) options: RawOptions,
    pub(super) stages: Vec<RawOptions>,
}

/// The keys that hold for a whole job and may not stand in a stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RawJob {
    pub(super) compat: Option<Compat>,
    pub(super) device: Option<DeviceRequest>,
    pub(super) threads: Option<u32>,
    pub(super) seed: Option<i64>,
    pub(super) original_colors: Option<bool>,
    pub(super) output_format: Option<OutputFormat>,
    pub(super) png_depth: Option<PngDepth>,
    pub(super) embed_params: Option<EmbedParams>,
    pub(super) matte: Option<Colour>,
    pub(super) max_pixels: Option<u64>,
}

impl RawJob {
    pub(super) const KEYS: [&str; 10] = [
        "compat",
        "device",
        "threads",
        "seed",
        "original_colors",
        "output_format",
        "png_depth",
        "embed_params",
        "matte",
        "max_pixels",
    ];

    /// Takes the value of `field` and returns true, or returns false if the key is none of these.
    pub(super) fn assign(&mut self, field: &Field) -> Result<bool, DocumentError> {
        match field.key() {
            "compat" => self.compat = Some(field.choice(Compat::NAMES)?),
            "device" => {
                self.device = Some(field.parsed(DeviceRequest::parse, DeviceRequest::ALLOWED)?);
            }
            "threads" => self.threads = Some(field.count(THREADS)?),
            "seed" => self.seed = Some(field.integer(SEED)?),
            "original_colors" => self.original_colors = Some(field.boolean()?),
            "output_format" => self.output_format = Some(field.choice(OutputFormat::NAMES)?),
            "png_depth" => {
                let bits = field.integer(8..=16)?;
                let depth = PngDepth::from_bits(bits)
                    .ok_or_else(|| field.not_allowed(&bits.to_string(), "it is 8 or 16"))?;
                self.png_depth = Some(depth);
            }
            "embed_params" => self.embed_params = Some(field.choice(EmbedParams::NAMES)?),
            "matte" => self.matte = Some(field.parsed(Colour::parse, Colour::ALLOWED)?),
            "max_pixels" => self.max_pixels = Some(field.integer(PIXELS)?.unsigned_abs()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn over(self, base: Self) -> Self {
        Self {
            compat: self.compat.or(base.compat),
            device: self.device.or(base.device),
            threads: self.threads.or(base.threads),
            seed: self.seed.or(base.seed),
            original_colors: self.original_colors.or(base.original_colors),
            output_format: self.output_format.or(base.output_format),
            png_depth: self.png_depth.or(base.png_depth),
            embed_params: self.embed_params.or(base.embed_params),
            matte: self.matte.or(base.matte),
            max_pixels: self.max_pixels.or(base.max_pixels),
        }
    }
}

/// The keys that a stage may have, or a profile for all its stages, or a network's manifest as
/// its presets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawOptions {
    pub(super) network: Option<NetworkRef>,
    pub(super) content_weight: Option<f64>,
    pub(super) style_weight: Option<f64>,
    pub(super) tv_weight: Option<f64>,
    pub(super) num_iterations: Option<u32>,
    pub(super) image_size: Option<u32>,
    pub(super) style_scale: Option<f64>,
    pub(super) style_blend_weights: Option<Vec<f64>>,
    pub(super) init: Option<Init>,
    pub(super) optimizer: Option<OptimizerKind>,
    pub(super) learning_rate: Option<f64>,
    pub(super) lbfgs_num_correction: Option<u32>,
    pub(super) pooling: Option<Pooling>,
    pub(super) content_layers: Option<Vec<String>>,
    pub(super) style_layers: Option<Vec<String>>,
    pub(super) normalize_gradients: Option<bool>,
    pub(super) normalize_weights: Option<bool>,
    pub(super) save_iter: Option<u32>,
    pub(super) print_iter: Option<u32>,
    pub(super) carry_optimizer: Option<bool>,
}

impl RawOptions {
    pub(super) const KEYS: [&str; 20] = [
        "network",
        "content_weight",
        "style_weight",
        "tv_weight",
        "num_iterations",
        "image_size",
        "style_scale",
        "style_blend_weights",
        "init",
        "optimizer",
        "learning_rate",
        "lbfgs_num_correction",
        "pooling",
        "content_layers",
        "style_layers",
        "normalize_gradients",
        "normalize_weights",
        "save_iter",
        "print_iter",
        "carry_optimizer",
    ];

    /// The keys that are about a job's own pictures and stages, so no network can preset them.
    const NOT_PRESET: [&str; 3] = ["network", "style_blend_weights", "carry_optimizer"];

    /// Returns the presets in `table`, which `origin` (a manifest's path) holds.
    ///
    /// Keys and values are those of a profile, save those that only a job can know.
    pub fn from_presets(origin: &str, table: &Table) -> Result<Self, ProfileError> {
        let at = Place::outside_files(origin);
        let mut options = Self::default();
        for (key, value) in table {
            let field = Field::outside_files(key, &at, Item::from_value(value, &at));
            let known = || {
                Self::KEYS
                    .into_iter()
                    .filter(|key| !Self::NOT_PRESET.contains(key))
            };
            if Self::NOT_PRESET.contains(&field.key()) || !options.assign(&field)? {
                return Err(field.unknown(known()).into());
            }
            // A network knows how it likes to begin, not from which of a job's pictures.
            if let Some(init @ (Init::File(_) | Init::Previous)) = &options.init {
                let allowed = "in a preset it is \"random\" or \"image\"";
                return Err(field.not_allowed(&init.to_string(), allowed).into());
            }
        }
        Ok(options)
    }

    /// Takes the value of `field` and returns true, or returns false if the key is none of these.
    pub(super) fn assign(&mut self, field: &Field) -> Result<bool, DocumentError> {
        match field.key() {
            "network" => {
                self.network = Some(field.parsed(NetworkRef::parse, NetworkRef::ALLOWED)?);
            }
            "content_weight" => self.content_weight = Some(field.float(WEIGHT)?),
            "style_weight" => self.style_weight = Some(field.float(WEIGHT)?),
            "tv_weight" => self.tv_weight = Some(field.float(WEIGHT)?),
            "num_iterations" => self.num_iterations = Some(field.count(ITERATIONS)?),
            "image_size" => self.image_size = Some(field.count(IMAGE_SIZE)?),
            "style_scale" => self.style_scale = Some(field.float(STYLE_SCALE)?),
            "style_blend_weights" => self.style_blend_weights = Some(blend(field)?),
            "init" => self.init = Some(field.parsed(Init::parse, Init::ALLOWED)?),
            "optimizer" => self.optimizer = Some(field.choice(OptimizerKind::NAMES)?),
            "learning_rate" => self.learning_rate = Some(field.float(LEARNING_RATE)?),
            "lbfgs_num_correction" => self.lbfgs_num_correction = Some(field.count(CORRECTIONS)?),
            "pooling" => self.pooling = Some(field.choice(Pooling::NAMES)?),
            "content_layers" => self.content_layers = Some(field.names()?),
            "style_layers" => self.style_layers = Some(field.names()?),
            "normalize_gradients" => self.normalize_gradients = Some(field.boolean()?),
            "normalize_weights" => self.normalize_weights = Some(field.boolean()?),
            "save_iter" => self.save_iter = Some(field.count(EVERY)?),
            "print_iter" => self.print_iter = Some(field.count(EVERY)?),
            "carry_optimizer" => self.carry_optimizer = Some(field.boolean()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns these options, with `base`'s where these have none.
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            network: self.network.or(base.network),
            content_weight: self.content_weight.or(base.content_weight),
            style_weight: self.style_weight.or(base.style_weight),
            tv_weight: self.tv_weight.or(base.tv_weight),
            num_iterations: self.num_iterations.or(base.num_iterations),
            image_size: self.image_size.or(base.image_size),
            style_scale: self.style_scale.or(base.style_scale),
            style_blend_weights: self.style_blend_weights.or(base.style_blend_weights),
            init: self.init.or(base.init),
            optimizer: self.optimizer.or(base.optimizer),
            learning_rate: self.learning_rate.or(base.learning_rate),
            lbfgs_num_correction: self.lbfgs_num_correction.or(base.lbfgs_num_correction),
            pooling: self.pooling.or(base.pooling),
            content_layers: self.content_layers.or(base.content_layers),
            style_layers: self.style_layers.or(base.style_layers),
            normalize_gradients: self.normalize_gradients.or(base.normalize_gradients),
            normalize_weights: self.normalize_weights.or(base.normalize_weights),
            save_iter: self.save_iter.or(base.save_iter),
            print_iter: self.print_iter.or(base.print_iter),
            carry_optimizer: self.carry_optimizer.or(base.carry_optimizer),
        }
    }
}

impl RawProfile {
    /// Returns this profile, with what `base` says where this one is silent. Stages are taken
    /// from `base` only if this profile has none.
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            job: self.job.over(base.job),
            options: self.options.over(base.options),
            stages: if self.stages.is_empty() {
                base.stages
            } else {
                self.stages
            },
        }
    }

    /// Returns the network of the profile as a whole, if it names one.
    pub fn network(&self) -> Option<&NetworkRef> {
        self.options.network.as_ref()
    }
}

/// Returns the blend weights: none for equal shares, else one at least above zero.
fn blend(field: &Field) -> Result<Vec<f64>, DocumentError> {
    let weights = field.floats(&WEIGHT)?;
    if !weights.is_empty() && weights.iter().all(|weight| *weight == 0.0) {
        return Err(field.not_allowed("all zero", "one weight at least is above 0"));
    }
    Ok(weights)
}
