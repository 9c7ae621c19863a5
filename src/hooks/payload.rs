//! What a hook is told: variables `PENTIMENTO_…` and a JSON object on its standard input.
//!
//! Names go in as they are on disk; nothing is put into a text that anything interprets.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::folder::Studio;
use crate::hooks::HookEvent;
use crate::job::names::PathText;

/// The format of the JSON object.
const SCHEMA: u32 = 1;
/// The most bytes of a variable: the system has a limit for all of them together.
const VARIABLE_MAX: usize = 16 << 10;

/// What happened, beside the event itself; absent parts are not told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payload {
    /// The job that it happened to.
    pub job: Option<JobFacts>,
    /// The bundle's name, where there is no job.
    pub bundle: Option<OsString>,
    /// The finished picture.
    pub result: Option<PathBuf>,
    /// Why, in plain words.
    pub reason: Option<String>,
    /// What the user can do.
    pub hint: Option<String>,
    /// What is free on the disk, in bytes.
    pub free_bytes: Option<u64>,
}

/// The job that something happened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFacts {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its folder as it is now.
    pub folder: PathBuf,
    /// The attempt, from 1; 0 for what happens once in the job's life. Together with the event it
    /// says what a hook is run for once: a job that fails again after a retry is told again.
    pub attempt: u32,
}

#[derive(Serialize)]
struct Object<'a> {
    schema: u32,
    event: &'a str,
    time: Timestamp,
    studio: PathText,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<Job<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<PathText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<PathText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Job<'a> {
    id: u32,
    name: &'a str,
    folder: PathText,
    attempt: u32,
}

impl Payload {
    /// Returns the variables that a hook gets.
    pub(super) fn variables(
        &self,
        studio: &Studio,
        event: HookEvent,
        now: Timestamp,
    ) -> Vec<(&'static str, OsString)> {
        let text = |text: String| Some(OsString::from(text));
        let job = self.job.as_ref();
        let path = |path: &PathBuf| path.clone().into_os_string();
        let parts = [
            ("PENTIMENTO_EVENT", text(event.name().to_owned())),
            ("PENTIMENTO_TIME", text(now.to_string())),
            ("PENTIMENTO_STUDIO", Some(path(&studio.root))),
            (
                "PENTIMENTO_JOB_ID",
                job.and_then(|j| text(j.id.to_string())),
            ),
            (
                "PENTIMENTO_JOB_NAME",
                job.and_then(|j| text(j.name.clone())),
            ),
            ("PENTIMENTO_JOB_FOLDER", job.map(|j| path(&j.folder))),
            (
                "PENTIMENTO_JOB_ATTEMPT",
                job.and_then(|j| text(j.attempt.to_string())),
            ),
            ("PENTIMENTO_BUNDLE", self.bundle.clone()),
            ("PENTIMENTO_RESULT", self.result.as_ref().map(path)),
            ("PENTIMENTO_REASON", self.reason.clone().and_then(text)),
            ("PENTIMENTO_HINT", self.hint.clone().and_then(text)),
            (
                "PENTIMENTO_FREE_BYTES",
                self.free_bytes.and_then(|n| text(n.to_string())),
            ),
        ];
        parts
            .into_iter()
            .filter_map(|(name, value)| Some((name, presentable(value?))))
            .collect()
    }

    /// Returns the JSON object that a hook reads, as one line. A name that is not UTF-8 is a list of
    /// its bytes.
    pub(super) fn json(&self, studio: &Studio, event: HookEvent, now: Timestamp) -> Vec<u8> {
        let object = Object {
            schema: SCHEMA,
            event: event.name(),
            time: now,
            studio: PathText(studio.root.clone()),
            job: self.job.as_ref().map(|job| Job {
                id: job.id,
                name: &job.name,
                folder: PathText(job.folder.clone()),
                attempt: job.attempt,
            }),
            bundle: self.bundle.clone().map(|name| PathText(name.into())),
            result: self.result.clone().map(PathText),
            reason: self.reason.as_deref(),
            hint: self.hint.as_deref(),
            free_bytes: self.free_bytes,
        };
        let mut line = serde_json::to_vec(&object)
            .expect("texts, numbers and lists of bytes can always be written as JSON");
        line.push(b'\n');
        line
    }
}

/// Returns `value` as a variable can hold it: no zero bytes, and not endless.
fn presentable(value: OsString) -> OsString {
    if value.len() <= VARIABLE_MAX && !value.as_bytes().contains(&0) {
        return value;
    }
    let mut bytes = value.into_vec();
    bytes.retain(|byte| *byte != 0);
    bytes.truncate(VARIABLE_MAX);
    OsString::from_vec(bytes)
}
