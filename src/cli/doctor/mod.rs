//! `pentimento doctor`: looks at everything that painting needs, and says what to do about the
//! rest.
//!
//! It only looks: nothing is installed, loaded or changed, so it can be run beside a working
//! daemon and on a machine where everything else fails.

mod computing;
mod report;
mod studio;
mod surroundings;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use crate::cli::args::Common;
use crate::cli::context::Context;
use crate::cli::doctor::report::Level;
use crate::cli::doctor::report::Report;
use crate::cli::doctor::surroundings::Facts;
use crate::cli::output;
use crate::cli::runtime::request;
use crate::folder::Studio;
use crate::runtime::Device;
use crate::runtime::Environment;
use crate::runtime::Nvidia;
use crate::runtime::Request;
use crate::settings::Settings;

/// Prints the report. The status is failure if anything in it is.
pub(super) fn run(common: &Common) -> anyhow::Result<ExitCode> {
    let studio = Context::in_studio(common).map(|(context, studio)| (context.settings, studio));
    let env = Environment::from_process();
    let facts = Facts::of_process();
    let report = doctor(&env, &facts, &request(common, Device::Auto), &studio);
    output::line(&report.to_string())?;
    Ok(match report.level() {
        Level::Fine | Level::Warning => ExitCode::SUCCESS,
        Level::Failure => ExitCode::FAILURE,
    })
}

/// Looks at everything, in the order in which things depend on each other.
fn doctor(
    env: &Environment,
    facts: &Facts,
    request: &Request,
    studio: &anyhow::Result<(Settings, Studio)>,
) -> Report {
    let mut report = Report::default();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    report.add(Level::Fine, "pentimento", version);
    let nvidia = Nvidia::detect(env);
    match studio {
        Ok((settings, studio)) => {
            studio::look_at_folders(&mut report, studio);
            studio::look_at_networks(&mut report, &settings.model_folders());
            studio::look_at_hooks(&mut report, studio);
            surroundings::look_at_disks(&mut report, facts, studio);
            surroundings::look_at_socket(&mut report, studio);
            surroundings::look_at_service(&mut report, facts, studio);
        }
        // Painting a single picture needs no studio.
        Err(error) => {
            report.add(Level::Warning, "studio", format!("{error:#}"));
        }
    }
    surroundings::look_at_limits(&mut report, facts);
    surroundings::look_at_clock(&mut report, facts, studio.as_ref().ok().map(|(_, s)| s));
    let library = computing::look_for_library(&mut report, env, request);
    computing::look_at_host(&mut report, env);
    computing::look_at_cards(&mut report, &nvidia);
    if let Some(library) = library {
        computing::choose_device(&mut report, request.device, &library, &nvidia);
    }
    report
}
