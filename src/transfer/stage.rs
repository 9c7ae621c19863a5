//! The loop of a stage: evaluate, report, save, step.
//!
//! Iteration `t` is the `t`-th evaluation of the loss; what is saved as `t` is the picture that was
//! evaluated, before the step that follows. Between stages the picture is resampled; the
//! optimiser's memory is carried only where it still fits (see [`StageRun::optimizer`]).

use std::num::NonZeroUsize;

use super::output::Output;
use super::targets::{self, image_size, input_filter, stage_size};
use super::{
    Evaluation, Event, Flow, Inputs, Painted, StageStart, Task, Tools, TransferError, noise,
    variable_scale,
};
use crate::autodiff::Target;
use crate::engine::{Device, Session, SessionOptions};
use crate::network::{Network, Pooling, PoolingKind};
use crate::objective::{
    IMAGE, Normalize, Objective, Semantics, Spec, Term, TermKind, TotalVariation, Weights,
};
use crate::optim::{
    AdamOptions, EpsilonPlace, LbfgsOptions, Optimizer, Options, Quantity, Step, Stop,
};
use crate::pixels::{Filter, Picture, resize};
use crate::profile::{self, Compat, Init, OptimizerKind, Stage};
use crate::tensor::Tensor;

/// A run in the middle of its stages.
pub(super) struct StageRun<'a> {
    task: &'a Task,
    tools: &'a Tools<'a>,
    inputs: &'a Inputs,
    /// The variable: `[1, 3, H, W]`, RGB, 0–255 times [`variable_scale`].
    picture: Option<Tensor>,
    /// The content picture at the size of the stage at hand.
    content: Option<Picture>,
    optimizer: Option<Optimizer>,
    stage: usize,
    iteration: usize,
}

impl<'a> StageRun<'a> {
    pub(super) fn new(task: &'a Task, tools: &'a Tools<'a>, inputs: &'a Inputs) -> Self {
        Self {
            task,
            tools,
            inputs,
            picture: None,
            content: None,
            optimizer: None,
            stage: 0,
            iteration: 0,
        }
    }

    /// Runs stage `index` to its end, or until the receiver of events or the optimiser stops it.
    pub(super) fn stage(
        &mut self,
        index: usize,
        network: &Network,
        output: &mut Output,
        on_event: &mut dyn FnMut(Event) -> Flow,
    ) -> Result<Flow, TransferError> {
        let compat = self.task.profile.compat;
        let stage = &self.task.profile.stages()[index];
        let (width, height) = stage_size(&self.inputs.content, image_size(stage), compat);
        let content = resize(&self.inputs.content, width, height, input_filter(compat));
        let pooling = pooling(stage, compat);
        let targets = targets::measure(
            network,
            stage,
            pooling,
            &content,
            self.inputs,
            (self.tools, compat),
        )?;
        let spec = spec(stage, compat, (width, height), self.tools.device);
        let objective = Objective::build(network, &spec)?;
        let options = SessionOptions {
            arena: objective.wants_arena,
            ..SessionOptions::new(self.tools.device, self.tools.threads.get())
        };
        let mut session = self.tools.engine.session(&objective.model, &options)?;
        bind(&mut session, &objective, stage, targets)?;
        self.picture = Some(self.start(stage, &content, network));
        self.content = Some(content);
        self.optimizer = Some(self.optimizer(index));
        (self.stage, self.iteration) = (index + 1, 0);
        let later = &self.task.profile.stages()[index + 1..];
        on_event(Event::Stage(StageStart {
            stage: index + 1,
            of: self.task.profile.stages().len(),
            width,
            height,
            iterations: iterations(stage),
            print_iter: stage.print_iter as usize,
            work_later: later.iter().map(|stage| self.work(stage)).sum(),
            device: self.tools.device,
        }));
        self.iterate(stage, &objective, &mut session, output, on_event)
    }

    /// Returns the work of a stage, in evaluations times pixels.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    fn work(&self, stage: &Stage) -> f64 {
        let compat = self.task.profile.compat;
        let (width, height) = stage_size(&self.inputs.content, image_size(stage), compat);
        iterations(stage) as f64 * (width * height) as f64
    }

    fn iterate(
        &mut self,
        stage: &Stage,
        objective: &Objective,
        session: &mut Session,
        output: &mut Output,
        on_event: &mut dyn FnMut(Event) -> Flow,
    ) -> Result<Flow, TransferError> {
        let mut picture = self.picture.take().ok_or(TransferError::NoStage)?;
        let mut optimizer = self.optimizer.take().ok_or(TransferError::NoStage)?;
        let of = iterations(stage);
        // The picture before the step that led here, to fall back on.
        let mut previous: Option<(usize, Tensor)> = None;
        let mut flow = Flow::Continue;
        for iteration in 1..=of {
            let mut results = session.run(&[(IMAGE, &picture)])?;
            let (gradient, terms) = split(&mut results, objective)?;
            let total = terms.iter().map(|(_, loss)| f64::from(*loss)).sum::<f64>();
            if let Some(quantity) = not_finite(total, gradient.data()) {
                return self.give_up(iteration, Stop::NonFinite(quantity), previous, output);
            }
            self.iteration = iteration;
            output.losses(self.stage, iteration, total, &terms)?;
            flow = on_event(Event::Evaluation(Evaluation {
                stage: self.stage,
                iteration,
                of,
                total,
                terms: &terms,
            }));
            let due = stage.save_iter > 0 && iteration.is_multiple_of(stage.save_iter as usize);
            if due && (iteration < of || self.stage < self.task.profile.stages().len()) {
                let path = output.snapshot(&self.view(&picture), (self.stage, iteration))?;
                on_event(Event::Snapshot {
                    path,
                    stage: self.stage,
                    iteration,
                });
            }
            if flow == Flow::Stop || iteration == of {
                break;
            }
            let before = picture.clone();
            match optimizer.step(picture.data_mut(), total, gradient.data()) {
                Step::Moved => previous = Some((iteration, before)),
                Step::Stopped(stop @ Stop::Ascent { .. }) => {
                    on_event(Event::Note(format!(
                        "stage {} ends at iteration {iteration} of {of}: {stop}",
                        self.stage
                    )));
                    break;
                }
                Step::Stopped(stop @ Stop::NonFinite(_)) => {
                    let kept = Some((iteration, picture));
                    return self.give_up(iteration, stop, kept, output);
                }
            }
        }
        (self.picture, self.optimizer) = (Some(picture), Some(optimizer));
        Ok(flow)
    }

    /// Writes the last good picture and returns the error that says why the run ends.
    fn give_up(
        &self,
        iteration: usize,
        stop: Stop,
        good: Option<(usize, Tensor)>,
        output: &mut Output,
    ) -> Result<Flow, TransferError> {
        let kept = match good {
            Some((at, picture)) => Some(output.last_good(&self.view(&picture), (self.stage, at))?),
            None => None,
        };
        Err(TransferError::NotFinite {
            stage: self.stage,
            iteration,
            stop,
            kept,
        })
    }

    /// Writes the result.
    pub(super) fn finish(
        self,
        output: &mut Output,
        stopped: bool,
    ) -> Result<Painted, TransferError> {
        let picture = self.picture.as_ref().ok_or(TransferError::NoStage)?;
        let view = self.view(picture);
        let path = output.result(&view, (self.stage, self.iteration))?;
        Ok(Painted {
            path,
            stage: self.stage,
            iteration: self.iteration,
            stopped,
            width: view.picture.width(),
            height: view.picture.height(),
        })
    }

    /// Returns the variable as a picture of 0–255, and the content beside it.
    fn view(&self, picture: &Tensor) -> super::output::View<'_> {
        let scale = variable_scale(self.task.profile.compat);
        let mut picture = picture.clone();
        picture.data_mut().iter_mut().for_each(|v| *v /= scale);
        super::output::View {
            picture: Picture::from_tensor(picture).expect("the variable is a picture"),
            content: self.content.as_ref(),
        }
    }

    /// Returns the variable that a stage starts from.
    fn start(&self, stage: &Stage, content: &Picture, network: &Network) -> Tensor {
        let scale = variable_scale(self.task.profile.compat);
        let (width, height) = (content.width(), content.height());
        let fitted = |picture: &Picture| {
            let mut tensor = resize(
                picture,
                width,
                height,
                input_filter(self.task.profile.compat),
            )
            .into_tensor();
            tensor.data_mut().iter_mut().for_each(|v| *v *= scale);
            tensor
        };
        match (&stage.init, &self.picture) {
            (Init::Previous, Some(previous)) => {
                let previous =
                    Picture::from_tensor(previous.clone()).expect("the variable is a picture");
                let filter = match self.task.profile.compat {
                    Some(Compat::Lua) => Filter::Torch,
                    Some(Compat::Pt) | None => Filter::Bilinear,
                };
                resize(&previous, width, height, filter).into_tensor()
            }
            (Init::File(file), _) => fitted(&self.inputs.inits[file]),
            (Init::Image, _) => fitted(content),
            (Init::Random | Init::Previous, _) => random(
                network,
                (width, height),
                self.task.profile.seed.unwrap_or(self.task.seed),
            ),
        }
    }

    /// Returns the optimiser of a stage.
    ///
    /// It goes on from the stage before where `carry_optimizer` says so and the options of the
    /// optimiser are the same.
    fn optimizer(&mut self, index: usize) -> Optimizer {
        let stages = self.task.profile.stages();
        let stage = &stages[index];
        let options = optimizer_options(stage, self.task.profile.compat);
        let carried = self.optimizer.take().filter(|_| {
            let before = optimizer_options(&stages[index - 1], self.task.profile.compat);
            stage.carry_optimizer && options == before
        });
        carried.unwrap_or_else(|| Optimizer::new(options, self.tools.threads))
    }
}

fn iterations(stage: &Stage) -> usize {
    stage.num_iterations as usize
}

pub(super) fn pooling(stage: &Stage, compat: Option<Compat>) -> Pooling {
    Pooling {
        kind: match stage.pooling {
            profile::Pooling::Max => PoolingKind::Max,
            profile::Pooling::Average => PoolingKind::Average,
        },
        caffe_ceil: compat == Some(Compat::Lua),
    }
}

/// Returns what the objective of a stage is made of.
pub(super) fn spec(
    stage: &Stage,
    compat: Option<Compat>,
    (width, height): (usize, usize),
    device: Device,
) -> Spec {
    let lua = compat == Some(Compat::Lua);
    Spec {
        height,
        width,
        content_layers: stage.content_layers.clone(),
        style_layers: stage.style_layers.clone(),
        total_variation: stage.tv_weight > 0.0,
        pooling: pooling(stage, compat),
        semantics: Semantics {
            normalize: match (stage.normalize_gradients, lua) {
                (false, _) => Normalize::Off,
                (true, true) => Normalize::L1,
                (true, false) => Normalize::SquaredWeight,
            },
            total_variation: if lua {
                TotalVariation::SquaredGradientOnly
            } else {
                TotalVariation::Absolute
            },
        },
        target: match device {
            Device::Cpu => Target::Blocked,
            Device::Cuda(_) => Target::Plain,
        },
    }
}

pub(super) fn optimizer_options(stage: &Stage, compat: Option<Compat>) -> Options {
    match stage.optimizer {
        OptimizerKind::Lbfgs => {
            let history = usize::try_from(stage.lbfgs_num_correction).unwrap_or(usize::MAX);
            Options::Lbfgs(LbfgsOptions {
                history: NonZeroUsize::new(history).unwrap_or(LbfgsOptions::default().history),
                ..LbfgsOptions::default()
            })
        }
        OptimizerKind::Adam => Options::Adam(AdamOptions {
            learning_rate: stage.learning_rate,
            epsilon_place: match compat {
                Some(Compat::Lua) => EpsilonPlace::BeforeCorrection,
                Some(Compat::Pt) | None => EpsilonPlace::AfterCorrection,
            },
            ..AdamOptions::default()
        }),
    }
}

/// Gives the session its targets and weights.
fn bind(
    session: &mut Session,
    objective: &Objective,
    stage: &Stage,
    targets: targets::Targets,
) -> Result<(), TransferError> {
    let weights = Weights {
        content: stage.content_weight,
        style: stage.style_weight,
        total_variation: stage.tv_weight,
    };
    let weights = objective.weights(weights, stage.normalize_weights);
    let mut targets = targets.content.into_iter().chain(targets.style);
    for (term, weight) in objective.terms.iter().zip(weights) {
        session.bind(&term.weight_input(), Tensor::scalar(weight))?;
        if term.kind != TermKind::TotalVariation
            && let Some(target) = targets.next()
        {
            session.bind(&term.target_input(), target)?;
        }
    }
    Ok(())
}

type NamedLoss = (String, f32);

/// Takes the gradient and the named terms out of what a run returned.
fn split(
    results: &mut Vec<Tensor>,
    objective: &Objective,
) -> Result<(Tensor, Vec<NamedLoss>), TransferError> {
    let found = results.len();
    let expected = objective.terms.len() + 1;
    match results.pop() {
        Some(gradient) if found == expected => {
            let losses = results
                .iter()
                .map(|loss| loss.data().first().copied().unwrap_or(0.0));
            let terms = objective.terms.iter().map(Term::name);
            Ok((gradient, terms.zip(losses).collect()))
        }
        _ => Err(TransferError::Outputs { expected, found }),
    }
}

fn not_finite(total: f64, gradient: &[f32]) -> Option<Quantity> {
    if !total.is_finite() {
        Some(Quantity::Loss)
    } else if gradient.iter().any(|g| !g.is_finite()) {
        Some(Quantity::Gradient)
    } else {
        None
    }
}

/// Returns neural-style's start from noise: N(0, 1) × 0.001 in the values that the network sees,
/// which is the network's mean colour to the eye.
fn random(network: &Network, (width, height): (usize, usize), seed: u32) -> Tensor {
    let input = &network.manifest().input;
    let mean = input.mean_rgb();
    let plane = width * height;
    let mut data = noise::normal(u64::from(seed), 3 * plane);
    for (channel, values) in data.chunks_exact_mut(plane).enumerate() {
        let of_network = match input.order {
            crate::network::Order::Rgb => channel,
            crate::network::Order::Bgr => 2 - channel,
        };
        let step = 0.001 * input.std[of_network] * 255.0 / input.range;
        for value in values {
            *value = mean[channel] + *value * step;
        }
    }
    Tensor::new(vec![1, 3, height, width], data).expect("three planes fill the shape")
}
