//! `pentimento stop`: ends the daemon.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use crate::api::client::Blocking;
use crate::api::client::ClientError;
use crate::api::client::Heard;
use crate::api::types::Done;
use crate::cli::args::Common;
use crate::cli::jobs::args::StopArgs;
use crate::cli::jobs::connect;
use crate::cli::output;

/// How often it is looked whether anything is left to wait for.
const TICK: Duration = Duration::from_secs(1);

/// Ends the daemon, and waits until it has ended unless told not to.
pub(super) fn run(common: &Common, args: &StopArgs) -> anyhow::Result<ExitCode> {
    let client = connect(common)?;
    if args.no_wait {
        ask(&client, args.now)?;
        return Ok(ExitCode::SUCCESS);
    }
    client.follow(TICK, &mut |heard| {
        if let Heard::Begun = heard {
            ask(&client, args.now)?;
        }
        Ok(true)
    })?;
    output::note("the daemon has ended");
    Ok(ExitCode::SUCCESS)
}

fn ask(client: &Blocking, now: bool) -> Result<(), ClientError> {
    client.post::<Done>("/v1/stop", &json!({}))?;
    if now {
        // Asked again, running jobs are ended at once. It may have ended by then.
        let _may_be_over = client.post::<Done>("/v1/stop", &json!({}));
    }
    Ok(())
}
