//! `pentimento doctor`: looks at everything that painting needs, and says what to do about the
//! rest.
//!
//! It only looks: nothing is installed, loaded or changed, so it can be run beside a working
//! daemon and on a machine where everything else fails.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use crate::causes::with_causes;
use crate::cli::args::Common;
use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::runtime::request;
use crate::folder::Studio;
use crate::job::names::display_path;
use crate::runtime::Card;
use crate::runtime::Device;
use crate::runtime::Environment;
use crate::runtime::Host;
use crate::runtime::Library;
use crate::runtime::MINIMUM;
use crate::runtime::Nvidia;
use crate::runtime::Request;
use crate::runtime::Resolved;
use crate::runtime::Search;
use crate::runtime::is_intact;
use crate::runtime::resolve_device;
use crate::runtime::search;

/// How a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Needs no attention.
    Fine,
    /// Works, but not as well as it could.
    Warning,
    /// Painting cannot work like this.
    Failure,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub level: Level,
    pub subject: &'static str,
    pub text: String,
    /// What to do about it.
    pub mend: Option<String>,
}

/// Everything that was looked at, in the order in which things depend on each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Returns the gravest level in the report.
    pub(super) fn level(&self) -> Level {
        self.findings
            .iter()
            .map(|finding| finding.level)
            .max()
            .unwrap_or(Level::Fine)
    }

    fn add(&mut self, level: Level, subject: &'static str, text: String) -> &mut Finding {
        let index = self.findings.len();
        self.findings.push(Finding {
            level,
            subject,
            text,
            mend: None,
        });
        &mut self.findings[index]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.findings.iter().enumerate() {
            let level = match finding.level {
                Level::Fine => "ok",
                Level::Warning => "warn",
                Level::Failure => "FAIL",
            };
            if index > 0 {
                writeln!(f)?;
            }
            let mut lines = finding.text.lines();
            let first = lines.next().unwrap_or_default();
            write!(f, "{level:<5} {:<13} {first}", finding.subject)?;
            for line in lines {
                write!(f, "\n{:20}{line}", "")?;
            }
            for line in finding.mend.iter().flat_map(|mend| mend.lines()) {
                write!(f, "\n{:20}-> {line}", "")?;
            }
        }
        Ok(())
    }
}

/// Prints the report. The status is failure if anything in it is.
pub(super) fn run(common: &Common) -> anyhow::Result<ExitCode> {
    let studio = Context::in_studio(common).map(|(_, studio)| studio);
    let env = Environment::from_process();
    let report = doctor(&env, &request(common, Device::Auto), studio);
    output::line(&report.to_string())?;
    Ok(match report.level() {
        Level::Fine | Level::Warning => ExitCode::SUCCESS,
        Level::Failure => ExitCode::FAILURE,
    })
}

/// Looks at everything.
pub(super) fn doctor(
    env: &Environment,
    request: &Request,
    studio: anyhow::Result<Studio>,
) -> Report {
    let mut report = Report::default();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    report.add(Level::Fine, "pentimento", version);
    look_at_studio(&mut report, studio);
    let nvidia = Nvidia::detect(env);
    let library = look_for_library(&mut report, env, request);
    look_at_host(&mut report, env);
    look_at_cards(&mut report, &nvidia);
    if let Some(library) = library {
        choose_device(&mut report, request.device, &library, &nvidia);
    }
    report
}

fn look_at_studio(report: &mut Report, studio: anyhow::Result<Studio>) {
    let studio = match studio {
        Ok(studio) => studio,
        Err(error) => {
            // Painting a single picture needs no studio.
            report.add(Level::Warning, "studio", format!("{error:#}"));
            return;
        }
    };
    report.add(Level::Fine, "studio", display_path(&studio.root));
    let watch = &studio.watch;
    if !watch.is_dir() {
        let text = format!("{} is not there", display_path(watch));
        report.add(Level::Warning, "watch", text).mend =
            Some("`pentimento init` in the studio makes it".to_owned());
    }
    let models = studio.root.join("models");
    let manifests = count_manifests(&models);
    let text = match manifests {
        Some(1) => format!("1 network in {}", display_path(&models)),
        Some(count) => format!("{count} networks in {}", display_path(&models)),
        None => format!(
            "{} is not there: the built-in network only",
            display_path(&models)
        ),
    };
    report.add(Level::Fine, "models", text);
}

fn count_manifests(models: &Path) -> Option<usize> {
    let entries = std::fs::read_dir(models).ok()?;
    let is_manifest = |path: &Path| path.extension().is_some_and(|ending| ending == "toml");
    Some(
        entries
            .flatten()
            .filter(|entry| is_manifest(&entry.path()))
            .count(),
    )
}

fn look_for_library(report: &mut Report, env: &Environment, request: &Request) -> Option<Library> {
    const SUBJECT: &str = "ONNX Runtime";
    let Search { library, looked } = match search(env, request) {
        Ok(search) => search,
        Err(error) => {
            report.add(Level::Failure, SUBJECT, with_causes(&error));
            return None;
        }
    };
    match &library {
        Some(library) => {
            let variant = if library.cuda.is_some() {
                " with CUDA"
            } else {
                ""
            };
            let version = library
                .version
                .map_or_else(|| "of unknown version".to_owned(), |v| v.to_string());
            let path = display_path(&library.path);
            let text = format!("{version}{variant}, {}\n{path}", library.origin);
            if is_intact(env, library) == Some(false) {
                let cuda = if library.cuda.is_some() {
                    " --cuda"
                } else {
                    ""
                };
                report
                    .add(Level::Failure, SUBJECT, format!("{text}\nis damaged"))
                    .mend = Some(format!("run `pentimento runtime install{cuda}`"));
            } else if library.version.is_none() {
                report.add(Level::Warning, SUBJECT, text).mend = Some(format!(
                    "see that it is {MINIMUM} or newer, which cannot be read from the file"
                ));
            } else {
                report.add(Level::Fine, SUBJECT, text);
            }
        }
        None => {
            report
                .add(Level::Warning, SUBJECT, "not there yet".to_owned())
                .mend =
                Some("the first run installs it, or `pentimento runtime install` now".to_owned());
        }
    }
    let used = library.as_ref().map(|library| &library.path);
    let others = looked.iter().filter(|looked| Some(&looked.path) != used);
    let others: Vec<String> = others
        .map(|looked| {
            let path = display_path(&looked.path);
            format!("{path}: {} ({})", looked.finding, looked.origin)
        })
        .collect();
    if !others.is_empty() {
        report.add(Level::Fine, "also seen", others.join("\n"));
    }
    library
}

fn look_at_host(report: &mut Report, env: &Environment) {
    let host = Host::detect(env);
    let model = host.model.as_deref().unwrap_or("processor");
    let instructions = match host.instructions.as_slice() {
        [] => String::new(),
        some => format!(", {}", some.join(", ")),
    };
    let text = format!("{model}, {} threads{instructions}", host.threads);
    report.add(Level::Fine, "cpu", text);
    if let Some((total, available)) = host.memory {
        let text = format!(
            "{}, of which {} free",
            gigabytes(total),
            gigabytes(available)
        );
        report.add(Level::Fine, "memory", text);
    }
}

fn look_at_cards(report: &mut Report, nvidia: &Nvidia) {
    let Some(driver) = &nvidia.driver else {
        let text = "no NVIDIA driver: the processor paints".to_owned();
        report.add(Level::Fine, "cards", text);
        return;
    };
    let mut lines = vec![format!("NVIDIA driver {}", driver.version)];
    let card = |card: &Card| format!("{} at {}", card.name, card.place);
    lines.extend(nvidia.cards.iter().map(card));
    let visible = usize::try_from(nvidia.visible).unwrap_or(usize::MAX);
    match nvidia.cards.len().saturating_sub(visible) {
        0 => {}
        hidden => lines.push(format!("CUDA_VISIBLE_DEVICES hides {hidden} of them")),
    }
    let text = lines.join("\n");
    report.add(Level::Fine, "cards", text);
}

fn choose_device(report: &mut Report, device: Device, library: &Library, nvidia: &Nvidia) {
    match resolve_device(device, library, nvidia) {
        Err(error) => {
            report.add(Level::Failure, "device", with_causes(&error));
        }
        Ok(choice) => {
            // A card that lies idle for want of a library is worth a word; no card is not.
            let idle =
                choice.device == Resolved::Cpu && device == Device::Auto && nvidia.driver.is_some();
            let level = if idle { Level::Warning } else { Level::Fine };
            let text = format!("{device} is {}: {}", choice.device, choice.why);
            report.add(level, "device", text);
        }
    }
}

fn gigabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000_000;
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::path::PathBuf;
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::folder::MARKER;
    use crate::runtime::Pins;
    use crate::runtime::Platform;

    fn machine() -> (TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let env = Environment {
            path: OsString::new(),
            home: Some(folder.path().join("home")),
            xdg_data_home: None,
            ld_library_path: OsString::new(),
            ort_dylib_path: None,
            cuda_home: None,
            cuda_visible_devices: None,
            python_prefixes: Vec::new(),
            root: folder.path().join("root"),
            pins: Pins::of(Platform::LinuxX64),
            patience: Duration::from_secs(1),
        };
        (folder, env)
    }

    fn write(path: PathBuf, bytes: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn no_studio() -> anyhow::Result<Studio> {
        Err(anyhow::anyhow!("no studio here"))
    }

    #[test]
    fn a_bare_machine_gets_warnings_with_mends() {
        let (_folder, env) = machine();
        let report = doctor(&env, &Request::default(), no_studio());
        assert_eq!(report.level(), Level::Warning);
        let text = report.to_string();
        for part in [
            &format!("ok    pentimento    {}", env!("CARGO_PKG_VERSION")),
            "warn  studio        no studio here",
            "warn  ONNX Runtime  not there yet\n",
            "                    -> the first run installs it",
            "ok    cards         no NVIDIA driver: the processor paints",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }

    #[test]
    fn a_named_library_that_is_not_there_is_a_failure() {
        let (folder, env) = machine();
        let request = Request {
            ort_lib: Some(folder.path().join("absent.so")),
            ..Request::default()
        };
        let report = doctor(&env, &request, no_studio());
        assert_eq!(report.level(), Level::Failure);
        let text = report.to_string();
        assert!(text.contains("FAIL  ONNX Runtime  cannot read"), "{text}");
        assert!(text.contains("absent.so (named by --ort-lib)"), "{text}");
    }

    #[test]
    fn a_studio_is_shown_with_its_networks_and_what_it_lacks() {
        let (folder, env) = machine();
        let root = folder.path().join("studio");
        write(root.join(MARKER), b"");
        write(root.join("models/builtin.toml"), b"");
        write(root.join("models/builtin.onnx"), b"");
        let report = doctor(&env, &Request::default(), Ok(Studio::at(root.clone())));
        let text = report.to_string();
        let shown = display_path(&root);
        assert!(
            text.contains(&format!("ok    studio        {shown}\n")),
            "{text}"
        );
        assert!(text.contains("ok    models        1 network in "), "{text}");
        assert!(text.contains("warn  watch "), "{text}");
    }

    #[test]
    fn cards_are_listed_with_those_that_are_hidden() {
        let (folder, mut env) = machine();
        let nvidia = folder.path().join("root/proc/driver/nvidia");
        write(
            nvidia.join("version"),
            b"NVRM version: NVIDIA Kernel Module  580.95  x\n",
        );
        for bus in ["0000:01:00.0", "0000:02:00.0"] {
            write(
                nvidia.join("gpus").join(bus).join("information"),
                b"Model: \t A Card\n",
            );
        }
        env.cuda_visible_devices = Some("1".to_owned());
        let text = doctor(&env, &Request::default(), no_studio()).to_string();
        let cards = "ok    cards         NVIDIA driver 580.95\n                    A Card at \
                     0000:01:00.0\n                    A Card at 0000:02:00.0\n                    \
                     CUDA_VISIBLE_DEVICES hides 1 of them";
        assert!(text.contains(cards), "{text}");
    }

    #[test]
    fn memory_is_told_in_gigabytes() {
        assert_eq!(gigabytes(24_650_000_000), "24.6 GB");
        assert_eq!(gigabytes(0), "0.0 GB");
    }
}
