//! What can go wrong while a file is fetched.
//!
//! An [`Interruption`] may pass, so another attempt is made; a [`DownloadError`] will not.

use std::{io, path::PathBuf};

use thiserror::Error;

use super::checksum::Expected;

/// Why a file was not fetched.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// The server says that there is no such file, or will not give it.
    #[error("{url} answers with status {status}{}", meaning(*.status))]
    Status {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// Redirections without an end.
    #[error("{url} redirects more than {most} times")]
    Redirects {
        /// The address.
        url: String,
        /// How many are followed.
        most: u32,
    },
    /// A redirection that cannot be followed.
    #[error("{url} redirects to `{to}`, which is no address that is fetched")]
    RedirectsNowhere {
        /// The address.
        url: String,
        /// What it states.
        to: String,
    },
    /// A redirection from a protected to an unprotected connection.
    #[error("{url} redirects to {to}, which is not protected; it was not followed")]
    Unprotected {
        /// The address.
        url: String,
        /// Where it leads.
        to: String,
    },
    /// Something for a person to read.
    #[error(
        "{url} gives {what} instead of the file: look at it in a browser; it may want a login, or the file has moved"
    )]
    NoFile {
        /// The address.
        url: String,
        /// What it gives.
        what: &'static str,
    },
    /// A file of another length.
    #[error("{url} gives {found} bytes instead of {expected}: it is another file")]
    Size {
        /// The address.
        url: String,
        /// What was expected.
        expected: u64,
        /// What the server says or gave.
        found: u64,
    },
    /// A file without an end.
    #[error("{url} gives more than {limit} bytes")]
    TooLarge {
        /// The address.
        url: String,
        /// The most that is taken.
        limit: u64,
    },
    /// Other bytes than those that are wanted.
    #[error("{url} gives a file with {found}, but {expected} is expected: it was not kept")]
    Checksum {
        /// The address.
        url: String,
        /// What was expected.
        expected: Expected,
        /// What the file has.
        found: String,
    },
    /// An address that never got to the end.
    #[error(
        "{url} was given up after {attempts} attempts; what arrived is kept, run it again to go on"
    )]
    Interrupted {
        /// The address.
        url: String,
        /// How many attempts brought nothing new.
        attempts: u32,
        /// What went wrong last.
        #[source]
        source: Interruption,
    },
    /// An address that is none.
    #[error("`{url}` is no address")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        #[source]
        source: Box<ureq::Error>,
    },
    /// A connection that cannot be trusted.
    #[error("make a protected connection to {url}")]
    Protection {
        /// The address.
        url: String,
        /// What is wrong with it.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The disk is full, or will be.
    #[error("{} needs {needed} bytes more, and {free} are free: make room, then run it again to go on", path.display())]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// Bytes that are still to come.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The file system refused something.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Stopped from outside.
    #[error("stopped; {bytes} bytes are kept, run it again to go on")]
    Stopped {
        /// What is there.
        bytes: u64,
    },
    /// No address gave the file.
    #[error("no address gave the file{}", listed(.0))]
    All(Vec<Failure>),
}

/// An address that was given up, and why.
#[derive(Debug)]
pub struct Failure {
    /// The address.
    pub url: String,
    /// Why.
    pub error: Box<DownloadError>,
}

/// Why an attempt ended, if another may do better.
#[derive(Debug, Error)]
pub enum Interruption {
    /// No connection, or it broke.
    #[error("the connection failed")]
    Connection(#[source] Box<ureq::Error>),
    /// The connection broke while the file arrived.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// Nothing arrived for too long.
    #[error("nothing arrived for {seconds} s")]
    Stalled {
        /// How long was waited.
        seconds: u64,
    },
    /// The file ended too early.
    #[error("the connection ended after {received} of {total} bytes")]
    Cut {
        /// What is there.
        received: u64,
        /// What there should be.
        total: u64,
    },
    /// The server is not able to answer now.
    #[error("the server answers with status {0}, which may pass")]
    Busy(u16),
    /// What lies here does not fit what the server has.
    #[error("the server's file is not the one that was begun")]
    Changed,
    /// Every attempt brings a little, without an end.
    #[error("the file arrives in too many pieces")]
    Endless,
}

impl DownloadError {
    /// Whether trying another address makes no sense.
    pub(super) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Stopped { .. } | Self::NoSpace { .. } | Self::File { .. }
        )
    }

    /// Joins what was wrong with each address; a single one speaks for itself.
    pub(super) fn all(mut failures: Vec<Failure>) -> Self {
        match failures.len() {
            1 => *failures.remove(0).error,
            _ => Self::All(failures),
        }
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        401 | 403 => " (not allowed)",
        404 | 410 => " (not there any more)",
        _ => "",
    }
}

fn listed(failures: &[Failure]) -> String {
    failures.iter().fold(String::new(), |text, failure| {
        let error: &dyn std::error::Error = &failure.error;
        let source = error.source().map(|source| format!(": {source}"));
        text + "\n  - " + &error.to_string() + &source.unwrap_or_default()
    })
}
