//! `pentimento probe`: reads what was dropped on behalf of a watching process. Hidden.
//!
//! Whatever a decoder does to this process, the watching one lives on. So it takes limits on
//! itself first, says what it reads before it does, and never outlives the process that asks.

use std::fs;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use rustix::process::Resource;
use rustix::process::Rlimit;

use crate::causes::with_causes;
use crate::cli::args::Common;
use crate::cli::args::ProbeArgs;
use crate::cli::context::Context;
use crate::cli::gates;
use crate::ingest::BundleFiles;
use crate::ingest::Cause;
use crate::job::names::PathText;
use crate::protocol;
use crate::protocol::Answer;
use crate::protocol::Question;
use crate::protocol::Trouble;
use crate::worker::rehearsal::Plan;

/// The program itself and the longest file that is read as a picture, in bytes.
const BASE: u64 = 3 << 29;
/// The most that a decoder may take for a pixel, in bytes: four channels of 32 bits as they are
/// decoded, as the decoder hands them over and as they are kept, and its own tables.
const PER_PIXEL: u64 = 64;
/// The most bytes of words on standard error: it writes nothing else.
const WORDS: u64 = 1 << 20;

/// Answers the question on standard input.
pub(super) fn run(common: &Common, args: &ProbeArgs) -> anyhow::Result<ExitCode> {
    let mut input = BufReader::new(io::stdin());
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    let question = protocol::from_line(&line).context("cannot read the question")?;
    std::thread::spawn(move || end_with(input));
    let plan = args.plan.as_deref().map(Plan::read).transpose();
    let plan = plan.context("cannot read the plan")?;
    let mut reading = |path: &Path| {
        let path = PathText(path.to_owned());
        // Should nobody be listening any more, the end of the input tells.
        let _unheard = say(&Answer::Reading { path: path.clone() });
        if let Some(plan) = &plan {
            plan.read_file(&path.0);
        }
    };
    let answer = match question {
        Question::Bundle {
            name,
            content,
            styles,
            profile,
            root,
        } => {
            let bundle = BundleFiles {
                name,
                content: content.map(|path| path.0),
                styles: styles.into_iter().map(|path| path.0).collect(),
                profile: profile.map(|path| path.0),
                root: root.0,
            };
            judged(common, &bundle, &mut reading)
        }
        Question::Picture { path } => {
            confine(gates::RESULT_PIXELS)?;
            reading(&path.0);
            gates::verify(&path.0)
                .map_or_else(|reason| Answer::Broken { reason }, |()| Answer::Whole)
        }
    };
    say(&answer)?;
    Ok(ExitCode::SUCCESS)
}

/// Puts a bundle before the gates.
fn judged(common: &Common, bundle: &BundleFiles, reading: &mut dyn FnMut(&Path)) -> Answer {
    let settings = match Context::anywhere(common) {
        Ok(context) => context.settings,
        Err(error) => return outside(&*error, "mend pentimento.toml"),
    };
    if let Err(error) = confine(settings.max_pixels) {
        return outside(&error, "let pentimento limit its own memory");
    }
    match gates::check(bundle, &settings, reading) {
        Ok(accepted) => Answer::Usable {
            profile_text: accepted.profile_text,
            profile_key: accepted.profile_key,
            profile_source: accepted.profile_source,
            remarks: accepted.remarks,
        },
        Err(rejection) => Answer::Unusable {
            reason: rejection.reason,
            hint: rejection.hint,
            cause: match rejection.cause {
                Cause::Bundle => Trouble::Bundle,
                Cause::Incomplete => Trouble::Incomplete,
                Cause::Missing => Trouble::Missing,
                Cause::Outside => Trouble::Outside,
            },
        },
    }
}

fn outside(error: &dyn std::error::Error, hint: &str) -> Answer {
    Answer::Unusable {
        reason: with_causes(error),
        hint: hint.to_owned(),
        cause: Trouble::Outside,
    }
}

fn say(answer: &Answer) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(&protocol::to_line(answer)?)?;
    stdout.flush()
}

/// Ends this process with its input, since nobody is left then who could.
fn end_with(mut input: impl Read) {
    let mut rest = [0; 64];
    while input.read(&mut rest).is_ok_and(|n_read| n_read > 0) {}
    let myself = rustix::process::getpid();
    // Sent to oneself, this cannot fail.
    let _killed = rustix::process::kill_process(myself, rustix::process::Signal::KILL);
}

/// Limits the memory of this process to what pictures of so many pixels take, and lets it be the
/// first to go where memory runs out all the same.
fn confine(max_pixels: u64) -> io::Result<()> {
    let limits = [
        (
            Resource::As,
            max_pixels.saturating_mul(PER_PIXEL).saturating_add(BASE),
        ),
        (Resource::Fsize, WORDS),
        (Resource::Core, 0),
    ];
    for (resource, wanted) in limits {
        let outer = rustix::process::getrlimit(resource).maximum;
        let limit = Some(outer.map_or(wanted, |outer| outer.min(wanted)));
        let rlimit = Rlimit {
            current: limit,
            maximum: limit,
        };
        rustix::process::setrlimit(resource, rlimit)?;
    }
    // Not every system has it.
    let _best_effort = fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}
