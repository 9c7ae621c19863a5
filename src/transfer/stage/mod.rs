//! The loop of a stage: edit, evaluate, report, save, step, keep.
//!
//! Iteration `t` is the `t`-th evaluation of the loss; what is saved as `t` is the picture that was
//! evaluated, before the step that follows. Between stages the picture is resampled; the
//! optimiser's memory is carried only where it still fits (see [`StageRun::optimizer`]). A run that
//! is kept stops behind a step, so that nothing of it is made again; one that is not stops before
//! it, at a picture whose loss is known.

mod beginning;
mod editing;

use super::checkpoint::{Keeper, Loaded, Work};
use super::output::{Output, View};
use super::scene::{NamedLoss, bind_targets, bind_weights, not_finite, pooling, spec, split};
use super::targets::{self, image_size, input_filter, stage_size};
use super::{
    Evaluation, Event, Flow, Inputs, Painted, StageStart, Task, Tools, TransferError,
    variable_scale,
};
use crate::causes::with_causes;
use crate::engine::{Session, SessionOptions};
use crate::network::Network;
use crate::objective::{IMAGE, Objective};
use crate::optim::{Step, Stop};
use crate::pixels::{Picture, resize};
use crate::profile::{Profile, Stage};
use crate::tensor::Tensor;

/// A run in the middle of its stages.
pub(super) struct StageRun<'a, 'k> {
    task: &'a Task,
    tools: &'a Tools<'a>,
    inputs: &'a Inputs,
    /// The task's profile with the edits that hold.
    profile: Profile,
    /// What keeps the run, if it is kept.
    keeper: Option<Keeper<'k>>,
    /// The variable (RGB, 0–255 times [`variable_scale`]) and its optimiser.
    work: Option<Work>,
    /// The content picture at the size of the stage at hand.
    content: Option<Picture>,
    stage: usize,
    iteration: usize,
    /// Whether the stage at hand has ended; a run that goes on from a checkpoint may not have.
    is_over: bool,
}

/// What a stage has in hand, and whom it tells.
struct Scene<'s, 'o> {
    objective: &'s Objective,
    session: &'s mut Session,
    output: &'s mut Output<'o>,
    on_event: &'s mut dyn FnMut(Event) -> Flow,
}

impl<'a, 'k> StageRun<'a, 'k> {
    /// Returns a run that begins.
    pub(super) fn new(
        task: &'a Task,
        tools: &'a Tools<'a>,
        inputs: &'a Inputs,
        keeper: Option<Keeper<'k>>,
    ) -> Self {
        Self {
            task,
            tools,
            inputs,
            profile: task.profile.clone(),
            keeper,
            work: None,
            content: None,
            stage: 0,
            iteration: 0,
            is_over: true,
        }
    }

    /// Goes on from a checkpoint, with the edits that held there.
    pub(super) fn go_on(
        &mut self,
        loaded: Loaded,
        output: &mut Output,
    ) -> Result<(), TransferError> {
        let progress = loaded.progress;
        let edits = self.keeper.as_ref().map(|keeper| {
            let journal = &keeper.journal;
            journal.until((progress.stage, progress.iteration))
        });
        for entry in edits.into_iter().flatten() {
            self.change(&entry)?;
            output.edited(entry);
        }
        (self.stage, self.iteration) = (progress.stage, progress.iteration);
        self.is_over = progress.over;
        self.content = Some(self.content_of(progress.stage - 1));
        self.work = Some(loaded.work);
        Ok(())
    }

    /// Returns the index of the stage to run next.
    pub(super) fn next_stage(&self) -> usize {
        if self.is_over {
            self.stage
        } else {
            self.stage - 1
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
        let content = self.content_of(index);
        let size = (content.width(), content.height());
        // Before the targets are measured: that may take long, and whoever listens wants to know.
        let flow = on_event(Event::Stage(self.start_of(index, size)));
        if flow == Flow::Stop && self.keeper.is_some() {
            self.keep_what_is_over(output, on_event);
            return Ok(Flow::Stop);
        }
        let stage = &self.profile.stages()[index];
        let pooling = pooling(stage, compat);
        let how = (self.tools, compat);
        let targets = targets::measure(network, stage, pooling, &content, self.inputs, how)?;
        let objective = Objective::build(network, &spec(stage, compat, size, self.tools.device))?;
        let options = SessionOptions {
            arena: objective.wants_arena,
            ..SessionOptions::new(self.tools.device, self.tools.threads.get())
        };
        let mut session = self.tools.engine.session(&objective.model, &options)?;
        bind_targets(&mut session, &objective, targets)?;
        bind_weights(&mut session, &objective, stage)?;
        if self.is_over {
            self.begin(index, &content, network);
        }
        self.content = Some(content);
        self.iterate(&mut Scene {
            objective: &objective,
            session: &mut session,
            output,
            on_event,
        })
    }

    /// Returns the content picture at the size of a stage.
    fn content_of(&self, index: usize) -> Picture {
        let compat = self.task.profile.compat;
        let size = image_size(&self.profile.stages()[index]);
        let (width, height) = stage_size(&self.inputs.content, size, compat);
        resize(&self.inputs.content, width, height, input_filter(compat))
    }

    fn start_of(&self, index: usize, (width, height): (usize, usize)) -> StageStart {
        let stages = self.profile.stages();
        StageStart {
            stage: index + 1,
            of: stages.len(),
            width,
            height,
            iterations: iterations(&stages[index]),
            print_iter: stages[index].print_iter as usize,
            work_later: stages[index + 1..].iter().map(|s| self.work_of(s)).sum(),
            device: self.tools.device,
        }
    }

    /// Returns the work of a stage, in evaluations times pixels.
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    fn work_of(&self, stage: &Stage) -> f64 {
        let compat = self.task.profile.compat;
        let (width, height) = stage_size(&self.inputs.content, image_size(stage), compat);
        iterations(stage) as f64 * (width * height) as f64
    }

    fn iterate(&mut self, scene: &mut Scene) -> Result<Flow, TransferError> {
        let mut work = self.work.take().ok_or(TransferError::NoStage)?;
        let flow = loop {
            let iteration = self.iteration + 1;
            self.edit(&mut work, scene)?;
            let mut results = scene.session.run(&[(IMAGE, &work.picture)])?;
            let (gradient, terms) = split(&mut results, scene.objective)?;
            let total = terms.iter().map(|(_, loss)| f64::from(*loss)).sum::<f64>();
            if let Some(quantity) = not_finite(total, gradient.data()) {
                let stop = Stop::NonFinite(quantity);
                return self.give_up(iteration, stop, work.previous, scene.output);
            }
            self.iteration = iteration;
            let flow = self.report(&work.picture, (total, &terms), scene)?;
            if iteration == self.iterations() {
                break self.end(&work, flow, scene);
            }
            if flow == Flow::Stop && self.keeper.is_none() {
                break flow;
            }
            let before = work.picture.clone();
            match work
                .optimizer
                .step(work.picture.data_mut(), total, gradient.data())
            {
                Step::Moved => work.previous = Some((iteration, before)),
                Step::Stopped(stop @ Stop::Ascent { .. }) => {
                    let of = self.iterations();
                    (scene.on_event)(Event::Note(format!(
                        "stage {} ends at iteration {iteration} of {of}: {stop}",
                        self.stage
                    )));
                    break self.end(&work, flow, scene);
                }
                Step::Stopped(stop @ Stop::NonFinite(_)) => {
                    let kept = Some((iteration, work.picture));
                    return self.give_up(iteration, stop, kept, scene.output);
                }
            }
            self.keep_if(&work, flow == Flow::Stop, scene);
            if flow == Flow::Stop {
                break flow;
            }
        };
        self.work = Some(work);
        Ok(flow)
    }

    /// Writes and tells what an evaluation brought; returns what whoever listens wants.
    fn report(
        &mut self,
        picture: &Tensor,
        (total, terms): (f64, &[NamedLoss]),
        scene: &mut Scene,
    ) -> Result<Flow, TransferError> {
        let (at, of) = ((self.stage, self.iteration), self.iterations());
        if let Some(keeper) = &mut self.keeper {
            keeper.evaluated();
        }
        scene.output.losses(at, total, terms)?;
        let flow = (scene.on_event)(Event::Evaluation(Evaluation {
            stage: at.0,
            iteration: at.1,
            of,
            total,
            terms,
        }));
        let save_iter = self.profile.stages()[at.0 - 1].save_iter as usize;
        let due = save_iter > 0 && at.1.is_multiple_of(save_iter);
        if due && (at.1 < of || !self.is_last()) {
            let path = scene.output.snapshot(&self.view(picture), at)?;
            (scene.on_event)(Event::Snapshot {
                path,
                stage: at.0,
                iteration: at.1,
            });
        }
        Ok(flow)
    }

    /// Ends the stage, and keeps what it led to.
    fn end(&mut self, work: &Work, flow: Flow, scene: &mut Scene) -> Flow {
        self.is_over = true;
        // At the end of the last stage nothing is left to stop.
        let flow = if self.is_last() { Flow::Continue } else { flow };
        let keeper = self.keeper.as_ref();
        if keeper.is_some_and(|keeper| flow == Flow::Stop || keeper.is_affordable(work)) {
            self.keep(work, scene.output, scene.on_event);
        }
        flow
    }

    fn keep_if(&mut self, work: &Work, is_stopping: bool, scene: &mut Scene) {
        let keeper = self.keeper.as_ref();
        if keeper.is_some_and(|keeper| is_stopping || keeper.is_due(work)) {
            self.keep(work, scene.output, scene.on_event);
        }
    }

    /// Keeps the end of the stage before, should that not have been due then.
    fn keep_what_is_over(&mut self, output: &Output, on_event: &mut dyn FnMut(Event) -> Flow) {
        let (stage, iteration, over) = (self.stage, self.iteration, self.is_over);
        let keeper = self.keeper.as_ref();
        if keeper.is_none_or(|keeper| keeper.is_kept(stage, iteration, over)) {
            return;
        }
        if let Some(work) = self.work.take() {
            self.keep(&work, output, on_event);
            self.work = Some(work);
        }
    }

    fn keep(&mut self, work: &Work, output: &Output, on_event: &mut dyn FnMut(Event) -> Flow) {
        if let Some(keeper) = &mut self.keeper {
            if let Err(error) = output.sync() {
                on_event(Event::Note(format!(
                    "the table of losses may lack rows after a loss of power: {}",
                    with_causes(&error)
                )));
            }
            keeper.keep((self.stage, self.iteration, self.is_over), work, on_event);
        }
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
        &self,
        output: &mut Output,
        stopped: bool,
    ) -> Result<Painted, TransferError> {
        let work = self.work.as_ref().ok_or(TransferError::NoStage)?;
        let view = self.view(&work.picture);
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

    /// Returns where a later run would go on: stage and iteration, 0 for the stage's beginning.
    pub(super) fn reached(&self) -> (usize, usize) {
        self.keeper.as_ref().map_or((1, 0), Keeper::reached)
    }

    fn iterations(&self) -> usize {
        iterations(&self.profile.stages()[self.stage - 1])
    }

    fn is_last(&self) -> bool {
        self.stage == self.profile.stages().len()
    }

    /// Returns the variable as a picture of 0–255, and the content beside it.
    fn view(&self, picture: &Tensor) -> View<'_> {
        let scale = variable_scale(self.task.profile.compat);
        let mut picture = picture.clone();
        picture.data_mut().iter_mut().for_each(|v| *v /= scale);
        View {
            picture: Picture::from_tensor(picture).expect("the variable is a picture"),
            content: self.content.as_ref(),
        }
    }
}

fn iterations(stage: &Stage) -> usize {
    stage.num_iterations as usize
}
