//! `pentimento service`: the unit that starts the watching process of a studio without anybody.
//!
//! Writes and removes files and says what to run next; runs `systemctl` only with `--now`.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;

use anyhow::Context as _;
use anyhow::bail;
use clap::Args;
use clap::Subcommand;
use serde_json::json;

use crate::cli::args::Common;
use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::systemd;
use crate::cli::systemd::quoted;
use crate::folder::Studio;
use crate::job::names::display_path;
use crate::service;
use crate::service::Installed;
use crate::service::Linger;
use crate::service::Machine;
use crate::service::Places;
use crate::service::Scope;
use crate::service::Unit;

/// What is said of a version of systemd that may kill services although their user lingers.
const CAVEAT: &str = "systemd 255 (Ubuntu 24.04) has been reported to kill a user's services at the last \
                      logout even with lingering (systemd issue 43361); jobs then go on from their checkpoints at the \
                      next login. `pentimento service install --system` avoids it";

/// What to do with the service.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum ServiceCommand {
    /// Write the unit, and say how to start it
    Install(InstallArgs),
    /// Remove the unit
    Uninstall(PlaceArgs),
    /// Show the units that there are, and whether they outlive a logout
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// How the unit is written.
#[derive(Debug, Clone, Args)]
pub(super) struct InstallArgs {
    /// Where it lies.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// The user that paints [default: whoever runs sudo, else the studio's owner]
    #[arg(long, value_name = "NAME", requires = "system")]
    pub user: Option<String>,
}

/// Where the unit lies.
#[derive(Debug, Clone, Args)]
pub(super) struct PlaceArgs {
    /// The machine's unit instead of the user's: started with the machine, needs root
    #[arg(long)]
    pub system: bool,
    /// Another folder for the unit
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Run the commands that start or stop it, too
    #[arg(long, conflicts_with = "output")]
    pub now: bool,
}

/// Installs, removes or shows.
pub(super) fn run(common: &Common, command: &ServiceCommand) -> anyhow::Result<ExitCode> {
    let (_, studio) = Context::in_studio(common)?;
    let machine = Machine::this();
    let places = systemd::places();
    match command {
        ServiceCommand::Install(args) => install(&studio, &machine, &places, args)?,
        ServiceCommand::Uninstall(args) => uninstall(&studio, &places, args)?,
        ServiceCommand::Status { json } => status(&studio, &machine, &places, *json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn install(
    studio: &Studio,
    machine: &Machine,
    places: &Places,
    args: &InstallArgs,
) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot find the program's own file")?;
    let scope = scope(studio, machine, &program, args)?;
    let folder = folder(places, &args.place)?;
    let unit = Unit {
        program,
        studio: studio.root.clone(),
        scope,
    };
    let installed = service::install(&unit, &folder)?;
    let wrote = if installed.was_there {
        "is as it should be"
    } else {
        "is written"
    };
    output::line(&format!("{} {wrote}", display_path(&installed.path)))?;
    for warning in warnings(&unit, machine, places) {
        output::note(&format!("warning: {warning}"));
    }
    let name = unit.name();
    let systemctl = systemctl(args.place.system);
    if args.place.now {
        execute(&systemctl, &["daemon-reload"])?;
        execute(&systemctl, &["enable", "--now", &name])?;
        return Ok(output::line(&format!("{name} is started"))?);
    }
    if let Some(output) = &args.place.output {
        output::line(&format!(
            "it is not where systemd looks for units, but in {}",
            display_path(output)
        ))?;
    }
    let how = systemctl.join(" ");
    let journal = if args.place.system {
        "journalctl"
    } else {
        "journalctl --user"
    };
    output::line(&format!(
        "to start it now and from now on, and to follow it:\n  {how} daemon-reload\n  \
         {how} enable --now {name}\n  {journal} -u {name} -f"
    ))?;
    Ok(())
}

/// Returns whose unit it is to be, or an error with the command that would do.
fn scope(
    studio: &Studio,
    machine: &Machine,
    program: &Path,
    args: &InstallArgs,
) -> anyhow::Result<Scope> {
    let is_root = rustix::process::geteuid().is_root();
    let by_sudo = std::env::var("SUDO_USER")
        .ok()
        .filter(|user| is_root && user != "root");
    if !args.place.system {
        if let Some(user) = by_sudo {
            bail!(
                "this would be a unit of root, not of {user}: run it without sudo, or with --system"
            );
        }
        return Ok(Scope::User);
    }
    let owner = || {
        use std::os::unix::fs::MetadataExt;
        let uid = std::fs::metadata(&studio.root).ok()?.uid();
        Some(machine.user_name(uid).unwrap_or_else(|| uid.to_string()))
    };
    let user = args.user.clone().or(by_sudo).or_else(owner);
    let user = user.context("cannot find out whose studio this is: say so with --user NAME")?;
    if !is_root && args.place.output.is_none() {
        let (program, studio) = (program.to_string_lossy(), studio.root.to_string_lossy());
        bail!(
            "only root may write the machine's units; run\n  sudo {} --studio {} service install \
             --system --user {}\nor write it elsewhere with --output DIR",
            quoted(&program),
            quoted(&studio),
            quoted(&user)
        );
    }
    Ok(Scope::System { user })
}

fn folder(places: &Places, place: &PlaceArgs) -> Result<PathBuf, service::ServiceError> {
    match &place.output {
        Some(folder) => Ok(folder.clone()),
        None if place.system => Ok(places.system.clone()),
        None => places
            .user
            .clone()
            .ok_or(service::ServiceError::NoUnitFolder),
    }
}

/// Returns what the user should know before relying on the unit.
fn warnings(unit: &Unit, machine: &Machine, places: &Places) -> Vec<String> {
    let mut warnings = Vec::new();
    if unit.program.iter().any(|part| part == "target") {
        warnings.push(format!(
            "the unit starts {}, which the next build replaces; better install the program first \
             (`cargo install --path .`)",
            display_path(&unit.program)
        ));
    }
    let name = unit.name();
    let other = match &unit.scope {
        Scope::User => Some(&places.system),
        Scope::System { .. } => places.user.as_ref(),
    };
    if let Some(path) = other
        .map(|folder| folder.join(&name))
        .filter(|p| p.is_file())
    {
        warnings.push(format!(
            "there is {} for the same studio, and only one of the two can run; remove one",
            display_path(&path)
        ));
    }
    if unit.scope == Scope::User {
        let user = systemd::user(machine).unwrap_or_default();
        let linger = machine.linger(&user);
        let is_doubtful = machine
            .systemd_version()
            .is_none_or(|version| version == 255);
        match linger {
            Linger::Off => warnings.push(format!(
                "it ends when {user} logs out, because lingering is off; this lets it go on:\n  {}",
                systemd::linger_command(&user)
            )),
            Linger::On => {}
            Linger::NoSystemd => warnings.push(
                "this machine was not started by systemd, so nothing will start the unit"
                    .to_owned(),
            ),
        }
        if is_doubtful && linger != Linger::NoSystemd {
            warnings.push(CAVEAT.to_owned());
        }
    }
    warnings
}

fn uninstall(studio: &Studio, places: &Places, args: &PlaceArgs) -> anyhow::Result<()> {
    let folder = folder(places, args)?;
    let name = service::unit_name(&studio.root);
    let systemctl = systemctl(args.system);
    if args.now && folder.join(&name).is_file() {
        execute(&systemctl, &["disable", "--now", &name])?;
    }
    let Some(path) = service::uninstall(&studio.root, &folder)? else {
        output::line(&format!("there is no {name} in {}", display_path(&folder)))?;
        return Ok(());
    };
    output::line(&format!("{} is removed", display_path(&path)))?;
    if args.now {
        return execute(&systemctl, &["daemon-reload"]);
    }
    let how = systemctl.join(" ");
    output::line(&format!(
        "to stop what may still run of it:\n  {how} disable --now {name}\n  {how} daemon-reload"
    ))?;
    Ok(())
}

fn status(
    studio: &Studio,
    machine: &Machine,
    places: &Places,
    as_json: bool,
) -> anyhow::Result<()> {
    let ours = service::unit_name(&studio.root);
    let user = systemd::user(machine).unwrap_or_default();
    let linger = match machine.linger(&user) {
        Linger::On => "on",
        Linger::Off => "off",
        Linger::NoSystemd => "no systemd",
    };
    let found = |folder: &Path, scope| -> Vec<(&str, Installed)> {
        service::find(folder)
            .into_iter()
            .map(|unit| (scope, unit))
            .collect()
    };
    let mut units = found(&places.system, "system");
    units.extend(places.user.iter().flat_map(|folder| found(folder, "user")));
    let is_ours = |unit: &Installed| unit.path.ends_with(&ours);
    if as_json {
        let units: Vec<_> = units
            .iter()
            .map(|(scope, unit)| {
                json!({
                    "scope": scope, "file": unit.path.to_string_lossy(), "studio": unit.studio,
                    "is_of_this_studio": is_ours(unit)
                })
            })
            .collect();
        let object = json!({ "schema": 1, "units": units, "linger": linger });
        return Ok(output::line(&object.to_string())?);
    }
    let mut is_there = false;
    for (scope, unit) in &units {
        let (mark, name) = (
            if is_ours(unit) { "*" } else { " " },
            display_path(&unit.path),
        );
        is_there |= is_ours(unit);
        output::line(&format!(
            "{mark} {scope:<6} {name}\n         {}",
            unit.studio
        ))?;
    }
    if !is_there {
        output::line("no unit of this studio; `pentimento service install` writes one")?;
    }
    output::line(&format!("lingering of {user}: {linger}"))?;
    for (scope, unit) in units.iter().filter(|(_, unit)| is_ours(unit)) {
        let how = systemctl(*scope == "system").join(" ");
        let name = unit.path.file_name().unwrap_or_default().to_string_lossy();
        output::line(&format!("how it is: {how} status {name}"))?;
    }
    Ok(())
}

fn systemctl(is_system: bool) -> Vec<&'static str> {
    if is_system {
        vec!["systemctl"]
    } else {
        vec!["systemctl", "--user"]
    }
}

fn execute(systemctl: &[&str], args: &[&str]) -> anyhow::Result<()> {
    let shown = format!("{} {}", systemctl.join(" "), args.join(" "));
    let status = Command::new(systemctl[0])
        .args(&systemctl[1..])
        .args(args)
        .status()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status}); the unit's file is in place");
    }
    Ok(())
}
