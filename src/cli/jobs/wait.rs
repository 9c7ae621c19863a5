//! `pentimento wait`: until jobs are over.

use std::collections::BTreeSet;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::bail;

use crate::api::client::Blocking;
use crate::api::client::ClientError;
use crate::api::client::Heard;
use crate::api::types::JobDetail;
use crate::cli::args::Common;
use crate::cli::interrupt;
use crate::cli::jobs::args::WaitArgs;
use crate::cli::jobs::connect;
use crate::cli::jobs::find;
use crate::cli::jobs::words;
use crate::cli::output;
use crate::cli::status::INTERRUPTED;
use crate::cli::status::JOB_FAILED;
use crate::clock::Clock;

/// How often it is looked whether the wait was interrupted or is over.
const TICK: Duration = Duration::from_millis(200);

/// Waits until the jobs are over, and prints each as it ends.
pub(super) fn run(common: &Common, args: &WaitArgs) -> anyhow::Result<ExitCode> {
    let client = connect(common)?;
    let mut open = BTreeSet::new();
    for named in &args.jobs {
        open.insert(find(&client, named)?);
    }
    let clock = Clock::start();
    let patience = args.timeout.map(Duration::try_from_secs_f64).transpose()?;
    let interrupted = interrupt::listen()?;
    let mut waiting = Waiting {
        client: &client,
        open,
        n_bad: 0,
        broken: None,
    };
    let has_ended = client.follow(TICK, &mut |heard| match heard {
        Heard::Begun => waiting.look(),
        Heard::Nothing => {
            let in_time = patience.is_none_or(|patience| clock.monotonic() < patience);
            Ok(in_time && !interrupted.load(Ordering::Acquire))
        }
        Heard::Event(event) => match event.kind.as_str() {
            "done" | "failed" | "cancelled" | "remark" | "lagged" => waiting.look(),
            _ => Ok(true),
        },
    })?;
    if let Some(error) = waiting.broken {
        return Err(error.into());
    }
    let left = waiting.open.len();
    if left > 0 && interrupted.load(Ordering::Acquire) {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if left > 0 && has_ended {
        return Err(ClientError::NoDaemon.into());
    }
    if left > 0 {
        bail!("{left} of the jobs were not over in time");
    }
    Ok(if waiting.n_bad > 0 {
        ExitCode::from(JOB_FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Jobs that are waited for.
struct Waiting<'a> {
    client: &'a Blocking,
    open: BTreeSet<u32>,
    /// How many ended without a result.
    n_bad: usize,
    /// Why nothing can be printed any more.
    broken: Option<io::Error>,
}

impl Waiting<'_> {
    /// Prints the jobs that are over by now. Returns whether any is left.
    fn look(&mut self) -> Result<bool, ClientError> {
        for id in self.open.clone() {
            let job: JobDetail = self.client.get(&format!("/v1/jobs/{id}"))?;
            let job = job.summary;
            if matches!(&*job.state, "done" | "failed" | "cancelled") {
                self.open.remove(&id);
                self.n_bad += usize::from(job.state != "done");
                self.broken = output::line(&words::line(&job)).err();
            }
        }
        Ok(!self.open.is_empty() && self.broken.is_none())
    }
}
