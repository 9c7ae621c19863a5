//! From what the program thinks in to what goes over the wire.

use serde_json::Value;
use serde_json::json;

use crate::api::types;
use crate::clock::Timestamp;

use crate::control::view::Card;
use crate::control::view::Live;
use crate::control::view::Overview;
use crate::ingest::Board;
use crate::ingest::BundleView;
use crate::ingest::Explanation;
use crate::ingest::FolderView;
use crate::ingest::LooseView;
use crate::job::AttemptEnd;
use crate::job::Job;
use crate::job::JobState;
use crate::job::Role;
use crate::job::Wish;
use crate::job::names::display_name;
use crate::job::names::display_path;

/// Returns an event that has no number yet.
pub fn event(at: Timestamp, kind: &str, job: Option<&Job>, text: Option<String>) -> types::Event {
    types::Event {
        id: 0,
        at: at.to_string(),
        kind: kind.to_owned(),
        job: job.map(|job| job.id.0),
        name: job.map(|job| job.name.clone()),
        text,
        data: job.map_or(Value::Null, |job| json!({ "state": job.state.name() })),
    }
}

pub(super) fn status(overview: &Overview, studio: String) -> types::Status {
    let in_state = |name| {
        let at = JobState::NAMES.iter().position(|other| *other == name);
        at.and_then(|at| overview.n_jobs.get(at))
            .copied()
            .unwrap_or(0)
    };
    let bundles = |state| overview.n_bundles.get(state).copied().unwrap_or(0);
    types::Status {
        version: super::PROGRAM_VERSION.to_owned(),
        api: super::VERSION,
        pid: std::process::id(),
        uid: rustix::process::geteuid().as_raw(),
        since: overview.since.to_string(),
        studio,
        jobs: types::JobCounts {
            // What is being claimed is as good as queued.
            queued: in_state("queued") + in_state("claiming"),
            blocked: in_state("blocked"),
            running: in_state("running"),
            paused: in_state("paused"),
            retrying: in_state("retrying"),
            done: in_state("done"),
            failed: in_state("failed"),
            cancelled: in_state("cancelled"),
        },
        bundles: types::BundleCounts {
            settling: bundles("settling"),
            waiting: bundles("waiting"),
            rejected: bundles("rejected"),
            duplicate: bundles("duplicate"),
            taken: bundles("taken"),
        },
        running: overview.running.iter().map(summary).collect(),
        slots: overview.n_slots,
        stopping: overview.is_stopping,
    }
}

pub(super) fn bundles(board: &Board) -> types::Bundles {
    let folder = |folder: &FolderView| types::WatchFolder {
        path: display_path(&folder.path),
        words: folder.words(),
        missing: folder.missing.is_some(),
    };
    let bundle = |bundle: &BundleView| {
        let (reason, hint) = bundle.state.words();
        types::Bundle {
            name: bundle.shown.clone(),
            folder: display_path(&bundle.watch),
            state: bundle.state.name().to_owned(),
            reason,
            hint,
        }
    };
    let loose = |loose: &LooseView| types::Loose {
        path: display_path(&loose.path),
        reason: loose.why.clone(),
    };
    types::Bundles {
        folders: board.folders.iter().map(folder).collect(),
        bundles: board.bundles.iter().map(bundle).collect(),
        loose: board.loose.iter().map(loose).collect(),
    }
}

pub(super) fn explanation(explanation: Explanation) -> types::Explained {
    types::Explained {
        path: display_path(&explanation.path),
        bundle: explanation.bundle,
        state: explanation.state.to_owned(),
        reason: explanation.reason,
        hint: explanation.hint,
    }
}

pub(super) fn summary(card: &Card) -> types::JobSummary {
    let job = &card.job;
    let mut told = types::JobSummary {
        id: job.id.0,
        name: job.name.clone(),
        state: job.state.name().to_owned(),
        created: job.created.to_string(),
        finished: None,
        place: card.place,
        wish: job.course.wish.map(|wish| wish_name(wish).to_owned()),
        reason: None,
        hint: None,
        next_attempt: None,
        attempts: job.course.attempts.last().map_or(0, |last| last.number),
        progress: card.live.as_ref().map(progress),
    };
    match &job.state {
        JobState::Blocked { obstacle, .. } => {
            told.reason = Some(obstacle.reason.clone());
            told.hint = Some(obstacle.hint.clone());
        }
        JobState::Retrying { next, failure } => {
            told.next_attempt = Some(next.to_string());
            told.reason = Some(failure.reason.clone());
            told.hint = Some(failure.hint.clone());
        }
        JobState::Failed { finished, failure } => {
            told.finished = Some(finished.to_string());
            told.reason = Some(failure.reason.clone());
            told.hint = Some(failure.hint.clone());
        }
        JobState::Cancelled { finished, reason } => {
            told.finished = Some(finished.to_string());
            told.reason = Some(reason.clone());
        }
        JobState::Done { finished, .. } => told.finished = Some(finished.to_string()),
        JobState::Claiming { .. }
        | JobState::Queued
        | JobState::Running { .. }
        | JobState::Paused { .. } => {}
    }
    told
}

/// Returns what the record knows of a job; what lies in its folder is added by `files`.
pub(super) fn detail(card: &Card) -> types::JobDetail {
    let job = &card.job;
    let course = &job.course;
    types::JobDetail {
        summary: summary(card),
        folder: display_path(&card.folder),
        profile_source: display_name(job.profile_source.as_ref()),
        profile: String::new(),
        inputs: job
            .inputs
            .iter()
            .map(|input| types::Input {
                role: match input.role {
                    Role::Content => "content".to_owned(),
                    Role::Style => "style".to_owned(),
                },
                file: display_path(&input.file.0),
                sha256: input.sha256.clone(),
            })
            .collect(),
        attempt_list: course.attempts.iter().map(attempt).collect(),
        checkpoint: course.checkpoint.map(|mark| [mark.stage, mark.iteration]),
        snapshots: Vec::new(),
        losses: types::Losses::default(),
        result: match &job.state {
            JobState::Done { result, .. } => Some(display_path(&result.file.0)),
            JobState::Claiming { .. }
            | JobState::Queued
            | JobState::Blocked { .. }
            | JobState::Running { .. }
            | JobState::Paused { .. }
            | JobState::Retrying { .. }
            | JobState::Failed { .. }
            | JobState::Cancelled { .. } => None,
        },
        rerun_of: course.rerun_of,
        pending_edits: course
            .edits
            .iter()
            .map(|edit| types::Edit {
                option: edit.option.clone(),
                value: edit.value,
                stage: edit.stage,
            })
            .collect(),
    }
}

fn attempt(attempt: &crate::job::Attempt) -> types::Attempt {
    let (end, reason) = match &attempt.end {
        AttemptEnd::Open => ("open", None),
        AttemptEnd::Finished => ("finished", None),
        AttemptEnd::Interrupted => ("interrupted", None),
        AttemptEnd::Failed { failure } => ("failed", Some(failure.reason.clone())),
    };
    types::Attempt {
        number: attempt.number,
        started: attempt.started.to_string(),
        ended: attempt.ended.map(|at| at.to_string()),
        end: end.to_owned(),
        reason,
    }
}

fn progress(live: &Live) -> types::Progress {
    types::Progress {
        device: display_name(live.device.as_ref()),
        size: live.size,
        stage: live.stage,
        stages: live.n_stages,
        iteration: live.iteration,
        of: live.of,
        loss: live.loss,
        terms: live.terms.clone(),
        its_per_s: live.its_per_s,
        eta_s: live.eta_s,
    }
}

fn wish_name(wish: Wish) -> &'static str {
    match wish {
        Wish::Pause => "pause",
        Wish::Cancel => "cancel",
    }
}
