//! Changing one option of a stage while it is being painted.
//!
//! Only options that leave the graph of the losses as it is: an edit changes how much a loss
//! counts, never whether it is there.

use super::{
    Profile, Stage,
    raw::{EVERY, ITERATIONS, LEARNING_RATE, WEIGHT},
    values::OptimizerKind,
};

/// The options that can be changed in a running job.
pub const EDITABLE: [&str; 6] = [
    "content_weight",
    "style_weight",
    "tv_weight",
    "num_iterations",
    "learning_rate",
    "save_iter",
];

/// Why an option cannot be changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EditError {
    /// An option that is not [`EDITABLE`].
    #[error("`{option}` of a running job cannot be changed; these can: {}", EDITABLE.join(", "))]
    Option {
        /// The option.
        option: String,
    },
    /// A value out of its range.
    #[error("`{option}` = {value} is not allowed: it is {allowed}")]
    Value {
        /// The option.
        option: String,
        /// The value.
        value: f64,
        /// What is allowed.
        allowed: String,
    },
    /// There is no such stage.
    #[error("there is no stage {stage}: the job has {stages}")]
    Stage {
        /// The stage asked for, from 1.
        stage: usize,
        /// Stages of the profile.
        stages: usize,
    },
    /// A loss would come or go.
    #[error(
        "`{option}` cannot go from {from} to {to} in a running job: whether a loss counts at all is \
         settled when the job begins"
    )]
    Term {
        /// The option.
        option: &'static str,
        /// Its value so far.
        from: f64,
        /// The value asked for.
        to: f64,
    },
    /// L-BFGS has no learning rate.
    #[error("`learning_rate` means nothing to L-BFGS, which stage {stage} uses")]
    LearningRate {
        /// The stage, from 1.
        stage: usize,
    },
}

impl Profile {
    /// Sets `option` of `stage` (from 1) to `value`; the profile is as before where that cannot be.
    pub fn edit(&mut self, stage: usize, option: &str, value: f64) -> Result<(), EditError> {
        let stages = self.stages.len();
        let options = stage
            .checked_sub(1)
            .and_then(|index| self.stages.get_mut(index))
            .ok_or(EditError::Stage { stage, stages })?;
        match option {
            "content_weight" => weigh(&mut options.content_weight, "content_weight", value),
            "style_weight" => weigh(&mut options.style_weight, "style_weight", value),
            "tv_weight" => weigh(&mut options.tv_weight, "tv_weight", value),
            "num_iterations" => {
                options.num_iterations =
                    count(option, value, (*ITERATIONS.start(), *ITERATIONS.end()))?;
                Ok(())
            }
            "save_iter" => {
                options.save_iter = count(option, value, (*EVERY.start(), *EVERY.end()))?;
                Ok(())
            }
            "learning_rate" => set_learning_rate(options, stage, value),
            _ => Err(EditError::Option {
                option: option
                    .chars()
                    .take(40)
                    .collect::<String>()
                    .escape_debug()
                    .to_string(),
            }),
        }
    }
}

fn weigh(weight: &mut f64, option: &'static str, value: f64) -> Result<(), EditError> {
    if !WEIGHT.contains(&value) {
        return Err(not_allowed(option, value, (*WEIGHT.start(), *WEIGHT.end())));
    }
    if (*weight > 0.0) != (value > 0.0) {
        return Err(EditError::Term {
            option,
            from: *weight,
            to: value,
        });
    }
    *weight = value;
    Ok(())
}

fn set_learning_rate(options: &mut Stage, stage: usize, value: f64) -> Result<(), EditError> {
    if options.optimizer == OptimizerKind::Lbfgs {
        return Err(EditError::LearningRate { stage });
    }
    if !LEARNING_RATE.contains(&value) {
        let range = (*LEARNING_RATE.start(), *LEARNING_RATE.end());
        return Err(not_allowed("learning_rate", value, range));
    }
    options.learning_rate = value;
    Ok(())
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number in the range of u32, as was checked"
)]
fn count(option: &str, value: f64, (least, most): (u32, u32)) -> Result<u32, EditError> {
    let range = (f64::from(least), f64::from(most));
    if value.fract() == 0.0 && (range.0..=range.1).contains(&value) {
        Ok(value as u32)
    } else {
        Err(not_allowed(option, value, range))
    }
}

fn not_allowed(option: &str, value: f64, (least, most): (f64, f64)) -> EditError {
    EditError::Value {
        option: option.to_owned(),
        value,
        allowed: format!("{least} to {most}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RawProfile, resolve};
    use super::*;

    fn profile(options: &[&str]) -> Profile {
        let mut raw = RawProfile::default();
        for option in options {
            raw.set(option).unwrap();
        }
        resolve(&raw, &|_| None).unwrap()
    }

    #[test]
    fn what_can_be_changed_is_changed_and_nothing_else() {
        let mut edited = profile(&["optimizer=adam"]);
        for (option, value) in [
            ("content_weight", 1.5),
            ("style_weight", 1e6),
            ("tv_weight", 0.25),
            ("num_iterations", 30.0),
            ("learning_rate", 0.5),
            ("save_iter", 0.0),
        ] {
            edited.edit(1, option, value).unwrap();
        }
        let wanted = profile(&[
            "optimizer=adam",
            "content_weight=1.5",
            "style_weight=1e6",
            "tv_weight=0.25",
            "num_iterations=30",
            "learning_rate=0.5",
            "save_iter=0",
        ]);
        assert_eq!(edited, wanted);
    }

    #[test]
    fn nonsense_is_refused_and_changes_nothing() {
        let before = profile(&["tv_weight=0"]);
        let cases = [
            (1, "image_size", 64.0, "cannot be changed"),
            (1, "style_weight", f64::NAN, "not allowed"),
            (1, "style_weight", -1.0, "not allowed"),
            (1, "style_weight", 0.0, "settled when the job begins"),
            (1, "tv_weight", 1.0, "settled when the job begins"),
            (1, "num_iterations", 0.0, "1 to 1000000"),
            (1, "num_iterations", 2.5, "1 to 1000000"),
            (1, "save_iter", 1e7, "0 to 1000000"),
            (1, "learning_rate", 2.0, "means nothing to L-BFGS"),
            (0, "save_iter", 1.0, "no stage 0"),
            (2, "save_iter", 1.0, "no stage 2"),
        ];
        for (stage, option, value, words) in cases {
            let mut profile = before.clone();
            let error = profile.edit(stage, option, value).unwrap_err().to_string();
            assert!(error.contains(words), "{option} = {value}: {error}");
            assert_eq!(profile, before, "{option} = {value}");
        }
    }
}
