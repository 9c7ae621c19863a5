//! `pentimento train`: a network of one's own, from pictures to a name that a profile can say.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::cli::args::{Common, TrainArgs};
use crate::cli::context::Context;
use crate::cli::interrupt::{self, INTERRUPTED};
use crate::cli::{library, output};
use crate::clock::Clock;
use crate::job::names::display_path;
use crate::network::layer_list::LayerList;
use crate::runtime::Environment;
use crate::training::data::{DataOptions, DataReport, DataSource, Dataset};
use crate::training::{
    Event, Existing, Flow, Length, Plan, Report, Task, Tools, Trained, preset, train,
};
use crate::worker::computing::Computing;

/// How many drawings `procedural` stands for.
const DRAWINGS: usize = 4000;

/// Side that pictures are held with, in pixels, where the crop is no larger than half of it.
const SIDE: usize = 160;

/// Largest file of layers, in bytes.
const MOST_LAYERS: u64 = 1 << 20;

/// Steps between two lines of progress where the output is no terminal.
const TOLD_EVERY: u64 = 100;

/// Skipped pictures that are named; the rest is counted.
const NAMED: usize = 10;

/// Trains a network and installs it.
pub(super) fn run(common: &Common, args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let context = Context::anywhere(common)?;
    let layers = layers(args)?;
    // Before anything large is read.
    Plan::new(&layers)?;
    let models = context
        .settings
        .model_folders()
        .into_iter()
        .next()
        .context("find a folder for networks")?;
    let sources = sources(args)?;
    let device = args.device.as_deref().unwrap_or("auto").parse()?;
    let environment = Environment::from_process();
    let request = context.request(common, device);
    let library = library::ready(&environment, common, &request)?;
    let threads = args.threads.unwrap_or(0);
    let computing = Computing::prepare(&environment, &library, device, threads)?;
    let tools = computing.training_tools();
    let options = DataOptions {
        crop: args.crop,
        batch: args.batch,
        seed: args.seed,
        side: SIDE.max(2 * args.crop),
        threads: tools.threads.get(),
        ..DataOptions::default()
    };
    let (dataset, report) = Dataset::open(&sources, &options)?;
    tell_data(&report, common.quiet > 0);
    let task = Task {
        name: args.output.clone(),
        models,
        layers,
        length: length(args)?,
        batch: args.batch,
        crop: args.crop,
        scales: usize::from(args.scales),
        seed: args.seed,
        rate: args.lr,
        data: names(&args.data),
        summary: format!("{} pictures in {} classes", report.pictures, report.classes),
        command: command(),
        existing: match (args.resume, args.force) {
            (true, _) => Existing::Resume,
            (false, true) => Existing::Replace,
            (false, false) => Existing::Refuse,
        },
    };
    let interrupted = interrupt::listen()?;
    let trained = show(&task, &dataset, &tools, &interrupted, common.quiet > 0)?;
    tell(&task, &trained)
}

fn length(args: &TrainArgs) -> anyhow::Result<Length> {
    let Some(minutes) = args.minutes else {
        return Ok(args.steps.map_or(Length::Usual, Length::Steps));
    };
    let time = Duration::try_from_secs_f64(minutes * 60.0)
        .ok()
        .filter(|time| !time.is_zero())
        .with_context(|| format!("--minutes {minutes} is no time to train in"))?;
    Ok(Length::Time(time))
}

/// Returns the layers of the preset, or of the file.
fn layers(args: &TrainArgs) -> anyhow::Result<LayerList> {
    let Some(path) = &args.layers else {
        return Ok(preset(&args.preset)?);
    };
    let shown = display_path(path);
    let size = std::fs::metadata(path)
        .with_context(|| format!("read the layers in {shown}"))?
        .len();
    if size > MOST_LAYERS {
        bail!("{shown} has {size} bytes: a file of layers has at most {MOST_LAYERS}");
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("read the layers in {shown}"))?;
    toml::from_str(&text).with_context(|| format!("read the layers in {shown}"))
}

/// Returns where the pictures come from.
fn sources(args: &TrainArgs) -> anyhow::Result<Vec<DataSource>> {
    args.data
        .iter()
        .map(|data| {
            let text = data.to_string_lossy();
            let count = match text.strip_prefix("procedural") {
                Some("") => Some(DRAWINGS),
                Some(rest) => rest
                    .strip_prefix(':')
                    .map(|count| {
                        count.parse().with_context(|| {
                            format!(
                                "`{}`: after `procedural:` comes how many drawings",
                                display_path(data)
                            )
                        })
                    })
                    .transpose()?,
                None => None,
            };
            Ok(match count {
                Some(count) => DataSource::Procedural {
                    count,
                    seed: args.seed,
                },
                None => DataSource::Folder(data.clone()),
            })
        })
        .collect()
}

/// Returns the data's names in one line, folders by their full paths.
fn names(data: &[PathBuf]) -> String {
    let full = |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    let names: Vec<String> = data
        .iter()
        .map(|path| full(path).to_string_lossy().into_owned())
        .collect();
    names.join("\n")
}

/// Returns the command line, for the manifest.
fn command() -> String {
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|word| {
            let word = word.to_string_lossy().into_owned();
            if word.contains(char::is_whitespace) {
                format!("'{word}'")
            } else {
                word
            }
        })
        .collect();
    format!("pentimento {}", words.join(" "))
}

fn tell_data(report: &DataReport, quiet: bool) {
    if quiet {
        return;
    }
    output::note(&format!(
        "{} pictures in {} classes, {} crops held out",
        report.pictures, report.classes, report.held_out
    ));
    for skipped in report.skipped.iter().take(NAMED) {
        output::note(&format!("skipped: {skipped}"));
    }
    if report.skipped.len() > NAMED {
        output::note(&format!(
            "skipped: {} more pictures",
            report.skipped.len() - NAMED
        ));
    }
    if !report.enlarged.is_empty() {
        output::note(&format!(
            "{} pictures are smaller than a crop and were enlarged",
            report.enlarged.len()
        ));
    }
}

/// Trains under a progress bar; where the output is no terminal, lines tell now and then.
fn show(
    task: &Task,
    dataset: &Dataset,
    tools: &Tools<'_>,
    interrupted: &AtomicBool,
    quiet: bool,
) -> anyhow::Result<Trained> {
    let bar = output::step_bar(quiet)?;
    bar.set_prefix(task.name.clone());
    let clock = Clock::start();
    let say = |text: &str| {
        if !quiet {
            bar.suspend(|| output::note(text));
        }
    };
    let trained = train(task, dataset, tools, &clock, &mut |event| {
        match event {
            Event::Begun {
                step: 0,
                parameters,
            } => {
                say(&format!("{parameters} numbers to learn"));
            }
            Event::Begun { step, .. } => say(&format!("going on from step {step}")),
            Event::Step(report) => {
                let text = report_words(&report);
                if let Some(steps) = report.steps {
                    bar.set_length(steps);
                }
                bar.set_position(report.step);
                if bar.is_hidden() && report.step.is_multiple_of(TOLD_EVERY) {
                    let steps = report.steps.map_or_else(String::new, |of| format!("/{of}"));
                    say(&format!("{}{steps}  {text}", report.step));
                }
                bar.set_message(text);
            }
            Event::HeldOut { step, accuracy } => say(&format!(
                "step {step}: {:.1} % of held-out crops told apart",
                100.0 * accuracy
            )),
            Event::Saved(_) => {}
        }
        if interrupted.load(Ordering::Acquire) {
            Flow::Stop
        } else {
            Flow::Continue
        }
    });
    bar.finish_and_clear();
    Ok(trained?)
}

fn report_words(report: &Report) -> String {
    let left = report.left.filter(|left| !left.is_zero());
    let left = left.map_or_else(String::new, |left| {
        let left = output::span(left.max(Duration::from_secs(1)));
        format!("  {left} left")
    });
    format!(
        "loss {:.3}  {:.1} % told apart  {:.0} crops/s{left}",
        report.loss,
        100.0 * report.accuracy,
        report.samples_per_second
    )
}

fn tell(task: &Task, trained: &Trained) -> anyhow::Result<ExitCode> {
    let path = display_path(&trained.manifest);
    let told = trained.accuracy.map_or_else(String::new, |accuracy| {
        format!(", {:.1} % of held-out crops told apart", 100.0 * accuracy)
    });
    let (step, name) = (trained.step, &task.name);
    if !trained.stopped {
        output::line(&format!(
            "{path} ({step} steps{told}); a profile says network = \"{name}\""
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!(
        "interrupted: the network as it was at step {step}{told} is {path}; --resume goes on"
    ))?;
    Ok(ExitCode::from(INTERRUPTED))
}
