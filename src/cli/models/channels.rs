//! The channels that `--channels` names, as in `0-15,40`.

use std::ops::RangeInclusive;

/// Channels by number, in the order in which they were named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Selection(Vec<RangeInclusive<usize>>);

/// A channel that a layer does not have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no channel {channel}: the layer has {count}, numbered from 0")]
pub(super) struct NoChannel {
    channel: usize,
    count: usize,
}

/// Reads a selection.
pub(super) fn parse(text: &str) -> Result<Selection, String> {
    let number = |text: &str| {
        let text = text.trim();
        text.parse::<usize>()
            .map_err(|error| format!("`{text}` is no channel number ({error})"))
    };
    let range = |part: &str| match part.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(format!("`{part}` runs backwards"));
            }
            Ok(first..=last)
        }
        None => number(part).map(|channel| channel..=channel),
    };
    text.split(',')
        .map(range)
        .collect::<Result<_, _>>()
        .map(Selection)
}

impl Selection {
    /// Returns the numbers, each once, all below `count`.
    pub(super) fn among(&self, count: usize) -> Result<Vec<usize>, NoChannel> {
        let mut is_taken = vec![false; count];
        let mut channels = Vec::new();
        for range in &self.0 {
            if *range.end() >= count {
                let channel = *range.end();
                return Err(NoChannel { channel, count });
            }
            for channel in range.clone() {
                if !std::mem::replace(&mut is_taken[channel], true) {
                    channels.push(channel);
                }
            }
        }
        Ok(channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_in_their_order() {
        let selection = parse("5, 0-2,1-3").unwrap();
        assert_eq!(selection.among(6).unwrap(), [5, 0, 1, 2, 3]);
        let error = selection.among(5).unwrap_err();
        assert_eq!((error.channel, error.count), (5, 5));
    }

    #[test]
    fn what_is_no_selection_is_refused() {
        for text in ["", "a", "3-1", "1,,2", "-1", "99999999999999999999"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let far = parse("0-18446744073709551615").unwrap();
        assert!(far.among(4).is_err(), "without counting that far");
    }
}
