//! Edits of a running stage: on record first, then carried out between two iterations.
//!
//! An edit changes how much a loss counts, how long the stage is, or how it steps. L-BFGS forgets
//! its history where a weight changes, since its pairs tell of another function.

use super::super::checkpoint::{Keeper, Work};
use super::super::edits::{EditOrder, Entry, JournalError};
use super::super::scene::bind_weights;
use super::super::{Event, TransferError};
use super::{Scene, StageRun, iterations};
use crate::causes::with_causes;

impl StageRun<'_, '_> {
    /// Carries out the edits that hold from the next iteration on: those on record, then those that
    /// are asked for now, which go on record first.
    pub(super) fn edit(&mut self, work: &mut Work, scene: &mut Scene) -> Result<(), TransferError> {
        let at = (self.stage, self.iteration + 1);
        let recorded = self.keeper.as_ref().map(|keeper| keeper.journal.at(at));
        for entry in recorded.into_iter().flatten() {
            self.carry_out(entry, work, scene)?;
        }
        while let Some(order) = self.keeper.as_mut().and_then(Keeper::next_order) {
            let known = self.keeper.as_ref().and_then(|k| k.journal.find(order.id));
            if let Some(entry) = known {
                (scene.on_event)(edited(entry));
                continue;
            }
            match self.record(&order, at) {
                Ok(entry) => self.carry_out(entry, work, scene)?,
                Err(reason) => {
                    let id = order.id;
                    (scene.on_event)(Event::EditRefused { id, reason });
                }
            }
        }
        Ok(())
    }

    /// Puts an edit on record, or says why it cannot be carried out.
    fn record(&mut self, order: &EditOrder, at: (usize, usize)) -> Result<Entry, String> {
        let target = order.stage.unwrap_or(at.0);
        let mut tried = self.profile.clone();
        let edit = tried.edit(target, &order.option, order.value);
        edit.map_err(|error| error.to_string())?;
        if target < at.0 {
            return Err(format!("stage {target} is over"));
        }
        if target == at.0 && iterations(&tried.stages()[target - 1]) < at.1 {
            return Err(format!(
                "`{}` = {} is not allowed: iteration {} is about to be made",
                order.option, order.value, at.1
            ));
        }
        let entry = Entry {
            id: order.id,
            stage: at.0,
            iteration: at.1,
            target,
            option: order.option.clone(),
            value: order.value,
        };
        if let Some(keeper) = &mut self.keeper {
            let recorded = keeper.journal.record(entry.clone());
            recorded.map_err(|error| with_causes(&error))?;
        }
        Ok(entry)
    }

    /// Carries out an edit that is on record, and tells of it.
    fn carry_out(
        &mut self,
        entry: Entry,
        work: &mut Work,
        scene: &mut Scene,
    ) -> Result<(), TransferError> {
        self.change(&entry)?;
        if entry.target == self.stage {
            let stage = &self.profile.stages()[self.stage - 1];
            match entry.option.as_str() {
                "learning_rate" => work.optimizer.set_learning_rate(stage.learning_rate),
                "content_weight" | "style_weight" | "tv_weight" => {
                    bind_weights(scene.session, scene.objective, stage)?;
                    work.optimizer.function_changed();
                }
                _ => {}
            }
        }
        (scene.on_event)(edited(&entry));
        scene.output.edited(entry);
        Ok(())
    }

    pub(super) fn change(&mut self, entry: &Entry) -> Result<(), TransferError> {
        let edit = self.profile.edit(entry.target, &entry.option, entry.value);
        edit.map_err(|source| {
            let path = self.keeper.as_ref().map(|keeper| keeper.journal.path());
            JournalError::Impossible {
                path: path.unwrap_or("".as_ref()).to_owned(),
                id: entry.id,
                source,
            }
        })?;
        Ok(())
    }
}

fn edited(entry: &Entry) -> Event<'static> {
    Event::Edited {
        id: entry.id,
        stage: entry.stage,
        iteration: entry.iteration,
        option: entry.option.clone(),
        value: entry.value,
    }
}
