//! One reading of dropped files in a process of its own, from its start to its end.
//!
//! Starts this program again as a probe, asks it one thing, and waits for the answer no longer than
//! the reading of a file may take. A decoder that crashes, hangs or devours memory takes that
//! process with it and is an ordinary [`Unanswered`] here. Blocks the thread that asks.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::io::Errno;

use crate::clock::Clock;
use crate::job::names::display_name;
use crate::job::names::display_path;
use crate::protocol;
use crate::protocol::Answer;
use crate::protocol::Question;
use crate::supervisor::verdict;

/// How often it is asked whether the answer is still wanted.
const BEAT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// How many bytes of a probe's last words are kept.
const WORDS: u64 = 2000;

/// Begins the last word of a process that was not given the memory it wanted.
const NO_MEMORY: &str = "memory allocation of";

/// How to start a probe, and how patient to be with it.
#[derive(Debug, Clone)]
pub struct Prober {
    /// The executable: this program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// How long the reading of one file may take.
    pub patience: Duration,
    /// The source of time.
    pub clock: Clock,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// It was not wanted any more.
    #[error("the reading was stopped")]
    Stopped,
    /// The process could not be started or not be listened to.
    #[error("the process that reads what was dropped cannot be used")]
    Unusable {
        #[source]
        source: io::Error,
    },
    /// The process ended before it read anything.
    #[error("the process that reads what was dropped ended before it began: {how}")]
    Died {
        /// How, in words.
        how: String,
    },
    /// The reading of a file was ended.
    #[error("{} took too long to read (more than {} s)", display_path(path), limit.as_secs())]
    TooSlow {
        /// The file.
        path: PathBuf,
        /// How long it may take.
        limit: Duration,
    },
    /// The reading of a file took more memory than any within the limits.
    #[error("{} takes more memory to read than it may", display_path(path))]
    Memory {
        /// The file.
        path: PathBuf,
    },
    /// The reading of a file ended the process.
    #[error("the reader crashed on {}: {how}", display_path(path))]
    Crashed {
        /// The file.
        path: PathBuf,
        /// How, in words.
        how: String,
    },
}

impl Prober {
    /// Asks a new probe, which has ended when this returns. `go_on` says whether the answer is
    /// still wanted.
    pub fn ask(&self, question: &Question, go_on: &dyn Fn() -> bool) -> Result<Answer, Unanswered> {
        let unusable = |source| Unanswered::Unusable { source };
        // Without a place for them its words are lost, and nothing else.
        let words = tempfile::tempfile().ok();
        let mut probe = self.start(words.as_ref()).map_err(unusable)?;
        // A probe that died before it read its question is judged by its end, like any other.
        let _may_be_gone = protocol::to_line(question)
            .map_err(io::Error::from)
            .and_then(|line| probe.stdin.write_all(&line));
        let mut reading = None;
        let end = self
            .listen(&mut probe.stdout, &mut reading, go_on)
            .map_err(unusable)?;
        match end {
            End::Answered(answer) => Ok(answer),
            End::Unwanted => Err(Unanswered::Stopped),
            End::TooSlow => {
                let limit = self.patience;
                Err(match reading {
                    Some(path) => Unanswered::TooSlow { path, limit },
                    None => Unanswered::Died {
                        how: "it did nothing".to_owned(),
                    },
                })
            }
            End::Over => {
                let status = probe.child.wait().map_err(unusable)?;
                let words = words.map(last_words).unwrap_or_default();
                let how = verdict::how(status);
                tracing::warn!(
                    ?reading,
                    how,
                    words = display_name(words.as_ref()),
                    "probe lost"
                );
                Err(match reading {
                    Some(path) if words.contains(NO_MEMORY) => Unanswered::Memory { path },
                    Some(path) => Unanswered::Crashed { path, how },
                    None => Unanswered::Died { how },
                })
            }
        }
    }

    fn start(&self, words: Option<&File>) -> io::Result<Probe> {
        let stderr = match words {
            Some(file) => Stdio::from(file.try_clone()?),
            None => Stdio::null(),
        };
        let mut child = Command::new(&self.program)
            .args(&self.args)
            // A Ctrl-C in the terminal is for the program, not for what it is about to end itself.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()?;
        let missing = || io::Error::other("the probe has no pipes");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        Ok(Probe {
            child,
            stdin,
            stdout,
        })
    }

    /// Listens until the answer, the end of the process, or the end of the patience with it.
    fn listen(
        &self,
        stdout: &mut ChildStdout,
        reading: &mut Option<PathBuf>,
        go_on: &dyn Fn() -> bool,
    ) -> io::Result<End> {
        let mut since = self.clock.monotonic();
        let mut n_heard = 0;
        let mut text = Vec::new();
        let mut chunk = vec![0; 1 << 14];
        loop {
            if !go_on() {
                return Ok(End::Unwanted);
            }
            if since + self.patience < self.clock.monotonic() {
                return Ok(End::TooSlow);
            }
            if !has_something(stdout)? {
                continue;
            }
            let n_read = stdout.read(&mut chunk)?;
            n_heard += n_read;
            if n_read == 0 || n_heard > protocol::ANSWERS_MAX {
                return Ok(End::Over);
            }
            text.extend_from_slice(&chunk[..n_read]);
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                match protocol::from_line(&line) {
                    Ok(Answer::Reading { path }) => {
                        *reading = Some(path.0);
                        since = self.clock.monotonic();
                    }
                    Ok(answer) => return Ok(End::Answered(answer)),
                    Err(error) => tracing::debug!(%error, "a line of the probe is no answer"),
                }
            }
        }
    }
}

/// How the listening ended.
enum End {
    Answered(Answer),
    Over,
    TooSlow,
    Unwanted,
}

/// A probe that runs; killed when dropped.
struct Probe {
    child: Child,
    /// Held open: its end would tell the probe that nobody is listening.
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Drop for Probe {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _may_be_over = self.child.kill();
        let _may_be_over = self.child.wait();
    }
}

/// Waits a moment; returns true if there is something to read, be it the end.
fn has_something(stdout: &ChildStdout) -> io::Result<bool> {
    let mut fds = [PollFd::new(stdout, PollFlags::IN)];
    match poll(&mut fds, Some(&BEAT)) {
        Ok(n_ready) => Ok(n_ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

fn last_words(mut file: File) -> String {
    let mut words = Vec::new();
    let read = file.metadata().and_then(|metadata| {
        let start = metadata.len().saturating_sub(WORDS);
        file.seek(SeekFrom::Start(start))?;
        file.take(WORDS).read_to_end(&mut words)
    });
    read.map(|_| String::from_utf8_lossy(&words).into_owned())
        .unwrap_or_default()
}
