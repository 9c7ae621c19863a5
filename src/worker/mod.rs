//! The worker process: reads its assignment, paints, and tells what happens.
//!
//! Self-contained: a job's folder in, events and files out; it knows nothing of queues. It stops
//! within one iteration when told to or when its input ends, writing a checkpoint first, and ends
//! itself should it show no sign of life for longer than its grace, so that no worker outlives its
//! supervisor.

pub mod computing;
pub mod pace;
pub mod painting;
pub mod rehearsal;

use std::any::Any;
use std::io;
use std::io::BufRead;
use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use crate::job::names::PathText;
use crate::protocol;
use crate::protocol::Assignment;
use crate::protocol::Edit;
use crate::protocol::Event;
use crate::protocol::FailureClass;
use crate::protocol::Order;

/// How long a worker whose supervisor is gone may take to stop; a heartbeat begins it anew.
const GRACE: Duration = Duration::from_secs(30);

/// Edits that are asked for, in the order in which they came.
pub type Edits = mpsc::Receiver<Edit>;

/// Whether to go on after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop: keep what there is and return `Ended::Stopped`.
    Stop,
}

/// How a painting ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The picture is written.
    Finished {
        /// Its path below the job's folder.
        path: PathBuf,
        /// Lower-case hexadecimal SHA-256 of its bytes.
        sha256: String,
    },
    /// It was told to stop.
    Stopped {
        /// The stage (from 1) and iteration that a later attempt goes on from, where there is a
        /// picture to go on with.
        kept: Option<(u32, u32)>,
    },
}

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// What happened, in plain words.
    pub reason: String,
    /// What the user can do about it.
    pub hint: String,
    /// What kind of failure it is.
    pub class: FailureClass,
}

/// Runs a worker over its assignment from `input` and returns true if it ended as it should:
/// painted or stopped. Events go to `output`.
///
/// `paint` is handed the assignment, the edits that are asked for as they come, and a function to
/// call with every event; that returns whether to go on. A panic in `paint` is reported as a
/// failure.
pub fn run(
    input: impl BufRead + Send + 'static,
    output: impl Write,
    paint: impl FnOnce(&Assignment, &Edits, &mut dyn FnMut(Event) -> Flow) -> Result<Ended, Failed>,
) -> io::Result<bool> {
    let mut input = input;
    let mut output = output;
    let assignment = match read_assignment(&mut input)? {
        Ok(assignment) => assignment,
        Err(failed) => {
            send(&mut output, &failed_event(failed))?;
            return Ok(false);
        }
    };
    let is_stopped = Arc::new(AtomicBool::new(false));
    let (life, signs_of_life) = mpsc::channel::<()>();
    let (edits, edits_to_make) = mpsc::channel();
    let ear = Ear {
        is_stopped: Arc::clone(&is_stopped),
        edits,
        signs_of_life,
    };
    std::thread::spawn(move || ear.listen(input));

    let mut broken = None;
    let mut tell = |event: Event| {
        if event == Event::Heartbeat {
            // Heard once the input has ended.
            let _unheard = life.send(());
        }
        if let Err(error) = send(&mut output, &event) {
            broken.get_or_insert(error);
        }
        let stop = broken.is_some() || is_stopped.load(Ordering::Acquire);
        if stop { Flow::Stop } else { Flow::Continue }
    };
    let painted = std::panic::catch_unwind(AssertUnwindSafe(|| {
        paint(&assignment, &edits_to_make, &mut tell)
    }));
    drop(life);
    if let Some(error) = broken {
        return Err(error);
    }
    let ended = painted.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
    match ended {
        Ok(Ended::Stopped { kept }) => {
            if let Some((stage, iteration)) = kept {
                send(&mut output, &Event::Stopped { stage, iteration })?;
            }
            Ok(true)
        }
        Ok(Ended::Finished { path, sha256 }) => {
            send(
                &mut output,
                &Event::Finished {
                    path: PathText(path),
                    sha256,
                },
            )?;
            Ok(true)
        }
        Err(failed) => {
            send(&mut output, &failed_event(failed))?;
            Ok(false)
        }
    }
}

fn read_assignment(input: &mut impl BufRead) -> io::Result<Result<Assignment, Failed>> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    let assignment: Assignment = match protocol::from_line(&line) {
        Ok(assignment) => assignment,
        Err(error) => {
            let reason = format!("the assignment cannot be read: {error}");
            return Ok(Err(internal(reason)));
        }
    };
    if assignment.version != protocol::VERSION {
        let theirs = assignment.version;
        let reason = format!(
            "the assignment has version {theirs}, and this worker speaks {}",
            protocol::VERSION
        );
        let hint = "restart pentimento: the program was replaced while it ran".to_owned();
        return Ok(Err(Failed {
            hint,
            ..internal(reason)
        }));
    }
    Ok(Ok(assignment))
}

/// What listens to the supervisor.
struct Ear {
    is_stopped: Arc<AtomicBool>,
    edits: mpsc::Sender<Edit>,
    /// Ends with the work.
    signs_of_life: mpsc::Receiver<()>,
}

impl Ear {
    /// Takes orders until the end of the input. Then nobody is left who could kill a worker that
    /// hangs, so it does that itself.
    fn listen(self, mut input: impl BufRead) {
        let mut line = Vec::new();
        while input
            .read_until(b'\n', &mut line)
            .is_ok_and(|n_read| n_read > 0)
        {
            match protocol::from_line(&line) {
                Ok(Order::Stop(true)) => self.is_stopped.store(true, Ordering::Release),
                // The work may be over.
                Ok(Order::Edit(edit)) => drop(self.edits.send(edit)),
                // What is no order, or one of a newer supervisor, is passed over.
                Ok(Order::Stop(false)) | Err(_) => {}
            }
            line.clear();
        }
        self.is_stopped.store(true, Ordering::Release);
        // Those before the end count no more.
        while self.signs_of_life.try_recv().is_ok() {}
        loop {
            match self.signs_of_life.recv_timeout(GRACE) {
                Ok(()) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => break,
            }
        }
        let myself = rustix::process::getpid();
        // Sent to oneself, this cannot fail.
        let _killed = rustix::process::kill_process(myself, rustix::process::Signal::KILL);
    }
}

fn send(output: &mut impl Write, event: &Event) -> io::Result<()> {
    output.write_all(&protocol::to_line(event)?)?;
    output.flush()
}

fn failed_event(failed: Failed) -> Event {
    let Failed {
        reason,
        hint,
        class,
    } = failed;
    Event::Failed {
        reason,
        hint,
        class,
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Failed {
    let words = panic.downcast_ref::<&str>().copied();
    let words = words
        .or(panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words");
    internal(format!("the worker came upon a fault of its own: {words}"))
}

fn internal(reason: String) -> Failed {
    let hint = "this is a fault in pentimento: please report it with log.txt".to_owned();
    Failed {
        reason,
        hint,
        class: FailureClass::Internal,
    }
}

#[cfg(test)]
mod tests;
