//! The exit statuses, in one table: what they are, what is said of them, which error has which.

use std::process::ExitCode;

use crate::api::client::ClientError;
use crate::cli::jobs::NoSuchJob;
use crate::daemon;
use crate::ingest::IngestError;
use crate::models::ModelsError;
use crate::network::NetworkError;
use crate::settings::SettingsError;

/// A job that was waited for failed or was cancelled.
pub(super) const JOB_FAILED: u8 = 3;
/// What was named is not there: a studio, a network, a job, a file.
pub(super) const NOT_FOUND: u8 = 4;
/// No daemon runs, or it cannot be reached.
pub(super) const NO_DAEMON: u8 = 5;
/// A daemon runs already.
pub(super) const ALREADY_RUNNING: u8 = 6;
/// Settings that cannot be used.
pub(super) const BAD_SETTINGS: u8 = 78;
/// Ended by Ctrl-C, or by SIGTERM.
pub(super) const INTERRUPTED: u8 = 130;

/// Examples and the table of exit statuses, at the end of `--help`.
pub(super) const HELP: &str = "\
Examples:
  pentimento init ~/studio                     make a studio with a sample in it
  pentimento --studio ~/studio                 watch it and paint what is dropped into watch/
  pentimento add harbour.jpg wave.jpg          drop a picture and a style into watch/
  pentimento list                              what there is to do, and what was done
  pentimento pause harbour                     give the device back; `resume` goes on exactly
  pentimento paint harbour.jpg wave.jpg        paint one picture, here and now
  pentimento models pull vgg19                 fetch a network
  pentimento train ~/drawings -o my-drawings   train a network on your own pictures

Exit status: 0 fine, 1 failed, 2 wrong usage, 3 a job failed (--until-idle, wait), 4 not found,
5 no daemon runs or it cannot be reached, 6 already running, 78 bad settings, 130 interrupted. Any
other means failure too.";

/// Returns the exit status of an error.
pub(super) fn of(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(number(error))
}

fn number(error: &anyhow::Error) -> u8 {
    if let Some(error) = error.downcast_ref::<SettingsError>() {
        let no_studio = matches!(
            error,
            SettingsError::NoStudio { .. } | SettingsError::NotAStudio { .. }
        );
        return if no_studio { NOT_FOUND } else { BAD_SETTINGS };
    }
    if let Some(ModelsError::Network(error)) = error.downcast_ref()
        && matches!(**error, NetworkError::Missing { .. })
    {
        return NOT_FOUND;
    }
    if error.downcast_ref::<NoSuchJob>().is_some() {
        return NOT_FOUND;
    }
    if let Some(error) = error.downcast_ref::<ClientError>() {
        return match error {
            ClientError::NoDaemon
            | ClientError::Connect { .. }
            | ClientError::NotOurs { .. }
            | ClientError::Broken { .. }
            | ClientError::TooSlow { .. } => NO_DAEMON,
            ClientError::Refused(problem) if problem.code.starts_with("unknown_") => NOT_FOUND,
            ClientError::Refused(problem) if problem.code == "ending" => NO_DAEMON,
            ClientError::Refused(_)
            | ClientError::TooLong { .. }
            | ClientError::Unreadable { .. }
            | ClientError::Request { .. }
            | ClientError::Write(_)
            | ClientError::Loop(_) => 1,
        };
    }
    match error.downcast_ref::<daemon::Fatal>() {
        Some(
            daemon::Fatal::AlreadyRunning { .. }
            | daemon::Fatal::Ingest(IngestError::Watched { .. }),
        ) => ALREADY_RUNNING,
        _ => 1,
    }
}
