//! The loop of training: steps, looks at held-out crops, checkpoints, and the end.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::checkpoint::{Origin, Progress, State, Store};
use super::data::{Batch, Dataset};
use super::error::TrainingError;
use super::graph::{self, Sizes};
use super::parameters::{Parameters, mean, variance};
use super::plan::Plan;
use super::step::{Stepper, advance, options, share, told_apart};
use super::{
    Event, Existing, Flow, Length, MOST_SCALES, Report, Task, Tools, Trained, USUAL_STEPS, install,
};
use crate::clock::Clock;
use crate::engine::Session;
use crate::network::layer_list::LayerList;
use crate::optim::{AdamW, AdamWOptions, Schedule, Step};
use crate::tensor::Tensor;

/// Share of the head's features that is dropped.
const DROPOUT: f32 = 0.2;

/// Share of the wanted probability that is spread over all classes.
const SMOOTHING: f32 = 0.05;

/// Weight decay, as in the project's first recipe.
const WEIGHT_DECAY: f64 = 2e-2;

/// Most steps over which the learning rate rises.
const WARM_UP: u64 = 200;

/// Steps whose speed settles how many fit into a time: within the warm-up, whose rates do not
/// depend on it.
const TRIAL: u64 = 20;

/// Steps between two looks at held-out crops.
const LOOK_EVERY: u64 = 500;

/// When the first checkpoint is written, and the time between two of them.
const FIRST_SAVE: Duration = Duration::from_secs(20);
const SAVE_EVERY: Duration = Duration::from_mins(1);

/// Share by which a step moves the running loss and accuracy.
const RUNNING: f64 = 0.02;

/// Trains a network and installs it.
///
/// On [`Flow::Stop`] the network is installed as it stands, and a checkpoint lets the training go on.
pub fn train(
    task: &Task,
    dataset: &Dataset,
    tools: &Tools<'_>,
    clock: &Clock,
    on_event: &mut dyn FnMut(Event) -> Flow,
) -> Result<Trained, TrainingError> {
    check(task)?;
    let store = Store::of(&task.models, &task.name);
    let plan = Plan::new(&task.layers)?;
    let origin = Origin::of(task, dataset.class_count());
    let state = begin(task, &plan, &origin, &store, tools.threads)?;
    on_event(Event::Begun {
        step: state.progress.step,
        parameters: state.parameters.lengths().iter().sum(),
    });
    let mut run = Run {
        task,
        dataset,
        stepper: Stepper::new(&plan, &state.parameters, &origin, tools)?,
        eye: Eye::new(&plan, &origin, tools)?,
        state,
        origin: &origin,
        store: &store,
        clock,
        begun: clock.monotonic(),
        made: 0,
        last_save: None,
    };
    let stopped = run.steps(on_event)? == Flow::Stop;
    let accuracy = run.look(on_event)?;
    if stopped {
        run.save(on_event)?;
    }
    let progress = &run.state.progress;
    let sample = sample(dataset);
    let facts = install::Facts {
        step: progress.step,
        accuracy,
    };
    let manifest = install::install(task, &plan, &run.state.parameters, &sample, tools, facts)?;
    if !stopped {
        store.clear();
    }
    Ok(Trained {
        manifest,
        step: progress.step,
        stopped,
        accuracy,
    })
}

/// Refuses what cannot be trained before anything is made.
fn check(task: &Task) -> Result<(), TrainingError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name = &task.name;
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) || name == "builtin" {
        return Err(TrainingError::Name(name.clone()));
    }
    if !(2..=4096).contains(&task.batch) {
        return Err(TrainingError::Batch(task.batch));
    }
    if !(task.rate.is_finite() && task.rate > 0.0 && task.rate < 10.0) {
        return Err(TrainingError::Number(
            "the learning rate must lie between 0 and 10",
        ));
    }
    if !(1..=MOST_SCALES).contains(&task.scales) {
        return Err(TrainingError::Number(
            "a network looks at 1 to 4 scales of a picture",
        ));
    }
    match task.length {
        Length::Steps(0) => return Err(TrainingError::Number("0 steps train nothing")),
        Length::Time(time) if time.is_zero() => {
            return Err(TrainingError::Number("0 minutes train nothing"));
        }
        Length::Usual | Length::Steps(_) | Length::Time(_) => {}
    }
    let store = Store::of(&task.models, name);
    let manifest = task.models.join(format!("{name}.toml"));
    if task.existing == Existing::Refuse {
        if !store.files().is_empty() {
            return Err(TrainingError::Unfinished {
                name: name.clone(),
                path: store.folder().to_owned(),
            });
        }
        if manifest.exists() {
            return Err(TrainingError::Taken {
                name: name.clone(),
                path: manifest,
            });
        }
    }
    Ok(())
}

/// Returns where the training starts: at nothing, or at its last checkpoint.
fn begin(
    task: &Task,
    plan: &Plan,
    origin: &Origin,
    store: &Store,
    threads: NonZeroUsize,
) -> Result<State, TrainingError> {
    let features =
        graph::features(plan, origin.crop).map_err(TrainingError::layers(origin.crop))?;
    let parameters = Parameters::of(plan, features, origin.classes, origin.seed);
    let options = AdamWOptions {
        weight_decay: origin.weight_decay,
        ..AdamWOptions::default()
    };
    match task.existing {
        Existing::Resume => {
            let (_, mut state) = store
                .load(origin, &parameters, options, threads)?
                .ok_or_else(|| TrainingError::NoCheckpoint {
                    name: task.name.clone(),
                    path: store.folder().to_owned(),
                })?;
            if let Length::Steps(steps) = task.length {
                state.progress.steps = Some(steps);
            }
            return Ok(state);
        }
        Existing::Replace => store.clear(),
        Existing::Refuse => {}
    }
    Ok(State {
        progress: Progress {
            step: 0,
            steps: match task.length {
                Length::Usual => Some(USUAL_STEPS),
                Length::Steps(steps) => Some(steps),
                Length::Time(_) => None,
            },
            loss: 0.0,
            accuracy: 0.0,
            seconds: 0.0,
        },
        optimizer: AdamW::new(options, &parameters.lengths(), threads),
        parameters,
    })
}

/// Returns the crops on which the installed network's layers are weighed: held-out ones, if any.
fn sample(dataset: &Dataset) -> Tensor {
    if dataset.held_out() > 0 {
        dataset.held_out_batch(0).pictures
    } else {
        dataset.batch(0).pictures
    }
}

impl Origin {
    fn of(task: &Task, classes: usize) -> Self {
        Self {
            layers: task.layers.clone(),
            data: task.data.clone(),
            classes,
            batch: task.batch,
            crop: task.crop,
            seed: task.seed,
            dropout: DROPOUT,
            smoothing: SMOOTHING,
            rate: task.rate,
            weight_decay: WEIGHT_DECAY,
        }
    }

    /// Returns the origin of a training on noise.
    pub(super) fn of_bench(layers: &LayerList, [batch, crop, classes]: [usize; 3]) -> Self {
        Self {
            layers: layers.clone(),
            data: String::new(),
            classes,
            batch,
            crop,
            seed: 0,
            dropout: DROPOUT,
            smoothing: SMOOTHING,
            rate: 1e-3,
            weight_decay: WEIGHT_DECAY,
        }
    }
}

/// A training under way.
struct Run<'a> {
    task: &'a Task,
    dataset: &'a Dataset,
    stepper: Stepper,
    eye: Eye,
    state: State,
    origin: &'a Origin,
    store: &'a Store,
    clock: &'a Clock,
    /// When this process began to train.
    begun: Duration,
    /// Steps that this process made.
    made: u64,
    last_save: Option<Duration>,
}

impl Run<'_> {
    /// Makes the steps that are left.
    fn steps(&mut self, on_event: &mut dyn FnMut(Event) -> Flow) -> Result<Flow, TrainingError> {
        while self
            .state
            .progress
            .steps
            .is_none_or(|steps| self.state.progress.step < steps)
        {
            self.step()?;
            self.settle();
            if on_event(Event::Step(self.report())) == Flow::Stop {
                return Ok(Flow::Stop);
            }
            if self.state.progress.step.is_multiple_of(LOOK_EVERY) {
                self.look(on_event)?;
            }
            let since = self.since(self.last_save.unwrap_or(self.begun));
            let wait = match self.last_save {
                Some(_) => SAVE_EVERY,
                None => FIRST_SAVE,
            };
            if since >= wait {
                self.save(on_event)?;
            }
        }
        Ok(Flow::Continue)
    }

    /// Returns the time since a reading of the clock.
    fn since(&self, then: Duration) -> Duration {
        self.clock.monotonic().saturating_sub(then)
    }

    fn step(&mut self) -> Result<(), TrainingError> {
        let start = self.clock.monotonic();
        let state = &mut self.state;
        let step = state.progress.step;
        let batch = self.dataset.batch(step);
        let found = self.stepper.run(step, &batch, &state.parameters)?;
        let rate = schedule(self.origin, state.progress.steps).rate(step);
        let moved = advance(&mut state.optimizer, rate, &mut state.parameters, &found);
        if let Step::Stopped(stop) = moved {
            self.store.save(self.origin, state)?;
            return Err(TrainingError::NotFinite { step, stop });
        }
        state.parameters.remember(&found.statistics, step == 0);
        let progress = &mut state.progress;
        let weight = if step == 0 { 1.0 } else { RUNNING };
        progress.loss += weight * (f64::from(found.loss) - progress.loss);
        progress.accuracy += weight * (found.accuracy - progress.accuracy);
        progress.step += 1;
        progress.seconds += self.clock.monotonic().saturating_sub(start).as_secs_f64();
        self.made += 1;
        Ok(())
    }

    /// Settles how many steps fit into the time that was given, once their speed is known.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an estimate, bounded before it is rounded"
    )]
    fn settle(&mut self) {
        let progress = &mut self.state.progress;
        let Length::Time(time) = self.task.length else {
            return;
        };
        if progress.steps.is_some() || progress.step < TRIAL {
            return;
        }
        let fitting = time.as_secs_f64() / progress.seconds * progress.step as f64;
        progress.steps = Some((fitting.clamp(1.0, 1e9) as u64).max(progress.step));
    }

    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    fn report(&self) -> Report {
        let progress = &self.state.progress;
        let spent = self.since(self.begun).as_secs_f64().max(1e-9);
        let per_second = self.made as f64 / spent;
        let left = progress.steps.map(|steps| {
            let left = steps.saturating_sub(progress.step) as f64 / per_second;
            Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX)
        });
        Report {
            step: progress.step,
            steps: progress.steps,
            loss: progress.loss,
            accuracy: progress.accuracy,
            samples_per_second: per_second * self.origin.batch as f64,
            left,
        }
    }

    fn save(&mut self, on_event: &mut dyn FnMut(Event) -> Flow) -> Result<(), TrainingError> {
        let path = self.store.save(self.origin, &self.state)?;
        self.last_save = Some(self.clock.monotonic());
        on_event(Event::Saved(path));
        Ok(())
    }

    /// Looks at the held-out crops.
    fn look(
        &mut self,
        on_event: &mut dyn FnMut(Event) -> Flow,
    ) -> Result<Option<f64>, TrainingError> {
        let batches = self.dataset.held_out();
        let (mut right, mut seen) = (0, 0);
        for index in 0..batches {
            let batch = self.dataset.held_out_batch(index);
            right += self.eye.told_apart(&batch, &self.state.parameters)?;
            seen += batch.labels.len();
        }
        if seen == 0 {
            return Ok(None);
        }
        let accuracy = share(right, seen);
        on_event(Event::HeldOut {
            step: self.state.progress.step,
            accuracy,
        });
        Ok(Some(accuracy))
    }
}

/// Returns the learning rates; while the number of steps is open, those of the warm-up.
fn schedule(origin: &Origin, steps: Option<u64>) -> Schedule {
    Schedule {
        rate: origin.rate,
        warm_up: steps.map_or(WARM_UP, |steps| WARM_UP.min((steps / 5).max(1))),
        steps: steps.unwrap_or(u64::MAX),
    }
}

/// The session that looks at held-out crops.
#[derive(Debug)]
struct Eye {
    session: Session,
    sizes: Sizes,
}

impl Eye {
    fn new(plan: &Plan, origin: &Origin, tools: &Tools<'_>) -> Result<Self, TrainingError> {
        let sizes = Sizes {
            batch: origin.batch,
            crop: origin.crop,
            classes: origin.classes,
        };
        let model = graph::look(plan, sizes).map_err(TrainingError::layers(origin.crop))?;
        Ok(Self {
            session: tools.engine.session(&model, &options(tools))?,
            sizes,
        })
    }

    /// Returns how many crops of a batch, whole or not, are told apart.
    fn told_apart(
        &mut self,
        batch: &Batch,
        parameters: &Parameters,
    ) -> Result<usize, TrainingError> {
        let Sizes { batch: n, crop, .. } = self.sizes;
        let mut pixels = batch.pictures.data().to_vec();
        pixels.resize(n * 3 * crop * crop, 0.0);
        let pictures =
            Tensor::new(vec![n, 3, crop, crop], pixels).expect("resized to fill the shape");
        let names: Vec<[String; 2]> = parameters
            .statistics
            .iter()
            .map(|kept| [mean(&kept.layer), variance(&kept.layer)])
            .collect();
        let mut feeds = vec![(graph::PICTURES, &pictures)];
        for (names, kept) in names.iter().zip(&parameters.statistics) {
            feeds.push((names[0].as_str(), &kept.mean));
            feeds.push((names[1].as_str(), &kept.variance));
        }
        let learned = parameters.learned.iter();
        feeds.extend(learned.map(|learned| (learned.name.as_str(), &learned.tensor)));
        let outputs = self.session.run(&feeds)?;
        let logits = outputs.first().ok_or(TrainingError::Outputs {
            expected: 1,
            found: 0,
        })?;
        Ok(told_apart(logits, &batch.labels))
    }
}
