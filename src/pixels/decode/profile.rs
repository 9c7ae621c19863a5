//! From the colour space of a file to sRGB.
//!
//! A profile that is broken, or not made for the channels it comes with, never costs the picture:
//! the colours are then read as sRGB and a note says so. A profile that differs from sRGB by less
//! than one 8-bit step is taken for sRGB, so that the values of such files stay as they are.

use std::sync::Arc;

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients,
    ProfileText, TransferCharacteristics, TransformExecutor, TransformOptions,
};

use super::{
    note::Note,
    raster::{Channels, Colours},
};

type Executor = Arc<dyn TransformExecutor<f32> + Send + Sync>;

/// How the colour channels of one picture become sRGB.
pub(super) enum ToSrgb {
    /// They are sRGB already (grey or three channels).
    Same,
    /// Ink without a profile: `(1 - ink) * (1 - black)`.
    Ink,
    /// Light is the value to the power of one over this; then encode as sRGB.
    Gamma(f64),
    /// By a profile, over this many channels.
    Profile { executor: Executor, inputs: usize },
}

/// Returns the conversion for `channels` under `colours`, and what there is to say about it.
pub(super) fn to_srgb(channels: Channels, colours: &Colours) -> (ToSrgb, Option<Note>) {
    let ink = channels == Channels::Cmyk;
    let plain = if ink { ToSrgb::Ink } else { ToSrgb::Same };
    let profile = match colours {
        Colours::Srgb => return (plain, ink.then_some(Note::Cmyk { profile: false })),
        Colours::Gamma(gamma) => {
            return (
                ToSrgb::Gamma(*gamma),
                Some(Note::Converted(format!("gamma {gamma:.3}"))),
            );
        }
        Colours::Icc(bytes) => ColorProfile::new_from_slice(bytes).ok(),
        Colours::Cicp(primaries, transfer) => from_code_points(*primaries, *transfer),
    };
    let usable = profile.and_then(|profile| Some((conversion(&profile, channels)?, profile)));
    let Some((converted, profile)) = usable else {
        return (plain, Some(Note::ProfileIgnored));
    };
    if ink {
        (converted, Some(Note::Cmyk { profile: true }))
    } else if is_identity(&converted) {
        (plain, None)
    } else {
        (converted, Some(Note::Converted(name(&profile))))
    }
}

impl ToSrgb {
    /// Returns how many values of each pixel the conversion reads; 1 or 3 or 4.
    pub(super) fn inputs(&self, channels: Channels) -> usize {
        match self {
            Self::Profile { inputs, .. } => *inputs,
            Self::Ink => 4,
            Self::Same | Self::Gamma(_) => {
                if matches!(channels, Channels::Grey | Channels::GreyAlpha) {
                    1
                } else {
                    3
                }
            }
        }
    }

    /// Converts a row of pixels (0-255, `inputs` values each) to RGB (0-255).
    pub(super) fn convert(&self, row: &mut [f32], rgb: &mut [f32], inputs: usize) {
        match self {
            Self::Same => spread(row, rgb, inputs),
            Self::Ink => {
                for (ink, rgb) in row.chunks_exact(4).zip(rgb.chunks_exact_mut(3)) {
                    for (value, ink_amount) in rgb.iter_mut().zip(ink) {
                        *value = (255.0 - ink_amount) * (255.0 - ink[3]) / 255.0;
                    }
                }
            }
            Self::Gamma(gamma) => {
                for value in row.iter_mut() {
                    *value = from_gamma(*value, *gamma);
                }
                spread(row, rgb, inputs);
            }
            Self::Profile { executor, .. } => {
                for value in row.iter_mut() {
                    *value /= 255.0;
                }
                executor
                    .transform(row, rgb)
                    .expect("rows have the lengths of the layouts");
                for value in rgb.iter_mut() {
                    *value = (*value * 255.0).clamp(0.0, 255.0);
                }
            }
        }
    }
}

/// Copies three values of each pixel, or one three times.
fn spread(row: &[f32], rgb: &mut [f32], inputs: usize) {
    for (pixel, rgb) in row.chunks_exact(inputs).zip(rgb.chunks_exact_mut(3)) {
        match pixel {
            [grey] => rgb.fill(*grey),
            _ => rgb.copy_from_slice(&pixel[..3]),
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "rounding to f32 is the purpose"
)]
fn from_gamma(value: f32, gamma: f64) -> f32 {
    let light = (f64::from(value) / 255.0).clamp(0.0, 1.0).powf(1.0 / gamma);
    let encoded = if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    };
    (encoded * 255.0) as f32
}

fn conversion(profile: &ColorProfile, channels: Channels) -> Option<ToSrgb> {
    let (layout, inputs) = match (profile.color_space, channels) {
        (DataColorSpace::Gray, Channels::Grey | Channels::GreyAlpha) => (Layout::Gray, 1),
        (DataColorSpace::Cmyk, Channels::Cmyk) => (Layout::Rgba, 4),
        (DataColorSpace::Rgb, channels) if channels != Channels::Cmyk => (Layout::Rgb, 3),
        _ => return None,
    };
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let executor = profile
        .create_transform_f32(layout, &srgb, Layout::Rgb, options)
        .ok()?;
    Some(ToSrgb::Profile { executor, inputs })
}

/// Returns a profile for code points that describe an ordinary (not high dynamic range) picture.
fn from_code_points(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    let transfer_characteristics = TransferCharacteristics::try_from(transfer).ok()?;
    if matches!(transfer_characteristics, TransferCharacteristics::Smpte2084)
        || matches!(transfer_characteristics, TransferCharacteristics::Hlg)
    {
        return None;
    }
    let mut profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    profile.description = Some(ProfileText::PlainString(format!(
        "cICP {primaries}/{transfer}"
    )));
    profile.is_matrix_shaper().then_some(profile)
}

/// Returns true if and only if the conversion moves no colour of a grid by a whole 8-bit step.
fn is_identity(conversion: &ToSrgb) -> bool {
    const STEPS: [f32; 9] = [0.0, 15.0, 40.0, 64.0, 100.0, 128.0, 180.0, 220.0, 255.0];
    let ToSrgb::Profile { inputs, .. } = conversion else {
        return true;
    };
    let mut grid: Vec<f32> = match inputs {
        1 => STEPS.to_vec(),
        _ => STEPS
            .iter()
            .flat_map(|&r| STEPS.iter().flat_map(move |&g| STEPS.map(|b| [r, g, b])))
            .flatten()
            .collect(),
    };
    let mut expected = vec![0.0; grid.len() / inputs * 3];
    spread(&grid, &mut expected, *inputs);
    let mut found = vec![0.0; expected.len()];
    conversion.convert(&mut grid, &mut found, *inputs);
    found
        .iter()
        .zip(expected)
        .all(|(found, expected)| (found - expected).abs() < 1.0)
}

fn name(profile: &ColorProfile) -> String {
    let name = match &profile.description {
        Some(ProfileText::PlainString(text)) => text.as_str(),
        Some(ProfileText::Localizable(texts)) => texts.first().map_or("", |text| &text.value),
        Some(ProfileText::Description(text)) => &text.ascii_string,
        None => "",
    };
    let name = name.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
    if name.is_empty() {
        "an unnamed profile".to_owned()
    } else {
        name.to_owned()
    }
}
