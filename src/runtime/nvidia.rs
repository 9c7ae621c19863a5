//! What NVIDIA hardware and software this machine has, read from files alone.
//!
//! No driver call is made here: a driver that hangs must not hang `doctor`. Cards are listed in
//! the order of their bus, which is CUDA's order unless the cards differ in speed.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

use super::{Environment, elf, folders};

/// The kernel part of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// Such as `580.159.03`, or `of unknown version`.
    pub version: String,
}

impl Driver {
    /// Returns the release series, the number before the first dot.
    pub(super) fn series(&self) -> Option<u32> {
        self.version.split('.').next()?.parse().ok()
    }
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub name: String,
    /// Its place on the bus, or its device file where the bus is not shown.
    pub place: String,
}

/// Driver and cards as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nvidia {
    pub driver: Option<Driver>,
    /// The driver's user-space library, `libcuda.so.1`.
    pub library: Option<PathBuf>,
    pub cards: Vec<Card>,
    /// How many cards CUDA will show: `CUDA_VISIBLE_DEVICES` may hide some.
    pub visible: u32,
}

impl fmt::Display for Nvidia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.cards.first().map_or("no card", |card| &card.name);
        let version = self
            .driver
            .as_ref()
            .map_or("none", |driver| &driver.version);
        write!(f, "{name}, driver {version}")
    }
}

impl Nvidia {
    /// Looks for the driver and the cards.
    pub fn detect(env: &Environment) -> Self {
        let library = search_folders(env, None)
            .into_iter()
            .map(|folder| folder.join("libcuda.so.1"))
            .find(|path| path.exists());
        let cards = cards(env);
        let count = u32::try_from(cards.len()).unwrap_or(u32::MAX);
        let visible = match &env.cuda_visible_devices {
            None => count,
            Some(list) => visible(list).min(count),
        };
        Self {
            driver: driver(env, library.as_deref()),
            library,
            cards,
            visible,
        }
    }
}

/// ONNX Runtime's CUDA provider beside a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CudaProvider {
    /// The major version of CUDA it was built for, if it says so.
    pub major: Option<u32>,
    /// The libraries, the driver's own not counted, that it needs and that are nowhere found.
    pub missing: Vec<String>,
}

/// Looks for a CUDA provider in `folder`. Returns it with the folders, beyond those that the
/// loader searches on its own, in which its libraries lie.
pub(super) fn provider(env: &Environment, folder: &Path) -> Option<(CudaProvider, Vec<PathBuf>)> {
    let dynamic = elf::read(&folder.join("libonnxruntime_providers_cuda.so"))
        .ok()
        .flatten()?;
    let mut needed: BTreeSet<String> = dynamic
        .needed()
        .filter(|name| name.starts_with("libcu") || name.starts_with("libnv"))
        .map(str::to_owned)
        .collect();
    let major = needed
        .iter()
        .find_map(|name| name.strip_prefix("libcudart.so.")?.parse::<u32>().ok());
    // These two are opened at run time, so no header names them. Without cuDNN the provider falls
    // back to slow convolutions; cuDNN in turn compiles kernels with the run-time compiler.
    needed.insert("libcudnn.so.9".to_owned());
    needed.extend(major.map(|major| format!("libnvrtc.so.{major}")));

    let mut path = Vec::new();
    let mut missing = Vec::new();
    let own: BTreeSet<PathBuf> = folders::system(env)
        .into_iter()
        .chain(env.loader_path())
        .collect();
    for name in needed {
        let found = search_folders(env, Some(folder))
            .into_iter()
            .find(|folder| folder.join(&name).exists());
        match found {
            Some(folder) if own.contains(&folder) || path.contains(&folder) => {}
            Some(folder) => path.push(folder),
            // The driver's library is the driver's business: `Nvidia::library` tells.
            None if name.starts_with("libcuda.so") => {}
            None => missing.push(name),
        }
    }
    if !folder.join("libonnxruntime_providers_shared.so").exists() {
        missing.push("libonnxruntime_providers_shared.so".to_owned());
    }
    Some((CudaProvider { major, missing }, path))
}

/// Returns every folder in which a CUDA library may lie. What was installed for this program
/// comes first, since it is known to fit together.
fn search_folders(env: &Environment, beside: Option<&Path>) -> Vec<PathBuf> {
    let mut all = Vec::new();
    if let Ok(runtime) = env.runtime_folder() {
        all.extend(folders::children(&runtime, "nvidia-"));
    }
    all.extend(beside.map(Path::to_path_buf));
    all.extend(env.loader_path());
    all.extend(folders::system(env));
    all.extend(folders::cuda(env));
    all
}

fn driver(env: &Environment, library: Option<&Path>) -> Option<Driver> {
    let stated = fs::read_to_string(env.below_root("/proc/driver/nvidia/version")).ok();
    let device = ["/dev/nvidiactl", "/dev/dxg"]
        .iter()
        .any(|path| env.below_root(path).exists());
    if stated.is_none() && !device {
        return None;
    }
    let from_library = || {
        let real = fs::canonicalize(library?).ok()?;
        let name = real.file_name()?.to_string_lossy().into_owned();
        name.strip_prefix("libcuda.so.")
            .filter(|rest| rest.contains('.'))
            .map(str::to_owned)
    };
    let version = stated.as_deref().and_then(version_in).or_else(from_library);
    Some(Driver {
        version: version.unwrap_or_else(|| "of unknown version".to_owned()),
    })
}

/// Returns the first word of the first line that is all digits and dots.
fn version_in(text: &str) -> Option<String> {
    let is_version = |word: &&str| {
        word.contains('.')
            && word
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    text.lines()
        .next()?
        .split_whitespace()
        .find(is_version)
        .map(str::to_owned)
}

fn cards(env: &Environment) -> Vec<Card> {
    let mut cards = Vec::new();
    for folder in folders::children(&env.below_root("/proc/driver/nvidia/gpus"), "") {
        let text = fs::read_to_string(folder.join("information")).unwrap_or_default();
        let model = text.lines().find_map(|line| line.strip_prefix("Model:"));
        let place = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = model.map_or("NVIDIA card", str::trim).to_owned();
        cards.push(Card { name, place });
    }
    if cards.is_empty() {
        cards = device_files(env);
    }
    cards
}

/// Sandboxes and WSL show no `/proc/driver/nvidia/gpus`, but their device files.
fn device_files(env: &Environment) -> Vec<Card> {
    let card = |place: String| Card {
        name: "NVIDIA card".to_owned(),
        place,
    };
    let mut numbers: Vec<u32> = fs::read_dir(env.below_root("/dev"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_prefix("nvidia")?
                .parse()
                .ok()
        })
        .collect();
    numbers.sort_unstable();
    if numbers.is_empty() && env.below_root("/dev/dxg").exists() {
        return vec![card("/dev/dxg".to_owned())];
    }
    numbers
        .into_iter()
        .map(|number| card(format!("/dev/nvidia{number}")))
        .collect()
}

/// CUDA reads the list up to the first entry that is no card.
fn visible(list: &str) -> u32 {
    let entries = list.split(',').map(str::trim);
    let shown = entries
        .take_while(|entry| !entry.is_empty() && !entry.starts_with('-'))
        .count();
    u32::try_from(shown).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_version_is_found_in_both_wordings() {
        for (line, version) in [
            (
                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.03  Tue Jan 1",
                "580.159.03",
            ),
            (
                "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  595.45  Release Build",
                "595.45",
            ),
        ] {
            assert_eq!(version_in(line).as_deref(), Some(version));
        }
        assert_eq!(version_in("NVRM version: none\nGCC version: 13.2.0"), None);
        assert_eq!(
            Driver {
                version: "580.159.03".to_owned()
            }
            .series(),
            Some(580)
        );
        assert_eq!(
            Driver {
                version: "of unknown version".to_owned()
            }
            .series(),
            None
        );
    }

    #[test]
    fn hidden_cards_are_not_counted() {
        for (list, count) in [("", 0), ("-1", 0), ("0", 1), ("1,0", 2), ("0,-1,1", 1)] {
            assert_eq!(visible(list), count, "{list:?}");
        }
    }
}
