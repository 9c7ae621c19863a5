//! The watching process: wiring and order only.
//!
//! Takes the studio's lock, listens on its socket, picks up what an earlier run left, lets the inbox
//! find jobs, runs them one after the other in worker processes, and puts them away. All tasks and
//! threads are started and joined here. One bad job never stops the next; whatever happens is told
//! through [`Report`], and published to clients.

mod floor;
mod host;
mod ledger;
mod lock;
mod publisher;
mod room;
mod seed;
mod slot;
mod stop;
mod upkeep;

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::App;
use crate::api::Fixed;
use crate::api::feed::Feed;
use crate::api::server::Server;
use crate::api::socket::Listener;
use crate::api::socket::Places;
use crate::api::socket::SocketError;
use crate::clock::Clock;
use crate::control::Desk;
use crate::control::Request;
use crate::control::rerun;
use crate::control::rerun::Review;
use crate::daemon::floor::Demand;
use crate::daemon::floor::Floor;
use crate::daemon::floor::Waits;
use crate::daemon::ledger::Ledger;
use crate::daemon::publisher::Publisher;
use crate::daemon::slot::Slot;
use crate::daemon::slot::SlotEvent;
use crate::daemon::stop::Idle;
use crate::daemon::stop::Signalled;
use crate::daemon::stop::Signals;
use crate::daemon::upkeep::Caller;
use crate::daemon::upkeep::Upkeep;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::ingest::BundleState;
use crate::ingest::Check;
use crate::ingest::Inbox;
use crate::ingest::IngestError;
use crate::ingest::Links;
use crate::ingest::Patience;
use crate::ingest::Source;
use crate::ingest::SourceEvent;
use crate::job::Backoff;
use crate::job::Failure;
use crate::job::Job;
use crate::job::JobId;
use crate::job::Obstacle;
use crate::protocol::Event;
use crate::retention::Rules;
use crate::service::Notifier;
use crate::store::StoreError;
use crate::supervisor::Limits;
use crate::supervisor::Urgency;
use crate::supervisor::WorkerCommand;

pub use crate::daemon::lock::Lock;
pub use crate::daemon::seed::Sample;
pub use crate::daemon::seed::drop_sample;

/// Decides whether the finished picture at a path is whole; the error says what is wrong with it.
///
/// It may take a while, and asks its second argument whether to go on: `None` if it did not.
pub type Verify = Arc<dyn Fn(&Path, &dyn Fn() -> bool) -> Option<Result<(), String>> + Send + Sync>;

/// Decides what keeps the job in a folder from running, if anything does; cheap, since it is asked
/// again and again.
pub type Hindrance = Box<dyn Fn(&JobFolder) -> Option<Obstacle>>;

/// What the watching process works with.
pub struct Setup {
    /// How patient the inbox is.
    pub patience: Patience,
    /// What a worker may take.
    pub limits: Limits,
    /// How long to wait before another attempt.
    pub backoff: Backoff,
    /// How long a job that lacks room or memory waits where there is no more of it.
    pub shortage: Duration,
    /// How to start a worker.
    pub worker: WorkerCommand,
    /// Where ONNX Runtime is, the device and the threads, for the worker to use.
    pub engine: EngineChoice,
    /// Whether links in `watch/` stand for the files that they lead to.
    pub links: Links,
    /// Decides whether a bundle can be used.
    pub check: Check,
    /// Decides what a job lacks to run.
    pub hindrance: Hindrance,
    /// Folders outside of `watch/` in which that may appear.
    pub aside: Vec<PathBuf>,
    /// Decides whether a result is whole.
    pub verify: Verify,
    /// Decides whether a changed profile can be used.
    pub review: Review,
    /// By which snapshots are thinned.
    pub rules: Rules,
    /// The line to the service manager.
    pub notifier: Notifier,
    /// Where the socket may be.
    pub places: Places,
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
        /// How many wait for something that is missing.
        n_blocked: usize,
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
    /// A watch folder cannot be watched.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The studio's folders cannot be used.
    #[error("cannot set up the studio")]
    Studio(#[from] FolderError),
    /// The job store cannot be used; what is there stays as it is.
    #[error("cannot open the job store")]
    Store(#[from] StoreError),
    /// There is no socket to listen on.
    #[error("cannot listen for commands")]
    Socket(#[from] SocketError),
    /// It was to go on until nothing is left, and cannot see what is there.
    #[error("it cannot be said that nothing is left to do")]
    Blind(#[source] FolderError),
    /// The inbox's thread ended, which it never should.
    #[error("the inbox has ended by a fault of its own; start pentimento again, nothing is lost")]
    Inbox,
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
    /// A bundle became a job; where its folder is.
    Claimed(&'a Job, &'a Path),
    /// A job of an earlier run will run again.
    PickedUp(&'a Job),
    /// Something that a job needs is missing.
    Blocked(&'a Job, &'a Obstacle),
    /// What a blocked job needed is there.
    Unblocked(&'a Job),
    /// The worker of a job tells something; where the job's folder is.
    Worker(&'a Job, &'a Path, &'a Event),
    /// A job is done; where its folder is, and how long it ran.
    Done(&'a Job, &'a Path, Duration),
    /// A job failed; where its folder is.
    Failed(&'a Job, &'a Path, &'a Failure),
    /// An attempt failed; after how long there will be another one.
    Retrying(&'a Job, &'a Failure, Duration),
    /// A job was cancelled; where its folder is.
    Cancelled(&'a Job, &'a Path),
    /// A job was stopped and will run again at the next start.
    Interrupted(&'a Job),
    /// A job waits until it is told to go on.
    Paused(&'a Job),
    /// Somebody told a job to go on.
    Resumed(&'a Job),
    /// Somebody changed something about a job: its place, its options, a mark.
    Changed(&'a Job),
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
    let signals = Signals::listen()?;
    let listener = Listener::open(&studio.state, &setup.places)?;
    rerun::clear_staging(&studio.state)?;
    let mut publisher = Publisher::new(studio, clock);
    let feed = publisher.feed().clone();
    let (caller, calls) = Caller::new();
    let (thinner, told) = mpsc::channel(1);
    let upkeep = Upkeep::new(studio, setup.notifier, caller.clone(), thinner, clock);
    let mut tell_all = move |report: Report<'_>| {
        publisher.publish(&report);
        caller.hear(&report);
        tell(report)
    };
    let inbox = Inbox::open(
        studio.clone(),
        setup.patience,
        setup.links,
        setup.check,
        clock,
    )?;
    let (sender, found) = mpsc::unbounded_channel();
    let (source, look) = Source::new(inbox, setup.aside, move |event| {
        // The receiver lives until the thread is joined, or until an error ends everything.
        let _unheard = sender.send(event);
    });
    let work = (setup.worker, setup.limits, setup.engine);
    let slot = Slot::new(studio, work, setup.verify, clock);
    let waits = Waits {
        backoff: setup.backoff,
        shortage: setup.shortage,
    };
    let workplace = (slot, Ledger::open(studio, clock.wall())?, source.clone());
    let judgement = (setup.hindrance, waits);
    let mut floor = Floor::new(studio, clock, &mut tell_all, judgement, workplace);
    floor.open()?;
    let (mut hosts, ending, requests) = host(studio, listener, (feed, clock, setup.review));
    let mut chores = JoinSet::new();
    chores.spawn(upkeep::run_hooks(studio.clone(), clock, calls));
    if setup.rules != Rules::default() {
        chores.spawn(upkeep::thin(studio.clone(), setup.rules, clock, told));
    }
    let thread = std::thread::Builder::new()
        .name("inbox".to_owned())
        .spawn(look)
        .map_err(|source| Fatal::System {
            what: "start the inbox's thread",
            source,
        })?;
    let mut ears = Ears {
        found,
        signals,
        requests,
        upkeep,
    };
    let attended = attend(&mut floor, &mut ears, &source, setup.until_idle).await;
    source.end();
    // Whoever asks from here on is told that the daemon is ending.
    ears.requests.close();
    ending.send_replace(true);
    while hosts.join_next().await.is_some() {}
    let is_whole = thread.join().is_ok();
    while let Ok(event) = ears.found.try_recv() {
        if let SourceEvent::Notice(notice) = event {
            // What was claimed while ending lies in `active/` until the next start.
            floor.notice(notice);
        }
    }
    // Nobody is left to ask for more; what was asked for is done.
    drop((floor, ears));
    drop(tell_all);
    while chores.join_next().await.is_some() {}
    if is_whole {
        attended
    } else {
        Err(Fatal::Inbox)
    }
}

/// Begins to serve clients. Returns the task, how to end it, and where their requests come out.
fn host(
    studio: &Studio,
    listener: Listener,
    (feed, clock, review): (Feed, Clock, Review),
) -> (JoinSet<()>, watch::Sender<bool>, mpsc::Receiver<Request>) {
    let (desk, requests) = Desk::new();
    let server = Server::new(App {
        desk,
        feed,
        clock,
        review,
        fixed: Arc::new(Fixed {
            studio: studio.root.clone(),
            state: studio.state.clone(),
        }),
    });
    let (ending, ended) = watch::channel(false);
    let mut hosts = JoinSet::new();
    hosts.spawn(host::receive(listener, server, ended));
    (hosts, ending, requests)
}

/// What the watching process listens to, beside its worker.
struct Ears {
    found: mpsc::UnboundedReceiver<SourceEvent>,
    signals: Signals,
    requests: mpsc::Receiver<Request>,
    upkeep: Upkeep,
}

/// Does what there is to do until the end.
async fn attend(
    floor: &mut Floor<'_>,
    ears: &mut Ears,
    source: &Source,
    until_idle: bool,
) -> Result<Outcome, Fatal> {
    let mut idle = Idle::default();
    let mut is_stopping = false;
    loop {
        floor.tell_trouble();
        if !is_stopping {
            floor.start_next();
        }
        ears.upkeep.turn(floor.counts(), is_stopping);
        if is_stopping && !floor.is_running() {
            return Ok(Outcome::Stopped);
        }
        if until_idle && floor.is_empty() {
            if idle.is_over() {
                return Ok(floor.outcome());
            }
            if idle.wants_look() {
                source.look();
            }
        }
        let mut stops = false;
        let is_heard = tokio::select! {
            event = ears.found.recv() => match event {
                Some(SourceEvent::Looked(outlook)) => {
                    idle.looked(outlook.n_settling);
                    ears.upkeep.looked();
                    floor.unblock()
                }
                Some(SourceEvent::Blind(error)) if until_idle && floor.is_empty() => {
                    return Err(Fatal::Blind(error));
                }
                Some(SourceEvent::Blind(_)) => floor.unblock(),
                Some(SourceEvent::Notice(notice)) => floor.notice(notice),
                None => return Err(Fatal::Inbox),
            },
            event = floor.next() => match event {
                Some(event) => {
                    let is_end = matches!(event, SlotEvent::Ended(..));
                    if is_end {
                        idle.job_ended();
                        ears.upkeep.job_ended();
                    }
                    let is_heard = floor.worked(event);
                    if is_end {
                        // A bundle may have been held because of the job.
                        source.look();
                    }
                    is_heard
                }
                None => floor.come_due(),
            },
            Some(request) = ears.requests.recv() => {
                match floor.answer(request) {
                    Demand::Nothing => {}
                    Demand::Look => source.look(),
                    Demand::Stop => stops = true,
                }
                true
            }
            signal = ears.signals.next() => match signal {
                Signalled::Stop => {
                    stops = true;
                    true
                }
                Signalled::Reload => floor.cannot_reload(),
            },
            () = ears.upkeep.due() => true,
        };
        if stops {
            floor.hurry(if is_stopping {
                Urgency::Kill
            } else {
                Urgency::Stop
            });
            is_stopping = true;
        } else if !is_heard && !is_stopping {
            is_stopping = true;
            floor.hurry(Urgency::Stop);
        }
    }
}
