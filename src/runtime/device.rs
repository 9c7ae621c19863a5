//! The devices a job may ask for, and whether this machine and library can give them.
//!
//! `auto` may fall to the processor and says why; a card that was asked for by number is given or
//! refused with everything that is missing, never replaced.

use std::{fmt, str::FromStr};

use super::{Error, Library, nvidia::Nvidia};

/// The first driver series that CUDA 13 runs on.
const CUDA_13_DRIVER: u32 = 580;

/// What the settings, a profile or the command line ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Device {
    /// CUDA where it is complete, else the processor.
    #[default]
    Auto,
    Cpu,
    /// The card of this number, counted as CUDA counts.
    Cuda(u32),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(card) => write!(f, "cuda:{card}"),
        }
    }
}

/// The text names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown device {0:?}: write auto, cpu, or cuda:N with N the number of a card")]
pub struct ParseDeviceError(String);

impl FromStr for Device {
    type Err = ParseDeviceError;

    /// Reads `auto`, `cpu`, `cuda` (the first card) or `cuda:N`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || ParseDeviceError(text.to_owned());
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            other => {
                let card = other.strip_prefix("cuda:").ok_or_else(unknown)?;
                let plain = !card.is_empty() && card.bytes().all(|byte| byte.is_ascii_digit());
                let card = plain.then(|| card.parse().ok()).flatten();
                card.map(Self::Cuda).ok_or_else(unknown)
            }
        }
    }
}

/// Where the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resolved {
    Cpu,
    Cuda(u32),
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Cpu => Device::Cpu.fmt(f),
            Self::Cuda(card) => Device::Cuda(card).fmt(f),
        }
    }
}

/// A device and the reason for it, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub device: Resolved,
    pub why: String,
}

/// One thing that keeps a card from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    Driver,
    DriverLibrary,
    OldDriver { found: String },
    Card { wanted: u32, visible: u32 },
    Variant,
    Libraries(Vec<String>),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver => f.write_str("no NVIDIA driver is loaded: install one (580 or newer)"),
            Self::DriverLibrary => f.write_str(
                "the driver's library libcuda.so.1 is not found: install the driver's user-space \
                 part, or in a container hand the card through",
            ),
            Self::OldDriver { found } => write!(
                f,
                "the NVIDIA driver {found} is older than {CUDA_13_DRIVER}, which CUDA 13 needs: \
                 update the driver"
            ),
            Self::Card { wanted, visible: 0 } => {
                write!(f, "there is no card {wanted}: no NVIDIA card is visible")
            }
            Self::Card { wanted, visible } => {
                let last = visible - 1;
                write!(
                    f,
                    "there is no card {wanted}: the visible ones are cuda:0 to cuda:{last}"
                )
            }
            Self::Variant => f.write_str(
                "the ONNX Runtime in use has no CUDA provider: run `pentimento runtime install \
                 --cuda`",
            ),
            Self::Libraries(names) => write!(
                f,
                "the CUDA libraries {} are not found: run `pentimento runtime install --cuda`",
                names.join(", ")
            ),
        }
    }
}

/// Decides where the work is done.
///
/// # Errors
/// A card that was asked for by number and cannot be had: [`Error::NoCuda`] with every lack.
pub fn resolve_device(
    request: Device,
    library: &Library,
    nvidia: &Nvidia,
) -> Result<Choice, Error> {
    let cpu = |why| Choice {
        device: Resolved::Cpu,
        why,
    };
    match request {
        Device::Cpu => Ok(cpu("as asked".to_owned())),
        Device::Cuda(card) => {
            let lacks = lacks(card, Some(library), nvidia);
            if lacks.is_empty() {
                Ok(Choice {
                    device: Resolved::Cuda(card),
                    why: "as asked".to_owned(),
                })
            } else {
                Err(Error::NoCuda { card, lacks })
            }
        }
        Device::Auto => Ok(match lacks(0, Some(library), nvidia).first() {
            None => Choice {
                device: Resolved::Cuda(0),
                why: nvidia.to_string(),
            },
            // Most machines have no card at all; nobody should be told to mend that.
            Some(Lack::Driver) => cpu("no NVIDIA card is in use".to_owned()),
            Some(lack) => cpu(lack.to_string()),
        }),
    }
}

/// Returns everything that keeps `card` from being used with `library`, the first to mend first.
pub fn lacks(card: u32, library: Option<&Library>, nvidia: &Nvidia) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let cuda = library.and_then(|library| library.cuda.as_ref());
    match &nvidia.driver {
        None => lacks.push(Lack::Driver),
        Some(driver) => {
            let old = driver
                .series()
                .is_some_and(|series| series < CUDA_13_DRIVER);
            if old && cuda.is_none_or(|cuda| cuda.major == Some(13)) {
                lacks.push(Lack::OldDriver {
                    found: driver.version.clone(),
                });
            }
            if nvidia.library.is_none() {
                lacks.push(Lack::DriverLibrary);
            }
            if card >= nvidia.visible {
                lacks.push(Lack::Card {
                    wanted: card,
                    visible: nvidia.visible,
                });
            }
        }
    }
    match cuda {
        None => lacks.push(Lack::Variant),
        Some(cuda) if !cuda.missing.is_empty() => {
            lacks.push(Lack::Libraries(cuda.missing.clone()));
        }
        Some(_) => {}
    }
    lacks
}
