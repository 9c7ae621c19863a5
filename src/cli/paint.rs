//! `pentimento paint`: one picture, here and now, without a watching process.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::cli::args::{Common, PaintArgs};
use crate::cli::context::Context;
use crate::cli::interrupt::{self, INTERRUPTED};
use crate::cli::{library, output, profiles};
use crate::clock::Clock;
use crate::job::names::{display_name, display_path, natural_order};
use crate::profile::{Init, OutputFormat, Profile};
use crate::runtime::Environment;
use crate::transfer::{self, Event, Flow, Naming, Painted, SavedAs, Task, paint};
use crate::worker::computing::Computing;
use crate::worker::pace::Pace;

/// Endings of pictures that a folder of styles is searched for, as neural-style-pt does.
const PICTURES: [&str; 5] = ["jpg", "jpeg", "png", "tif", "tiff"];

/// One picture to paint now.
pub(super) struct Errand {
    /// The picture to re-paint, where the profile needs one.
    pub(super) content: Option<PathBuf>,
    /// The pictures whose manner is taken, where the profile needs any.
    pub(super) styles: Vec<PathBuf>,
    /// How to paint.
    pub(super) profile: Profile,
    /// Where the picture goes; beside the first of the pictures if nothing is said.
    pub(super) output: Option<PathBuf>,
    /// What its name is to be made of in that case.
    pub(super) stem: OsString,
    /// Where the losses go.
    pub(super) losses: Option<PathBuf>,
    /// The device, where it is not the profile's.
    pub(super) device: Option<String>,
    /// The threads, where they are not the profile's.
    pub(super) threads: Option<u32>,
}

/// Paints one picture.
pub(super) fn run(common: &Common, args: &PaintArgs) -> anyhow::Result<ExitCode> {
    let context = Context::anywhere(common)?;
    let profile = profiles::for_paint(args, &context.settings)?;
    let (content, styles) = pictures(args, &profile)?;
    let errand = Errand {
        stem: stem(content.as_deref(), &styles),
        content,
        styles,
        profile,
        output: args.output.clone(),
        losses: args.losses.clone(),
        device: args.device.clone(),
        threads: args.threads,
    };
    at_once(common, &context, errand)
}

/// Paints what `errand` asks for, under a progress bar, and says where it is.
pub(super) fn at_once(
    common: &Common,
    context: &Context,
    mut errand: Errand,
) -> anyhow::Result<ExitCode> {
    let settings = &context.settings;
    let naming = naming(&mut errand)?;
    let profile = errand.profile;
    let device = match &errand.device {
        Some(device) => device.parse()?,
        None => profile.device.as_str().parse()?,
    };
    let environment = Environment::from_process();
    let request = context.request(common, device);
    let library = library::ready(&environment, common, &request)?;
    let threads = errand.threads.unwrap_or(profile.threads);
    let computing = Computing::prepare(&environment, &library, device, threads)?;
    let task = Task {
        content: errand.content,
        styles: errand.styles,
        profile,
        roots: profiles::here()?,
        network_dirs: settings.model_folders(),
        naming,
        seed: profiles::draw_seed(),
        memory: settings.memory_limit.or(computing.memory),
        max_pixels: settings.max_pixels,
        follow_symlinks: true,
    };
    let interrupted = interrupt::listen()?;
    let painted = show(&task, &computing, &interrupted, common.quiet > 0)?;
    tell(&painted)
}

/// Returns the content and the styles; a picture by itself is what the profile needs.
fn pictures(
    args: &PaintArgs,
    profile: &Profile,
) -> anyhow::Result<(Option<PathBuf>, Vec<PathBuf>)> {
    if !args.style.is_empty() {
        return Ok((Some(args.content.clone()), styles(&args.style)?));
    }
    match (profile.needs_content(), profile.needs_style()) {
        (true, true) => bail!(
            "name a style picture behind {}, or a profile that does without (style_layers = [])",
            display_path(&args.content)
        ),
        (false, true) => Ok((None, styles(std::slice::from_ref(&args.content))?)),
        (_, false) => Ok((Some(args.content.clone()), Vec::new())),
    }
}

/// Returns what a painting's name is made of: `harbour_wave`, or `harbour_content` and
/// `wave_style` where there is one picture only.
fn stem(content: Option<&Path>, styles: &[PathBuf]) -> OsString {
    let part = |path: &Path| path.file_stem().unwrap_or_default().to_owned();
    let (mut stem, second) = match (content, styles.first()) {
        (Some(content), Some(style)) => (part(content), part(style)),
        (Some(content), None) => (part(content), "content".into()),
        (None, Some(style)) => (part(style), "style".into()),
        (None, None) => ("painting".into(), OsString::new()),
    };
    stem.push("_");
    stem.push(second);
    stem
}

fn tell(painted: &Painted) -> anyhow::Result<ExitCode> {
    let path = display_path(&painted.path);
    let (width, height) = (painted.width, painted.height);
    if !painted.stopped {
        output::line(&format!("{path} ({width}×{height})"))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!(
        "interrupted: the picture as it was at stage {}, iteration {} is {path} ({width}×{height})",
        painted.stage, painted.iteration
    ))?;
    Ok(ExitCode::from(INTERRUPTED))
}

/// Paints under a progress bar (none where the output is no terminal, or when told to be quiet).
fn show(
    task: &Task,
    computing: &Computing,
    interrupted: &AtomicBool,
    quiet: bool,
) -> anyhow::Result<Painted> {
    let bar = output::step_bar(quiet)?;
    let clock = Clock::start();
    let mut pace = Pace::default();
    let mut print_iter = 0;
    let painted = paint(task, &computing.tools(), &mut |event| {
        match event {
            Event::Note(text) => bar.suspend(|| output::note(&display_name(text.as_ref()))),
            Event::Stage(start) => {
                pace.stage(&start);
                print_iter = start.print_iter;
                bar.set_length(u64::try_from(start.iterations).unwrap_or(u64::MAX));
                bar.set_position(0);
                let stage = match start.of {
                    1 => String::new(),
                    of => format!("stage {}/{of} ", start.stage),
                };
                let (width, height) = (start.width, start.height);
                bar.set_prefix(format!("{stage}{width}×{height} on {}", start.device));
            }
            Event::Evaluation(evaluation) => {
                let left = evaluation.of - evaluation.iteration;
                let speed = pace.evaluated(clock.monotonic(), left);
                let pace = speed.map_or_else(String::new, |speed| {
                    let left = output::span(speed.left.max(Duration::from_secs(1)));
                    format!("  {:.2} it/s  {left} left", speed.per_second)
                });
                let text = format!("loss {:.4e}{pace}", evaluation.total);
                bar.set_position(u64::try_from(evaluation.iteration).unwrap_or(u64::MAX));
                let due = print_iter > 0 && evaluation.iteration.is_multiple_of(print_iter);
                if due && !quiet && bar.is_hidden() {
                    output::note(&format!(
                        "{}/{}  {text}",
                        evaluation.iteration, evaluation.of
                    ));
                }
                bar.set_message(text);
            }
            Event::Snapshot { path, .. } => {
                if !quiet {
                    bar.suspend(|| output::note(&format!("snapshot {}", display_path(&path))));
                }
            }
            // Of paintings that are kept, which this one is not.
            Event::Checkpoint { .. }
            | Event::Resumed { .. }
            | Event::Heartbeat
            | Event::Edited { .. }
            | Event::EditRefused { .. } => {}
        }
        if interrupted.load(Ordering::Acquire) {
            Flow::Stop
        } else {
            Flow::Continue
        }
    });
    bar.finish_and_clear();
    Ok(painted?)
}

/// Returns where the files go; an ending of `-o` decides the format.
fn naming(errand: &mut Errand) -> anyhow::Result<Naming> {
    let result = if let Some(path) = &errand.output {
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        errand.profile.output_format = match ending.to_ascii_lowercase().as_str() {
            "png" => OutputFormat::Png,
            "jpg" | "jpeg" => OutputFormat::Jpeg,
            _ => bail!(
                "{} cannot be written: end its name in .png, .jpg or .jpeg",
                display_path(path)
            ),
        };
        path.clone()
    } else {
        let beside = errand.content.as_ref().or(errand.styles.first());
        let beside = beside.context("there is no picture to paint")?;
        free_name(beside, &errand.stem, errand.profile.output_format.ending())
    };
    if let Some(folder) = result
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        && !folder.is_dir()
    {
        bail!(
            "there is no folder {} to write to: make it first",
            display_path(folder)
        );
    }
    spare_inputs(errand, &result)?;
    writable(&result)?;
    Ok(Naming {
        result,
        snapshots: SavedAs::Beside,
        losses: errand.losses.clone(),
    })
}

/// Holds that nothing that is written lands on a picture that is read.
fn spare_inputs(errand: &Errand, result: &Path) -> anyhow::Result<()> {
    let stages = errand.profile.stages().iter();
    let inits = stages.filter_map(|stage| match &stage.init {
        Init::File(path) => Some(PathBuf::from(path)),
        Init::Random | Init::Image | Init::Previous => None,
    });
    let inputs: Vec<PathBuf> = errand
        .content
        .iter()
        .chain(&errand.styles)
        .cloned()
        .chain(inits)
        .collect();
    let snapshots = transfer::snapshots(&errand.profile, result, &SavedAs::Beside);
    let written = [result.to_owned()]
        .into_iter()
        .chain(errand.losses.clone())
        .chain(snapshots);
    for path in written {
        if let Some(input) = inputs.iter().find(|input| is_same_file(input, &path)) {
            bail!(
                "{} would be written over {}, which is read: name another file (-o, --losses)",
                display_path(&path),
                display_path(input)
            );
        }
    }
    Ok(())
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    match (a.metadata(), b.metadata()) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

/// Holds that files can be made in the folder of the result, before hours of work.
fn writable(result: &Path) -> anyhow::Result<()> {
    let folder = match result.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::tempfile_in(folder)
        .map(|_file| ())
        .with_context(|| format!("nothing can be written to {}", display_path(folder)))
}

/// Returns a name beside a file that nothing has yet: `harbour_wave.png`, `harbour_wave_2.png`.
pub(super) fn free_name(beside: &Path, stem: &OsStr, ending: &str) -> PathBuf {
    let mut number = 1;
    loop {
        let mut name = stem.to_owned();
        if number > 1 {
            name.push(format!("_{number}"));
        }
        name.push(format!(".{ending}"));
        let path = beside.with_file_name(name);
        if !path.exists() {
            return path;
        }
        number += 1;
    }
}

/// Returns the style pictures; a folder stands for the pictures in it, in natural order.
fn styles(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut styles = Vec::new();
    for path in given {
        if !path.is_dir() {
            styles.push(path.clone());
            continue;
        }
        let shown = display_path(path);
        let entries = std::fs::read_dir(path).with_context(|| format!("list {shown}"))?;
        let mut inside = Vec::new();
        for entry in entries {
            let file = entry.with_context(|| format!("list {shown}"))?.path();
            let ending = file.extension().and_then(OsStr::to_str).unwrap_or_default();
            if PICTURES.contains(&ending.to_ascii_lowercase().as_str()) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            bail!(
                "there is no picture in {shown} ({} are looked for)",
                PICTURES.join(", ")
            );
        }
        inside.sort_by(|a, b| {
            natural_order(
                a.file_name().unwrap_or_default(),
                b.file_name().unwrap_or_default(),
            )
        });
        styles.append(&mut inside);
    }
    Ok(styles)
}
