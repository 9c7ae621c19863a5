//! Pictures in the terminal, as half blocks, two pixels a letter.

use anyhow::Context as _;

use crate::pixels::{self, Picture};

/// The most columns of a terminal that a picture takes.
const MOST_COLUMNS: u16 = 160;

/// Columns of a terminal that a thumbnail should have at least.
const THUMBNAIL: usize = 20;

/// Lines that are left for words.
const WORDS: u16 = 4;

/// Returns how many thumbnails of this shape fit beside and below each other.
pub(super) fn fitting(width: usize, height: usize) -> (usize, usize) {
    let (columns, lines) = extent();
    let beside = (columns / THUMBNAIL).max(1);
    let tall = (columns / beside * height).div_ceil(width.max(1)).max(1);
    (beside, (2 * lines / tall).max(1))
}

/// Shows a picture as large as the terminal allows.
pub(super) fn show(picture: &Picture) -> anyhow::Result<()> {
    let (columns, lines) = extent();
    let (width, height) = (picture.width(), picture.height());
    let wide = columns.min(2 * lines * width / height.max(1)).max(1);
    let config = viuer::Config {
        absolute_offset: false,
        width: u32::try_from(wide).ok(),
        // Half blocks come through every connection, and without questions to the terminal.
        use_kitty: false,
        use_iterm: false,
        ..viuer::Config::default()
    };
    // A reader that went away is no error, and is told by the system's own.
    match viuer::print(&pixels::to_image(picture), &config) {
        Ok(_) => Ok(()),
        Err(viuer::ViuError::Io(error)) => Err(error).context("show the picture in the terminal"),
        Err(error) => Err(error).context("show the picture in the terminal"),
    }
}

/// Returns the columns and lines that a picture may take.
fn extent() -> (usize, usize) {
    let (columns, lines) = viuer::terminal_size();
    let columns = columns.clamp(1, MOST_COLUMNS);
    (columns.into(), lines.saturating_sub(WORDS).max(1).into())
}
