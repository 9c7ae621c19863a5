//! How jobs are spoken of, the same in every command.

use std::fmt::Write as _;
use std::time::Duration;

use crate::api::types::JobSummary;
use crate::api::types::Progress;
use crate::cli::output::span;

/// Returns text from the daemon fit for a terminal: control characters are escaped.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Returns a job in one line.
pub(super) fn line(job: &JobSummary) -> String {
    let id = format!("{:04}", job.id);
    let (state, name) = (plain(&job.state), plain(&job.name));
    let about = about(job);
    let gap = if about.is_empty() { "" } else { "  " };
    format!("{id}  {state:9}  {name}{gap}{about}")
}

/// Returns what there is to say about a job in its state.
pub(super) fn about(job: &JobSummary) -> String {
    let mut about = Vec::new();
    if let Some(wish) = &job.wish {
        let wish = if wish == "pause" {
            "being paused"
        } else {
            "being cancelled"
        };
        about.push(wish.to_owned());
    }
    if let Some(progress) = job.progress.as_ref().filter(|_| job.state == "running") {
        about.push(progressed(progress));
    }
    if let Some(place) = job.place {
        about.push(format!("place {place}"));
    }
    if let Some(next) = &job.next_attempt {
        about.push(format!("next attempt {next}"));
    }
    about.extend(job.reason.as_ref().map(|reason| plain(reason)));
    if job.state == "done" {
        about.extend(job.finished.clone());
    }
    about.join(", ")
}

fn progressed(progress: &Progress) -> String {
    if progress.stage == 0 {
        return "starting".to_owned();
    }
    let mut text = format!("{}/{}", progress.iteration, progress.of);
    if progress.stages > 1 {
        text = format!("stage {} of {}, {text}", progress.stage, progress.stages);
    }
    if progress.its_per_s > 0.0 {
        // Writing to a string cannot fail.
        let _ = write!(text, ", {:.2} it/s", progress.its_per_s);
    }
    let left = progress
        .eta_s
        .filter(|s| s.is_finite() && (0.0..1e9).contains(s));
    if let Some(left) = left {
        let _ = write!(text, ", {} left", span(Duration::from_secs_f64(left)));
    }
    text
}
