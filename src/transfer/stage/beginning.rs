//! What a stage begins with: its picture and its optimiser.

use super::super::checkpoint::Work;
use super::super::scene::{optimizer_options, random};
use super::super::targets::input_filter;
use super::super::variable_scale;
use super::StageRun;
use crate::network::Network;
use crate::optim::Optimizer;
use crate::pixels::{Filter, Picture, resize};
use crate::profile::{Compat, Init};
use crate::tensor::Tensor;

impl StageRun<'_, '_> {
    /// Makes ready what the stage starts from.
    pub(super) fn begin(&mut self, index: usize, content: &Picture, network: &Network) {
        let before = self.work.take();
        let (picture, optimizer) = before.map(|work| (work.picture, work.optimizer)).unzip();
        let picture = self.start(index, content, network, picture);
        let optimizer = self.optimizer(index, optimizer);
        // The picture before the step that led here, to fall back on: at first what the stage
        // before left, at this stage's size.
        let previous = (index > 0).then(|| (0, picture.clone()));
        self.work = Some(Work {
            picture,
            optimizer,
            previous,
        });
        (self.stage, self.iteration) = (index + 1, 0);
        self.is_over = false;
    }

    /// Returns the variable that a stage starts from, behind the picture that the one before left.
    fn start(
        &self,
        index: usize,
        content: &Picture,
        network: &Network,
        previous: Option<Tensor>,
    ) -> Tensor {
        let compat = self.task.profile.compat;
        let scale = variable_scale(compat);
        let (width, height) = (content.width(), content.height());
        let fitted = |picture: &Picture| {
            let mut tensor = resize(picture, width, height, input_filter(compat)).into_tensor();
            tensor.data_mut().iter_mut().for_each(|v| *v *= scale);
            tensor
        };
        match (&self.profile.stages()[index].init, previous) {
            (Init::Previous, Some(previous)) => {
                let previous = Picture::from_tensor(previous).expect("the variable is a picture");
                let filter = match compat {
                    Some(Compat::Lua) => Filter::Torch,
                    Some(Compat::Pt) | None => Filter::Bilinear,
                };
                resize(&previous, width, height, filter).into_tensor()
            }
            (Init::File(file), _) => fitted(&self.inputs.inits[file]),
            (Init::Image, _) => fitted(content),
            (Init::Random | Init::Previous, _) => {
                let seed = self.task.profile.seed.unwrap_or(self.task.seed);
                random(network, (width, height), seed)
            }
        }
    }

    /// Returns the optimiser of a stage.
    ///
    /// It goes on from the stage before where `carry_optimizer` says so and the options of the
    /// optimiser are the same.
    fn optimizer(&mut self, index: usize, before: Option<Optimizer>) -> Optimizer {
        let stages = self.profile.stages();
        let compat = self.task.profile.compat;
        let options = optimizer_options(&stages[index], compat);
        let carried = before.filter(|_| {
            let before = optimizer_options(&stages[index - 1], compat);
            stages[index].carry_optimizer && options == before
        });
        carried.unwrap_or_else(|| {
            if let Some(keeper) = &mut self.keeper {
                keeper.new_optimizer();
            }
            Optimizer::new(options, self.tools.threads)
        })
    }
}
