//! What the daemon owes to those around it: the service manager, and the user's hooks.
//!
//! The service manager hears from the loop that does the work, and from nowhere else, so that a loop
//! that hangs is restarted. Hooks are called for reports, and run one after the other in a task of
//! their own: they hold nobody up. So does the thinning of snapshots, where the settings ask for it.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::causes::with_causes;
use crate::clock::Clock;
use crate::daemon::Report;
use crate::folder::Studio;
use crate::hooks;
use crate::hooks::HookEvent;
use crate::hooks::JobFacts;
use crate::hooks::Payload;
use crate::job::Job;
use crate::job::JobState;
use crate::protocol::Event;
use crate::retention;
use crate::retention::Disk;
use crate::retention::DiskEdge;
use crate::retention::DiskWatch;
use crate::retention::Rules;
use crate::service::Counts;
use crate::service::Notifier;

/// How much more time is asked for while the running job writes its last checkpoint, and how often.
const MORE: Duration = Duration::from_mins(1);
const AGAIN: Duration = Duration::from_secs(30);

/// An event and what its hooks are told.
type Call = (HookEvent, Payload);

/// Calls hooks; whoever has it may call them.
#[derive(Debug, Clone)]
pub(super) struct Caller(mpsc::UnboundedSender<Call>);

impl Caller {
    /// Returns a caller, and where its calls come out.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Call>) {
        let (sender, calls) = mpsc::unbounded_channel();
        (Self(sender), calls)
    }

    /// Calls the hooks that a report is for, if any.
    pub(super) fn hear(&self, report: &Report<'_>) {
        if let Some(call) = call_for(report) {
            self.call(call);
        }
    }

    fn call(&self, call: Call) {
        // The receiver lives until every caller is gone, or until an error ends everything.
        let _unheard = self.0.send(call);
    }
}

/// Runs the hooks that are called for until nobody is left to call.
pub(super) async fn run_hooks(
    studio: Studio,
    clock: Clock,
    mut calls: mpsc::UnboundedReceiver<Call>,
) {
    let limits = hooks::Limits::default();
    while let Some((event, payload)) = calls.recv().await {
        // What became of them is in the log and in `hooks.log`.
        let _outcomes = hooks::run(&studio, event, &payload, &limits, clock.wall()).await;
    }
}

/// Thins the snapshots by the rules each time it is told to, until nobody is left to tell.
pub(super) async fn thin(studio: Studio, rules: Rules, clock: Clock, mut told: mpsc::Receiver<()>) {
    let start = (clock.wall(), clock.monotonic());
    while told.recv().await.is_some() {
        let now = (clock.wall(), clock.monotonic());
        let keep_days = rules.keep_days.filter(|_| retention::is_steady(start, now));
        let rules = Rules { keep_days, ..rules };
        let place = studio.clone();
        let thinning = tokio::task::spawn_blocking(move || retention::tidy(&place, &rules, now.0));
        match thinning.await {
            Ok(Ok((_, removed))) => {
                for failure in &removed.failures {
                    tracing::warn!(error = with_causes(failure), "a snapshot is kept");
                }
                if !removed.gone.is_empty() {
                    let (count, bytes) = (removed.gone.len(), removed.bytes);
                    tracing::info!(count, bytes, "snapshots were thinned");
                }
            }
            Ok(Err(error)) => tracing::warn!(error = with_causes(&error), "snapshots are kept"),
            Err(error) => tracing::error!(%error, "thinning snapshots has a fault of its own"),
        }
    }
}

/// Returns what a report calls for.
fn call_for(report: &Report<'_>) -> Option<Call> {
    let of = |job: &Job, folder: PathBuf, attempt| Payload {
        job: Some(JobFacts {
            id: job.id.0,
            name: job.name.clone(),
            folder,
            attempt,
        }),
        ..Payload::default()
    };
    match report {
        Report::Claimed(job, folder) => {
            Some((HookEvent::Accepted, of(job, folder.to_path_buf(), 0)))
        }
        Report::Worker(job, folder, Event::Started { .. }) => Some((
            HookEvent::Started,
            of(job, folder.to_path_buf(), attempt(job)),
        )),
        Report::Done(job, folder, _) => Some((
            HookEvent::Finished,
            Payload {
                result: result(job).map(|file| folder.join(file)),
                ..of(job, folder.to_path_buf(), attempt(job))
            },
        )),
        Report::Failed(job, folder, failure) => Some((
            HookEvent::Failed,
            Payload {
                reason: Some(failure.reason.clone()),
                hint: Some(failure.hint.clone()),
                ..of(job, folder.to_path_buf(), attempt(job))
            },
        )),
        Report::Watching(_)
        | Report::Bundle(..)
        | Report::Remark(_)
        | Report::PickedUp(_)
        | Report::Blocked(..)
        | Report::Unblocked(_)
        | Report::Worker(..)
        | Report::Retrying(..)
        | Report::Cancelled(..)
        | Report::Interrupted(_)
        | Report::Paused(_)
        | Report::Resumed(_)
        | Report::Changed(_)
        | Report::Stopping(_) => None,
    }
}

fn attempt(job: &Job) -> u32 {
    job.course.attempts.last().map_or(0, |last| last.number)
}

fn result(job: &Job) -> Option<&Path> {
    let JobState::Done { result, .. } = &job.state else {
        return None;
    };
    Some(&result.file.0)
}

/// What is told to the service manager, and what hooks are called for that no report tells.
pub(super) struct Upkeep {
    notifier: Notifier,
    caller: Caller,
    /// Has the snapshots thinned.
    thinner: mpsc::Sender<()>,
    clock: Clock,
    root: PathBuf,
    disk: DiskWatch,
    has_looked: bool,
    is_ready: bool,
    was_busy: bool,
    /// When more time was asked for, while stopping.
    asked: Option<Duration>,
}

impl Upkeep {
    /// Returns an upkeep that has told nothing.
    pub(super) fn new(
        studio: &Studio,
        notifier: Notifier,
        caller: Caller,
        thinner: mpsc::Sender<()>,
        clock: Clock,
    ) -> Self {
        Self {
            notifier,
            caller,
            thinner,
            clock,
            root: studio.root.clone(),
            disk: DiskWatch::default(),
            has_looked: false,
            is_ready: false,
            was_busy: false,
            asked: None,
        }
    }

    /// Takes note that the watch folders were looked at.
    pub(super) fn looked(&mut self) {
        self.has_looked = true;
        // A disk that cannot be asked is found out about by whoever writes to it.
        let Ok(disk) = Disk::at(&self.root) else {
            return;
        };
        if let Some(DiskEdge::Low(disk)) = self.disk.look(disk) {
            let payload = Payload {
                free_bytes: Some(disk.free),
                ..Payload::default()
            };
            self.caller.call((HookEvent::DiskLow, payload));
        }
    }

    /// Takes note that a job has ended.
    pub(super) fn job_ended(&self) {
        // One that is told and not yet done does for this one, too; without rules nobody listens.
        let _told_before = self.thinner.try_send(());
    }

    /// Tells how things stand at a turn of the loop.
    pub(super) fn turn(&mut self, counts: Counts, is_stopping: bool) {
        let now = self.clock.monotonic();
        self.notifier.ping(now);
        let is_busy = counts.running + counts.queued + counts.retrying > 0;
        if is_stopping {
            self.stop(counts, now);
        } else if self.is_ready {
            self.notifier.status(&counts.to_string());
        } else if self.has_looked {
            self.is_ready = true;
            self.notifier.ready(&counts.to_string());
        }
        if self.was_busy && !is_busy && !is_stopping {
            self.caller
                .call((HookEvent::QueueEmpty, Payload::default()));
        }
        self.was_busy = is_busy;
    }

    fn stop(&mut self, counts: Counts, now: Duration) {
        match self.asked {
            None => self.notifier.stopping(&format!("stopping: {counts}")),
            Some(asked) if now < asked + AGAIN => return,
            Some(_) => {}
        }
        self.notifier.extend_timeout(MORE);
        self.asked = Some(now);
    }

    /// Waits until something is to be told; for ever if nobody listens.
    pub(super) async fn due(&self) {
        let now = self.clock.monotonic();
        let asks = self.asked.filter(|_| self.notifier.is_heard());
        let asks = asks.map(|asked| (asked + AGAIN).saturating_sub(now));
        let waits = [self.notifier.until_ping(now), asks];
        match waits.into_iter().flatten().min() {
            Some(wait) => tokio::time::sleep(wait).await,
            None => std::future::pending().await,
        }
    }
}
