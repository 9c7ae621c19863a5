//! `/metrics`: numbers in the text format of Prometheus. No names of files or jobs as labels.

use std::fmt::Write;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::header::CONTENT_TYPE;

use crate::api::ApiError;
use crate::api::App;
use crate::api::PROGRAM_VERSION;
use crate::control::Request;
use crate::control::view::Overview;
use crate::job::JobState;

pub(super) async fn metrics(State(app): State<App>) -> Result<Response<Body>, ApiError> {
    let overview = app.desk.ask(Request::Overview).await?;
    let up = app.clock.wall().0.saturating_sub(overview.since.0);
    let mut response = Response::new(Body::from(text(&overview, up, app.feed.n_readers())));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

fn text(overview: &Overview, up: u64, n_readers: usize) -> String {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, f64)]| {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "# HELP pentimento_{name} {help}\n# TYPE pentimento_{name} {kind}"
        );
        for (labels, value) in samples {
            let _ = writeln!(text, "pentimento_{name}{labels} {value}");
        }
    };
    let one = |value: f64| vec![(String::new(), value)];
    let build = format!("{{version=\"{PROGRAM_VERSION}\"}}");
    family(
        "build_info",
        "gauge",
        "The program's version.",
        &[(build, 1.0)],
    );
    let states = JobState::NAMES.iter().zip(overview.n_jobs);
    let jobs: Vec<_> = states
        .map(|(state, n)| (format!("{{state=\"{state}\"}}"), number(n)))
        .collect();
    family("jobs", "gauge", "Jobs by state.", &jobs);
    let states = ["settling", "waiting", "rejected", "duplicate", "taken"];
    let n_bundles = |state| number(overview.n_bundles.get(state).copied().unwrap_or(0));
    let bundles: Vec<_> = states
        .iter()
        .map(|state| (format!("{{state=\"{state}\"}}"), n_bundles(state)))
        .collect();
    family(
        "bundles",
        "gauge",
        "Bundles in the watch folder by state.",
        &bundles,
    );
    family(
        "slots",
        "gauge",
        "Jobs that can run at a time.",
        &one(overview.n_slots.into()),
    );
    family(
        "uptime_seconds",
        "gauge",
        "Since the daemon started.",
        &one(number(up)),
    );
    let readers = number(n_readers as u64);
    family(
        "event_readers",
        "gauge",
        "Clients that follow the events.",
        &one(readers),
    );
    let live = || {
        overview
            .running
            .iter()
            .filter_map(|card| card.live.as_ref())
    };
    let speed: f64 = live().map(|live| live.its_per_s).sum();
    family(
        "iterations_per_second",
        "gauge",
        "Of all running jobs.",
        &one(speed),
    );
    let tries: u32 = overview
        .running
        .iter()
        .map(|card| card.job.course.tries)
        .sum();
    let help = "Attempts in a row without a newer checkpoint, of all running jobs.";
    family("running_tries", "gauge", help, &one(tries.into()));
    text
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a count of jobs is exact far beyond any studio"
)]
fn number(n: u64) -> f64 {
    n as f64
}
