//! `pentimento models pull NAME…`: fetches networks, and shows how that goes.

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::args::Common;
use crate::cli::interrupt::{self, INTERRUPTED};
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
        let mut meter = Meter::new(ProgressDrawTarget::stderr(), common.quiet > 0);
        let pulled = models::pull(&order, folders, &std::thread::park_timeout, &mut |event| {
            meter.show(&event);
            if interrupted.load(Ordering::Acquire) {
                Flow::Stop
            } else {
                Flow::Continue
            }
        });
        meter.bar.finish_and_clear();
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

/// Shows a download as it goes: a bar where there is a terminal, else lines.
struct Meter {
    bar: ProgressBar,
    is_quiet: bool,
    /// How many quarters of the file have been told as lines.
    quarters: u64,
}

impl Meter {
    fn new(target: ProgressDrawTarget, is_quiet: bool) -> Self {
        let target = if is_quiet {
            ProgressDrawTarget::hidden()
        } else {
            target
        };
        let template = "{wide_bar} {decimal_bytes}/{decimal_total_bytes} {eta}";
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_unsupported| ProgressStyle::default_bar());
        Self {
            bar: ProgressBar::with_draw_target(None, target).with_style(style),
            is_quiet,
            quarters: 0,
        }
    }

    fn show(&mut self, event: &Event<'_>) {
        let mut line = sentence(event);
        if let Event::Download(download::Event::Started { from, total, .. }) = event {
            if let Some(total) = total {
                self.bar.set_length(*total);
            }
            self.bar.set_position(*from);
            self.quarters = 0;
        }
        if let Event::Download(download::Event::Received(bytes)) = event {
            self.bar.set_position(*bytes);
            line = self.next_quarter(*bytes).filter(|_| self.bar.is_hidden());
        }
        if let Some(line) = line.filter(|_| !self.is_quiet) {
            self.bar.suspend(|| output::note(&line));
        }
    }

    /// Returns a line for a quarter of the file that has not been told yet.
    fn next_quarter(&mut self, bytes: u64) -> Option<String> {
        let total = self.bar.length().filter(|&total| total > 0)?;
        let quarters = bytes.saturating_mul(4) / total;
        let is_new = quarters > self.quarters;
        self.quarters = quarters;
        is_new.then(|| format!("{} %", quarters * 25))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_are_told_once() {
        let mut meter = Meter::new(ProgressDrawTarget::hidden(), false);
        meter.bar.set_length(100);
        let told: Vec<_> = [10, 30, 40, 80, 100]
            .into_iter()
            .filter_map(|bytes| meter.next_quarter(bytes))
            .collect();
        assert_eq!(told, ["25 %", "75 %", "100 %"]);
    }
}
