//! Following a daemon that runs already: what bare `pentimento` does then.

use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::api::client::Heard;
use crate::api::types::Event;
use crate::cli::args::Common;
use crate::cli::interrupt;
use crate::cli::jobs::connect;
use crate::cli::jobs::words::plain;
use crate::cli::output;
use crate::clock::Clock;

/// How often it is looked whether the following was interrupted.
const TICK: Duration = Duration::from_millis(200);

/// How often the progress of a job is told.
const EVERY: Duration = Duration::from_secs(10);

/// Says that a daemon runs already, and prints what happens until it ends or Ctrl-C.
pub(in crate::cli) fn follow(common: &Common, why: &str) -> anyhow::Result<ExitCode> {
    let client = connect(common)?;
    let interrupted = interrupt::listen()?;
    let clock = Clock::start();
    let mut told = None;
    let mut broken = None;
    let has_ended = client.follow(TICK, &mut |heard| {
        if let Heard::Begun = heard {
            output::note(&format!(
                "{why}; following it (Ctrl-C ends the following only)"
            ));
        }
        if let Heard::Event(event) = heard {
            let now = clock.monotonic();
            let is_progress = event.kind == "progress";
            let is_soon = told.is_some_and(|at| now < at + EVERY);
            if !(is_progress && is_soon) {
                if is_progress {
                    told = Some(now);
                }
                broken = words(event).and_then(|text| output::line(&text).err());
            }
        }
        Ok(broken.is_none() && !interrupted.load(Ordering::Acquire))
    })?;
    if let Some(error) = broken {
        return Err(error.into());
    }
    if has_ended {
        output::note("the daemon has ended");
    }
    Ok(ExitCode::SUCCESS)
}

fn words(event: &Event) -> Option<String> {
    let who = match (event.job, &event.name) {
        (Some(id), Some(name)) => format!("{id:04} {}: ", plain(name)),
        (None, Some(name)) => format!("{}: ", plain(name)),
        (_, None) => String::new(),
    };
    let text = event.text.as_deref().map(plain);
    if event.kind == "progress" {
        let number = |key: &str| event.data.get(key).and_then(serde_json::Value::as_u64);
        let (iteration, of) = (number("iteration")?, number("of")?);
        let stage = number("stage")?;
        return Some(format!("{who}stage {stage}, {iteration}/{of}"));
    }
    let kind = event.kind.replace('_', " ");
    Some(match text {
        Some(text) => format!("{who}{kind}: {text}"),
        None => format!("{who}{kind}"),
    })
}
