//! From a `RawProfile` to a `Profile` in which nothing is left open.
//!
//! Order for an option of a stage: the stage, the profile, the presets of the stage's network, the
//! default. The defaults are those of neural-style-pt, or of the tool that `compat` names; with
//! `compat` the presets of a network do not apply, since the profile then asks for what that tool
//! does, whichever network it is given.

use super::{
    Profile, Stage,
    error::ProfileError,
    raw::{RawOptions, RawProfile},
    values::{
        Colour, Compat, DeviceRequest, EmbedParams, Init, NetworkRef, OptimizerKind, OutputFormat,
        PngDepth, Pooling,
    },
};

/// The history that the original tools use when `lbfgs_num_correction` is 0.
const FULL_HISTORY: u32 = 100;

/// Returns the profile that `raw` describes.
///
/// `preset` gives the presets of a network, or `None` for a network without any (or none at all:
/// whether it is installed is not asked here).
pub fn resolve(
    raw: &RawProfile,
    preset: &dyn Fn(&NetworkRef) -> Option<RawOptions>,
) -> Result<Profile, ProfileError> {
    let job = raw.job.clone();
    let one = [RawOptions::default()];
    let written = if raw.stages.is_empty() {
        &one[..]
    } else {
        &raw.stages[..]
    };
    let mut stages: Vec<Stage> = Vec::with_capacity(written.len());
    for (number, stage) in written.iter().enumerate() {
        let mut options = stage.clone().over(raw.options.clone());
        if number > 0 {
            // The profile's own `init` is what the whole job starts from.
            options.init = Some(stage.init.clone().unwrap_or(Init::Previous));
        }
        let network = options.network.clone().unwrap_or_else(NetworkRef::builtin);
        if job.compat.is_none() {
            options = options.over(preset(&network).unwrap_or_default());
        }
        let carry = options.carry_optimizer;
        let mut stage = with_defaults(options, network, job.compat.unwrap_or(Compat::Pt));
        stage.carry_optimizer = check_stage(number, &stage, stages.last(), carry)?;
        stages.push(stage);
    }
    Ok(Profile {
        compat: job.compat,
        device: job.device.unwrap_or_else(DeviceRequest::auto),
        threads: job.threads.unwrap_or(0),
        // -1 is the one value that does not convert.
        seed: job.seed.and_then(|seed| u32::try_from(seed).ok()),
        original_colors: job.original_colors.unwrap_or(false),
        output_format: job.output_format.unwrap_or(OutputFormat::Png),
        png_depth: job.png_depth.unwrap_or(PngDepth::Eight),
        embed_params: job.embed_params.unwrap_or(EmbedParams::Full),
        matte: job.matte.unwrap_or(Colour([255; 3])),
        max_pixels: job.max_pixels,
        stages,
    })
}

fn with_defaults(options: RawOptions, network: NetworkRef, tool: Compat) -> Stage {
    let layers = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Stage {
        network,
        content_weight: options.content_weight.unwrap_or(5.0),
        style_weight: options.style_weight.unwrap_or(100.0),
        tv_weight: options.tv_weight.unwrap_or(1e-3),
        num_iterations: options.num_iterations.unwrap_or(1000),
        image_size: options.image_size.unwrap_or(512),
        style_scale: options.style_scale.unwrap_or(1.0),
        style_blend_weights: options.style_blend_weights.unwrap_or_default(),
        init: options.init.unwrap_or(Init::Random),
        optimizer: options.optimizer.unwrap_or(OptimizerKind::Lbfgs),
        learning_rate: options.learning_rate.unwrap_or(match tool {
            Compat::Pt => 1.0,
            Compat::Lua => 10.0,
        }),
        lbfgs_num_correction: options
            .lbfgs_num_correction
            .filter(|&pairs| pairs > 0)
            .unwrap_or(FULL_HISTORY),
        pooling: options.pooling.unwrap_or(Pooling::Max),
        content_layers: options
            .content_layers
            .unwrap_or_else(|| layers(&["relu4_2"])),
        style_layers: options
            .style_layers
            .unwrap_or_else(|| layers(&["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"])),
        normalize_gradients: options.normalize_gradients.unwrap_or(false),
        normalize_weights: options.normalize_weights.unwrap_or(false),
        save_iter: options.save_iter.unwrap_or(100),
        print_iter: options.print_iter.unwrap_or(50),
        carry_optimizer: false,
    }
}

/// Checks what must hold between keys and stages, and returns whether the optimiser's state is
/// carried into `stage`: as `wish` says, else where it still describes the same function.
fn check_stage(
    number: usize,
    stage: &Stage,
    before: Option<&Stage>,
    wish: Option<bool>,
) -> Result<bool, ProfileError> {
    if stage.content_in_use().is_empty() && stage.style_in_use().is_empty() {
        return Err(ProfileError::NoLoss { stage: number });
    }
    let Some(before) = before else {
        if stage.init == Init::Previous {
            return Err(ProfileError::NothingBefore {
                key: "init = \"previous\"",
            });
        }
        if wish == Some(true) {
            return Err(ProfileError::NothingBefore {
                key: "carry_optimizer = true",
            });
        }
        return Ok(false);
    };
    let differs = if stage.init != Init::Previous {
        Some("init")
    } else if stage.image_size != before.image_size {
        Some("image_size")
    } else if stage.optimizer != before.optimizer {
        Some("optimizer")
    } else {
        None
    };
    match (wish, differs) {
        (Some(false), _) | (None, Some(_)) => Ok(false),
        (Some(true), None) => Ok(true),
        (Some(true), Some(differs)) => Err(ProfileError::CannotCarry {
            stage: number,
            differs,
        }),
        (None, None) => Ok(stage.network == before.network
            && stage.pooling == before.pooling
            && stage.content_layers == before.content_layers
            && stage.style_layers == before.style_layers),
    }
}
