//! The only place that prints: lines to standard output, errors to standard error.
//!
//! Progress is throttled: the edges of a job's life at once, what lies between about every ten
//! seconds. Nothing dropped reaches the terminal but through names made safe beforehand.

use std::fmt::Display;
use std::io;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::Clock;
use crate::daemon::Report;
use crate::ingest::BundleState;
use crate::job::Job;
use crate::job::names::display_name;
use crate::job::names::display_path;
use crate::protocol::Event;

/// How often the progress of a job is told.
const EVERY: Duration = Duration::from_secs(10);

/// Returns the bar of a command that works in steps; hidden where the output is no terminal, or when
/// told to be quiet.
pub(super) fn step_bar(quiet: bool) -> anyhow::Result<ProgressBar> {
    let bar = if quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::no_length()
    };
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len}  {msg}");
    bar.set_style(style.context("lay out the progress bar")?);
    Ok(bar)
}

/// Prints one line to standard output.
pub(super) fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Prints one line about the way to a result, to standard error.
pub(super) fn note(text: &str) {
    // Nobody is left to tell.
    let _best_effort = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an error with its causes to standard error.
pub(super) fn error(error: &anyhow::Error) {
    // Nobody is left to tell.
    let _best_effort = writeln!(io::stderr().lock(), "error: {error:#}");
}

/// The story of a watching process, as lines.
#[derive(Debug)]
pub(super) struct Progress {
    clock: Clock,
    is_quiet: bool,
    is_broken: bool,
    /// When the running job's progress was last told, and its stage then.
    last: Option<(Duration, u32)>,
}

impl Progress {
    /// Returns a story that has not begun. A quiet one tells ends and troubles only.
    pub(super) fn new(clock: Clock, is_quiet: bool) -> Self {
        Self {
            clock,
            is_quiet,
            is_broken: false,
            last: None,
        }
    }

    /// Tells a report. Returns false when nobody reads any more.
    pub(super) fn tell(&mut self, report: &Report<'_>) -> bool {
        if let Report::Worker(_, _, Event::Progress { stage, .. }) = report
            && !self.is_time(*stage)
        {
            return true;
        }
        if let Report::Worker(_, _, Event::Started { .. }) | Report::Done(..) | Report::Failed(..) =
            report
        {
            self.last = None;
        }
        if let Some(text) = words(report).filter(|_| !self.is_quiet || is_weighty(report)) {
            self.print(&text);
        }
        !self.is_broken
    }

    /// Tells that nothing is left to do.
    pub(super) fn idle(&mut self, n_done: usize, n_failed: usize, n_blocked: usize) {
        let blocked = match n_blocked {
            0 => String::new(),
            n => format!(", {n} blocked"),
        };
        self.print(&format!(
            "nothing left to do: {n_done} done, {n_failed} failed{blocked}"
        ));
    }

    /// Returns true if nobody reads any more.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    fn is_time(&mut self, stage: u32) -> bool {
        let now = self.clock.monotonic();
        let is_time = self
            .last
            .is_none_or(|(at, last)| last != stage || at + EVERY <= now);
        if is_time {
            self.last = Some((now, stage));
        }
        is_time
    }

    fn print(&mut self, text: &str) {
        if let Err(error) = line(text) {
            // A full disk under a redirected output is no reason to stop painting.
            self.is_broken |= error.kind() == io::ErrorKind::BrokenPipe;
        }
    }
}

fn is_weighty(report: &Report<'_>) -> bool {
    matches!(
        report,
        Report::Done(..)
            | Report::Failed(..)
            | Report::Blocked(..)
            | Report::Retrying(..)
            | Report::Cancelled(..)
            | Report::Remark(_)
            | Report::Bundle(_, BundleState::Rejected { .. })
    )
}

fn words(report: &Report<'_>) -> Option<String> {
    Some(match report {
        Report::Watching(watch) => format!("watching {} (Ctrl-C ends)", display_path(watch)),
        Report::Bundle(name, state) => format!("{name}: {}", bundle_words(state)),
        Report::Remark(text) => (*text).to_owned(),
        Report::Claimed(job, _) => {
            let styles = match (job.styles().count(), job.content()) {
                (0, _) => "no style",
                (1, Some(_)) => "1 style",
                (1, None) => "1 style, no content",
                (n, _) => &format!("{n} styles"),
            };
            told(
                job,
                format!(
                    "taken, {styles}, profile: {}",
                    display_name(job.profile_source.as_ref())
                ),
            )
        }
        Report::PickedUp(job) => told(job, "left by an earlier run, runs again"),
        Report::Blocked(job, obstacle) => told(
            job,
            format!("blocked: {}, {}", obstacle.reason, obstacle.hint),
        ),
        Report::Unblocked(job) => told(job, "no longer blocked, goes on"),
        Report::Worker(job, _, event) => told(job, event_words(event)?),
        Report::Done(job, folder, took) => {
            told(job, format!("done in {}: {}", span(*took), place(folder)))
        }
        Report::Failed(job, folder, failure) => told(
            job,
            format!(
                "failed: {}; {} (see {})",
                failure.reason,
                failure.hint,
                place(folder)
            ),
        ),
        Report::Retrying(job, failure, wait) => told(
            job,
            format!("{}; tried again in {}", failure.reason, span(*wait)),
        ),
        Report::Cancelled(job, folder) => told(job, format!("cancelled (see {})", place(folder))),
        Report::Paused(job) => told(job, "paused"),
        Report::Resumed(job) => told(job, "goes on"),
        Report::Changed(_) => return None,
        Report::Interrupted(job) => told(job, "interrupted, runs again at the next start"),
        Report::Stopping(Some(id)) => format!("stopping, waiting for {id} (again to end it now)"),
        Report::Stopping(None) => "stopping".to_owned(),
    })
}

fn bundle_words(state: &BundleState) -> String {
    match state {
        BundleState::Settling(why) => why.clone(),
        BundleState::Waiting(what) => format!("waiting for {what}"),
        BundleState::Rejected { reason, hint } => format!("rejected: {reason}; {hint}"),
        BundleState::Duplicate { .. } | BundleState::Taken { .. } => {
            let (reason, hint) = state.words();
            format!("{reason}; {}", hint.unwrap_or_default())
        }
    }
}

fn event_words(event: &Event) -> Option<String> {
    Some(match event {
        Event::Started {
            device,
            size: [width, height],
            stages,
        } => {
            let stages = if *stages == 1 {
                ""
            } else {
                &format!(", {stages} stages")
            };
            format!(
                "started on {}, {width}x{height}{stages}",
                display_name(device.as_ref())
            )
        }
        Event::Progress {
            stage,
            iteration,
            of,
            loss,
            its_per_s,
            eta_s,
            ..
        } => {
            let left = eta_s.filter(|s| s.is_finite() && *s >= 0.0 && *s < 1e9);
            let left = left.map(|s| format!(", {} left", span(Duration::from_secs_f64(s))));
            // There is no speed before the second iteration of a stage.
            let speed = (*its_per_s > 0.0).then(|| format!(", {its_per_s:.2} it/s"));
            format!(
                "stage {stage}, {iteration}/{of}, loss {loss:.4e}{}{}",
                speed.unwrap_or_default(),
                left.unwrap_or_default()
            )
        }
        Event::Snapshot { path, .. } => format!("snapshot {}", display_path(&path.0)),
        Event::Note { text } => display_name(text.as_ref()),
        Event::Resumed {
            stage,
            iteration,
            lost,
        } => {
            let lost = lost.as_ref().map(|lost| display_name(lost.as_ref()));
            let lost = lost.map_or_else(String::new, |lost| format!(" ({lost})"));
            format!("goes on from stage {stage}, iteration {iteration}{lost}")
        }
        Event::Edited {
            stage,
            iteration,
            option,
            value,
            ..
        } => {
            let option = display_name(option.as_ref());
            format!("{option} = {value} from stage {stage}, iteration {iteration}")
        }
        Event::EditRefused { reason, .. } => display_name(reason.as_ref()),
        Event::Checkpoint { .. }
        | Event::Heartbeat
        | Event::Stopped { .. }
        | Event::Finished { .. }
        | Event::Failed { .. }
        | Event::Unknown => return None,
    })
}

fn told(job: &Job, words: impl Display) -> String {
    format!("{} {}: {words}", job.id, job.name)
}

/// Returns the last two components of a job folder's path, as `done/2026-11-23_harbour_0042`.
fn place(folder: &Path) -> String {
    let root = folder.parent().and_then(Path::parent);
    display_path(
        root.and_then(|root| folder.strip_prefix(root).ok())
            .unwrap_or(folder),
    )
}

/// Returns a span of time in words.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// Returns a number of bytes in gigabytes.
pub(super) fn gigabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000_000;
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

/// Returns a number of bytes in the unit that suits it.
pub(super) fn amount(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => gigabytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_in_the_unit_that_suits() {
        assert_eq!(gigabytes(24_650_000_000), "24.6 GB");
        assert_eq!(gigabytes(0), "0.0 GB");
        let cases = [
            (0, "0 kB"),
            (1, "1 kB"),
            (999_000, "999 kB"),
            (2_500_000, "2 MB"),
            (1_500_000_000, "1.5 GB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(amount(bytes), text);
        }
    }

    #[test]
    fn spans_are_short() {
        let cases = [
            (5, "5 s"),
            (65, "1 min 05 s"),
            (3600, "1 h 00 min"),
            (90_061, "25 h 01 min"),
        ];
        for (seconds, text) in cases {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn progress_is_told_at_the_start_of_a_stage_and_then_seldom() {
        let mut progress = Progress::new(Clock::start(), false);
        assert!(progress.is_time(1));
        assert!(!progress.is_time(1));
        assert!(progress.is_time(2));
        assert!(!progress.is_time(2));
    }

    #[test]
    fn worker_words_cannot_reach_the_terminal_raw() {
        let note = Event::Note {
            text: "\x1b[2Jgone".to_owned(),
        };
        assert_eq!(event_words(&note).unwrap(), "\\u{1b}[2Jgone");
    }

    #[test]
    fn places_are_shown_from_the_studio_on() {
        assert_eq!(
            place(Path::new("/s/done/2026-11-23_a_0001")),
            "done/2026-11-23_a_0001"
        );
    }
}
