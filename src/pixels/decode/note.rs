//! What a person should know about how a picture was read, although it could be read.

use std::fmt;

use super::format::Format;

/// A remark on a picture that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// The file name promises another format.
    WrongExtension {
        /// The extension in lower case, without the dot.
        extension: String,
        /// What the content is.
        format: Format,
    },
    /// An animation, of which the first frame is used.
    Animated,
    /// The mark that ends the file is missing, but the picture is complete.
    EndMissing,
    /// Printing colours (CMYK) were converted; `profile` tells whether by an embedded profile.
    Cmyk {
        /// True if an embedded profile said how.
        profile: bool,
    },
    /// Colours were converted to sRGB from the embedded profile of this name.
    Converted(String),
    /// There is a colour profile that cannot be used; colours were read as sRGB.
    ProfileIgnored,
    /// Transparent parts were laid over the matte colour.
    Transparent {
        /// Missing opacity as a share of the whole picture, more than 0 and at most 1.
        share: f32,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongExtension { extension, format } => {
                write!(f, "named .{} but is {format}", extension.escape_default())
            }
            Self::Animated => f.write_str("an animation: its first frame is used"),
            Self::EndMissing => f.write_str("the end mark of the file is missing"),
            Self::Cmyk { profile: true } => {
                f.write_str("printing colours (CMYK) converted by the embedded profile")
            }
            Self::Cmyk { profile: false } => {
                f.write_str("printing colours (CMYK) converted without a profile: expect a shift")
            }
            Self::Converted(name) => {
                write!(f, "colours converted to sRGB from {}", name.escape_debug())
            }
            Self::ProfileIgnored => {
                f.write_str("the colour profile cannot be used: colours read as sRGB")
            }
            Self::Transparent { share } => {
                write!(
                    f,
                    "{:.1} % transparent: laid over the matte colour",
                    share * 100.0
                )
            }
        }
    }
}
