//! The words and small values that profile keys take.
//!
//! Each type is made from its spelling in a profile and gives that spelling back; nothing here
//! knows what the words do to a painting.

use std::fmt;

/// Whose semantics the losses, gradients and pictures follow, where the tools differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compat {
    /// neural-style-pt (the semantics without `compat`, too).
    Pt,
    /// The Lua original, neural-style.
    Lua,
}

impl Compat {
    pub(super) const NAMES: &[(&str, Self)] = &[("pt", Self::Pt), ("lua", Self::Lua)];

    /// Returns the spelling in a profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pt => "pt",
            Self::Lua => "lua",
        }
    }
}

/// Which optimiser moves the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptimizerKind {
    /// L-BFGS.
    Lbfgs,
    /// Adam.
    Adam,
}

impl OptimizerKind {
    pub(super) const NAMES: &[(&str, Self)] = &[("lbfgs", Self::Lbfgs), ("adam", Self::Adam)];

    /// Returns the spelling in a profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lbfgs => "lbfgs",
            Self::Adam => "adam",
        }
    }
}

/// What the network's pooling layers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The largest of each window.
    Max,
    /// The mean of each window.
    Average,
}

impl Pooling {
    pub(super) const NAMES: &[(&str, Self)] = &[("max", Self::Max), ("avg", Self::Average)];

    /// Returns the spelling in a profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Average => "avg",
        }
    }
}

/// How the result is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// PNG, losslessly.
    Png,
    /// JPEG.
    Jpeg,
}

impl OutputFormat {
    /// Returns the ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
        }
    }

    pub(super) const NAMES: &[(&str, Self)] = &[("png", Self::Png), ("jpeg", Self::Jpeg)];

    /// Returns the spelling in a profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
        }
    }
}

/// How many bits a channel has in a PNG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PngDepth {
    /// 8 bits.
    Eight,
    /// 16 bits.
    Sixteen,
}

impl PngDepth {
    /// Returns the number of bits.
    pub fn bits(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    pub(super) fn from_bits(bits: i64) -> Option<Self> {
        match bits {
            8 => Some(Self::Eight),
            16 => Some(Self::Sixteen),
            _ => None,
        }
    }
}

/// How much of a painting's making is written into its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedParams {
    /// All of it: profile, seeds, hashes, names of the inputs.
    Full,
    /// The profile, seeds and iteration, and nothing about the inputs.
    Minimal,
    /// Nothing.
    Off,
}

impl EmbedParams {
    pub(super) const NAMES: &[(&str, Self)] = &[
        ("full", Self::Full),
        ("minimal", Self::Minimal),
        ("off", Self::Off),
    ];

    /// Returns the spelling in a profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Minimal => "minimal",
            Self::Off => "off",
        }
    }
}

/// What a stage starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Init {
    /// Seeded noise.
    Random,
    /// The content picture.
    Image,
    /// What the stage before left, resampled to this stage's size.
    Previous,
    /// A picture file: a path as the profile writes it, not yet looked for.
    File(String),
}

impl Init {
    pub(super) const ALLOWED: &str =
        "it is \"random\", \"image\", \"previous\" (in a later stage) or the path of a picture";

    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "random" => Some(Self::Random),
            "image" => Some(Self::Image),
            "previous" => Some(Self::Previous),
            path => is_path(path).then(|| Self::File(path.to_owned())),
        }
    }
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Random => "random",
            Self::Image => "image",
            Self::Previous => "previous",
            Self::File(path) => path,
        })
    }
}

/// Which network a stage looks through.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkRef {
    /// The name of a manifest. Holds no `/`, and begins with a letter or digit.
    Named(String),
    /// A weight file: a path as the profile writes it, not yet looked for.
    File(String),
}

impl NetworkRef {
    pub(super) const ALLOWED: &str =
        "it is the name of an installed network or the path of a weight file";

    /// Endings by which a word without a `/` is a file of weights and no name.
    const ENDINGS: [&str; 5] = [".onnx", ".safetensors", ".pth", ".pt", ".caffemodel"];

    /// Returns the network that ships with the program.
    pub fn builtin() -> Self {
        Self::Named("builtin".to_owned())
    }

    /// Returns what `text` names: a file if it holds a `/` or ends as weight files do, else the
    /// manifest of that name; `None` if it can be neither.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        if text.contains('/') || Self::ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
            return is_path(text).then(|| Self::File(text.to_owned()));
        }
        let plain = |c: char| c.is_alphanumeric() || "-_.+ ".contains(c);
        (text.starts_with(char::is_alphanumeric) && text.chars().all(plain))
            .then(|| Self::Named(text.to_owned()))
    }
}

impl fmt::Display for NetworkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(text) | Self::File(text) => f.write_str(text),
        }
    }
}

/// The device a profile asks for: `auto`, `cpu` or `cuda:N`, whether or not it can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRequest(String);

impl DeviceRequest {
    pub(super) const ALLOWED: &str =
        "it is \"auto\", \"cpu\" or \"cuda:N\" with N the card's number";

    /// Returns the request that leaves the choice to the program.
    pub fn auto() -> Self {
        Self("auto".to_owned())
    }

    /// Returns the request that `text` spells; `cuda` is `cuda:0`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = match text {
            "auto" | "cpu" => text.to_owned(),
            "cuda" => "cuda:0".to_owned(),
            _ => format!("cuda:{}", text.strip_prefix("cuda:")?.parse::<u8>().ok()?),
        };
        Some(Self(text))
    }

    /// Returns the spelling: `auto`, `cpu` or `cuda:N` without leading zeros.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A colour: red, green, blue, each 0–255, sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    pub(super) const ALLOWED: &str = "it is a colour such as \"#ffffff\"";

    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([red, green, blue]))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

fn is_path(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}
