//! `pentimento add`: drops pictures into the watch folder, whether a daemon runs or not.

use std::process::ExitCode;

use serde_json::json;

use crate::api::client::Blocking;
use crate::api::socket::Places;
use crate::api::types::Done;
use crate::cli::args::Common;
use crate::cli::context::Context;
use crate::cli::jobs::args::AddArgs;
use crate::cli::jobs::print_json;
use crate::cli::output;
use crate::cli::profiles;
use crate::control::add::Addition;
use crate::control::add::add;
use crate::job::names::display_path;

/// Adds a bundle and prints where it is.
pub(super) fn run(common: &Common, args: &AddArgs) -> anyhow::Result<ExitCode> {
    let (context, studio) = Context::in_studio(common)?;
    let profile = if args.profile.is_some() || !args.set.is_empty() {
        let profile = args.profile.as_deref();
        Some(profiles::overridden(profile, &args.set, &context.settings)?.to_toml())
    } else {
        None
    };
    let addition = Addition {
        name: args.name.clone().map(Into::into),
        content: Some(args.content.clone()),
        styles: args.style.clone(),
        profile,
    };
    let bundle = add(&studio.watch, &addition)?;
    if args.json {
        print_json(&json!({ "bundle": display_path(&bundle) }))?;
    } else {
        output::line(&display_path(&bundle))?;
    }
    match Blocking::find(&studio.state, &Places::from_process()) {
        // It would find the bundle by itself, a little later.
        Ok(client) => drop(client.post::<Done>("/v1/scan", &json!({}))),
        Err(_) => output::note("no daemon runs: it is taken once one does"),
    }
    Ok(ExitCode::SUCCESS)
}
