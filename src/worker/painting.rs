//! The work itself: a job's folder through `transfer`, told in the words of the protocol.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::computing::{Computing, ComputingError};
use super::pace::Pace;
use super::{Edits, Ended, Failed, Flow};
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::folder::{JobFolder, hash_file};
use crate::job::Job;
use crate::job::names::{PathText, display_path};
use crate::profile::{Profile, ProfileFolders, RawProfile, resolve};
use crate::protocol::{Assignment, Edit, Event, FailureClass};
use crate::runtime::{self, Environment, Request};
use crate::settings::{Settings, SettingsError, Surroundings};
use crate::transfer::{
    self, Cadence, EditOrder, Keep, Naming, SavedAs, Task, TransferError, paint_kept,
};

/// Paints the job of an assignment, from where an earlier attempt left it; edits are taken between
/// two iterations.
pub fn run(
    assignment: &Assignment,
    (clock, edits): (Clock, &Edits),
    tell: &mut dyn FnMut(Event) -> Flow,
) -> Result<Ended, Failed> {
    let folder = JobFolder::at(assignment.job_dir.0.clone());
    let job = folder.read().map_err(|error| input(&error))?;
    unchanged(&folder, &job)?;
    let profile = read_profile(&folder)?;
    let device = assignment
        .device
        .as_deref()
        .unwrap_or(profile.device.as_str());
    let request = Request {
        ort_lib: assignment.ort_lib.as_ref().map(|path| path.0.clone()),
        settings: None,
        device: device.parse().map_err(|error| input(&error))?,
    };
    let environment = Environment::from_process();
    let library = runtime::ensure(&environment, &request, &mut |_| {})
        .map_err(|error| device_failed(&error))?;
    let threads = assignment.threads.unwrap_or(profile.threads);
    let computing = Computing::prepare(&environment, &library, request.device, threads)
        .map_err(|error| not_ready(&error))?;
    fs::create_dir_all(folder.snapshots()).map_err(|error| disk(&error))?;
    let settings = settings(&assignment.studio.0).map_err(|error| input(&error))?;
    let task = task(&folder, &job, profile, &settings, computing.memory);
    let keep = Keep {
        folder: folder.checkpoint(),
        edits: folder.edits(),
        cadence: cadence(assignment),
        clock,
        orders: &mut || edits.try_recv().ok().map(order),
    };
    work(&task, &computing, folder.path(), keep, tell)
}

/// Holds that the files are those that were claimed: whoever had one open may have written on.
fn unchanged(folder: &JobFolder, job: &Job) -> Result<(), Failed> {
    for claimed in &job.inputs {
        let found = hash_file(&folder.inputs().join(&claimed.file.0)).map_err(|e| input(&e))?;
        if claimed.sha256.as_ref().is_some_and(|hash| *hash != found) {
            return Err(Failed {
                reason: format!(
                    "{} was changed after it was taken from watch/: its bytes are not those that \
                     were looked at",
                    display_path(&claimed.file.0)
                ),
                hint: "drop the pictures into watch/ again".to_owned(),
                class: FailureClass::Input,
            });
        }
    }
    Ok(())
}

fn read_profile(folder: &JobFolder) -> Result<Profile, Failed> {
    let none = ProfileFolders::new(Vec::new());
    // Resolved when the job was made: nothing is left to a preset.
    let raw = RawProfile::load(&folder.profile(), &none).map_err(|error| input(&error))?;
    resolve(&raw, &|_| None).map_err(|error| input(&error))
}

/// Reads the settings that held when the job was made, as far as they decide how it is painted.
fn settings(studio: &Path) -> Result<Settings, SettingsError> {
    let vars = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    let around = Surroundings {
        cwd: studio.to_owned(),
        vars: vars.collect(),
        ..Surroundings::default()
    };
    Settings::load(Some(studio), &around)
}

fn task(
    folder: &JobFolder,
    job: &Job,
    profile: Profile,
    settings: &Settings,
    memory: Option<u64>,
) -> Task {
    let inputs = folder.inputs();
    let result = folder.result(profile.output_format.ending());
    Task {
        content: job.content().map(|file| inputs.join(file)),
        styles: job.styles().map(|file| inputs.join(file)).collect(),
        profile,
        roots: settings.roots(&inputs),
        network_dirs: settings.model_folders(),
        naming: Naming {
            result,
            snapshots: SavedAs::In(folder.snapshots()),
            losses: Some(folder.losses()),
        },
        seed: job.id.0,
        memory: settings.memory_limit.or(memory),
        max_pixels: settings.max_pixels,
        follow_symlinks: settings.allow_symlinks,
    }
}

fn cadence(assignment: &Assignment) -> Cadence {
    let interval = assignment.checkpoint_s;
    match interval.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(interval) => Cadence::Every(interval),
        None => Cadence::Usual,
    }
}

fn order(edit: Edit) -> EditOrder {
    EditOrder {
        id: edit.id,
        option: edit.option,
        value: edit.value,
        stage: edit.stage.map(|stage| stage as usize),
    }
}

fn work(
    task: &Task,
    computing: &Computing,
    folder: &Path,
    keep: Keep<'_>,
    tell: &mut dyn FnMut(Event) -> Flow,
) -> Result<Ended, Failed> {
    let clock = keep.clock;
    let mut pace = Pace::default();
    let mut started = false;
    let result = paint_kept(task, &computing.tools(), keep, &mut |event| {
        let event = translate(
            event,
            folder,
            clock,
            (&mut pace, &mut started),
            &computing.why,
        );
        match tell(event) {
            Flow::Continue => transfer::Flow::Continue,
            Flow::Stop => transfer::Flow::Stop,
        }
    });
    let painted = match result.map_err(|error| failed(&error))? {
        transfer::Ended::Painted(painted) => painted,
        transfer::Ended::Stopped { stage, iteration } => {
            let kept = Some((number(stage), number(iteration)));
            return Ok(Ended::Stopped { kept });
        }
    };
    let sha256 = hash_file(&painted.path).map_err(|error| disk(&error))?;
    Ok(Ended::Finished {
        path: below(folder, &painted.path),
        sha256,
    })
}

fn translate(
    event: transfer::Event,
    folder: &Path,
    clock: Clock,
    (pace, started): (&mut Pace, &mut bool),
    why: &str,
) -> Event {
    match event {
        transfer::Event::Note(text) => Event::Note { text },
        transfer::Event::Stage(start) => {
            pace.stage(&start);
            if std::mem::replace(started, true) {
                let text = format!("stage {} of {}", start.stage, start.of);
                return Event::Note {
                    text: format!("{text}: {}×{}", start.width, start.height),
                };
            }
            Event::Started {
                device: format!("{} ({why})", start.device),
                size: [number(start.width), number(start.height)],
                stages: number(start.of),
            }
        }
        transfer::Event::Evaluation(evaluation) => progress(&evaluation, pace, clock),
        transfer::Event::Snapshot {
            path,
            stage,
            iteration,
        } => Event::Snapshot {
            path: PathText(below(folder, &path)),
            stage: number(stage),
            iteration: number(iteration),
        },
        transfer::Event::Checkpoint {
            stage,
            iteration,
            evaluations,
            ..
        } => Event::Checkpoint {
            stage: number(stage),
            iteration: number(iteration),
            evaluations,
        },
        transfer::Event::Resumed {
            stage,
            iteration,
            lost,
        } => Event::Resumed {
            stage: number(stage),
            iteration: number(iteration),
            lost,
        },
        transfer::Event::Heartbeat => Event::Heartbeat,
        transfer::Event::Edited {
            id,
            stage,
            iteration,
            option,
            value,
        } => Event::Edited {
            id,
            stage: number(stage),
            iteration: number(iteration),
            option,
            value,
        },
        transfer::Event::EditRefused { id, reason } => Event::EditRefused { id, reason },
    }
}

fn progress(evaluation: &transfer::Evaluation, pace: &mut Pace, clock: Clock) -> Event {
    let left = evaluation.of - evaluation.iteration;
    let speed = pace.evaluated(clock.monotonic(), left);
    let terms = evaluation.terms.iter();
    Event::Progress {
        stage: number(evaluation.stage),
        iteration: number(evaluation.iteration),
        of: number(evaluation.of),
        loss: evaluation.total,
        terms: terms
            .map(|(name, loss)| (name.clone(), f64::from(*loss)))
            .collect(),
        its_per_s: speed.map_or(0.0, |speed| speed.per_second),
        eta_s: speed.map(|speed| speed.left.as_secs_f64()),
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn below(folder: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(folder).unwrap_or(path).to_owned()
}

fn failed(error: &TransferError) -> Failed {
    let (class, hint) = match error {
        TransferError::Picture(_) | TransferError::NoContent | TransferError::NoStyle => (
            FailureClass::Input,
            "replace the picture, then drop the folder into watch/ again",
        ),
        TransferError::Profile(_)
        | TransferError::NoStage
        | TransferError::Layer(_)
        | TransferError::Objective(_) => (
            FailureClass::Input,
            "mend the profile, then drop the folder into watch/ again",
        ),
        TransferError::Network(_) => (
            FailureClass::Network,
            "install the network, then drop the folder into watch/ again",
        ),
        TransferError::Memory { .. } => (
            FailureClass::Memory,
            "set that size in the profile and drop the folder again",
        ),
        TransferError::NotFinite { .. } => (
            FailureClass::Numbers,
            "change the profile and drop the folder into watch/ again",
        ),
        TransferError::Engine(_) => (
            FailureClass::Device,
            "run `pentimento doctor`; try device = \"cpu\"",
        ),
        TransferError::Write(_) | TransferError::Losses { .. } => (
            FailureClass::Disk,
            "make room or let the folder be written to, then drop it again",
        ),
        TransferError::Disk { .. } => (
            FailureClass::Disk,
            "make room on that disk, or paint at a smaller image_size",
        ),
        TransferError::Edits(_) => (
            FailureClass::Disk,
            "mend edits.jsonl in the job's folder, or take it away to paint without edits",
        ),
        TransferError::Outputs { .. } => (
            FailureClass::Internal,
            "this is a fault in pentimento: please report it with log.txt",
        ),
    };
    Failed {
        reason: with_causes(error),
        hint: hint.to_owned(),
        class,
    }
}

fn input(error: &dyn Error) -> Failed {
    let hint = "mend job.json or profile.toml in the job's folder, or drop the pictures again";
    Failed {
        reason: with_causes(error),
        hint: hint.to_owned(),
        class: FailureClass::Input,
    }
}

fn disk(error: &dyn Error) -> Failed {
    let hint = "make room or let the folder be written to, then drop it into watch/ again";
    Failed {
        reason: with_causes(error),
        hint: hint.to_owned(),
        class: FailureClass::Disk,
    }
}

fn device_failed(error: &dyn Error) -> Failed {
    let hint = "run `pentimento doctor` to see what is missing";
    Failed {
        reason: with_causes(error),
        hint: hint.to_owned(),
        class: FailureClass::Device,
    }
}

fn not_ready(error: &ComputingError) -> Failed {
    device_failed(error)
}
