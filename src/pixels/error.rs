//! What can go wrong with a picture file, in words that name the file, the reason and the mend.
//!
//! Paths are shown with control characters escaped, since a file name may hold a newline or a
//! terminal sequence. Causes from the decoders are kept as sources and not repeated in the text.

use std::{error::Error, io, path::Path, path::PathBuf};

use super::decode::Format;

/// What a decoder or encoder reported.
pub(super) type Cause = Box<dyn Error + Send + Sync>;

/// Why a file could not be read as a picture.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The file could not be opened or read.
    #[error("cannot read {}", shown(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file may not be read by this user.
    #[error(
        "no permission to read {} (mode {mode:04o}, owner {owner}); run `chmod u+r` on it or copy \
         it as your own file",
        shown(path)
    )]
    Permission {
        /// The file.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
        /// Numeric user id of the owner.
        owner: u32,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The path is a symbolic link and links were not allowed.
    #[error("{} is a symbolic link; put the file itself there", shown(path))]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// The path is a folder, pipe, socket or device.
    #[error("{} is {what}, not a file", shown(path))]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// What it is instead, with its article.
        what: &'static str,
    },
    /// The file has no bytes.
    #[error("{} is an empty file; copy it again", shown(path))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file has its length but not its content yet: it is all zeros.
    #[error("{} holds nothing but zero bytes; copy it again", shown(path))]
    Blank {
        /// The file.
        path: PathBuf,
    },
    /// The file is longer than any picture within the limits.
    #[error(
        "{} has {bytes} bytes, more than the {limit} that are read at most",
        shown(path)
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The longest that is read.
        limit: u64,
    },
    /// The content is no picture at all.
    #[error("{} is not an image (looks like {looks_like})", shown(path))]
    NotAnImage {
        /// The file.
        path: PathBuf,
        /// What the content looks like.
        looks_like: &'static str,
    },
    /// A picture in a form that is not read here.
    #[error("{} is {what}, which is not read here; {mend}", shown(path))]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The form, with its article.
        what: &'static str,
        /// The conversion to do.
        mend: &'static str,
    },
    /// A file with several pictures of which none is the obvious one.
    #[error(
        "{} holds {pages} pages; save the wanted page as a file of its own, for example \
         `magick 'in.tiff[0]' page.png`",
        shown(path)
    )]
    ManyPages {
        /// The file.
        path: PathBuf,
        /// How many pages it holds.
        pages: usize,
    },
    /// The file ends before the picture does.
    #[error("the {format} file {} is incomplete; copy it again", shown(path))]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: Format,
        /// What the decoder reported, where it reported anything.
        source: Option<Cause>,
    },
    /// The file is there in full but its content is broken.
    #[error(
        "the {format} file {} is damaged; open and save it in an image editor",
        shown(path)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: Format,
        /// What the decoder reported.
        source: Cause,
    },
    /// A valid file of a kind that the decoder does not know.
    #[error(
        "the {format} file {} is of a kind that is not supported; save it as an ordinary PNG or \
         JPEG",
        shown(path)
    )]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: Format,
        /// What the decoder reported.
        source: Cause,
    },
    /// More pixels than the limit.
    #[error(
        "{} has {width} x {height} pixels, more than the limit of {limit}; make it smaller or \
         raise `max_pixels`",
        shown(path)
    )]
    TooManyPixels {
        /// The file.
        path: PathBuf,
        /// Columns by the header.
        width: usize,
        /// Rows by the header.
        height: usize,
        /// The limit on their product.
        limit: u64,
    },
    /// The texts inside a PNG unpack to more than is read.
    #[error("the texts in {} take more than {limit} bytes", shown(path))]
    TextTooLong {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: usize,
    },
}

impl DecodeError {
    /// Returns true if and only if the file may become readable by itself because it is still
    /// being written: it is empty or blank, or it ends too early.
    pub fn may_still_arrive(&self) -> bool {
        matches!(
            self,
            Self::Empty { .. } | Self::Blank { .. } | Self::Incomplete { .. }
        )
    }
}

/// Why a picture could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The encoder refused.
    #[error("cannot encode {}", shown(path))]
    Encode {
        /// The file to be.
        path: PathBuf,
        /// What the encoder reported.
        source: Cause,
    },
    /// A text keyword that PNG does not allow.
    #[error("cannot embed a text under the keyword {keyword:?} in {}", shown(path))]
    Keyword {
        /// The file to be.
        path: PathBuf,
        /// The keyword.
        keyword: String,
    },
    /// Creating, writing, syncing or renaming failed.
    #[error("cannot write {} ({doing})", shown(path))]
    Write {
        /// The file to be.
        path: PathBuf,
        /// The step that failed.
        doing: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file that was written cannot be read back.
    #[error("the picture written to {} cannot be read back", shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: DecodeError,
    },
    /// The file that was written has another size.
    #[error(
        "the picture written to {} is {found_width} x {found_height}, not {width} x {height}",
        shown(path)
    )]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// Columns expected.
        width: usize,
        /// Rows expected.
        height: usize,
        /// Columns found.
        found_width: usize,
        /// Rows found.
        found_height: usize,
    },
}

/// Returns `path` for a message: lossy UTF-8 with control characters escaped.
fn shown(path: &Path) -> String {
    let mut text = String::new();
    for letter in path.to_string_lossy().chars() {
        if letter.is_control() {
            text.extend(letter.escape_default());
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_smuggle_terminal_sequences_into_a_message() {
        let path = PathBuf::from("caf\u{e9}\n\u{1b}[2J.png");
        let text = DecodeError::Empty { path }.to_string();
        assert_eq!(
            text,
            "caf\u{e9}\\n\\u{1b}[2J.png is an empty file; copy it again"
        );
    }
}
