//! `pentimento models pull NAME…`: fetches networks, and shows how that goes.

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use crate::cli::args::Common;
use crate::cli::interrupt::{self, INTERRUPTED};
use crate::cli::meter::Meter;
use crate::cli::models::args::PullArgs;
use crate::cli::models::words;
use crate::cli::output;
use crate::download::{self, DownloadError, Flow, Limits};
use crate::job::names::display_path;
use crate::models::{self, Event, Folders, IfThere, ModelsError, Order, Pulled};

/// Fetches the networks one after the other; ends at the first that cannot be had.
pub(super) fn run(common: &Common, args: &PullArgs, folders: &Folders) -> anyhow::Result<ExitCode> {
    let interrupted = interrupt::listen()?;
    let limits = Limits::default();
    for name in &args.names {
        let order = Order {
            name,
            if_there: if args.again {
                IfThere::Replace
            } else {
                IfThere::Keep
            },
            limits: &limits,
        };
        let mut meter = Meter::new(common.quiet > 0);
        let pulled = models::pull(&order, folders, &std::thread::park_timeout, &mut |event| {
            show(&mut meter, &event);
            if interrupted.load(Ordering::Acquire) {
                Flow::Stop
            } else {
                Flow::Continue
            }
        });
        drop(meter);
        match pulled {
            Ok(pulled) => output::line(&told(name, &pulled))?,
            Err(ModelsError::Download(error @ DownloadError::Stopped { .. })) => {
                output::note(&error.to_string());
                return Ok(ExitCode::from(INTERRUPTED));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn told(name: &str, pulled: &Pulled) -> String {
    let name = words::shown(name);
    match pulled {
        Pulled::There(file) => {
            format!(
                "network {name} is there: {} (--again fetches it anew)",
                display_path(file)
            )
        }
        Pulled::Installed { file, url, check } => format!(
            "network {name} is in {}, from {} ({check})",
            display_path(file),
            words::shown(url)
        ),
    }
}

fn show(meter: &mut Meter, event: &Event<'_>) {
    match event {
        Event::Download(download::Event::Started { from, total, .. }) => meter.begin(*from, *total),
        Event::Download(download::Event::Received(bytes)) => meter.received(*bytes),
        Event::Waiting
        | Event::Download(_)
        | Event::GaveUp(_)
        | Event::Unpacking
        | Event::Converting
        | Event::Note(_) => {}
    }
    if let Some(line) = sentence(event) {
        meter.note(&line);
    }
}

/// Returns the line that tells a step; the growth of a download has none.
fn sentence(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Waiting => "waiting for another pentimento that is installing".to_owned(),
        Event::Download(event) => match event {
            download::Event::Started { url, from, total } => {
                let size = total.map(|total| format!(" ({})", words::size(total)));
                let size = size.unwrap_or_default();
                let resumed = match from {
                    0 => String::new(),
                    from => format!(", of which {} are there", words::size(*from)),
                };
                format!("fetching {}{size}{resumed}", words::shown(url))
            }
            download::Event::Received(_) => return None,
            download::Event::Retrying { why, pause } => {
                format!("{why}; again in {} s", pause.as_secs())
            }
            download::Event::GaveUp(failure) => words::shown(&failure.error.to_string()),
            download::Event::Checking => "checking".to_owned(),
        },
        Event::GaveUp(error) => format!("{error}; the next source is tried"),
        Event::Unpacking => "unpacking".to_owned(),
        Event::Converting => "converting".to_owned(),
        Event::Note(note) => words::shown(note),
    })
}
