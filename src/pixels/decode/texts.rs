//! The texts (iTXt) inside a PNG: where a painting carries its own recipe.
//!
//! Reading them decodes no pixels and unpacks at most [`MAX_TEXT_BYTES`], however much a file
//! claims to hold.

use std::{io::Read, path::Path};

use flate2::read::ZlibDecoder;

use super::{
    DecodeOptions, Format, Input,
    png_chunks::{self, Chunk},
    source,
};
use crate::pixels::error::DecodeError;

/// Limit on all texts of a file together.
const MAX_TEXT_BYTES: usize = 4 << 20;

/// Returns the iTXt entries of the PNG at `path` as keyword and text, in the order of the file.
///
/// Another format has none; entries that are damaged are left out.
pub fn read_text(
    path: &Path,
    options: &DecodeOptions,
) -> Result<Vec<(String, String)>, DecodeError> {
    let bytes = source::read(path, options.links())?;
    let input = Input::new(path, &bytes, options)?;
    let mut texts = Vec::new();
    if input.format != Format::Png {
        return Ok(texts);
    }
    let mut left = MAX_TEXT_BYTES;
    let entries = png_chunks::chunks(&bytes).filter(|chunk| chunk.kind == b"iTXt");
    for chunk in entries.filter(Chunk::is_sound) {
        let Some((keyword, text)) = entry(chunk.data, left) else {
            continue;
        };
        left = left
            .checked_sub(text.len())
            .ok_or_else(|| DecodeError::TextTooLong {
                path: path.to_owned(),
                limit: MAX_TEXT_BYTES,
            })?;
        if let Ok(text) = String::from_utf8(text) {
            texts.push((keyword, text));
        }
    }
    Ok(texts)
}

/// Takes an entry apart: keyword, 0, packed or not, method 0, language, 0, translated keyword, 0,
/// text. Unpacks at most one byte more than `limit`.
fn entry(data: &[u8], limit: usize) -> Option<(String, Vec<u8>)> {
    let (keyword, rest) = until_zero(data)?;
    let (flags, rest) = rest.split_first_chunk::<2>()?;
    let (_language, rest) = until_zero(rest)?;
    let (_translated, text) = until_zero(rest)?;
    let text = match flags {
        [0, _] => text.get(..=limit).unwrap_or(text).to_vec(),
        [1, 0] => {
            let mut unpacked = Vec::new();
            let limit = u64::try_from(limit).ok()? + 1;
            ZlibDecoder::new(text)
                .take(limit)
                .read_to_end(&mut unpacked)
                .ok()?;
            unpacked
        }
        _ => return None,
    };
    Some((String::from_utf8(keyword.to_vec()).ok()?, text))
}

fn until_zero(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = data.iter().position(|&byte| byte == 0)?;
    Some((&data[..end], &data[end + 1..]))
}
