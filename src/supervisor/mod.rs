//! One worker process, from its start to its end.
//!
//! Starts this program again as a worker in a process group of its own, passes its events on,
//! keeps its words in the job's `log.txt`, and says in plain words how it ended. Whatever a worker
//! does, its end is an ordinary [`Ending`]. A [`Prober`] is the same for the reading of what was
//! dropped. Shares nothing but `protocol` with either.

mod lines;
mod log;
mod probe;
mod stall;
mod verdict;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tokio::process::ChildStdin;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::protocol;
use crate::protocol::Assignment;
use crate::protocol::Edit;
use crate::protocol::Event;
use crate::protocol::Order;
use crate::supervisor::lines::Line;
use crate::supervisor::lines::Lines;
use crate::supervisor::stall::Stall;
use crate::supervisor::verdict::Evidence;

pub use crate::supervisor::probe::Prober;
pub use crate::supervisor::probe::Unanswered;
pub use crate::supervisor::verdict::Ending;

/// How to start a worker.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The executable: this program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Environment variables to set for it.
    pub variables: Vec<(OsString, OsString)>,
}

/// How long a worker may take for what, and how much it may say.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the order to stop to the kill.
    pub stop_grace: Duration,
    /// From the start to the first progress: loading, and one iteration.
    pub first_progress: Duration,
    /// The least time without progress that counts as hanging; ten usual gaps if that is longer.
    pub stall: Duration,
    /// The most bytes of its words that are kept.
    pub log_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stop_grace: Duration::from_secs(30),
            first_progress: Duration::from_mins(15),
            stall: Duration::from_mins(2),
            log_bytes: 4 << 20,
        }
    }
}

/// How long a worker's pipes are read after its end, should something still hold them open.
const DRAIN: Duration = Duration::from_secs(2);

/// How urgently a worker is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It may go on.
    None,
    /// It shall stop, with grace.
    Stop,
    /// It shall end now.
    Kill,
}

/// What a supervisor goes by.
pub struct Orders<'a> {
    /// How long the worker may take for what.
    pub limits: &'a Limits,
    /// The source of time.
    pub clock: Clock,
    /// How urgently the worker is to end.
    pub urgency: watch::Receiver<Urgency>,
    /// Changes of options to pass on to the worker; its answers are events.
    pub edits: mpsc::UnboundedReceiver<Edit>,
}

/// One attempt at a job, over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// How the worker ended.
    pub ending: Ending,
    /// The newest checkpoint that it wrote; `None` if this attempt brought none.
    pub checkpoint: Option<Reached>,
}

/// How far a job is safe on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The stage, from 1.
    pub stage: u32,
    /// The last iteration within the stage that need not be made again.
    pub iteration: u32,
}

/// Runs one worker over `assignment` to its end and returns how that was.
///
/// Events are passed to `tell` as they come. When `urgency` rises, the worker is stopped or killed.
/// An edit that the worker does not answer has not been carried out. Dropping the future kills the
/// worker.
pub async fn run(
    command: &WorkerCommand,
    assignment: &Assignment,
    log: &Path,
    orders: Orders<'_>,
    tell: &mut dyn FnMut(&Event),
) -> Attempt {
    let Orders {
        limits,
        clock,
        urgency,
        edits,
    } = orders;
    let n_oom_kills = verdict::n_oom_kills();
    let (child, stdin) = match start(command, assignment).await {
        Ok(started) => started,
        Err(error) => {
            return Attempt {
                ending: verdict::not_started(&error),
                checkpoint: None,
            };
        }
    };
    let group = Group(
        child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)),
    );
    let mut attendant = Attendant {
        child,
        stdin: Some(stdin),
        group,
        limits,
        clock,
        urgency,
        edits,
    };
    let mut evidence = attendant.attend(log, tell).await;
    evidence.is_out_of_memory = verdict::n_oom_kills() > n_oom_kills;
    Attempt {
        checkpoint: evidence.checkpoint,
        ending: verdict::judge(evidence),
    }
}

async fn start(
    command: &WorkerCommand,
    assignment: &Assignment,
) -> io::Result<(Child, ChildStdin)> {
    let mut child = Command::new(&command.program)
        .args(&command.args)
        .envs(command.variables.iter().cloned())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let missing = || io::Error::other("the worker has no standard input");
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let sent = stdin.write_all(&protocol::to_line(assignment)?).await;
    // A worker that died before it read its assignment is judged by its end, like any other.
    sent.or_else(|error| {
        (error.kind() == io::ErrorKind::BrokenPipe)
            .then_some(())
            .ok_or(error)
    })?;
    Ok((child, stdin))
}

/// A worker's process group: the worker and whatever it started.
struct Group(Option<Pid>);

impl Group {
    /// Kills everything in the group.
    fn kill(&self) {
        if let Some(pid) = self.0 {
            // Nobody may be left in it.
            let _may_be_empty = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A worker that is being watched.
struct Attendant<'a> {
    child: Child,
    /// Dropped to tell the worker that nobody is listening any more.
    stdin: Option<ChildStdin>,
    group: Group,
    limits: &'a Limits,
    clock: Clock,
    urgency: watch::Receiver<Urgency>,
    edits: mpsc::UnboundedReceiver<Edit>,
}

impl Attendant<'_> {
    /// Attends the worker until it has ended and everything it said is read.
    async fn attend(&mut self, log: &Path, tell: &mut dyn FnMut(&Event)) -> Evidence {
        let mut evidence = Evidence::default();
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let mut lines = Lines::new(stdout);
        let mut log = log::Log::new(log, stderr, self.limits.log_bytes);
        let mut stall = Stall::new(self.limits, self.clock.monotonic());
        let mut kill_at = None;
        let mut is_listening = true;
        let (mut is_reading, mut is_logging, mut is_edited) = (true, true, true);
        while evidence.exit.is_none() || is_reading || is_logging {
            let deadline = kill_at.unwrap_or(stall.deadline());
            let left = deadline.saturating_sub(self.clock.monotonic());
            tokio::select! {
                line = lines.next(), if is_reading => match line {
                    Some(Line::Event(event)) => {
                        let now = self.clock.monotonic();
                        stall.note(&event, now);
                        if event == Event::Heartbeat && self.is_stopping() {
                            // It writes its checkpoint, which may be gigabytes.
                            kill_at = kill_at.map(|at: Duration| at.max(now + self.limits.stop_grace));
                        }
                        tell(&event);
                        evidence.hear(event);
                    }
                    Some(Line::Garbage) => {
                        evidence.n_garbage += 1;
                        if evidence.is_unreadable() {
                            self.group.kill();
                        }
                    }
                    None => is_reading = false,
                },
                more = log.copy_some(), if is_logging => is_logging = more,
                exit = self.child.wait(), if evidence.exit.is_none() => {
                    evidence.exit = Some(exit);
                    // Children of the worker must not live on, nor keep its pipes open. Its number
                    // may be given to others from now on.
                    self.group.kill();
                    self.group.0 = None;
                    self.stdin = None;
                    kill_at = Some(self.clock.monotonic() + DRAIN);
                }
                changed = self.urgency.changed(), if is_listening => {
                    is_listening = changed.is_ok();
                    let urgency = *self.urgency.borrow_and_update();
                    if urgency > Urgency::None {
                        evidence.was_stopped = true;
                        kill_at = Some(self.stop(urgency).await);
                    }
                }
                edit = self.edits.recv(), if is_edited => match edit {
                    Some(edit) => self.send(&Order::Edit(edit)).await,
                    None => is_edited = false,
                },
                () = tokio::time::sleep(left) => {
                    if evidence.exit.is_some() {
                        break;
                    }
                    if kill_at.is_none() {
                        evidence.stalled_for = Some(stall.allowance());
                    }
                    kill_at = Some(deadline + self.limits.stop_grace);
                    self.group.kill();
                }
            }
        }
        evidence
    }

    /// Asks the worker to stop and returns when it will be killed.
    async fn stop(&mut self, urgency: Urgency) -> Duration {
        let now = self.clock.monotonic();
        if urgency == Urgency::Kill {
            return now;
        }
        // The end of the input says the same, should the worker not read any more.
        self.send(&Order::Stop(true)).await;
        self.stdin = None;
        now + self.limits.stop_grace
    }

    /// Gives the worker an order, if it still listens.
    async fn send(&mut self, order: &Order) {
        if let (Some(stdin), Ok(line)) = (&mut self.stdin, protocol::to_line(order)) {
            let _may_be_gone = stdin.write_all(&line).await;
        }
    }

    /// Returns true if the worker was told to stop and may take its time over it.
    fn is_stopping(&self) -> bool {
        *self.urgency.borrow() == Urgency::Stop
    }
}
