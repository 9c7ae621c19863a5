//! One look at the watch folders after another: what stands how, what is ready, what to say.
//!
//! Remembers between looks only what cannot be seen: since when a bundle is as it is, what the
//! check said about it, and what was told already. Losing that costs time and nothing else. A look
//! checks and takes a limited number of bundles and leaves the others in line for the next one, so
//! that thousands dropped at once hold nothing up.

mod gate;
mod lock;
mod place;
mod views;

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Clock;
use crate::folder::FolderError;
use crate::folder::Studio;
use crate::ingest::Board;
use crate::ingest::Check;
use crate::ingest::Explanation;
use crate::ingest::IngestError;
use crate::ingest::Links;
use crate::ingest::Mode;
use crate::ingest::NotHeld;
use crate::ingest::Notice;
use crate::ingest::Outlook;
use crate::ingest::Patience;
use crate::ingest::inbox::place::Place;
use crate::ingest::unfinished::Unfinished;
use crate::ingest::writers::Writers;

/// How many bundles one look checks or takes at most.
const AT_ONCE: usize = 32;

/// What is known about the watch folders from one look to the next.
pub struct Inbox {
    pub(super) ground: Common,
    places: Vec<Place>,
}

/// What all watch folders share.
pub(crate) struct Common {
    pub(super) studio: Studio,
    pub(super) patience: Patience,
    links: Links,
    check: Check,
    pub(super) clock: Clock,
    unfinished: Unfinished,
    writers: Writers,
}

impl Inbox {
    /// Returns an inbox over the studio's watch folders that has seen nothing yet. Those that are
    /// there are locked against other processes.
    pub fn open(
        studio: Studio,
        patience: Patience,
        links: Links,
        check: Check,
        clock: Clock,
    ) -> Result<Self, IngestError> {
        let places: Result<_, _> = studio
            .watches()
            .map(|watch| Place::open(watch, &studio, &patience))
            .collect();
        Ok(Self {
            places: places?,
            ground: Common {
                unfinished: Unfinished::read(&studio)?,
                studio,
                patience,
                links,
                check,
                clock,
                writers: Writers::default(),
            },
        })
    }

    /// Looks at every watch folder at the monotonic reading `now`, claims what is ready, and tells
    /// what changed. `go_on` is asked between bundles, since a check may take seconds.
    pub(super) fn look(
        &mut self,
        now: Duration,
        tell: &mut dyn FnMut(Notice),
        go_on: &dyn Fn() -> bool,
    ) -> Looked {
        let mut outlook = Outlook {
            n_settling: 0,
            n_in_line: 0,
            n_missing: 0,
            next_look: now + self.ground.patience.rescan,
        };
        let mut follow = Vec::new();
        self.ground.writers.forget();
        for place in &mut self.places {
            let mut left = AT_ONCE;
            let looked = place.look(&mut self.ground, now, (&mut *tell, go_on), &mut left);
            outlook.n_settling += looked.outlook.n_settling;
            outlook.n_in_line += looked.outlook.n_in_line;
            outlook.n_missing += looked.outlook.n_missing;
            outlook.next_look = outlook.next_look.min(looked.outlook.next_look);
            follow.push(looked.follow);
        }
        Looked { outlook, follow }
    }

    /// Has a bundle painted although it is held as a duplicate, or was taken from a folder that
    /// cannot be written to. `path` is its folder, one of its files, or the name that they share.
    /// Returns the bundle's name; it is taken at the next look.
    pub fn run_duplicate(&mut self, path: &Path) -> Result<String, NotHeld> {
        let board = self.board();
        let bundle = held_at(&board, path)?;
        for place in &mut self.places {
            place.let_through(bundle);
        }
        Ok(bundle.shown.clone())
    }

    /// Says why `path`, absolute, lies where it lies, as of the last look.
    pub fn explain(&self, path: &Path) -> Explanation {
        self.board().explain(path)
    }

    /// Returns everything that the last look found.
    pub fn board(&self) -> Board {
        let mut board = Board::default();
        for place in &self.places {
            place.show(&mut board);
        }
        board
    }

    /// Notes how changes in the watch folder with that number are found out.
    pub(super) fn set_mode(&mut self, n: usize, how: Watching) {
        if let Some(place) = self.places.get_mut(n) {
            place.set_mode(how, &self.ground.patience);
        }
    }
}

/// Returns the bundle at a path if it is held back.
pub(super) fn held_at<'a>(
    board: &'a Board,
    path: &Path,
) -> Result<&'a crate::ingest::BundleView, NotHeld> {
    use crate::ingest::BundleState;
    let Some(bundle) = board.bundle_at(path) else {
        return Err(NotHeld::NoBundle {
            path: path.to_owned(),
            why: board.explain(path).reason,
        });
    };
    match bundle.state {
        BundleState::Duplicate { .. } | BundleState::Taken { .. } => Ok(bundle),
        BundleState::Settling(_) | BundleState::Waiting(_) | BundleState::Rejected { .. } => {
            Err(NotHeld::Otherwise {
                name: bundle.shown.clone(),
                state: bundle.state.name(),
            })
        }
    }
}

/// How changes in a watch folder are found out, and what befell that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watching {
    pub(super) mode: Mode,
    /// Folders in it that are polled.
    pub(super) n_polled: usize,
    pub(super) n_overflows: u64,
    pub(super) n_remade: u64,
}

/// What a look leaves behind for its caller.
pub(super) struct Looked {
    pub(super) outlook: Outlook,
    /// For each watch folder what to listen to, unless it cannot be listed.
    pub(super) follow: Vec<Result<Follow, FolderError>>,
}

/// What to listen to in one watch folder.
pub(crate) struct Follow {
    /// Device and inode of the watch folder.
    pub(super) identity: (u64, u64),
    /// The folders in it, absolute, with their devices.
    pub(super) folders: BTreeSet<(PathBuf, u64)>,
    /// Whether anything in it differs from the last look.
    pub(super) has_changed: bool,
}

#[cfg(test)]
mod tests;
