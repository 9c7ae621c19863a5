//! `pentimento runtime`: installs the ONNX Runtime library, and shows how that goes.
//!
//! Painting installs the plain variant by itself; this command does it beforehand, mends a damaged
//! installation, and fetches the CUDA variant, which is too large to be fetched unasked.

use std::process::ExitCode;

use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;

use crate::cli::args::Common;
use crate::cli::args::RuntimeCommand;
use crate::cli::output;
use crate::job::names::display_path;
use crate::runtime;
use crate::runtime::Device;
use crate::runtime::Environment;
use crate::runtime::Library;
use crate::runtime::Progress;
use crate::runtime::Request;

/// Carries out a `runtime` command.
pub(super) fn run(common: &Common, command: &RuntimeCommand) -> anyhow::Result<ExitCode> {
    let RuntimeCommand::Install { cuda } = command;
    let library = shown(common, |env, progress| {
        if *cuda {
            runtime::install_cuda(env, progress)
        } else {
            runtime::install(env, progress)
        }
    })?;
    output::line(&describe(&library))?;
    let named = common.ort_lib.as_ref();
    if let Some(named) = named.filter(|named| **named != library.path) {
        let named = display_path(named);
        output::note(&format!("it is not used as long as {named} is named"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Does what may install something, and shows how that goes. Painting calls it around
/// [`runtime::ensure`].
pub(super) fn shown<T>(
    common: &Common,
    work: impl FnOnce(&Environment, &mut dyn FnMut(Progress<'_>)) -> T,
) -> T {
    let mut meter = Meter::new(ProgressDrawTarget::stderr(), common.quiet > 0);
    work(&Environment::from_process(), &mut |progress| {
        meter.show(&progress);
    })
}

/// Returns what the command line asks of the library.
pub(super) fn request(common: &Common, device: Device) -> Request {
    Request {
        ort_lib: common.ort_lib.clone(),
        settings: None,
        device,
    }
}

fn describe(library: &Library) -> String {
    let version = library.version.map(|version| format!(" {version}"));
    let variant = if library.cuda.is_some() {
        " with CUDA"
    } else {
        ""
    };
    format!(
        "ONNX Runtime{}{variant} is in {}",
        version.unwrap_or_default(),
        display_path(&library.path)
    )
}

/// Shows an installation as it goes: a bar where there is a terminal, else lines.
#[derive(Debug)]
struct Meter {
    bar: ProgressBar,
    is_quiet: bool,
    /// How many quarters of the download have been told as lines.
    quarters: u64,
}

impl Meter {
    fn new(target: ProgressDrawTarget, is_quiet: bool) -> Self {
        let target = if is_quiet {
            ProgressDrawTarget::hidden()
        } else {
            target
        };
        let bar = ProgressBar::with_draw_target(None, target).with_style(style());
        Self {
            bar,
            is_quiet,
            quarters: 0,
        }
    }

    fn show(&mut self, progress: &Progress<'_>) {
        let has_bar = !self.bar.is_hidden();
        let mut line = words(progress);
        match progress {
            Progress::Fetching { total, .. } => {
                self.bar.set_length(*total);
                self.bar.set_position(0);
                self.quarters = 0;
            }
            Progress::Transferred(bytes) => {
                self.bar.set_position(*bytes);
                line = self.next_quarter(*bytes).filter(|_| !has_bar);
            }
            Progress::Checking => self.bar.set_position(self.bar.length().unwrap_or_default()),
            Progress::Waiting | Progress::Failed(_) => {}
            Progress::Installed { .. } => self.bar.finish_and_clear(),
        }
        let Some(line) = line else {
            return;
        };
        let is_passing = has_bar && !matches!(progress, Progress::Failed(_));
        if is_passing {
            self.bar.set_message(line);
        } else if !self.is_quiet {
            self.bar.suspend(|| output::note(&line));
        }
    }

    /// Returns the words for a quarter of the download that has just been passed.
    fn next_quarter(&mut self, bytes: u64) -> Option<String> {
        let total = self.bar.length().filter(|&total| total > 0)?;
        let quarters = bytes.saturating_mul(4) / total;
        let is_new = quarters > self.quarters;
        self.quarters = quarters;
        is_new.then(|| format!("{} %", quarters * 25))
    }
}

fn style() -> ProgressStyle {
    let template = "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {eta}";
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_unsupported| ProgressStyle::default_bar())
}

/// Returns the line that tells a step; the growth of a download has none.
fn words(progress: &Progress<'_>) -> Option<String> {
    Some(match progress {
        Progress::Waiting => "waiting for another pentimento that is installing".to_owned(),
        Progress::Fetching {
            requirement,
            client,
            total,
        } => {
            let megabytes = total.div_ceil(1_000_000);
            format!("fetching {requirement} ({megabytes} MB) with {client}")
        }
        Progress::Transferred(_) => return None,
        Progress::Checking => "checking and unpacking".to_owned(),
        Progress::Failed(failure) => failure.to_string(),
        Progress::Installed { folder } => format!("installed in {}", display_path(folder)),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::runtime::Failure;

    #[test]
    fn every_step_but_growth_has_words() {
        let failure = Failure {
            client: "uv",
            why: "there is no uv on PATH".to_owned(),
        };
        let fetching = Progress::Fetching {
            requirement: "onnxruntime==1.32.0",
            client: "uv",
            total: 27_780_211,
        };
        let folder = Path::new("/data/cpu-1.32.0");
        let cases = [
            (
                Progress::Waiting,
                Some("waiting for another pentimento that is installing"),
            ),
            (
                fetching,
                Some("fetching onnxruntime==1.32.0 (28 MB) with uv"),
            ),
            (Progress::Transferred(5), None),
            (Progress::Checking, Some("checking and unpacking")),
            (
                Progress::Failed(&failure),
                Some("uv: there is no uv on PATH"),
            ),
            (
                Progress::Installed { folder },
                Some("installed in /data/cpu-1.32.0"),
            ),
        ];
        for (progress, expected) in cases {
            assert_eq!(words(&progress).as_deref(), expected);
        }
    }

    #[test]
    fn the_bar_follows_the_download_and_ends() {
        let mut meter = Meter::new(ProgressDrawTarget::hidden(), true);
        meter.show(&Progress::Fetching {
            requirement: "a",
            client: "uv",
            total: 100,
        });
        meter.show(&Progress::Transferred(40));
        assert_eq!((meter.bar.position(), meter.bar.length()), (40, Some(100)));
        assert_eq!(meter.next_quarter(49), None);
        assert_eq!(meter.next_quarter(50).as_deref(), Some("50 %"));
        meter.show(&Progress::Checking);
        assert_eq!(meter.bar.position(), 100);
        let folder = Path::new("/data");
        meter.show(&Progress::Installed { folder });
        assert!(meter.bar.is_finished());
    }
}
