//! Text on pictures, in a small font of the project's own.
//!
//! A letter is five by seven pixels, `scale` times as large, in a cell of six by nine: the space to
//! the next letter and two rows for what reaches below the line are part of it. Letters with accents
//! lose them; what is not known is a box. Nothing is laid out here: one line, left to right.

mod glyphs;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use self::glyphs::{GLYPHS, UNKNOWN};

/// Width of a letter's cell at scale 1.
const CELL_WIDTH: usize = 6;

/// Height of a letter's cell at scale 1.
const CELL_HEIGHT: usize = 9;

/// Columns of a letter.
const COLUMNS: usize = 5;

/// Returns the width of a line of text in pixels, without the space behind the last letter.
pub fn text_width(text: &str, scale: usize) -> usize {
    let letters = letters(text).count();
    (letters * CELL_WIDTH).saturating_sub(CELL_WIDTH - COLUMNS) * scale
}

/// Returns the height of a line of text in pixels, with the rows below the line.
pub fn text_height(scale: usize) -> usize {
    CELL_HEIGHT * scale
}

/// Calls `dot` with the column and row of every pixel that the text covers, from its upper left
/// corner.
pub(super) fn trace(text: &str, scale: usize, dot: &mut dyn FnMut(usize, usize)) {
    for (place, letter) in letters(text).enumerate() {
        let (lowered, rows) = glyph(letter);
        for (row, bits) in rows.iter().enumerate() {
            for column in (0..COLUMNS).filter(|column| (bits >> (COLUMNS - 1 - column)) & 1 == 1) {
                let left = (place * CELL_WIDTH + column) * scale;
                let top = (row + lowered) * scale;
                for at in 0..scale * scale {
                    dot(left + at % scale, top + at / scale);
                }
            }
        }
    }
}

/// Returns the text without accents.
fn letters(text: &str) -> impl Iterator<Item = char> {
    text.nfd().filter(|letter| !is_combining_mark(*letter))
}

/// Returns the rows by which a letter is lowered, and its rows.
fn glyph(letter: char) -> (usize, [u8; 7]) {
    if letter.is_whitespace() {
        return (0, [0; 7]);
    }
    GLYPHS
        .iter()
        .find(|(known, ..)| *known == letter)
        .map_or((0, UNKNOWN), |(_, lowered, rows)| (*lowered, *rows))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn drawn(text: &str, scale: usize) -> BTreeSet<(usize, usize)> {
        let mut dots = BTreeSet::new();
        trace(text, scale, &mut |x, y| {
            assert!(dots.insert((x, y)), "a pixel is covered once");
        });
        dots
    }

    #[test]
    fn every_letter_of_ascii_is_there_and_looks_like_no_other() {
        let mut seen = BTreeSet::new();
        for letter in '!'..='~' {
            let (lowered, rows) = glyph(letter);
            assert_ne!(rows, UNKNOWN, "{letter}");
            assert!(rows.iter().all(|row| *row < 32), "{letter}: five columns");
            assert!(seen.insert((lowered, rows)), "{letter}");
        }
    }

    #[test]
    fn text_stays_within_its_size() {
        for scale in [1, 3] {
            let text = "jQ_{0}\u{d7}";
            let dots = drawn(text, scale);
            let width = dots.iter().map(|(x, _)| x + 1).max().unwrap();
            let height = dots.iter().map(|(_, y)| y + 1).max().unwrap();
            assert!(width <= text_width(text, scale) && height <= text_height(scale));
        }
        assert_eq!(text_width("", 2), 0);
        assert_eq!(text_width("ab", 2), 22);
    }

    #[test]
    fn accents_are_left_out_and_the_unknown_is_a_box() {
        assert_eq!(drawn("caf\u{e9}", 1), drawn("cafe", 1));
        assert_eq!(text_width("caf\u{e9}", 1), text_width("cafe", 1));
        assert_eq!(drawn("\u{6f22}", 1), drawn("\u{1f600}", 1));
        assert!(drawn(" ", 1).is_empty());
    }
}
