//! Painting in a way that a later run goes on from.

use std::path::Path;

use super::checkpoint::{self, Expected, Found, Keep, Keeper, Progress};
use super::edits::Journal;
use super::losses::Rows;
use super::output::Output;
use super::scene::optimizer_options;
use super::stage::StageRun;
use super::targets::{image_size, stage_size};
use super::{Event, Flow, Painted, Ready, SavedAs, Task, Tools, TransferError, disk, stages};

/// How a run ended that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The picture is written.
    Painted(Painted),
    /// It was stopped; a later run goes on from here.
    Stopped {
        /// The stage, from 1.
        stage: usize,
        /// The last iteration within the stage that is not made again; 0 for its beginning.
        iteration: usize,
    },
}

/// Paints the picture of `task`, from where the run before left it if there was one, and keeps it
/// so that a later run can go on.
///
/// The run after a stop or a kill ends on the same pixels as one that was never interrupted: on a
/// processor to the byte, on a card as far as its own results repeat.
pub fn paint_kept(
    task: &Task,
    tools: &Tools,
    keep: Keep<'_>,
    on_event: &mut dyn FnMut(Event) -> Flow,
) -> Result<Ended, TransferError> {
    let ready = Ready::prepare(task, tools, on_event)?;
    drop_leftovers(&ready.task, &keep.folder);
    let journal = Journal::open(keep.edits.clone())?;
    let about = checkpoint::about(
        &ready.task,
        tools,
        &ready.inputs.hashes,
        ready.networks.iter(),
    );
    let expect = |journal: &Journal, progress: &Progress| ready.expected(journal, progress);
    let (mut keeper, found) = Keeper::open(keep, about, journal, &expect, tools.threads);
    disk::refuse_what_does_not_fit(&ready.task, &ready.inputs, keeper.folder())?;
    let at = found.loaded.as_ref().map(|loaded| loaded.progress);
    let at = at.map_or((1, 0), |progress| (progress.stage, progress.iteration));
    let (mut output, rows) = Output::go_on(&ready.task, ready.recipe(), at)?;
    keeper.evaluations += rows.cut;
    tell_of_resuming(&found, (at, rows, keeper.rows), tools, on_event);
    let mut run = StageRun::new(&ready.task, tools, &ready.inputs, Some(keeper));
    if let Some(loaded) = found.loaded {
        run.go_on(loaded, &mut output)?;
    }
    if stages(&mut run, &ready, &mut output, on_event)? == Flow::Stop {
        let (stage, iteration) = run.reached();
        return Ok(Ended::Stopped { stage, iteration });
    }
    Ok(Ended::Painted(run.finish(&mut output, false)?))
}

/// Says from where a run goes on, if it does not begin, and what is not as it was.
fn tell_of_resuming(
    found: &Found,
    ((stage, iteration), rows, expected): ((usize, usize), Rows, u64),
    tools: &Tools,
    on_event: &mut dyn FnMut(Event) -> Flow,
) {
    if found.loaded.is_none() && found.refused.is_empty() {
        return;
    }
    on_event(Event::Resumed {
        stage,
        iteration,
        lost: checkpoint::loss(found, rows.cut),
    });
    let elsewhere = found.loaded.as_ref();
    if let Some(text) = elsewhere.and_then(|loaded| checkpoint::elsewhere(loaded, tools)) {
        on_event(Event::Note(text));
    }
    if rows.kept < expected {
        let missing = expected - rows.kept;
        on_event(Event::Note(format!(
            "the table of losses lacks {missing} rows that were there"
        )));
    }
}

/// Removes what a killed run left of files that it was writing.
fn drop_leftovers(task: &Task, checkpoints: &Path) {
    let result = task.naming.result.parent();
    let snapshots = match &task.naming.snapshots {
        SavedAs::In(folder) => Some(folder.as_path()),
        SavedAs::Beside => None,
    };
    for folder in [result, snapshots, Some(checkpoints)].into_iter().flatten() {
        checkpoint::drop_temporary_files(folder);
    }
}

impl Ready {
    /// Returns what a checkpoint must fit that stands at `progress`.
    fn expected(&self, journal: &Journal, progress: &Progress) -> Option<Expected> {
        let at = (progress.stage, progress.iteration);
        let mut profile = self.task.profile.clone();
        for entry in journal.until(at) {
            profile
                .edit(entry.target, &entry.option, entry.value)
                .ok()?;
        }
        let compat = profile.compat;
        let stage = profile.stages().get(progress.stage.checked_sub(1)?)?;
        Some(Expected {
            size: stage_size(&self.inputs.content, image_size(stage), compat),
            options: optimizer_options(stage, compat),
            edits: journal.digest_until(at),
        })
    }
}
