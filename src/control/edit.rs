//! Changing a job's options: any of them before it has begun, some of them while it is painted.
//!
//! A change of a job that has begun is on its record before a worker hears of it, under a number of
//! its own, and stays there until a worker has answered: told twice, it is carried out once.

use crate::causes::with_causes;
use crate::control::Refusal;
use crate::control::Step;
use crate::folder::JobFolder;
use crate::job::Job;
use crate::job::PendingEdit;
use crate::job::names::display_name;
use crate::profile::EDITABLE;
use crate::profile::ProfileFolders;
use crate::profile::RawProfile;
use crate::profile::resolve;

/// How many changes may wait for a worker.
const EDITS_MAX: usize = 100;

/// A change of an option.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The option.
    pub option: String,
    /// Its new value as it was typed.
    pub value: String,
    /// The stage whose option it is, from 1; absent for the stage at hand.
    pub stage: Option<u32>,
}

/// Returns whether a job has begun, so that only some of its options can be changed.
pub fn has_begun(job: &Job) -> bool {
    !job.course.attempts.is_empty()
}

/// Holds that changes of a job that has begun are such as its worker will carry out, as far as its
/// profile tells; `stage` is the one at hand, from 1.
pub fn check_changes(
    job: &Job,
    folder: &JobFolder,
    changes: &[Change],
    stage: u32,
) -> Result<(), Refusal> {
    let refused = |reason| Refusal::Profile {
        id: job.id,
        reason,
        hint: "the job goes on as it is; `pentimento rerun` begins anew with any option".to_owned(),
    };
    let raw = RawProfile::load(&folder.profile(), &ProfileFolders::new(Vec::new()));
    let profile = raw.and_then(|raw| resolve(&raw, &|_| None));
    let mut profile = profile.map_err(|error| refused(with_causes(&error)))?;
    for change in changes {
        let stage = usize::try_from(change.stage.unwrap_or(stage)).unwrap_or(usize::MAX);
        // What is no number is refused by `decide`, with better words.
        if let Ok(value) = change.value.parse()
            && EDITABLE.contains(&change.option.as_str())
        {
            let edited = profile.edit(stage, &change.option, value);
            edited.map_err(|error| refused(error.to_string()))?;
        }
    }
    Ok(())
}

/// Decides what changes mean for a job that has begun: all of them or none.
pub(super) fn decide(job: &Job, changes: &[Change]) -> Result<Step, Refusal> {
    if job.state.is_final() {
        return Err(over(job));
    }
    let mut changed = Box::new(job.clone());
    for change in changes {
        let option = display_name(change.option.as_ref());
        if !EDITABLE.contains(&change.option.as_str()) {
            return Err(Refusal::NotLive { id: job.id, option });
        }
        let value = change
            .value
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite());
        let Some(value) = value else {
            return Err(Refusal::NotANumber {
                id: job.id,
                option,
                value: display_name(change.value.as_ref()),
            });
        };
        let course = &mut changed.course;
        if course.edits.len() >= EDITS_MAX {
            return Err(Refusal::TooManyEdits { id: job.id });
        }
        course.last_edit += 1;
        course.edits.push(PendingEdit {
            id: course.last_edit,
            option: change.option.clone(),
            value,
            stage: change.stage,
        });
    }
    Ok(Step::Record(changed))
}

/// Decides what another profile means for a job; only one that has not begun can have it.
pub(super) fn revise(job: &Job, text: &str) -> Result<Step, Refusal> {
    if job.state.is_final() {
        return Err(over(job));
    }
    if has_begun(job) {
        return Err(Refusal::NotNow {
            id: job.id,
            done: "given another profile",
            state: job.state.name(),
            hint: "it has begun; `pentimento rerun` begins anew with another profile",
        });
    }
    Ok(Step::Profile(text.to_owned()))
}

fn over(job: &Job) -> Refusal {
    Refusal::NotNow {
        id: job.id,
        done: "changed",
        state: job.state.name(),
        hint: "`pentimento rerun` begins anew with other options",
    }
}
