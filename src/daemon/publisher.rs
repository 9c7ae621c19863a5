//! From reports to numbered events for those who follow from outside.
//!
//! Numbers go up over all runs of a studio: blocks of them are reserved in a file before they are
//! used, so that a crash skips some and repeats none.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::api;
use crate::api::feed::Feed;
use crate::api::types;
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::daemon::Report;
use crate::folder::Studio;
use crate::folder::write_atomic;
use crate::ingest::BundleState;
use crate::job::Job;
use crate::job::names::display_name;
use crate::job::names::display_path;
use crate::protocol::Event;

/// How many numbers are reserved at a time.
const BLOCK: u64 = 10_000;

/// Publishes reports.
pub(super) struct Publisher {
    feed: Feed,
    clock: Clock,
    file: PathBuf,
    /// The last number that is reserved.
    reserved: u64,
}

impl Publisher {
    /// Returns a publisher whose numbers go on from those of earlier runs.
    pub(super) fn new(studio: &Studio, clock: Clock) -> Self {
        let file = studio.state.join("last-event");
        let used = match fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().ok(),
            Err(_) => Some(0),
        };
        // A note that cannot be read is replaced by a number above all that were ever used.
        let used = used.unwrap_or(clock.wall().0 << 16);
        let mut publisher = Self {
            feed: Feed::new(used + 1),
            clock,
            file,
            reserved: used,
        };
        publisher.reserve(used + 1);
        publisher
    }

    /// Returns the feed that events go to.
    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Publishes a report, if it is for outside.
    pub(super) fn publish(&mut self, report: &Report<'_>) {
        if let Some(event) = self.event(report) {
            let id = self.feed.publish(event);
            if id >= self.reserved {
                self.reserve(id + 1);
            }
        }
    }

    fn reserve(&mut self, next: u64) {
        self.reserved = next + BLOCK;
        let text = format!("{}\n", self.reserved);
        if let Err(error) = write_atomic(&self.file, text.as_bytes()) {
            // The events themselves are no less true; the numbers may come again after a crash.
            tracing::error!(
                error = with_causes(&error),
                "event numbers are not reserved"
            );
        }
    }

    fn event(&self, report: &Report<'_>) -> Option<types::Event> {
        let at = self.clock.wall();
        let plain = |kind: &str, text: String| api::event(at, kind, None, Some(text));
        let of = |kind: &str, job: &Job| api::event(at, kind, Some(job), None);
        let told = |kind: &str, job: &Job, text: &str| {
            let text = display_name(text.as_ref());
            api::event(at, kind, Some(job), Some(text))
        };
        Some(match report {
            Report::Watching(folder) => plain("watching", display_path(folder)),
            Report::Bundle(name, state) => bundle(plain("bundle", String::new()), name, state),
            Report::Remark(text) => plain("remark", display_name(text.as_ref())),
            Report::Claimed(job, _) => of("claimed", job),
            Report::PickedUp(job) => of("picked_up", job),
            Report::Blocked(job, obstacle) => told("blocked", job, &obstacle.reason),
            Report::Unblocked(job) => of("unblocked", job),
            Report::Worker(job, _, event) => {
                let (kind, text, data) = worker(event)?;
                let mut event = told(kind, job, &text);
                event.text = event.text.filter(|text| !text.is_empty());
                event.data = data;
                event
            }
            Report::Done(job, folder, took) => types::Event {
                data: json!({ "folder": display_path(folder), "took_s": took.as_secs() }),
                ..of("done", job)
            },
            Report::Failed(job, folder, failure) => types::Event {
                data: json!({ "folder": display_path(folder), "hint": failure.hint }),
                ..told("failed", job, &failure.reason)
            },
            Report::Retrying(job, failure, wait) => types::Event {
                data: json!({ "in_s": wait.as_secs_f64() }),
                ..told("retrying", job, &failure.reason)
            },
            Report::Cancelled(job, folder) => types::Event {
                data: json!({ "folder": display_path(folder) }),
                ..of("cancelled", job)
            },
            Report::Interrupted(job) => of("interrupted", job),
            Report::Paused(job) => of("paused", job),
            Report::Resumed(job) => of("resumed", job),
            Report::Changed(job) => of("changed", job),
            Report::Stopping(_) => plain("stopping", "the daemon is ending".to_owned()),
        })
    }
}

fn bundle(event: types::Event, name: &str, state: &BundleState) -> types::Event {
    let (text, hint) = state.words();
    types::Event {
        name: Some(name.to_owned()),
        text: Some(text),
        data: json!({ "state": state.name(), "hint": hint }),
        ..event
    }
}

/// Returns kind, words and data of what a worker tells; its last word is told as the job's end.
fn worker(event: &Event) -> Option<(&'static str, String, Value)> {
    Some(match event {
        Event::Started {
            device,
            size,
            stages,
        } => {
            let data = json!({ "size": size, "stages": stages });
            ("started", device.clone(), data)
        }
        Event::Progress {
            stage,
            iteration,
            of,
            loss,
            terms,
            its_per_s,
            eta_s,
        } => {
            let data = json!({
                "stage": stage, "iteration": iteration, "of": of, "loss": loss, "terms": terms,
                "its_per_s": its_per_s, "eta_s": eta_s,
            });
            ("progress", String::new(), data)
        }
        Event::Snapshot {
            path,
            stage,
            iteration,
        } => {
            let data = json!({ "stage": stage, "iteration": iteration });
            ("snapshot", display_path(&path.0), data)
        }
        Event::Note { text } => ("note", text.clone(), Value::Null),
        Event::Checkpoint {
            stage,
            iteration,
            evaluations,
        } => {
            let data =
                json!({ "stage": stage, "iteration": iteration, "evaluations": evaluations });
            ("checkpoint", String::new(), data)
        }
        Event::Resumed {
            stage,
            iteration,
            lost,
        } => {
            let data = json!({ "stage": stage, "iteration": iteration });
            ("resumed_from", lost.clone().unwrap_or_default(), data)
        }
        Event::Edited {
            stage,
            iteration,
            option,
            value,
            ..
        } => {
            let data = json!({ "stage": stage, "iteration": iteration, "value": value });
            ("edited", format!("{option} = {value}"), data)
        }
        Event::EditRefused { reason, .. } => ("edit_refused", reason.clone(), Value::Null),
        Event::Heartbeat
        | Event::Stopped { .. }
        | Event::Finished { .. }
        | Event::Failed { .. }
        | Event::Unknown => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_over_all_runs() {
        let dir = tempfile::tempdir().unwrap();
        let studio = Studio::at(dir.path().to_owned());
        studio.prepare().unwrap();
        let mut last = 0;
        for run in 0..4 {
            if run == 3 {
                fs::write(studio.state.join("last-event"), "nonsense").unwrap();
            }
            let mut publisher = Publisher::new(&studio, Clock::start());
            let mut reader = publisher.feed().follow(None).unwrap();
            for _ in 0..3 {
                publisher.publish(&Report::Remark("x"));
            }
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            let api::feed::Given::Event(event) = runtime.block_on(reader.next()).unwrap() else {
                panic!("missed")
            };
            assert!(event.id > last, "{} after {last}", event.id);
            last = event.id + 2;
        }
    }
}
