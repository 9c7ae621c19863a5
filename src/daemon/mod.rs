//! The watching process: wiring and order only.
//!
//! Takes the studio's lock, picks up what an earlier run left, lets the inbox find jobs, runs them
//! one after the other in worker processes, and puts them away. All tasks and threads are started
//! and joined here. One bad job never stops the next; whatever happens is told through [`Report`].

mod lock;
mod seed;
mod slot;

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::daemon::slot::Slot;
use crate::daemon::slot::SlotEvent;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::ingest::BundleState;
use crate::ingest::Check;
use crate::ingest::Inbox;
use crate::ingest::Leftover;
use crate::ingest::Notice;
use crate::ingest::Patience;
use crate::ingest::Source;
use crate::ingest::SourceEvent;
use crate::ingest::recover;
use crate::job::Failure;
use crate::job::FailureKind;
use crate::job::Job;
use crate::job::JobId;
use crate::job::JobState;
use crate::protocol::Event;
use crate::supervisor::Limits;
use crate::supervisor::Urgency;
use crate::supervisor::WorkerCommand;

pub use crate::daemon::lock::Lock;
pub use crate::daemon::seed::Sample;
pub use crate::daemon::seed::drop_sample;

/// Decides whether the finished picture at a path is whole; the error says what is wrong with it.
pub type Verify = Box<dyn Fn(&Path) -> Result<(), String>>;

/// What the watching process works with.
pub struct Setup {
    /// How patient the inbox is.
    pub patience: Patience,
    /// What a worker may take.
    pub limits: Limits,
    /// How to start a worker.
    pub worker: WorkerCommand,
    /// Where ONNX Runtime is, the device and the threads, for the worker to use.
    pub engine: EngineChoice,
    /// Decides whether a bundle can be used.
    pub check: Check,
    /// Decides whether a result is whole.
    pub verify: Verify,
    /// Dropped into the empty `watch/` of a studio in which the program never ran.
    pub sample: Option<Sample>,
    /// End when nothing is left to do.
    pub until_idle: bool,
}

/// What the command line says about computing; absent values are left to the profile.
#[derive(Debug, Clone, Default)]
pub struct EngineChoice {
    /// `auto`, `cpu`, `cuda` or `cuda:0`.
    pub device: Option<String>,
    /// How many threads to compute with.
    pub threads: Option<u32>,
    /// The ONNX Runtime library.
    pub ort_lib: Option<PathBuf>,
}

/// How the watching ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do.
    Idle {
        /// How many jobs of this run have a result.
        n_done: usize,
        /// How many have none.
        n_failed: usize,
    },
    /// It was told to stop.
    Stopped,
}

/// What ends the watching process.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// Another process watches this studio.
    #[error("pentimento is already running in this studio ({holder}); only one can watch it")]
    AlreadyRunning {
        /// What the lock file says about the other process.
        holder: String,
    },
    /// The studio's folders cannot be used.
    #[error("cannot set up the studio")]
    Studio(#[from] FolderError),
    /// The system refuses what the process needs.
    #[error("cannot {what}")]
    System {
        /// The verb and its object.
        what: &'static str,
        #[source]
        source: io::Error,
    },
}

/// Something to tell the user.
#[derive(Debug)]
pub enum Report<'a> {
    /// Watching has begun.
    Watching(&'a Path),
    /// A bundle in `watch/` stands differently than before.
    Bundle(&'a str, &'a BundleState),
    /// A remark.
    Remark(&'a str),
    /// A bundle became a job.
    Claimed(&'a Job),
    /// A job of an earlier run will run again.
    PickedUp(&'a Job),
    /// The worker tells something.
    Worker(&'a Job, &'a Event),
    /// A job is done; where its folder is, and how long it ran.
    Done(&'a Job, &'a Path, Duration),
    /// A job failed; where its folder is.
    Failed(&'a Job, &'a Path, &'a Failure),
    /// A job was stopped and will run again at the next start.
    Interrupted(&'a Job),
    /// No new job will be started; the running one, if any, is being stopped.
    Stopping(Option<JobId>),
}

/// Tells a report; returns false when nobody is listening any more, which stops the process.
pub type Tell<'a> = &'a mut dyn FnMut(Report<'_>) -> bool;

/// Watches the studio until told to stop or, if so set up, until nothing is left to do.
pub fn run(studio: &Studio, setup: Setup, clock: Clock, tell: Tell<'_>) -> Result<Outcome, Fatal> {
    let is_first_run = !studio.has_run();
    studio.prepare()?;
    let lock = Lock::take(studio, clock.wall())?;
    if let Some(sample) = setup.sample.as_ref().filter(|_| is_first_run) {
        drop_sample(studio, sample)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Fatal::System {
            what: "start the event loop",
            source,
        })?;
    let outcome = runtime.block_on(watch(studio, setup, clock, tell));
    drop(lock);
    outcome
}

async fn watch(
    studio: &Studio,
    setup: Setup,
    clock: Clock,
    tell: Tell<'_>,
) -> Result<Outcome, Fatal> {
    let mut stop = StopSignals::listen()?;
    let Setup {
        patience,
        limits,
        worker,
        engine,
        check,
        verify,
        until_idle,
        sample: _,
    } = setup;
    let inbox = Inbox::new(studio.clone(), patience, check, clock);
    let (sender, mut found) = mpsc::unbounded_channel();
    let (source, look) = Source::new(inbox, move |event| {
        // The receiver lives until the thread is joined, or until an error ends everything.
        let _unheard = sender.send(event);
    });
    let slot = Slot::new(studio, worker, limits, engine, clock);
    let mut floor = Floor {
        studio,
        clock,
        tell,
        verify,
        slot,
        queue: VecDeque::new(),
        tally: (0, 0),
    };
    let mut is_heard = (floor.tell)(Report::Watching(&studio.watch()));
    floor.pick_up()?;
    let thread = std::thread::Builder::new()
        .name("inbox".to_owned())
        .spawn(look)
        .map_err(|source| Fatal::System {
            what: "start the inbox's thread",
            source,
        })?;

    let mut idle = Idle::default();
    let mut is_stopping = false;
    loop {
        if !is_stopping {
            floor.start_next();
        }
        let is_quiet = floor.queue.is_empty() && floor.slot.job().is_none();
        if is_stopping && floor.slot.job().is_none() || until_idle && is_quiet && idle.is_over() {
            break;
        }
        if until_idle && is_quiet && idle.wants_look() {
            source.look();
        }
        tokio::select! {
            Some(event) = found.recv() => match event {
                SourceEvent::Looked(outlook) => idle.looked(outlook.n_settling),
                SourceEvent::Notice(notice) => is_heard &= floor.notice(notice),
            },
            event = floor.slot.next() => {
                if let SlotEvent::Ended(..) = event {
                    idle.job_ended();
                }
                is_heard &= floor.worked(event);
            }
            () = stop.next() => {
                let urgency = if is_stopping { Urgency::Kill } else { Urgency::Stop };
                floor.slot.hurry(urgency);
                is_stopping = true;
                (floor.tell)(Report::Stopping(floor.slot.job().map(|job| job.id)));
            }
        }
        if !is_heard && !is_stopping {
            is_stopping = true;
            floor.slot.hurry(Urgency::Stop);
        }
    }
    source.end();
    if thread.join().is_err() {
        tracing::error!("the inbox's thread panicked");
    }
    while let Ok(event) = found.try_recv() {
        // Claimed while ending: lies in `active/` and will be picked up at the next start.
        if let SourceEvent::Notice(Notice::Claimed(_, job)) = event {
            (floor.tell)(Report::Interrupted(&job));
        }
    }
    let (n_done, n_failed) = floor.tally;
    Ok(if is_stopping {
        Outcome::Stopped
    } else {
        Outcome::Idle { n_done, n_failed }
    })
}

/// Whether nothing is arriving, as far as the inbox has looked.
#[derive(Debug, Default)]
struct Idle {
    n_settling: Option<usize>,
    is_asked: bool,
}

impl Idle {
    fn looked(&mut self, n_settling: usize) {
        self.n_settling = Some(n_settling);
        self.is_asked = false;
    }

    /// What was dropped while a job ran may not have been seen yet.
    fn job_ended(&mut self) {
        self.n_settling = None;
        self.is_asked = false;
    }

    fn is_over(&self) -> bool {
        self.n_settling == Some(0)
    }

    /// Returns true once when there is no look to go by.
    fn wants_look(&mut self) -> bool {
        self.n_settling.is_none() && !std::mem::replace(&mut self.is_asked, true)
    }
}

/// The work floor: what waits, what runs, and what becomes of it.
struct Floor<'a> {
    studio: &'a Studio,
    clock: Clock,
    tell: Tell<'a>,
    verify: Verify,
    slot: Slot,
    queue: VecDeque<(JobFolder, Job)>,
    /// How many jobs of this run are done, and how many failed.
    tally: (usize, usize),
}

impl Floor<'_> {
    /// Queues the jobs that an earlier run left, and puts away those that were only not put away.
    fn pick_up(&mut self) -> Result<(), Fatal> {
        for leftover in recover(self.studio)? {
            match leftover {
                Leftover::Job(folder, job) => match job.state {
                    JobState::Done { .. } | JobState::Failed { .. } => {
                        self.put_away(&folder, &job);
                    }
                    JobState::Claiming { .. } | JobState::Queued | JobState::Running { .. } => {
                        (self.tell)(Report::PickedUp(&job));
                        self.queue.push_back((folder, job));
                    }
                },
                Leftover::Stuck(folder, error) => {
                    let path = crate::job::names::display_path(folder.path());
                    self.incident(
                        &format!("{path}: its pictures are not all there yet"),
                        &error,
                    );
                }
                Leftover::Damaged(folder, error) => self.set_aside(&folder, &error),
            }
        }
        Ok(())
    }

    /// Moves a folder without a readable record to `failed/`, with the reason beside its pictures.
    fn set_aside(&mut self, folder: &JobFolder, error: &FolderError) {
        let name = crate::job::names::display_path(folder.path());
        let failure = Failure {
            kind: FailureKind::Input,
            reason: format!("job.json cannot be read: {error}"),
            hint: "drop the pictures in inputs/ into watch/ again".to_owned(),
        };
        let moved = folder
            .write_reason(&name, &failure)
            .and_then(|()| self.studio.archive_damaged(folder));
        match moved {
            Ok(folder) => {
                let path = crate::job::names::display_path(folder.path());
                (self.tell)(Report::Remark(&format!(
                    "{path}: set aside, {}",
                    failure.reason
                )));
            }
            Err(error) => self.incident(&name, &error),
        }
    }

    /// Starts the next job if the slot is free.
    fn start_next(&mut self) {
        if self.slot.job().is_some() {
            return;
        }
        let Some((folder, mut job)) = self.queue.pop_front() else {
            return;
        };
        let started = self.clock.wall();
        // A job that an earlier run left running was never put back.
        if let JobState::Running { .. } = job.state {
            job.state = JobState::Queued;
        }
        let entered = job.enter(JobState::Running { started });
        debug_assert!(
            entered.is_ok(),
            "only queued jobs are in the queue: {entered:?}"
        );
        if !folder.path().is_dir() {
            (self.tell)(Report::Remark(&format!(
                "{} {}: its folder was removed",
                job.id, job.name
            )));
            return;
        }
        if let Err(error) = folder.write(&job) {
            let failure = Failure {
                kind: FailureKind::Disk,
                reason: format!("the job's record cannot be written: {error}"),
                hint: "make room on the disk and check that the studio can be written to"
                    .to_owned(),
            };
            self.fail(&folder, job, failure);
            return;
        }
        self.slot.start(folder, job);
    }

    /// Takes in what the inbox found. Returns false when nobody is listening any more.
    fn notice(&mut self, notice: Notice) -> bool {
        match notice {
            Notice::Bundle(name, state) => (self.tell)(Report::Bundle(&name, &state)),
            Notice::Remark(text) => (self.tell)(Report::Remark(&text)),
            Notice::Claimed(folder, job) => {
                let is_heard = (self.tell)(Report::Claimed(&job));
                self.queue.push_back((folder, job));
                is_heard
            }
        }
    }

    /// Takes in what the running job did. Returns false when nobody is listening any more.
    fn worked(&mut self, event: SlotEvent) -> bool {
        match event {
            SlotEvent::Told(event) => match self.slot.job() {
                Some(job) => (self.tell)(Report::Worker(job, &event)),
                None => true,
            },
            SlotEvent::Ended(folder, job, ending, took) => self.ended(&folder, job, ending, took),
        }
    }

    fn ended(
        &mut self,
        folder: &JobFolder,
        mut job: Job,
        ending: crate::supervisor::Ending,
        took: Duration,
    ) -> bool {
        use crate::supervisor::Ending;
        match slot::examine(folder, ending, &self.verify) {
            Ending::Finished { path, sha256 } => {
                let file = crate::job::names::PathText(path);
                let result = crate::job::Painting { file, sha256 };
                job.state = JobState::Done {
                    finished: self.clock.wall(),
                    result,
                };
                self.tally.0 += 1;
                let folder = self.put_away(folder, &job);
                (self.tell)(Report::Done(&job, folder.path(), took))
            }
            Ending::Failed(failure) => self.fail(folder, job, failure),
            Ending::Stopped => {
                job.state = JobState::Queued;
                if let Err(error) = folder.write(&job) {
                    self.incident(&job.name, &error);
                }
                (self.tell)(Report::Interrupted(&job))
            }
        }
    }

    fn fail(&mut self, folder: &JobFolder, mut job: Job, failure: Failure) -> bool {
        job.state = JobState::Failed {
            finished: self.clock.wall(),
            failure: failure.clone(),
        };
        self.tally.1 += 1;
        if let Err(error) = folder.write_reason(&job.name, &failure) {
            self.incident(&job.name, &error);
        }
        let folder = self.put_away(folder, &job);
        (self.tell)(Report::Failed(&job, folder.path(), &failure))
    }

    /// Writes a final record and moves the folder where it belongs. If that cannot be done, the
    /// folder stays in `active/` and the next start tries again.
    fn put_away(&mut self, folder: &JobFolder, job: &Job) -> JobFolder {
        let moved = folder
            .write(job)
            .and_then(|()| self.studio.archive(folder, job, self.clock.wall()));
        moved.unwrap_or_else(|error| {
            self.incident(&format!("{} {} stays in active/", job.id, job.name), &error);
            folder.clone()
        })
    }

    fn incident(&mut self, subject: &str, error: &FolderError) {
        let text = crate::ingest::chain(error);
        tracing::error!(subject, error = text, "incident");
        (self.tell)(Report::Remark(&format!("{subject}: {text}")));
    }
}

/// The signals that end the process with grace.
struct StopSignals([tokio::signal::unix::Signal; 3]);

impl StopSignals {
    fn listen() -> Result<Self, Fatal> {
        let listen = |kind| {
            signal(kind).map_err(|source| Fatal::System {
                what: "listen to signals",
                source,
            })
        };
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        let received = tokio::select! {
            received = interrupt.recv() => received,
            received = terminate.recv() => received,
            received = hangup.recv() => received,
        };
        if received.is_none() {
            pending::<()>().await;
        }
    }
}
