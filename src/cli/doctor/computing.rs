//! What painting computes with: the ONNX Runtime library, the processor, cards, the device.

use crate::causes::with_causes;
use crate::cli::doctor::report::Level;
use crate::cli::doctor::report::Report;
use crate::cli::output::gigabytes;
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

pub(super) fn look_for_library(
    report: &mut Report,
    env: &Environment,
    request: &Request,
) -> Option<Library> {
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

pub(super) fn look_at_host(report: &mut Report, env: &Environment) {
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

pub(super) fn look_at_cards(report: &mut Report, nvidia: &Nvidia) {
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

pub(super) fn choose_device(
    report: &mut Report,
    device: Device,
    library: &Library,
    nvidia: &Nvidia,
) {
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
