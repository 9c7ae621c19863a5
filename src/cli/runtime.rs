//! `pentimento runtime`: installs the ONNX Runtime library, and shows how that goes.
//!
//! Painting installs the plain variant by itself; this command does it beforehand, mends a damaged
//! installation, and fetches the CUDA variant, which is too large to be fetched unasked.

use std::process::ExitCode;

use crate::cli::args::Common;
use crate::cli::args::RuntimeCommand;
use crate::cli::meter::Meter;
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
    let mut meter = Meter::new(common.quiet > 0);
    work(&Environment::from_process(), &mut |progress| {
        show(&mut meter, &progress);
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

fn show(meter: &mut Meter, progress: &Progress<'_>) {
    match progress {
        Progress::Fetching { total, .. } => meter.begin(0, Some(*total)),
        Progress::Transferred(bytes) => meter.received(*bytes),
        Progress::Waiting
        | Progress::Checking
        | Progress::Failed(_)
        | Progress::Installed { .. } => {}
    }
    match (words(progress), progress) {
        (Some(words), Progress::Failed(_)) => meter.note(&words),
        (Some(words), _) => meter.step(&words),
        (None, _) => {}
    }
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
}
