//! A worker's events, read from its standard output whatever it writes there.

use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::process::ChildStdout;

use crate::protocol;
use crate::protocol::Event;

/// One line of a worker's output.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// An event.
    Event(Event),
    /// A line that is none, or too long.
    Garbage,
}

/// The lines of an output. Reading on after a cancelled read loses nothing.
#[derive(Debug)]
pub(super) struct Lines<R = ChildStdout> {
    output: Option<BufReader<R>>,
    line: Vec<u8>,
    is_too_long: bool,
}

impl<R: tokio::io::AsyncRead + Unpin> Lines<R> {
    /// Returns the lines of `output`.
    pub(super) fn new(output: Option<R>) -> Self {
        Self {
            output: output.map(BufReader::new),
            line: Vec::new(),
            is_too_long: false,
        }
    }

    /// Returns the next line that is not empty, or `None` when the output has ended.
    pub(super) async fn next(&mut self) -> Option<Line> {
        let output = self.output.as_mut()?;
        loop {
            let Ok(chunk) = output.fill_buf().await else {
                return None;
            };
            if chunk.is_empty() {
                let rest = std::mem::take(&mut self.line);
                let is_empty = rest.trim_ascii().is_empty() && !self.is_too_long;
                self.output = None;
                return (!is_empty).then_some(Line::Garbage);
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let n_taken = end.map_or(chunk.len(), |end| end + 1);
            if self.line.len() + n_taken > protocol::LINE_MAX {
                self.is_too_long = true;
                self.line.clear();
            }
            if !self.is_too_long {
                self.line.extend_from_slice(&chunk[..n_taken]);
            }
            output.consume(n_taken);
            if end.is_none() {
                continue;
            }
            let line = std::mem::take(&mut self.line);
            if std::mem::take(&mut self.is_too_long) {
                return Some(Line::Garbage);
            }
            if !line.trim_ascii().is_empty() {
                return Some(protocol::from_line(&line).map_or(Line::Garbage, Line::Event));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &[u8]) -> Vec<Line> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut lines = Lines::new(Some(output));
        let mut read = Vec::new();
        while let Some(line) = runtime.block_on(lines.next()) {
            read.push(line);
        }
        read
    }

    #[test]
    fn events_are_found_among_anything() {
        let note = |text: &str| {
            Line::Event(Event::Note {
                text: text.to_owned(),
            })
        };
        let long = [b"x".repeat(3 * protocol::LINE_MAX), b"\n".to_vec()].concat();
        let a = b"{\"event\":\"note\",\"text\":\"a\"}\r\n";
        let cases: [(Vec<u8>, Vec<Line>); 6] = [
            (Vec::new(), vec![]),
            (a.to_vec(), vec![note("a")]),
            (
                [b"\xff\x00\n\n \n", &a[..]].concat(),
                vec![Line::Garbage, note("a")],
            ),
            ([&long[..], a].concat(), vec![Line::Garbage, note("a")]),
            (b"{\"event\":\"note\",".to_vec(), vec![Line::Garbage]),
            (long[..protocol::LINE_MAX * 2].to_vec(), vec![Line::Garbage]),
        ];
        for (output, expected) in cases {
            assert_eq!(read(&output), expected);
        }
    }
}
