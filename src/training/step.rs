//! One step of training, ready to be made again and again.

use std::num::NonZeroUsize;

use super::data::Batch;
use super::error::TrainingError;
use super::graph::{self, Mask, Sizes};
use super::parameters::Parameters;
use super::plan::Plan;
use super::{Tools, checkpoint};
use crate::autodiff::Target;
use crate::engine::{Device, Session, SessionOptions};
use crate::network::layer_list::LayerList;
use crate::optim::{AdamW, AdamWOptions, Parameter, Step};
use crate::random::Random;
use crate::tensor::Tensor;

/// The stream of random numbers that masks are drawn from; the data have others.
const MASKS: u64 = 102;

/// The session of a step and what it is fed beside the crops.
#[derive(Debug)]
pub(super) struct Stepper {
    session: Session,
    masks: Vec<Mask>,
    sizes: Sizes,
    seed: u64,
    smoothing: f32,
}

/// What a step found.
#[derive(Debug)]
pub(super) struct Found {
    /// Mean cross-entropy of the batch.
    pub(super) loss: f32,
    /// Share of the crops that were told apart.
    pub(super) accuracy: f64,
    /// Gradients of the learned tensors, in order.
    pub(super) gradients: Vec<Tensor>,
    /// Mean and variance of each normalised layer, in order.
    pub(super) statistics: Vec<Tensor>,
}

impl Stepper {
    pub(super) fn new(
        plan: &Plan,
        parameters: &Parameters,
        origin: &checkpoint::Origin,
        tools: &Tools<'_>,
    ) -> Result<Self, TrainingError> {
        let sizes = Sizes {
            batch: origin.batch,
            crop: origin.crop,
            classes: origin.classes,
        };
        let target = match tools.device {
            Device::Cpu => Target::Planar,
            Device::Cuda(_) => Target::Plain,
        };
        let graph = graph::step(plan, parameters, sizes, origin.dropout, target)
            .map_err(TrainingError::layers(origin.crop))?;
        let session = tools.engine.session(&graph.model, &options(tools))?;
        Ok(Self {
            session,
            masks: graph.masks,
            sizes,
            seed: origin.seed,
            smoothing: origin.smoothing,
        })
    }

    /// Runs the graph of step `step` on a batch.
    pub(super) fn run(
        &mut self,
        step: u64,
        batch: &Batch,
        parameters: &Parameters,
    ) -> Result<Found, TrainingError> {
        let wanted = wanted(&batch.labels, self.sizes.classes, self.smoothing);
        let masks: Vec<Tensor> = (0..)
            .zip(&self.masks)
            .map(|(index, mask)| draw(mask, self.seed, step, index))
            .collect();
        let mut feeds = vec![(graph::PICTURES, &batch.pictures), (graph::WANTED, &wanted)];
        feeds.extend(self.masks.iter().map(|mask| mask.name.as_str()).zip(&masks));
        let learned = parameters.learned.iter();
        feeds.extend(learned.map(|learned| (learned.name.as_str(), &learned.tensor)));
        let mut outputs = self.session.run(&feeds)?;
        let expected = 2 + parameters.learned.len() + 2 * parameters.statistics.len();
        if outputs.len() != expected {
            return Err(TrainingError::Outputs {
                expected,
                found: outputs.len(),
            });
        }
        let statistics = outputs.split_off(2 + parameters.learned.len());
        let gradients = outputs.split_off(2);
        let right = told_apart(&outputs[1], &batch.labels);
        Ok(Found {
            loss: outputs[0].data()[0],
            accuracy: share(right, batch.labels.len()),
            gradients,
            statistics,
        })
    }
}

/// Returns how sessions of training are made: their buffers are as many and as large at each step.
pub(super) fn options(tools: &Tools<'_>) -> SessionOptions {
    SessionOptions {
        arena: true,
        ..SessionOptions::new(tools.device, tools.threads.get())
    }
}

/// Returns what the probabilities of the classes ought to be, `[N, classes]`: `smoothing` spread
/// over all of them, the rest at the right one (Szegedy et al. 2016).
#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^24 classes")]
fn wanted(labels: &[usize], classes: usize, smoothing: f32) -> Tensor {
    let mut wanted = Tensor::full(vec![labels.len(), classes], smoothing / classes as f32);
    for (row, &label) in wanted.data_mut().chunks_mut(classes).zip(labels) {
        if let Some(right) = row.get_mut(label) {
            *right += 1.0 - smoothing;
        }
    }
    wanted
}

/// Returns a mask: 0 where an element is dropped, elsewhere the factor that keeps the mean.
fn draw(mask: &Mask, seed: u64, step: u64, index: u64) -> Tensor {
    let mut random = Random::stream(seed, &[MASKS, step, index]);
    let factor = 1.0 / (1.0 - mask.ratio);
    let count = mask.shape.iter().product();
    let values = (0..count)
        .map(|_| {
            if random.chance(mask.ratio) {
                0.0
            } else {
                factor
            }
        })
        .collect();
    Tensor::new(mask.shape.clone(), values).expect("as many values as the shape has")
}

/// Returns how many rows of `[N, classes]` are largest at their label.
pub(super) fn told_apart(logits: &Tensor, labels: &[usize]) -> usize {
    let classes = logits.shape()[1];
    let rows = logits.data().chunks(classes);
    rows.zip(labels)
        .filter(|(row, label)| {
            let best = (0..).zip(*row).max_by(|a, b| a.1.total_cmp(b.1));
            best.is_some_and(|(class, _)| class == **label)
        })
        .count()
}

#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 crops")]
pub(super) fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Lets the optimiser move the learned tensors by what a step found.
pub(super) fn advance(
    optimizer: &mut AdamW,
    rate: f64,
    parameters: &mut Parameters,
    found: &Found,
) -> Step {
    let mut moved: Vec<Parameter<'_>> = parameters
        .learned
        .iter_mut()
        .zip(&found.gradients)
        .map(|(learned, gradient)| Parameter {
            values: learned.tensor.data_mut(),
            gradient: gradient.data(),
            decays: learned.decays,
        })
        .collect();
    optimizer.step(rate, f64::from(found.loss), &mut moved)
}

/// One step on noise, for benchmarks: the graph, the optimiser and all copies, without the data.
#[derive(Debug)]
pub struct StepBench {
    stepper: Stepper,
    parameters: Parameters,
    optimizer: AdamW,
    batch: Batch,
}

impl StepBench {
    /// Makes a step of `layers` on batches of `batch` crops of `crop`×`crop` in `classes` classes.
    pub fn prepare(
        layers: &LayerList,
        [batch, crop, classes]: [usize; 3],
        tools: &Tools<'_>,
        profile: Option<std::path::PathBuf>,
    ) -> Result<Self, TrainingError> {
        let plan = Plan::new(layers)?;
        let origin = checkpoint::Origin::of_bench(layers, [batch, crop, classes]);
        let features = graph::features(&plan, crop).map_err(TrainingError::layers(crop))?;
        let parameters = Parameters::of(&plan, features, classes, 0);
        let mut stepper = Stepper::new(&plan, &parameters, &origin, tools)?;
        if profile.is_some() {
            let sizes = stepper.sizes;
            let graph = graph::step(&plan, &parameters, sizes, origin.dropout, Target::Planar)
                .map_err(TrainingError::layers(crop))?;
            let options = SessionOptions {
                profile,
                ..options(tools)
            };
            stepper.session = tools.engine.session(&graph.model, &options)?;
        }
        let mut random = Random::new(1);
        let pixels = (0..batch * 3 * crop * crop)
            .map(|_| random.between(0.0, 255.0))
            .collect();
        let threads = NonZeroUsize::new(tools.threads.get()).unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            optimizer: AdamW::new(AdamWOptions::default(), &parameters.lengths(), threads),
            stepper,
            parameters,
            batch: Batch {
                pictures: Tensor::new(vec![batch, 3, crop, crop], pixels)
                    .expect("as many values as the shape has"),
                labels: (0..batch).map(|i| i * 7 % classes).collect(),
            },
        })
    }

    /// Makes one step and returns its loss.
    pub fn run(&mut self) -> Result<f32, TrainingError> {
        let step = self.optimizer.steps();
        let found = self.stepper.run(step, &self.batch, &self.parameters)?;
        self.parameters.remember(&found.statistics, step == 0);
        match advance(&mut self.optimizer, 1e-3, &mut self.parameters, &found) {
            Step::Moved => Ok(found.loss),
            Step::Stopped(stop) => Err(TrainingError::NotFinite { step, stop }),
        }
    }

    /// Ends ONNX Runtime's profile and returns the file it wrote.
    pub fn end_profile(&mut self) -> Result<std::path::PathBuf, TrainingError> {
        Ok(self.stepper.session.end_profile()?)
    }
}
