//! How networks are spoken of, the same in every command.

use crate::job::names::display_name;
use crate::models::{Entry, State};
use crate::network::{Checksum, Input, LayerKind, Order, Source};

/// Returns a number of bytes as people say it.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes / 100 % 10),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// Returns whether a network can be used, in a word or two.
pub(super) fn state(state: &State) -> &'static str {
    match state {
        State::Inside => "in the program",
        State::Installed { .. } => "installed",
        State::NotInstalled => "not installed",
    }
}

/// Returns how large a network is, or how much there would be to fetch.
pub(super) fn how_large(entry: &Entry) -> String {
    match &entry.state {
        State::Inside => String::new(),
        State::Installed { bytes, .. } => size(*bytes),
        State::NotInstalled => entry
            .manifest
            .sources
            .first()
            .and_then(|source| source.size)
            .map(|bytes| format!("({})", size(bytes)))
            .unwrap_or_default(),
    }
}

/// Returns what a network wants as input.
pub(super) fn input(input: &Input) -> String {
    let order = match input.order {
        Order::Rgb => "RGB",
        Order::Bgr => "BGR",
    };
    let three = |values: [f32; 3]| values.map(|value| value.to_string()).join(", ");
    let (mean, std) = (three(input.mean), three(input.std));
    format!(
        "{order}, 0 to {}, minus {mean}, divided by {std}",
        input.range
    )
}

/// Returns what a published file is checked against.
pub(super) fn checksum(source: &Source) -> String {
    match source.checksum() {
        Checksum::Sha256(sum) => format!("SHA-256 {sum}"),
        Checksum::Sha256Prefix(sum) => {
            format!("a SHA-256 that begins with {sum}; the rest is remembered at the first fetch")
        }
        Checksum::Md5(sum) => format!("MD5 {sum}; its SHA-256 is remembered at the first fetch"),
        Checksum::FirstUse => "no checksum known: remembered at the first fetch".to_owned(),
    }
}

/// Returns what a layer is.
pub(super) fn kind(kind: LayerKind) -> &'static str {
    match kind {
        LayerKind::Convolution => "convolution",
        LayerKind::Activation => "activation",
        LayerKind::Pooling => "pooling",
        LayerKind::Concatenation => "concatenation",
    }
}

/// Returns a text of a manifest, safe for a terminal.
pub(super) fn shown(text: &str) -> String {
    display_name(text.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_tenths() {
        let cases = [
            (7, "7 B"),
            (4_950_080, "4.9 MB"),
            (574_671_192, "574.6 MB"),
            (1_250, "1.2 kB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }
}
