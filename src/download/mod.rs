//! Fetching a published file over HTTP: resumed, retried, bounded, checked.
//!
//! [`fetch`] brings a file into `NAME.part`, with what is needed to go on later in `NAME.part.toml`.
//! The file keeps that name until its owner takes it, so that half a download is never mistaken for
//! the whole. It knows nothing of networks: what is asked for is addresses, a length, a checksum.
//!
//! The only user of `ureq`. Waiting between attempts is handed in, as time is everywhere.

pub mod archive;
mod checksum;
mod client;
mod error;
mod lock;
mod partial;
mod url;

use std::path::Path;
use std::time::Duration;

pub use self::checksum::{Expected, Sums, sums};
use self::client::{Answer, Client};
pub use self::error::{DownloadError, Failure, Interruption};
pub use self::lock::FolderLock;
use self::partial::Partial;

/// A file that is wanted.
#[derive(Debug, Clone)]
pub struct Want<'a> {
    /// Addresses of the same bytes, tried in order.
    pub urls: &'a [String],
    /// Length in bytes, where it is known.
    pub size: Option<u64>,
    /// What the file is checked against.
    pub expected: Expected,
}

/// How patient a download is, and what it may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long nothing may arrive.
    pub stall: Duration,
    /// Attempts in a row that bring nothing new, before an address is given up.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles from then on.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// Redirections that are followed.
    pub redirects: u32,
    /// Bytes of a file whose length is not known.
    pub most_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            stall: Duration::from_secs(30),
            attempts: 5,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            redirects: 10,
            most_bytes: 4 << 30,
        }
    }
}

/// Attempts at one address, however much each brings, so that a server that hands out a byte at a
/// time is given up.
const MOST_ATTEMPTS: u32 = 100;

/// What happens during a download, in order.
#[derive(Debug)]
pub enum Event<'a> {
    /// Bytes begin to arrive.
    Started {
        /// The address that was asked, before redirections.
        url: &'a str,
        /// Bytes that were there before.
        from: u64,
        /// Bytes of the whole file, where they are known.
        total: Option<u64>,
    },
    /// So many bytes of the file are there.
    Received(u64),
    /// An attempt failed, and another follows after a pause.
    Retrying {
        /// What went wrong.
        why: &'a Interruption,
        /// How long nothing is done.
        pause: Duration,
    },
    /// An address is given up, and the next is tried.
    GaveUp(&'a Failure),
    /// The file is complete and is checked.
    Checking,
}

/// What the receiver of an event wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop, and keep what is there for another time.
    Stop,
}

/// A complete, checked file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The address that it came from, before redirections.
    pub url: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Its checksums.
    pub sums: Sums,
}

/// How waiting and telling are done.
pub struct Surroundings<'a> {
    /// Waits; may come back early.
    pub wait: &'a dyn Fn(Duration),
    /// Is told what happens.
    pub on_event: &'a mut dyn FnMut(Event<'_>) -> Flow,
}

/// Brings the file to `path` (which should end in `.part`), going on from what lies there.
///
/// # Errors
/// Every address failed; the receiver of events stopped it; the disk is full. What arrived stays for
/// the next call, unless it is known to be wrong.
pub fn fetch(
    want: &Want<'_>,
    path: &Path,
    limits: &Limits,
    around: &mut Surroundings<'_>,
) -> Result<Fetched, DownloadError> {
    let client = Client::new(limits);
    let mut failures = Vec::new();
    for url in want.urls {
        let transfer = Transfer {
            want,
            url,
            limits,
            client: &client,
        };
        match transfer.run(&Partial::at(path), around) {
            Ok(fetched) => return Ok(fetched),
            Err(error) if error.is_final() => return Err(error),
            Err(error) => {
                let failure = Failure {
                    url: url.clone(),
                    error: Box::new(error),
                };
                (around.on_event)(Event::GaveUp(&failure));
                failures.push(failure);
            }
        }
    }
    Err(DownloadError::all(failures))
}

/// Removes what [`fetch`] left at `path`.
pub fn discard(path: &Path) -> Result<(), DownloadError> {
    Partial::at(path).discard()
}

/// The download from one address.
struct Transfer<'a> {
    want: &'a Want<'a>,
    url: &'a str,
    limits: &'a Limits,
    client: &'a Client,
}

/// What one attempt brought.
enum Attempt {
    Complete { resumed: bool },
    Interrupted(Interruption),
}

impl Transfer<'_> {
    fn run(
        &self,
        partial: &Partial,
        around: &mut Surroundings<'_>,
    ) -> Result<Fetched, DownloadError> {
        let resumed = self.receive(partial, around)?;
        match self.check(partial, around) {
            Err(DownloadError::Checksum { .. }) if resumed => {
                // Its beginning may have been of another file; that is no fault of the address.
                partial.discard()?;
                self.receive(partial, around)?;
                self.check(partial, around)
            }
            checked => checked,
        }
    }

    /// Receives to the end. Returns whether a part of it was there before.
    fn receive(
        &self,
        partial: &Partial,
        around: &mut Surroundings<'_>,
    ) -> Result<bool, DownloadError> {
        let mut pause = self.limits.first_pause;
        let mut in_vain = 0;
        let mut resumed = false;
        for _ in 0..MOST_ATTEMPTS {
            let before = partial.length();
            let why = match self.attempt(partial, around)? {
                Attempt::Complete { resumed: now } => return Ok(resumed || now),
                Attempt::Interrupted(why) => why,
            };
            resumed = true;
            if partial.length() > before {
                (in_vain, pause) = (0, self.limits.first_pause);
            }
            in_vain += 1;
            if in_vain >= self.limits.attempts {
                return Err(self.gave_up(in_vain, why));
            }
            let event = Event::Retrying { why: &why, pause };
            if (around.on_event)(event) == Flow::Stop {
                return Err(stopped(partial));
            }
            (around.wait)(pause);
            pause = (pause * 2).min(self.limits.longest_pause);
        }
        Err(self.gave_up(MOST_ATTEMPTS, Interruption::Endless))
    }

    fn gave_up(&self, attempts: u32, source: Interruption) -> DownloadError {
        DownloadError::Interrupted {
            url: self.url.to_owned(),
            attempts,
            source,
        }
    }

    fn attempt(
        &self,
        partial: &Partial,
        around: &mut Surroundings<'_>,
    ) -> Result<Attempt, DownloadError> {
        let start = partial.resume_point(self.url, self.want.expected.is_whole());
        if start.is_complete(self.want.size) {
            return Ok(Attempt::Complete { resumed: true });
        }
        let answer = match self.client.get(self.url, &start)? {
            Ok(answer) => answer,
            Err(why) => {
                if matches!(why, Interruption::Changed) {
                    partial.discard()?;
                }
                return Ok(Attempt::Interrupted(why));
            }
        };
        self.refuse_what_is_no_file(&answer)?;
        self.refuse_wrong_length(answer.total)?;
        partial.make_room(answer.from, answer.total)?;
        let event = Event::Started {
            url: self.url,
            from: answer.from,
            total: answer.total.or(self.want.size),
        };
        if (around.on_event)(event) == Flow::Stop {
            return Err(stopped(partial));
        }
        let resumed = answer.from > 0;
        match self.store(answer, partial, around)? {
            None => Ok(Attempt::Complete { resumed }),
            Some(why) => Ok(Attempt::Interrupted(why)),
        }
    }

    /// Writes the body behind what is there. Returns why it ended too early, if it did.
    fn store(
        &self,
        mut answer: Answer,
        partial: &Partial,
        around: &mut Surroundings<'_>,
    ) -> Result<Option<Interruption>, DownloadError> {
        let limit = self.want.size.unwrap_or(self.limits.most_bytes);
        let mut file = partial.open(self.url, &answer)?;
        let mut received = answer.from;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let bytes = match answer.read(&mut buffer) {
                Ok([]) => break,
                Ok(bytes) => bytes,
                Err(why) => return Ok(Some(why)),
            };
            if received == 0 && looks_like_a_page(bytes) {
                partial.discard()?;
                return Err(self.no_file("a page of text"));
            }
            received += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if received > limit {
                partial.discard()?;
                return Err(DownloadError::TooLarge {
                    url: self.url.to_owned(),
                    limit,
                });
            }
            file.append(bytes)?;
            if (around.on_event)(Event::Received(received)) == Flow::Stop {
                return Err(stopped(partial));
            }
        }
        file.finish()?;
        Ok(match answer.total.or(self.want.size) {
            Some(total) if received < total => Some(Interruption::Cut { received, total }),
            _ => None,
        })
    }

    fn check(
        &self,
        partial: &Partial,
        around: &mut Surroundings<'_>,
    ) -> Result<Fetched, DownloadError> {
        if (around.on_event)(Event::Checking) == Flow::Stop {
            return Err(stopped(partial));
        }
        let bytes = partial.length();
        self.refuse_wrong_length(Some(bytes))?;
        let found = partial.sums()?;
        if let Some(found) = self.want.expected.contradiction(&found) {
            partial.discard()?;
            return Err(DownloadError::Checksum {
                url: self.url.to_owned(),
                expected: self.want.expected.clone(),
                found,
            });
        }
        Ok(Fetched {
            url: self.url.to_owned(),
            bytes,
            sums: found,
        })
    }

    fn refuse_what_is_no_file(&self, answer: &Answer) -> Result<(), DownloadError> {
        if answer.is_page {
            return Err(self.no_file("a web page"));
        }
        Ok(())
    }

    fn refuse_wrong_length(&self, found: Option<u64>) -> Result<(), DownloadError> {
        match (self.want.size, found) {
            (Some(expected), Some(found)) if expected != found => Err(DownloadError::Size {
                url: self.url.to_owned(),
                expected,
                found,
            }),
            (None, Some(found)) if found > self.limits.most_bytes => Err(DownloadError::TooLarge {
                url: self.url.to_owned(),
                limit: self.limits.most_bytes,
            }),
            _ => Ok(()),
        }
    }

    fn no_file(&self, what: &'static str) -> DownloadError {
        DownloadError::NoFile {
            url: self.url.to_owned(),
            what,
        }
    }
}

fn stopped(partial: &Partial) -> DownloadError {
    DownloadError::Stopped {
        bytes: partial.length(),
    }
}

/// Whether a file begins as a web page does, whatever the server calls it.
fn looks_like_a_page(bytes: &[u8]) -> bool {
    let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).to_ascii_lowercase();
    let beginning = beginning.trim_start();
    beginning.starts_with("<!doctype html") || beginning.starts_with("<html")
}
