//! What goes over the wire: version 1. Fields are only ever added, and unknown ones passed over.
//!
//! Times are UTC as `2026-11-23T20:14:05Z`; paths and names are fit to be shown, not to be opened.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

/// `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The version of this API.
    pub api: u32,
    /// The daemon's process.
    pub pid: u32,
    /// The user that it runs as.
    pub uid: u32,
    /// Since when it runs.
    pub since: String,
    /// The studio's root.
    pub studio: String,
    /// How many jobs are in each state.
    pub jobs: JobCounts,
    /// How many bundles are in each state.
    pub bundles: BundleCounts,
    /// The jobs that run.
    pub running: Vec<JobSummary>,
    /// How many jobs can run at a time.
    pub slots: u32,
    /// Whether it is on its way out.
    pub stopping: bool,
}

/// How many jobs are in each state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobCounts {
    /// Will run.
    pub queued: u64,
    /// Lack something, and go on by themselves.
    pub blocked: u64,
    /// Run.
    pub running: u64,
    /// Wait to be told to go on.
    pub paused: u64,
    /// Are tried again at a stated time.
    pub retrying: u64,
    /// Have their result.
    pub done: u64,
    /// Ended without one.
    pub failed: u64,
    /// Were ended.
    pub cancelled: u64,
}

/// How many bundles are in each state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BundleCounts {
    /// Arriving.
    pub settling: u64,
    /// Lack a member.
    pub waiting: u64,
    /// Cannot be used as they are.
    pub rejected: u64,
    /// Are the same as an unfinished job.
    pub duplicate: u64,
    /// Lie where nothing can be moved, and were copied.
    pub taken: u64,
}

/// `GET /v1/bundles`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundles {
    /// The watch folders.
    pub folders: Vec<WatchFolder>,
    /// The bundles, folder by folder.
    pub bundles: Vec<Bundle>,
    /// What is no part of a bundle and worth a word.
    pub loose: Vec<Loose>,
}

/// A watch folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchFolder {
    /// Its path.
    pub path: String,
    /// How it is watched, or why nothing can be seen in it.
    pub words: String,
    /// Whether nothing can be seen in it.
    pub missing: bool,
}

/// A bundle in a watch folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Its name.
    pub name: String,
    /// The watch folder.
    pub folder: String,
    /// `settling`, `waiting`, `rejected`, `duplicate` or `taken`.
    pub state: String,
    /// What is waited for, or what is wrong.
    pub reason: String,
    /// What the user can do, if anything is to be done.
    pub hint: Option<String>,
}

/// Something that is no part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loose {
    /// Its path.
    pub path: String,
    /// Why it is none, and what could be done.
    pub reason: String,
}

/// `GET /v1/explain?path=…`: why a path lies where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// The path that was asked about.
    pub path: String,
    /// The bundle that it belongs to.
    pub bundle: Option<String>,
    /// In one word.
    pub state: String,
    /// In plain words.
    pub reason: String,
    /// What can be done about it, if anything is to be.
    pub hint: Option<String>,
}

/// `POST /v1/bundles/run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// A path of the bundle, absolute.
    pub path: String,
}

/// `GET /v1/jobs?state=…&text=…&name=…&before=…&limit=…`: newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobSummary>,
    /// The `before` of the next page; absent on the last.
    pub next: Option<u32>,
}

/// A job in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSummary {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its state, as in the table of states.
    pub state: String,
    /// When it was taken.
    pub created: String,
    /// When it was over.
    pub finished: Option<String>,
    /// Its place among those that are queued, from 1.
    pub place: Option<u64>,
    /// What is wished of a running job: `pause` or `cancel` once its worker has stopped.
    pub wish: Option<String>,
    /// Why it is blocked, retrying, failed or cancelled.
    pub reason: Option<String>,
    /// What the user can do about that.
    pub hint: Option<String>,
    /// When the next attempt is due.
    pub next_attempt: Option<String>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// How far the running attempt is.
    pub progress: Option<Progress>,
}

/// How far a running attempt is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The device, in words.
    pub device: String,
    /// Width and height of the result in pixels.
    pub size: [u32; 2],
    /// The stage, from 1; 0 before the first.
    pub stage: u32,
    /// How many stages there are.
    pub stages: u32,
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
    /// Seconds left, as far as is known.
    pub eta_s: Option<f64>,
}

/// `GET /v1/jobs/ID`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDetail {
    /// The job in short.
    #[serde(flatten)]
    pub summary: JobSummary,
    /// Where its folder is.
    pub folder: String,
    /// Where its profile came from, in words.
    pub profile_source: String,
    /// Its profile with everything filled in, as TOML.
    pub profile: String,
    /// Its pictures.
    pub inputs: Vec<Input>,
    /// Its attempts, the last ones.
    pub attempt_list: Vec<Attempt>,
    /// How far its newest checkpoint is: stage and iteration.
    pub checkpoint: Option<[u32; 2]>,
    /// Its snapshots, oldest first.
    pub snapshots: Vec<Snapshot>,
    /// The losses, thinned.
    pub losses: Losses,
    /// The result's file name; absent while there is none.
    pub result: Option<String>,
    /// The job that it is a rerun of.
    pub rerun_of: Option<u32>,
    /// Changes that no worker has taken up yet.
    pub pending_edits: Vec<Edit>,
}

/// A picture that a job was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// `content` or `style`.
    pub role: String,
    /// Its path below the job's `inputs/`.
    pub file: String,
    /// SHA-256 of its bytes.
    pub sha256: Option<String>,
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which it is, from 1.
    pub number: u32,
    /// When it was claimed.
    pub started: String,
    /// When it was over.
    pub ended: Option<String>,
    /// `open`, `finished`, `interrupted` or `failed`.
    pub end: String,
    /// Why it failed.
    pub reason: Option<String>,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its file name, to be had at `/v1/jobs/ID/snapshots/NAME`.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// Whether the user marked it.
    pub starred: bool,
}

/// Losses of some of the iterations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// The names of the columns: stage, iteration, total, then the terms.
    pub columns: Vec<String>,
    /// A row an iteration; what was no number is null.
    pub rows: Vec<Vec<Option<f64>>>,
}

/// A change of an option.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// The option.
    pub option: String,
    /// Its new value.
    pub value: f64,
    /// The stage whose option it is, from 1; absent for the stage at hand.
    pub stage: Option<u32>,
}

/// `POST /v1/jobs/ID/edit` and `/rerun`: options as `key=value`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// The options.
    pub set: Vec<String>,
    /// The stage whose options they are, from 1 (`edit` of a job that has begun).
    pub stage: Option<u32>,
}

/// `POST /v1/jobs/ID/move`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveTo {
    /// Before all others.
    First,
    /// After all others.
    Last,
    /// Right before another job.
    Before(u32),
    /// Right after another job.
    After(u32),
}

/// `POST /v1/jobs/ID/star`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Star {
    /// The snapshot's file name.
    pub snapshot: String,
    /// Whether it shall be marked.
    pub starred: bool,
}

/// The answer to a request that has no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// What was begun, in a word.
    pub begun: String,
}

/// An event, as in `GET /v1/events`: its number is the stream's `id`, its kind the stream's `event`.
///
/// Kinds: `watching`, `bundle`, `remark`, `claimed`, `picked_up`, `blocked`, `unblocked`, `started`,
/// `progress`, `snapshot`, `note`, `checkpoint`, `resumed_from`, `edited`, `edit_refused`, `done`,
/// `failed`, `retrying`, `interrupted`, `paused`, `resumed`, `cancelled`, `changed`, `stopping`, and
/// `lagged` for events that a slow reader missed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Greater than that of every earlier event of the studio.
    pub id: u64,
    /// When it happened.
    pub at: String,
    /// What happened.
    pub kind: String,
    /// The job that it is about.
    #[serde(default)]
    pub job: Option<u32>,
    /// The job's or bundle's name.
    #[serde(default)]
    pub name: Option<String>,
    /// In words.
    #[serde(default)]
    pub text: Option<String>,
    /// What else belongs to it.
    #[serde(default)]
    pub data: Value,
}

/// What every refusal looks like: `{"error": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The refusal.
    pub error: Problem,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// In a word that does not change: `unknown_job`, `not_now`, `bad_request`, …
    pub code: String,
    /// What is wrong.
    pub what: String,
    /// Where: the address.
    #[serde(rename = "where")]
    pub place: String,
    /// Why, as far as there is more to say.
    #[serde(default)]
    pub why: Option<String>,
    /// What to do.
    pub hint: String,
}
