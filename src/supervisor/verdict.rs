//! How did a worker end? From the evidence to plain words.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::job::Failure;
use crate::job::FailureKind;
use crate::protocol::Event;
use crate::protocol::FailureClass;
use crate::supervisor::Reached;

/// More lines than this that are no events mean that a worker cannot be understood.
const GARBAGE_MAX: u32 = 1000;

/// How a worker ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It says that the picture is written.
    Finished {
        /// The picture's path below the job's folder.
        path: PathBuf,
        /// Lower-case hexadecimal SHA-256 of its bytes.
        sha256: String,
    },
    /// There is no picture.
    Failed(Failure),
    /// It was told to stop and had not finished.
    Stopped {
        /// What it said to have kept; `None` if it was killed before it had said so.
        kept: Option<Reached>,
    },
}

/// What is known about a worker's end.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Its last word, if that was `Finished`, `Failed` or `Stopped`.
    pub(super) last_word: Option<Event>,
    /// How the process ended.
    pub(super) exit: Option<io::Result<ExitStatus>>,
    /// It was told to stop.
    pub(super) was_stopped: bool,
    /// It was killed after so long without progress.
    pub(super) stalled_for: Option<Duration>,
    /// How many lines were no events.
    pub(super) n_garbage: u32,
    /// The system killed a process for lack of memory while it ran.
    pub(super) is_out_of_memory: bool,
    /// The newest checkpoint that it told of.
    pub(super) checkpoint: Option<Reached>,
}

impl Evidence {
    /// Remembers an event if it is a last word or tells how far it is.
    pub(super) fn hear(&mut self, event: Event) {
        match event {
            Event::Finished { .. } | Event::Failed { .. } | Event::Stopped { .. } => {
                self.last_word = Some(event);
            }
            Event::Checkpoint {
                stage, iteration, ..
            } => self.checkpoint = Some(Reached { stage, iteration }),
            Event::Started { .. }
            | Event::Progress { .. }
            | Event::Snapshot { .. }
            | Event::Note { .. }
            | Event::Resumed { .. }
            | Event::Heartbeat
            | Event::Edited { .. }
            | Event::EditRefused { .. }
            | Event::Unknown => {}
        }
    }

    /// Returns true if there is no use in listening on.
    pub(super) fn is_unreadable(&self) -> bool {
        self.n_garbage > GARBAGE_MAX
    }
}

/// Decides how a worker ended. A picture counts only if the worker also ended well.
pub(super) fn judge(evidence: Evidence) -> Ending {
    if evidence.is_unreadable() {
        return failed(
            FailureKind::Worker,
            "the worker wrote things that are no messages, and was ended".to_owned(),
            "look at log.txt; if pentimento was replaced while it ran, start it again",
        );
    }
    let is_success = matches!(&evidence.exit, Some(Ok(status)) if status.success());
    match evidence.last_word {
        Some(Event::Finished { path, sha256 }) if is_success => Ending::Finished {
            path: path.0,
            sha256,
        },
        Some(Event::Failed {
            reason,
            hint,
            class,
        }) => Ending::Failed(Failure {
            kind: kind_of(class),
            reason,
            hint,
        }),
        Some(Event::Stopped { stage, iteration }) if is_success => Ending::Stopped {
            kept: Some(Reached { stage, iteration }),
        },
        _ if evidence.was_stopped => Ending::Stopped { kept: None },
        _ => died(
            evidence.exit,
            evidence.stalled_for,
            evidence.is_out_of_memory,
        ),
    }
}

/// Returns the ending of a worker that could not be started.
pub(super) fn not_started(error: &io::Error) -> Ending {
    failed(
        FailureKind::Worker,
        format!("the worker could not be started: {error}"),
        "check that the program file is still there and that the system has processes to spare",
    )
}

/// Returns how often the system has killed a process for lack of memory since it was started, or
/// zero where it does not say.
pub(super) fn n_oom_kills() -> u64 {
    let counters = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let count = counters
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "));
    count
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}

/// Returns how a process ended that was to give an answer and gave none, in words.
pub(super) fn how(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(9), _) => {
            "killed from outside, perhaps by the system for lack of memory (signal 9)".to_owned()
        }
        (Some(signal), _) => format!("{} (signal {signal})", signal_name(signal)),
        (None, code) => format!("it ended with status {}", code.unwrap_or(-1)),
    }
}

fn died(
    exit: Option<io::Result<ExitStatus>>,
    stalled_for: Option<Duration>,
    is_out_of_memory: bool,
) -> Ending {
    const LOG: &str = "look at log.txt in this folder for its last words, then try again";
    const SMALLER: &str = "close other programs, or choose a smaller image_size";
    if let Some(silence) = stalled_for {
        let reason = format!(
            "the worker made no progress for {} s and was ended",
            silence.as_secs()
        );
        return failed(FailureKind::Worker, reason, LOG);
    }
    let status = match exit {
        Some(Ok(status)) => status,
        Some(Err(error)) => {
            let reason = format!("the worker's end could not be observed: {error}");
            return failed(FailureKind::Worker, reason, LOG);
        }
        None => return failed(FailureKind::Worker, "the worker vanished".to_owned(), LOG),
    };
    match (status.signal(), status.code()) {
        (Some(9), _) if is_out_of_memory => {
            let reason = "the system ended the worker because memory ran out".to_owned();
            failed(FailureKind::Memory, reason, SMALLER)
        }
        (Some(9), _) => failed(
            FailureKind::Worker,
            "the worker was killed from outside (signal 9): by somebody, or by the system for \
             lack of memory"
                .to_owned(),
            "try again; if it happens again, choose a smaller image_size",
        ),
        (Some(signal), _) => {
            let reason = format!(
                "the worker crashed: {} (signal {signal})",
                signal_name(signal)
            );
            failed(FailureKind::Worker, reason, LOG)
        }
        (None, Some(0)) => {
            let reason = "the worker ended without a result and without a reason".to_owned();
            failed(FailureKind::Worker, reason, LOG)
        }
        (None, code) => {
            let code = code.unwrap_or(-1);
            let reason = format!("the worker ended with status {code} and without a reason");
            failed(FailureKind::Worker, reason, LOG)
        }
    }
}

fn failed(kind: FailureKind, reason: String, hint: &str) -> Ending {
    Ending::Failed(Failure {
        kind,
        reason,
        hint: hint.to_owned(),
    })
}

fn kind_of(class: FailureClass) -> FailureKind {
    match class {
        FailureClass::Input => FailureKind::Input,
        FailureClass::Network => FailureKind::Network,
        FailureClass::Device => FailureKind::Device,
        FailureClass::Memory => FailureKind::Memory,
        FailureClass::Disk => FailureKind::Disk,
        FailureClass::Numbers => FailureKind::Numbers,
        FailureClass::Internal => FailureKind::Internal,
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        4 => "illegal instruction",
        6 => "it gave up by itself",
        7 | 10 => "bus error",
        8 => "arithmetic error",
        11 => "memory access violation",
        15 => "it was told to terminate",
        _ => "ended by a signal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::names::PathText;

    fn evidence(raw_status: i32) -> Evidence {
        Evidence {
            exit: Some(Ok(ExitStatus::from_raw(raw_status))),
            ..Evidence::default()
        }
    }

    fn finished() -> Event {
        Event::Finished {
            path: PathText(PathBuf::from("result.png")),
            sha256: "ab".to_owned(),
        }
    }

    fn reason(ending: Ending) -> String {
        match ending {
            Ending::Failed(failure) => failure.reason,
            other @ (Ending::Finished { .. } | Ending::Stopped { .. }) => {
                panic!("{other:?} is no failure")
            }
        }
    }

    #[test]
    fn deaths_have_their_words() {
        let cases = [
            (evidence(0), "without a result"),
            (evidence(3 << 8), "status 3"),
            (evidence(11), "memory access violation (signal 11)"),
            (evidence(9), "killed from outside"),
            (
                Evidence {
                    is_out_of_memory: true,
                    ..evidence(9)
                },
                "memory ran out",
            ),
            (
                Evidence {
                    stalled_for: Some(Duration::from_mins(2)),
                    ..evidence(9)
                },
                "120 s",
            ),
            (
                Evidence {
                    n_garbage: GARBAGE_MAX + 1,
                    ..evidence(9)
                },
                "no messages",
            ),
            (
                Evidence {
                    last_word: Some(finished()),
                    ..evidence(6)
                },
                "gave up by itself",
            ),
            (Evidence::default(), "vanished"),
        ];
        for (evidence, words) in cases {
            let shown = format!("{evidence:?}");
            assert!(reason(judge(evidence)).contains(words), "{words}: {shown}");
        }
    }

    #[test]
    fn last_words_count() {
        let done = Evidence {
            last_word: Some(finished()),
            was_stopped: true,
            ..evidence(0)
        };
        assert!(matches!(judge(done), Ending::Finished { .. }));
        let failed = Event::Failed {
            reason: "no room".to_owned(),
            hint: String::new(),
            class: FailureClass::Memory,
        };
        let failed = Evidence {
            last_word: Some(failed),
            ..evidence(1 << 8)
        };
        assert_eq!(reason(judge(failed)), "no room");
        assert_eq!(
            judge(Evidence {
                was_stopped: true,
                ..evidence(9)
            }),
            Ending::Stopped { kept: None }
        );
        let stopped = Evidence {
            last_word: Some(Event::Stopped {
                stage: 2,
                iteration: 30,
            }),
            ..evidence(0)
        };
        let kept = Some(Reached {
            stage: 2,
            iteration: 30,
        });
        assert_eq!(judge(stopped), Ending::Stopped { kept });
    }
}
