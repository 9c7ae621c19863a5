//! A stand-in for painting that follows a script, so that the daemon can be tested without a
//! network: it emits what it is told, hangs, crashes, or ignores the order to stop.
//!
//! Used by the hidden `--rehearse FILE`, which also shortens the daemon's waits. The file is JSON:
//! `jobs` maps job names to lists of steps (`*` stands for every other name), `reads` maps names of
//! dropped files to what their reading does, `timing` holds milliseconds.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::folder::JobFolder;
use crate::folder::hash_file;
use crate::protocol::Assignment;
use crate::protocol::Event;
use crate::protocol::FailureClass;
use crate::worker::Ended;
use crate::worker::Failed;
use crate::worker::Flow;

/// What to do for each job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    jobs: BTreeMap<String, Vec<Step>>,
    #[serde(default)]
    reads: BTreeMap<String, Mishap>,
    /// The daemon's waits.
    #[serde(default)]
    pub timing: Timing,
}

/// The daemon's waits in milliseconds, where they differ from the usual ones.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Until a bundle is quiet.
    pub settle: Option<u64>,
    /// Between two looks that nothing hinted at.
    pub rescan: Option<u64>,
    /// Until a cut picture is given up.
    pub incomplete: Option<u64>,
    /// Until a bundle whose trouble lies outside is checked again.
    pub recheck: Option<u64>,
    /// From the order to stop to the kill.
    pub stop_grace: Option<u64>,
    /// Until the first progress.
    pub first_progress: Option<u64>,
    /// Without progress.
    pub stall: Option<u64>,
    /// For the reading of one dropped file.
    pub probe: Option<u64>,
    /// Before another attempt.
    pub backoff: Option<u64>,
    /// Before a job that lacks room or memory is tried again.
    pub shortage: Option<u64>,
}

/// What happens in the reading of a file.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mishap {
    /// It never ends.
    Hang,
    /// It dies of a signal.
    Crash,
    /// It calls itself too often.
    Overflow,
    /// It takes ever more memory.
    Devour,
}

/// One thing to do.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Send an event.
    Emit(Event),
    /// Write raw bytes to standard output, past the protocol.
    Raw(Vec<u8>),
    /// Write a text to standard error so many times.
    Grumble(String, u32),
    /// Create a file in the job's folder.
    Write(String, String),
    /// Send progress until a file of that name exists in the studio, or until told to stop.
    Until(String),
    /// Send so many heartbeats, one in 300 ms, whatever is said.
    Beat(u32),
    /// Do nothing for ever, whatever is said.
    Hang,
    /// Start a child process, note its number in `child.pid` in the job's folder, and go on.
    Fork,
    /// Die of a signal.
    Crash,
    /// Panic.
    Panic,
    /// Fail as a painting does.
    Fail(FailureClass),
    /// Take the first picture as it is for the result.
    Paint,
    /// Take a file of the job's folder for the result, under this SHA-256.
    Claim(String, String),
}

impl Plan {
    /// Reads a plan from a file.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    /// Does to the reading of a file what the plan says.
    pub fn read_file(&self, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match self.reads.get(name.as_ref()) {
            None => {}
            Some(Mishap::Hang) => hang(),
            Some(Mishap::Crash) => std::process::abort(),
            Some(Mishap::Overflow) => {
                std::hint::black_box(descend(1));
            }
            Some(Mishap::Devour) => {
                let mut taken: Vec<Vec<u8>> = Vec::new();
                loop {
                    taken.push(std::hint::black_box(Vec::with_capacity(1 << 26)));
                }
            }
        }
    }

    /// Plays the steps for the assigned job.
    pub fn play(
        &self,
        assignment: &Assignment,
        tell: &mut dyn FnMut(Event) -> Flow,
    ) -> Result<Ended, Failed> {
        let folder = JobFolder::at(assignment.job_dir.0.clone());
        let job = folder
            .read()
            .map_err(|error| failed(&error.to_string(), FailureClass::Input))?;
        let steps = self.jobs.get(&job.name).or(self.jobs.get("*"));
        for step in steps.into_iter().flatten() {
            if let Some(ended) = act(step, assignment, &folder, tell)? {
                return Ok(ended);
            }
        }
        Ok(Ended::Stopped { kept: None })
    }
}

fn act(
    step: &Step,
    assignment: &Assignment,
    folder: &JobFolder,
    tell: &mut dyn FnMut(Event) -> Flow,
) -> Result<Option<Ended>, Failed> {
    match step {
        Step::Emit(event) => {
            let flow = tell(event.clone());
            return Ok((flow == Flow::Stop).then_some(Ended::Stopped { kept: None }));
        }
        Step::Raw(bytes) => disk(
            io::stdout()
                .write_all(bytes)
                .and_then(|()| io::stdout().flush()),
        )?,
        Step::Grumble(text, times) => {
            for _ in 0..*times {
                disk(io::stderr().write_all(text.as_bytes()))?;
            }
        }
        Step::Write(name, text) => {
            let path = folder.path().join(name);
            disk(path.parent().map_or(Ok(()), std::fs::create_dir_all))?;
            disk(std::fs::write(path, text))?;
        }
        Step::Until(name) => return Ok(progress_until(&assignment.studio.0.join(name), tell)),
        Step::Beat(times) => {
            for _ in 0..*times {
                tell(Event::Heartbeat);
                std::thread::park_timeout(Duration::from_millis(300));
            }
        }
        Step::Hang => hang(),
        Step::Fork => {
            let child = disk(Command::new("sleep").arg("600").spawn())?;
            disk(std::fs::write(
                folder.path().join("child.pid"),
                child.id().to_string(),
            ))?;
        }
        Step::Crash => std::process::abort(),
        // The plan's own fault is the fault that is wanted.
        Step::Panic => std::panic::resume_unwind(Box::new("the plan says so")),
        Step::Fail(class) => return Err(failed("the plan says so", *class)),
        Step::Paint => {
            let job = folder
                .read()
                .map_err(|error| failed(&error.to_string(), FailureClass::Input))?;
            let picture = job.content().or(job.styles().next());
            let picture = folder.inputs().join(picture.unwrap_or(Path::new("")));
            disk(std::fs::copy(picture, folder.result("png")))?;
            let hash = hash_file(&folder.result("png"));
            let sha256 = hash.map_err(|error| failed(&error.to_string(), FailureClass::Disk))?;
            return Ok(Some(Ended::Finished {
                path: "result.png".into(),
                sha256,
            }));
        }
        Step::Claim(name, sha256) => {
            return Ok(Some(Ended::Finished {
                path: name.into(),
                sha256: sha256.clone(),
            }));
        }
    }
    Ok(None)
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

/// Returns the depth it came to, which is none: the stack ends first.
fn descend(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 512]);
    if depth == 0 {
        return 0;
    }
    descend(depth + 1) + room[0]
}

fn progress_until(flag: &Path, tell: &mut dyn FnMut(Event) -> Flow) -> Option<Ended> {
    let mut iteration = 0;
    while !flag.exists() {
        iteration += 1;
        let terms = Vec::new();
        let (loss, its_per_s) = (1.0, 20.0);
        let event = Event::Progress {
            stage: 1,
            iteration,
            of: 9999,
            loss,
            terms,
            its_per_s,
            eta_s: None,
        };
        if tell(event) == Flow::Stop {
            return Some(Ended::Stopped { kept: None });
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    None
}

fn disk<T>(result: io::Result<T>) -> Result<T, Failed> {
    result.map_err(|error| failed(&error.to_string(), FailureClass::Disk))
}

fn failed(reason: &str, class: FailureClass) -> Failed {
    Failed {
        reason: reason.to_owned(),
        hint: "change the plan".to_owned(),
        class,
    }
}
