//! What was found, how grave it is, and what to do about it, as lines.

use std::fmt;

/// How a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Needs no attention.
    Fine,
    /// Works, but not as well as it could.
    Warning,
    /// Painting cannot work like this.
    Failure,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub level: Level,
    pub subject: &'static str,
    pub text: String,
    /// What to do about it.
    pub mend: Option<String>,
}

/// Everything that was looked at, in the order in which things depend on each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Returns the gravest level in the report.
    pub(super) fn level(&self) -> Level {
        self.findings
            .iter()
            .map(|finding| finding.level)
            .max()
            .unwrap_or(Level::Fine)
    }

    /// Adds a finding, and returns it so that a mend can be given.
    pub(super) fn add(
        &mut self,
        level: Level,
        subject: &'static str,
        text: String,
    ) -> &mut Finding {
        let index = self.findings.len();
        self.findings.push(Finding {
            level,
            subject,
            text,
            mend: None,
        });
        &mut self.findings[index]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.findings.iter().enumerate() {
            let level = match finding.level {
                Level::Fine => "ok",
                Level::Warning => "warn",
                Level::Failure => "FAIL",
            };
            if index > 0 {
                writeln!(f)?;
            }
            let mut lines = finding.text.lines();
            let first = lines.next().unwrap_or_default();
            write!(f, "{level:<5} {:<13} {first}", finding.subject)?;
            for line in lines {
                write!(f, "\n{:20}{line}", "")?;
            }
            for line in finding.mend.iter().flat_map(|mend| mend.lines()) {
                write!(f, "\n{:20}-> {line}", "")?;
            }
        }
        Ok(())
    }
}
