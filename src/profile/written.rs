//! A resolved profile as TOML: what lies in a job's folder and in a picture.
//!
//! Reading the text again gives an equal profile, whatever presets and defaults hold by then,
//! because every key is written.

use std::fmt::Write as _;

use toml::Value;

use super::{Profile, Stage, read::VERSION};

impl Profile {
    /// Returns the profile as TOML text that reads back as an equal profile.
    pub fn to_toml(&self) -> String {
        let mut text = format!("profile_version = {VERSION}\n");
        if let Some(compat) = self.compat {
            line(&mut text, "compat", compat.name());
        }
        line(&mut text, "device", self.device.as_str());
        line(&mut text, "threads", self.threads);
        line(&mut text, "seed", self.seed.map_or(-1, i64::from));
        line(&mut text, "original_colors", self.original_colors);
        line(&mut text, "output_format", self.output_format.name());
        line(&mut text, "png_depth", u32::from(self.png_depth.bits()));
        line(&mut text, "embed_params", self.embed_params.name());
        line(&mut text, "matte", self.matte.to_string());
        if let Some(pixels) = self.max_pixels {
            line(&mut text, "max_pixels", pixels.cast_signed());
        }
        for stage in &self.stages {
            text.push_str("\n[[stages]]\n");
            write_stage(&mut text, stage);
        }
        text
    }
}

fn write_stage(text: &mut String, stage: &Stage) {
    line(text, "network", stage.network.to_string());
    line(text, "image_size", stage.image_size);
    line(text, "num_iterations", stage.num_iterations);
    line(text, "init", stage.init.to_string());
    line(text, "content_weight", stage.content_weight);
    line(text, "style_weight", stage.style_weight);
    line(text, "tv_weight", stage.tv_weight);
    line(text, "content_layers", stage.content_layers.clone());
    line(text, "style_layers", stage.style_layers.clone());
    line(text, "style_scale", stage.style_scale);
    line(
        text,
        "style_blend_weights",
        stage.style_blend_weights.clone(),
    );
    line(text, "pooling", stage.pooling.name());
    line(text, "normalize_gradients", stage.normalize_gradients);
    line(text, "normalize_weights", stage.normalize_weights);
    line(text, "optimizer", stage.optimizer.name());
    line(text, "learning_rate", stage.learning_rate);
    line(text, "lbfgs_num_correction", stage.lbfgs_num_correction);
    line(text, "carry_optimizer", stage.carry_optimizer);
    line(text, "save_iter", stage.save_iter);
    line(text, "print_iter", stage.print_iter);
}

fn line(text: &mut String, key: &str, value: impl Into<Value>) {
    writeln!(text, "{key} = {}", value.into()).expect("writing to a string does not fail");
}
