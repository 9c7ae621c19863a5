//! Bare `pentimento`, and `pentimento daemon`: watches the studio in the foreground and prints what
//! happens.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::api::socket::Places;
use crate::cli::args::Common;
use crate::cli::args::WatchArgs;
use crate::cli::context::Context;
use crate::cli::gates;
use crate::cli::jobs;
use crate::cli::library;
use crate::cli::output::Progress;
use crate::cli::prober;
use crate::cli::prune;
use crate::cli::status::INTERRUPTED;
use crate::cli::status::JOB_FAILED;
use crate::clock::Clock;
use crate::daemon;
use crate::daemon::EngineChoice;
use crate::daemon::Outcome;
use crate::daemon::Sample;
use crate::daemon::Setup;
use crate::ingest::Links;
use crate::ingest::Patience;
use crate::job::Backoff;
use crate::runtime::Device;
use crate::runtime::Environment;
use crate::service::Notifier;
use crate::supervisor::Limits;
use crate::supervisor::Prober;
use crate::supervisor::WorkerCommand;
use crate::worker::rehearsal::Plan;
use crate::worker::rehearsal::Timing;

/// How long the reading of one dropped file may take.
const READING: Duration = Duration::from_mins(1);
/// How long a job that lacks room or memory waits where there is no more of it.
const SHORTAGE: Duration = Duration::from_mins(10);

/// Watches the studio, or follows the daemon that does already.
pub(super) fn run(common: &Common, args: &WatchArgs) -> anyhow::Result<ExitCode> {
    match watch(common, args) {
        Err(error) if !args.until_idle && is_running_already(&error) => {
            jobs::follow(common, &error.to_string())
        }
        watched => watched,
    }
}

fn is_running_already(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(daemon::Fatal::AlreadyRunning { .. })
    )
}

/// Watches the studio.
pub(super) fn watch(common: &Common, args: &WatchArgs) -> anyhow::Result<ExitCode> {
    let (context, studio) = Context::in_studio(common)?;
    let networks = context.settings.clone();
    let clock = Clock::start();
    let program = std::env::current_exe().context("cannot find the program's own file")?;
    let rehearsal = args.rehearse.as_deref().map(Rehearsal::read).transpose()?;
    let mut prober = Prober {
        program: program.clone(),
        args: vec![
            "probe".into(),
            "--studio".into(),
            studio.root.clone().into(),
        ],
        patience: READING,
        clock,
    };
    if let Some(rehearsal) = &rehearsal {
        rehearsal.direct_probe(&mut prober);
    }
    let (verifier, reviewer) = (prober.clone(), prober.clone());
    let mut setup = Setup {
        patience: Patience {
            settle: context.settings.settle,
            ..Patience::default()
        },
        limits: Limits::default(),
        backoff: Backoff::default(),
        shortage: SHORTAGE,
        worker: WorkerCommand {
            program,
            args: vec!["worker".into()],
            variables: Vec::new(),
        },
        engine: EngineChoice::default(),
        links: if context.settings.allow_symlinks {
            Links::Follow
        } else {
            Links::Refuse
        },
        check: Box::new(move |bundle, go_on| prober::check(&prober, bundle, go_on)),
        hindrance: Box::new(move |folder| gates::hindrance(folder, &networks)),
        aside: context.settings.model_folders(),
        verify: Arc::new(move |path, go_on| prober::verify(&verifier, path, go_on)),
        review: Arc::new(move |bundle, go_on| prober::check(&reviewer, bundle, go_on)),
        rules: prune::rules(&context.settings, &studio)?,
        notifier: Notifier::from_process(),
        places: Places::from_process(),
        sample: Some(sample()),
        until_idle: args.until_idle,
    };
    if args.until_idle {
        // Whoever waits for the end wants to hear now what would have to come.
        setup.patience.incomplete = Duration::ZERO;
    }
    match &rehearsal {
        Some(rehearsal) => rehearsal.direct(&mut setup),
        None => equip(&mut setup, &context, common)?,
    }
    let mut progress = Progress::new(clock, common.quiet > 0);
    let outcome = daemon::run(&studio, setup, clock, &mut |report| progress.tell(&report))?;
    Ok(match outcome {
        Outcome::Idle {
            n_done,
            n_failed,
            n_blocked,
        } => {
            progress.idle(n_done, n_failed, n_blocked);
            if n_failed > 0 {
                ExitCode::from(JOB_FAILED)
            } else {
                ExitCode::SUCCESS
            }
        }
        Outcome::Stopped if args.until_idle && !progress.is_broken() => ExitCode::from(INTERRUPTED),
        Outcome::Stopped => ExitCode::SUCCESS,
    })
}

/// Finds or installs what the workers compute with, once for all of them.
fn equip(setup: &mut Setup, context: &Context, common: &Common) -> anyhow::Result<()> {
    let environment = Environment::from_process();
    let request = context.request(common, Device::Auto);
    let library = library::found(common, &request)?;
    if let Some(path) = library::loader_path(&environment, &library) {
        setup
            .worker
            .variables
            .push((library::LOADER_PATH.into(), path));
    }
    setup.engine.ort_lib = Some(library.path);
    Ok(())
}

/// Returns the sample that a new studio is given: pictures drawn for this project.
pub(super) fn sample() -> Sample {
    Sample {
        content: include_bytes!("sample/content.jpg"),
        style: include_bytes!("sample/style.jpg"),
        profile: include_str!("sample/profile.toml"),
    }
}

/// A script in the place of painting, and its waits in the place of the usual ones.
struct Rehearsal {
    plan: OsString,
    timing: Timing,
}

impl Rehearsal {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let timing = Plan::read(path).context("cannot read the plan")?.timing;
        let path = std::path::absolute(path).context("cannot find the plan")?;
        Ok(Self {
            plan: path.into(),
            timing,
        })
    }

    fn words(&self) -> [OsString; 2] {
        [OsString::from("--plan"), self.plan.clone()]
    }

    fn direct_probe(&self, prober: &mut Prober) {
        prober.args.extend(self.words());
        set(&mut prober.patience, self.timing.probe);
    }

    fn direct(&self, setup: &mut Setup) {
        let timing = &self.timing;
        setup.worker.args.extend(self.words());
        set(&mut setup.patience.settle, timing.settle);
        set(&mut setup.patience.rescan, timing.rescan);
        set(&mut setup.patience.incomplete, timing.incomplete);
        set(&mut setup.patience.recheck, timing.recheck);
        set(&mut setup.limits.stop_grace, timing.stop_grace);
        set(&mut setup.limits.first_progress, timing.first_progress);
        set(&mut setup.limits.stall, timing.stall);
        set(&mut setup.backoff.first, timing.backoff);
        set(&mut setup.backoff.later, timing.backoff);
        set(&mut setup.shortage, timing.shortage);
    }
}

fn set(wait: &mut Duration, millis: Option<u64>) {
    *wait = millis.map_or(*wait, Duration::from_millis);
}
