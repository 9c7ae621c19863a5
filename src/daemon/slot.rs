//! The place where one job runs at a time.

use std::future::Future;
use std::future::pending;
use std::path::Component;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::causes::with_causes;
use crate::clock::Clock;
use crate::daemon::EngineChoice;
use crate::daemon::Verify;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::folder::hash_file;
use crate::job::Failure;
use crate::job::FailureKind;
use crate::job::JobId;
use crate::job::names::PathText;
use crate::protocol;
use crate::protocol::Assignment;
use crate::protocol::Edit;
use crate::protocol::Event;
use crate::supervisor;
use crate::supervisor::Ending;
use crate::supervisor::Limits;
use crate::supervisor::Urgency;
use crate::supervisor::WorkerCommand;

/// A place for one job and its worker.
pub(super) struct Slot {
    studio: PathText,
    worker: WorkerCommand,
    limits: Limits,
    engine: EngineChoice,
    verify: Verify,
    clock: Clock,
    running: Option<Running>,
}

/// What happens in a slot.
#[derive(Debug)]
pub(super) enum SlotEvent {
    /// The worker tells something.
    Told(JobId, Event),
    /// The job's worker has ended; the slot is free. With the time that it ran.
    Ended(JobId, Ending, Duration),
}

struct Running {
    job: JobId,
    since: Duration,
    urgency: watch::Sender<Urgency>,
    edits: mpsc::UnboundedSender<Edit>,
    events: mpsc::UnboundedReceiver<Event>,
    worker: Pin<Box<dyn Future<Output = Ending>>>,
}

impl Slot {
    /// Returns an empty slot.
    pub(super) fn new(
        studio: &Studio,
        (worker, limits, engine): (WorkerCommand, Limits, EngineChoice),
        verify: Verify,
        clock: Clock,
    ) -> Self {
        let studio = PathText(studio.root.clone());
        Self {
            studio,
            worker,
            limits,
            engine,
            verify,
            clock,
            running: None,
        }
    }

    /// Returns the job that runs here.
    pub(super) fn job(&self) -> Option<JobId> {
        self.running.as_ref().map(|running| running.job)
    }

    /// Starts a job; the slot is empty.
    pub(super) fn start(&mut self, folder: JobFolder, job: JobId) {
        let (urgency, hurried) = watch::channel(Urgency::None);
        let (sender, events) = mpsc::unbounded_channel();
        let (edits, edited) = mpsc::unbounded_channel();
        let assignment = Assignment {
            version: protocol::VERSION,
            job_dir: PathText(folder.path().to_owned()),
            studio: self.studio.clone(),
            device: self.engine.device.clone(),
            threads: self.engine.threads,
            ort_lib: self.engine.ort_lib.clone().map(PathText),
            checkpoint_s: None,
        };
        let (command, limits, clock) = (self.worker.clone(), self.limits, self.clock);
        let (place, verify) = (folder, Arc::clone(&self.verify));
        let worker = Box::pin(async move {
            let orders = supervisor::Orders {
                limits: &limits,
                clock,
                urgency: hurried.clone(),
                edits: edited,
            };
            let mut tell = |event: &Event| {
                // The receiver lies in the same struct as this future.
                let _unheard = sender.send(event.clone());
            };
            let log = place.log();
            let attempt = supervisor::run(&command, &assignment, &log, orders, &mut tell).await;
            examine(place, attempt.ending, verify, hurried).await
        });
        let since = self.clock.monotonic();
        self.running = Some(Running {
            job,
            since,
            urgency,
            edits,
            events,
            worker,
        });
    }

    /// Waits for something to happen; for ever in an empty slot. Nothing is lost when cancelled.
    pub(super) async fn next(&mut self) -> SlotEvent {
        let Some(running) = &mut self.running else {
            return pending().await;
        };
        let ending = tokio::select! {
            // Everything that was told comes before the end.
            biased;
            Some(event) = running.events.recv() => return SlotEvent::Told(running.job, event),
            ending = &mut running.worker => ending,
        };
        if let Ok(event) = running.events.try_recv() {
            // The end is found again: the future is replaced by one that is over.
            running.worker = Box::pin(std::future::ready(ending));
            return SlotEvent::Told(running.job, event);
        }
        let took = self.clock.monotonic().saturating_sub(running.since);
        match self.running.take() {
            Some(Running { job, .. }) => SlotEvent::Ended(job, ending, took),
            None => pending().await,
        }
    }

    /// Has the running worker change an option; it answers with an event.
    pub(super) fn edit(&self, edit: Edit) {
        if let Some(running) = &self.running {
            // The worker may have ended already; the next one is told again.
            let _may_be_over = running.edits.send(edit);
        }
    }

    /// Tells the running worker to hurry up.
    pub(super) fn hurry(&self, urgency: Urgency) {
        if let Some(running) = &self.running {
            // The worker may have ended already.
            let _ = running.urgency.send(urgency);
        }
    }
}

/// Turns a finish that is not borne out by the picture itself into a failure.
async fn examine(
    folder: JobFolder,
    ending: Ending,
    verify: Verify,
    urgency: watch::Receiver<Urgency>,
) -> Ending {
    let Ending::Finished { path, sha256 } = &ending else {
        return ending;
    };
    let (path, sha256) = (path.clone(), sha256.clone());
    // Reading a large picture takes seconds, in which signals and the inbox are attended.
    let examined = tokio::task::spawn_blocking(move || {
        let go_on = || *urgency.borrow() < Urgency::Kill;
        let verify = |path: &Path| verify(path, &go_on);
        find_problem(&folder, &path, &sha256, &verify)
    });
    let reason = match examined.await {
        Ok(Some(Ok(()))) => return ending,
        Ok(Some(Err(reason))) => reason,
        Ok(None) => return Ending::Stopped { kept: None },
        Err(error) => error.to_string(),
    };
    Ending::Failed(Failure {
        kind: FailureKind::Worker,
        reason: format!("the finished picture is not as it should be: {reason}"),
        hint: "check the disk, look at log.txt, then try again".to_owned(),
    })
}

/// Says what is wrong with a finished picture; `None` if that was not to be found out any more.
fn find_problem(
    folder: &JobFolder,
    path: &Path,
    sha256: &str,
    verify: &dyn Fn(&Path) -> Option<Result<(), String>>,
) -> Option<Result<(), String>> {
    if !path
        .components()
        .all(|component| matches!(component, Component::Normal(_)))
    {
        return Some(Err("it is outside of the job's folder".to_owned()));
    }
    let path = folder.path().join(path);
    match hash_file(&path) {
        Ok(hash) if hash != sha256 => {
            Some(Err("its bytes are not those that were written".to_owned()))
        }
        Ok(_) => verify(&path),
        Err(error) => Some(Err(with_causes(&error))),
    }
}
