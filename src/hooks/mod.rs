//! Programs of the user's own that run when something happens: `hooks.d/EVENT/` in the studio.
//!
//! They are told by environment and standard input, never through a shell; their time and output
//! are limited, and whatever they do is a line in `hooks.log` and no trouble of the job's. What may
//! have run before a crash is not run again (`marks`).

mod log;
mod marks;
mod payload;
mod process;
mod seek;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::folder::Studio;
use crate::hooks::marks::Mark;
use crate::hooks::marks::Marks;
use crate::job::names::display_name;

pub use crate::hooks::payload::JobFacts;
pub use crate::hooks::payload::Payload;
pub use crate::hooks::seek::FOLDER;
pub use crate::hooks::seek::Found;
pub use crate::hooks::seek::Refused;
pub use crate::hooks::seek::find;
pub use crate::hooks::seek::folder;
pub use crate::hooks::seek::unknown;

/// Something that hooks are run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookEvent {
    /// A bundle was claimed and is a job now.
    Accepted,
    /// An attempt at a job began.
    Started,
    /// A job has its result.
    Finished,
    /// A job ended without a result.
    Failed,
    /// A worker brings nothing forth.
    Stalled,
    /// A bundle has been lacking something for a while.
    Waiting,
    /// Nothing is left to do.
    QueueEmpty,
    /// The disk is nearly full.
    DiskLow,
}

impl HookEvent {
    /// Every event.
    pub const ALL: [Self; 8] = [
        Self::Accepted,
        Self::Started,
        Self::Finished,
        Self::Failed,
        Self::Stalled,
        Self::Waiting,
        Self::QueueEmpty,
        Self::DiskLow,
    ];

    /// Returns the name of the event's folder in `hooks.d/`, which is also what hooks are told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Started => "started",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Stalled => "stalled",
            Self::Waiting => "waiting",
            Self::QueueEmpty => "queue-empty",
            Self::DiskLow => "disk-low",
        }
    }
}

/// What a hook may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From its start to its kill, with everything it started.
    pub time: Duration,
    /// The most bytes of the output of one hook that are kept.
    pub output_bytes: usize,
    /// The most bytes of `hooks.log`; the one before is kept as `hooks.log.1`.
    pub log_bytes: u64,
    /// The most hooks of one event that are run.
    pub hooks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            output_bytes: 16 << 10,
            log_bytes: 1 << 20,
            hooks: 32,
        }
    }
}

/// What became of one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookOutcome {
    /// The hook's file name, fit for a terminal.
    pub hook: String,
    /// What became of it.
    pub end: HookEnd,
}

/// How a hook ended, or why it was not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookEnd {
    /// With status 0.
    Succeeded,
    /// With another status.
    Exited(i32),
    /// By a signal of this number.
    Signalled(i32),
    /// It took too long and was killed.
    TimedOut,
    /// The system could not start it.
    NotStarted(String),
    /// It is not run as it is; why.
    Refused(String),
    /// It was run for this before.
    RanBefore,
    /// It was begun before a crash: it may have run, and is not run again.
    MayHaveRun,
    /// That it runs could not be written down, so that it might run twice.
    NotMarked(String),
}

impl HookEnd {
    /// Returns true if somebody should look at it.
    pub fn is_trouble(&self) -> bool {
        !matches!(self, Self::Succeeded | Self::RanBefore)
    }
}

impl fmt::Display for HookOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hook = &self.hook;
        match &self.end {
            HookEnd::Succeeded => write!(f, "{hook} ran"),
            HookEnd::Exited(status) => write!(f, "{hook} ended with status {status}"),
            HookEnd::Signalled(signal) => write!(f, "{hook} was ended by signal {signal}"),
            HookEnd::TimedOut => write!(f, "{hook} took too long and was killed"),
            HookEnd::NotStarted(why) => write!(f, "{hook} could not be started: {why}"),
            HookEnd::Refused(why) => write!(f, "{hook} is not run: {why}"),
            HookEnd::RanBefore => write!(f, "{hook} ran before"),
            HookEnd::MayHaveRun => write!(f, "{hook} may have run before a crash; not run again"),
            HookEnd::NotMarked(why) => {
                write!(f, "{hook} is not run: cannot note that it is: {why}")
            }
        }
    }
}

/// Runs the hooks of an event in the natural order of their names, one after the other, and returns
/// what became of each. Without hooks nothing is done and nothing written.
///
/// With a job in the payload each hook is run once for the event and the job's attempt, however
/// often this is called. Dropping the future kills the hook that runs. Takes up to
/// [`Limits::time`] a hook, so it belongs into a task of its own, which must be the only one.
pub async fn run(
    studio: &Studio,
    event: HookEvent,
    payload: &Payload,
    limits: &Limits,
    now: Timestamp,
) -> Vec<HookOutcome> {
    let Found { hooks, refused } = find(studio, event);
    let mut outcomes: Vec<HookOutcome> = refused
        .into_iter()
        .map(|Refused { path, why }| HookOutcome {
            hook: display_name(path.file_name().unwrap_or_default()),
            end: HookEnd::Refused(why),
        })
        .collect();
    let mut marks = payload
        .job
        .as_ref()
        .map(|job| Marks::of(&job.folder, event, job.attempt));
    for (number, hook) in hooks.iter().enumerate() {
        let name = hook.file_name().unwrap_or_default();
        let mut output = Vec::new();
        let end = if number < limits.hooks {
            let told = (event, payload, now);
            run_once(studio, hook, &mut marks, told, limits, &mut output).await
        } else {
            HookEnd::Refused(format!("there are more than {} hooks", limits.hooks))
        };
        let outcome = HookOutcome {
            hook: display_name(name),
            end,
        };
        log::append(studio, (event, payload, now), &outcome, &output, limits);
        outcomes.push(outcome);
    }
    let job_id = payload.job.as_ref().map(|job| job.id);
    let bundle = payload.job.as_ref().map(|job| job.name.as_str());
    for outcome in outcomes.iter().filter(|outcome| outcome.end.is_trouble()) {
        tracing::warn!(job_id, bundle, "hook of {}: {outcome}", event.name());
    }
    outcomes
}

/// Returns whether every hook of the event was run for the attempt at the job, or there was none.
pub fn is_over(studio: &Studio, event: HookEvent, job: &JobFacts) -> bool {
    let marks = Marks::of(&job.folder, event, job.attempt);
    find(studio, event)
        .hooks
        .iter()
        .all(|hook| marks.get(hook.file_name().unwrap_or_default()).is_some())
}

async fn run_once(
    studio: &Studio,
    hook: &std::path::Path,
    marks: &mut Option<Marks>,
    told: (HookEvent, &Payload, Timestamp),
    limits: &Limits,
    output: &mut Vec<u8>,
) -> HookEnd {
    let name = hook.file_name().unwrap_or_default();
    if let Some(marks) = marks {
        match marks.get(name) {
            None => {}
            Some(Mark::Ended) => return HookEnd::RanBefore,
            Some(Mark::MayHaveRun) => return HookEnd::MayHaveRun,
            Some(Mark::Begun) => {
                // Should this not be written, the mark still says that it was begun.
                let _best_effort = marks.set(name, Mark::MayHaveRun);
                return HookEnd::MayHaveRun;
            }
        }
        if let Err(error) = marks.set(name, Mark::Begun) {
            return HookEnd::NotMarked(crate::causes::with_causes(&error));
        }
    }
    let end = process::run(studio, hook, told, limits, output).await;
    if let Some(marks) = marks
        && let Err(error) = marks.set(name, Mark::Ended)
    {
        tracing::warn!(%error, "the end of a hook is not noted");
    }
    end
}
