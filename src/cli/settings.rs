//! `pentimento settings`: every setting, its value, and where that comes from.

use std::process::ExitCode;

use serde_json::json;

use crate::cli::args::Common;
use crate::cli::args::SettingsArgs;
use crate::cli::context::surroundings;
use crate::cli::output;
use crate::settings;
use crate::settings::SettingsError;

/// The version of what is printed as JSON.
const SCHEMA: u32 = 1;

/// Prints the settings that hold here.
pub(super) fn run(common: &Common, args: &SettingsArgs) -> anyhow::Result<ExitCode> {
    let around = surroundings(common)?;
    let root = match settings::find_studio(common.studio.as_deref(), &around) {
        Ok(root) => Some(root),
        Err(SettingsError::NoStudio { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let listed = settings::listed(root.as_deref(), &around)?;
    if args.json {
        let settings: Vec<_> = listed
            .iter()
            .map(|setting| {
                json!({ "key": setting.key, "value": setting.value, "origin": setting.origin })
            })
            .collect();
        let studio = root.map(|root| root.to_string_lossy().into_owned());
        let all = json!({ "schema": SCHEMA, "studio": studio, "settings": settings });
        output::line(&all.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    for setting in listed {
        let value = match &setting.value {
            Some(value) => value.to_string(),
            None => "(none)".to_owned(),
        };
        output::line(&format!(
            "{} = {value}    # {}",
            setting.key, setting.origin
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
