//! What the floor shows of itself: copies, taken at one moment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::clock::Timestamp;
use crate::job::Job;
use crate::job::JobId;
use crate::job::JobState;

/// How things stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// Since when the daemon runs.
    pub since: Timestamp,
    /// How many jobs are in each state, in the order of [`JobState::NAMES`].
    pub n_jobs: [u64; JobState::NAMES.len()],
    /// How many bundles are in each state.
    pub n_bundles: BTreeMap<&'static str, u64>,
    /// The jobs that run.
    pub running: Vec<Card>,
    /// How many jobs can run at a time.
    pub n_slots: u32,
    /// Whether the daemon is on its way out.
    pub is_stopping: bool,
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The job.
    pub job: Job,
    /// Where its folder is.
    pub folder: PathBuf,
    /// Its place among those that are queued, from 1.
    pub place: Option<u64>,
    /// How far the running attempt is.
    pub live: Option<Live>,
}

/// How far a running attempt is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Live {
    /// The device, in words.
    pub device: String,
    /// Width and height of the result in pixels.
    pub size: [u32; 2],
    /// How many stages there are.
    pub n_stages: u32,
    /// The stage, from 1; 0 before the first.
    pub stage: u32,
    /// The iteration within the stage, from 1.
    pub iteration: u32,
    /// How many iterations the stage has.
    pub of: u32,
    /// The sum of the weighted loss terms.
    pub loss: Option<f64>,
    /// The weighted loss terms by their column names.
    pub terms: Vec<(String, f64)>,
    /// Iterations in a second, lately.
    pub its_per_s: f64,
    /// Seconds left for the whole job, as far as is known.
    pub eta_s: Option<f64>,
}

/// Which jobs are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those in one of these states; all if empty.
    pub states: Vec<String>,
    /// Only those whose name contains this, letter case ignored, or that have this number.
    pub text: String,
    /// Only those of exactly this name.
    pub name: Option<String>,
    /// Only those with a lower number than this.
    pub before: Option<JobId>,
    /// How many at most.
    pub limit: usize,
}

impl Filter {
    /// Returns whether a job is asked for.
    pub fn takes(&self, job: &Job) -> bool {
        let state = job.state.name();
        let in_states = self.states.is_empty() || self.states.iter().any(|wanted| wanted == state);
        let is_named = self.name.as_ref().is_none_or(|name| *name == job.name);
        let is_before = self.before.is_none_or(|before| job.id < before);
        let has_text = job.name.to_lowercase().contains(&self.text.to_lowercase())
            || self.text.parse() == Ok(job.id.0);
        in_states && is_named && is_before && has_text
    }
}

/// Some of the jobs, the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The jobs.
    pub cards: Vec<Card>,
    /// Where the next page begins: its [`Filter::before`]; absent on the last page.
    pub next: Option<JobId>,
}
