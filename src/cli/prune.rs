//! `pentimento prune`: thins snapshots by the rules of the settings, or by those on the command line.

use std::io;
use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context as _;
use anyhow::bail;
use clap::Args;
use serde_json::json;

use crate::causes::with_causes;
use crate::cli::args::Common;
use crate::cli::context::surroundings;
use crate::cli::context::watched;
use crate::cli::output;
use crate::cli::output::amount;
use crate::clock::Clock;
use crate::folder::Studio;
use crate::job::names::display_path;
use crate::retention;
use crate::retention::Disk;
use crate::retention::Plan;
use crate::retention::Removed;
use crate::retention::Rules;
use crate::settings;
use crate::settings::Settings;

/// By which rules, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct PruneArgs {
    /// Only show what would go
    #[arg(long)]
    pub dry_run: bool,
    /// Ask nothing
    #[arg(short, long)]
    pub yes: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// The most that all snapshots may take, such as "20 GiB" or "10 %" of the disk
    #[arg(long, value_name = "SIZE")]
    pub snapshots_budget: Option<String>,
    /// After how many days a finished job keeps only its first, its stage ends and its latest
    #[arg(long, value_name = "DAYS")]
    pub keep_days: Option<String>,
}

/// Thins the snapshots of the studio.
pub(super) fn run(common: &Common, args: &PruneArgs) -> anyhow::Result<ExitCode> {
    let mut around = surroundings(common)?;
    for (key, value) in [
        ("snapshots_budget", &args.snapshots_budget),
        ("keep_days", &args.keep_days),
    ] {
        if let Some(value) = value {
            around.flags.insert(key.to_owned(), value.clone());
        }
    }
    let root = settings::find_studio(common.studio.as_deref(), &around)?;
    let settings = Settings::load(Some(&root), &around)?;
    let studio = watched(settings.studio.as_ref().context("a studio has settings")?);
    let rules = rules(&settings, &studio)?;
    if rules == Rules::default() {
        bail!(
            "nothing says what may go: give --snapshots-budget SIZE or --keep-days DAYS, or set \
             snapshots_budget or keep_days in {}",
            display_path(&root.join(crate::folder::MARKER))
        );
    }
    let now = Clock::start().wall();
    let jobs = retention::scan(&studio)?;
    let plan = retention::plan(&jobs, &rules, now);
    let goes_on = !args.dry_run && !plan.removals.is_empty() && is_wanted(args, &plan)?;
    let removed = goes_on.then(|| retention::remove(&plan));
    if args.json {
        output::line(&object(&plan, removed.as_ref()).to_string())?;
    } else {
        tell(args, &plan, removed.as_ref())?;
    }
    let is_whole = removed.is_none_or(|removed| removed.failures.is_empty());
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Returns the rules of the settings; a share is one of the filesystem that finished jobs lie on.
pub(super) fn rules(settings: &Settings, studio: &Studio) -> anyhow::Result<Rules> {
    let budget = match settings.snapshots_budget {
        Some(budget) => Some(budget.bytes(Disk::at(&studio.root)?.total)),
        None => None,
    };
    Ok(Rules {
        budget,
        keep_days: settings.keep_days,
    })
}

/// Asks whoever sits at a terminal.
fn is_wanted(args: &PruneArgs, plan: &Plan) -> anyhow::Result<bool> {
    if args.yes || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(true);
    }
    let count = plan.removals.len();
    output::note(&format!(
        "remove {count} snapshots, {}? [y/N]",
        amount(plan.freed)
    ));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    let answer = answer.trim().to_lowercase();
    Ok(answer == "y" || answer == "yes")
}

fn tell(args: &PruneArgs, plan: &Plan, removed: Option<&Removed>) -> anyhow::Result<()> {
    let (count, freed, left) = (plan.removals.len(), amount(plan.freed), amount(plan.left));
    match removed {
        _ if count == 0 => output::line(&format!("nothing goes; snapshots take {left}"))?,
        Some(removed) => {
            for failure in &removed.failures {
                output::note(&format!("error: {}", with_causes(failure)));
            }
            let (count, freed) = (removed.gone.len(), amount(removed.bytes));
            output::line(&format!("removed {count} snapshots, {freed}"))?;
        }
        None => {
            for removal in &plan.removals {
                let path = display_path(&removal.path);
                output::line(&format!("{:>8}  {path}", amount(removal.bytes)))?;
            }
            let would = if args.dry_run {
                "would go"
            } else {
                "stay after all"
            };
            output::line(&format!(
                "{count} snapshots, {freed}, {would}; {left} are not touched"
            ))?;
        }
    }
    if plan.over > 0 {
        output::note(&format!(
            "the latest of each job and the starred stay: {} over the budget",
            amount(plan.over)
        ));
    }
    Ok(())
}

fn object(plan: &Plan, removed: Option<&Removed>) -> serde_json::Value {
    let snapshots: Vec<_> = plan
        .removals
        .iter()
        .map(|removal| {
            json!({
                "job": removal.job, "file": removal.path.to_string_lossy(), "bytes": removal.bytes
            })
        })
        .collect();
    let failures: Vec<String> = removed
        .iter()
        .flat_map(|removed| &removed.failures)
        .map(|failure| with_causes(failure))
        .collect();
    json!({
        "schema": 1,
        "snapshots": snapshots,
        "bytes": plan.freed,
        "left_bytes": plan.left,
        "over_budget_bytes": plan.over,
        "removed": removed.map_or(0, |removed| removed.gone.len()),
        "failures": failures,
    })
}
