//! The bar of a download, for every command that fetches something.
//!
//! Where there is a terminal, a bar; where there is none, a line for each quarter.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output;

/// Shows a download as it goes; the bar goes away when it is dropped.
#[derive(Debug)]
pub(super) struct Meter {
    bar: ProgressBar,
    is_quiet: bool,
    /// How many quarters of the download have been told as lines.
    quarters: u64,
}

impl Meter {
    /// Returns a meter on standard error that says nothing yet.
    pub(super) fn new(is_quiet: bool) -> Self {
        let target = if is_quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        Self::on(target, is_quiet)
    }

    fn on(target: ProgressDrawTarget, is_quiet: bool) -> Self {
        let template = "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {eta}";
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_unsupported| ProgressStyle::default_bar());
        Self {
            bar: ProgressBar::with_draw_target(None, target).with_style(style),
            is_quiet,
            quarters: 0,
        }
    }

    /// Starts at `from` of `total` bytes, as far as that is known.
    pub(super) fn begin(&mut self, from: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(from);
        self.quarters = 0;
    }

    /// Shows that so many bytes are there.
    pub(super) fn received(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
        let line = self.next_quarter(bytes).filter(|_| self.bar.is_hidden());
        if let Some(line) = line {
            self.note(&line);
        }
    }

    /// Tells a step of the way: beside the bar where there is one, else as a line.
    pub(super) fn step(&self, words: &str) {
        if self.bar.is_hidden() {
            self.note(words);
        } else {
            self.bar.set_message(words.to_owned());
        }
    }

    /// Tells what is to stay on the screen.
    pub(super) fn note(&self, words: &str) {
        if !self.is_quiet {
            self.bar.suspend(|| output::note(words));
        }
    }

    /// Returns the words for a quarter of the download that has just been passed.
    fn next_quarter(&mut self, bytes: u64) -> Option<String> {
        let total = self.bar.length().filter(|&total| total > 0)?;
        let quarters = bytes.saturating_mul(4) / total;
        let is_new = quarters > self.quarters;
        self.quarters = quarters;
        is_new.then(|| format!("{} %", quarters * 25))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_follows_the_download() {
        let mut meter = Meter::on(ProgressDrawTarget::hidden(), true);
        meter.begin(10, Some(100));
        assert_eq!((meter.bar.position(), meter.bar.length()), (10, Some(100)));
        meter.received(40);
        assert_eq!(meter.bar.position(), 40);
    }

    #[test]
    fn quarters_are_told_once() {
        let mut meter = Meter::on(ProgressDrawTarget::hidden(), false);
        meter.begin(0, Some(100));
        let told: Vec<_> = [10, 30, 40, 80, 100]
            .into_iter()
            .filter_map(|bytes| meter.next_quarter(bytes))
            .collect();
        assert_eq!(told, ["25 %", "75 %", "100 %"]);
        meter.begin(0, Some(8));
        assert_eq!(meter.next_quarter(2).as_deref(), Some("25 %"));
    }

    #[test]
    fn a_download_of_unknown_size_has_no_quarters() {
        let mut meter = Meter::on(ProgressDrawTarget::hidden(), true);
        meter.begin(0, None);
        assert_eq!(meter.next_quarter(1 << 30), None);
    }
}
