//! Marking a snapshot as a good one.

use std::path::Component;

use crate::control::Refusal;
use crate::control::Step;
use crate::folder::JobFolder;
use crate::job::Job;
use crate::job::names::PathText;
use crate::job::names::display_path;

/// Decides what the mark changes; that the snapshot is there is the floor's to see.
pub(super) fn decide(job: &Job, file: &PathText, marked: bool) -> Result<Step, Refusal> {
    let parts: Vec<_> = file.0.components().collect();
    let is_inside = matches!(
        parts.as_slice(),
        [Component::Normal(folder), Component::Normal(_)] if *folder == JobFolder::SNAPSHOTS
    );
    if !is_inside {
        return Err(Refusal::NoSnapshot {
            id: job.id,
            file: display_path(&file.0),
        });
    }
    let has = job.course.starred.contains(file);
    if has == marked {
        return Ok(Step::Nothing);
    }
    let mut changed = Box::new(job.clone());
    if marked {
        changed.course.starred.push(file.clone());
    } else {
        changed.course.starred.retain(|starred| starred != file);
    }
    Ok(Step::Record(changed))
}
