//! One watch folder: what lies in it, and what was said about that.
//!
//! A folder that is not there, or is not the one that it was, is waited for and never made. One that
//! cannot be written to is read all the same: its bundles are copied (`ledger`).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::causes::with_causes;
use crate::folder::FolderError;
use crate::folder::Studio;
use crate::folder::io_error;
use crate::ingest::BundleState;
use crate::ingest::IngestError;
use crate::ingest::Mode;
use crate::ingest::Notice;
use crate::ingest::Outlook;
use crate::ingest::Patience;
use crate::ingest::claim;
use crate::ingest::claim::Ground;
use crate::ingest::claim::Ready;
use crate::ingest::filesystem::is_writable;
use crate::ingest::filesystem::mode_of;
use crate::ingest::inbox::Common;
use crate::ingest::inbox::Follow;
use crate::ingest::inbox::Watching;
use crate::ingest::inbox::gate::Scene;
use crate::ingest::inbox::gate::Standing;
use crate::ingest::inbox::gate::Verdict;
use crate::ingest::inbox::lock::Lock;
use crate::ingest::inbox::lock::lock;
use crate::ingest::inbox::views::want_note;
use crate::ingest::ledger::Ledger;
use crate::ingest::listing;
use crate::ingest::listing::Kind;
use crate::ingest::listing::Listing;
use crate::ingest::listing::Stamp;
use crate::ingest::notes::Notes;
use crate::ingest::pairing;
use crate::ingest::pairing::Candidate;
use crate::ingest::pairing::Found;
use crate::ingest::pairing::Key;
use crate::ingest::pairing::Spelling;
use crate::ingest::settle::Fingerprint;
use crate::ingest::settle::Settling;
use crate::job::names::display_name;
use crate::job::names::display_path;
use crate::job::names::natural_order;

/// What is said about a bundle that is not quiet yet.
pub(super) const ARRIVING: &str = "still arriving";

/// What is known about one watch folder from one look to the next.
pub(super) struct Place {
    pub(super) watch: PathBuf,
    pub(super) settling: Settling<Key>,
    pub(super) verdicts: BTreeMap<Key, Verdict>,
    pub(super) told: BTreeMap<Key, BundleState>,
    /// Bundles that somebody wants painted although they are held.
    pub(super) allowed: BTreeSet<Key>,
    /// The `READY` notes that lay there when a bundle was first held.
    pub(super) held: BTreeMap<Key, Option<Stamp>>,
    /// The profiles that were offered to jobs made before they came.
    pub(super) offered: BTreeMap<Key, Fingerprint>,
    pub(super) ledger: Ledger,
    pub(super) is_ledger: bool,
    pub(super) missing: Option<String>,
    pub(super) watching: Watching,
    pub(super) seen: Vec<Seen>,
    pub(super) loose: Vec<(OsString, String)>,
    remarked: BTreeSet<(OsString, String)>,
    last_error: Option<String>,
    identity: Option<(u64, u64)>,
    /// Held on the folder itself, which needs no file in it.
    lock: Option<File>,
    last: Listing,
}

/// A bundle that the last look saw.
pub(super) struct Seen {
    pub(super) key: Key,
    pub(super) files: Vec<PathBuf>,
    pub(super) notes: Vec<String>,
    pub(super) again_in_ms: Option<u64>,
}

/// What a look gathers as it goes from bundle to bundle.
struct Round {
    outlook: Outlook,
    notes: Notes,
    failed: Option<FolderError>,
}

/// What a look at one watch folder leaves behind.
pub(super) struct PlaceLooked {
    pub(super) outlook: Outlook,
    pub(super) follow: Result<Follow, FolderError>,
}

impl Place {
    /// Returns a watch folder of which nothing was seen yet, locked if it is there.
    pub(super) fn open(
        watch: &Path,
        studio: &Studio,
        patience: &Patience,
    ) -> Result<Self, IngestError> {
        let lock = match lock(watch) {
            Lock::Taken => {
                let watch = watch.to_owned();
                return Err(IngestError::Watched { watch });
            }
            Lock::Held(file) => Some(file),
            Lock::Unavailable => None,
        };
        let mut place = Self {
            watch: watch.to_owned(),
            settling: Settling::new(patience.settle),
            verdicts: BTreeMap::new(),
            told: BTreeMap::new(),
            allowed: BTreeSet::new(),
            held: BTreeMap::new(),
            offered: BTreeMap::new(),
            ledger: Ledger::open(&studio.state, watch)?,
            is_ledger: false,
            missing: None,
            watching: Watching {
                mode: Mode::Events,
                n_polled: 0,
                n_overflows: 0,
                n_remade: 0,
            },
            seen: Vec::new(),
            loose: Vec::new(),
            remarked: BTreeSet::new(),
            last_error: None,
            identity: None,
            lock,
            last: Listing::default(),
        };
        let watching = Watching {
            mode: mode_of(watch),
            ..place.watching.clone()
        };
        place.set_mode(watching, patience);
        Ok(place)
    }

    /// Takes in how changes here are found out, which decides how long to wait for quiet.
    pub(super) fn set_mode(&mut self, watching: Watching, patience: &Patience) {
        self.settling.wait(match watching.mode {
            Mode::Events => patience.settle,
            Mode::Polling(_) => patience.settle.max(patience.settle_polled),
        });
        self.watching = watching;
    }

    /// Looks at the folder, and checks and takes up to `left` bundles.
    pub(super) fn look(
        &mut self,
        common: &mut Common,
        now: Duration,
        (tell, go_on): (&mut dyn FnMut(Notice), &dyn Fn() -> bool),
        left: &mut usize,
    ) -> PlaceLooked {
        let mut outlook = Outlook {
            n_settling: 0,
            n_in_line: 0,
            n_missing: 1,
            next_look: now + self.rhythm(&common.patience),
        };
        let listing = match self.enter(common, tell) {
            Ok(listing) => listing,
            Err(error) => {
                let follow = Err(error);
                return PlaceLooked { outlook, follow };
            }
        };
        outlook.n_missing = 0;
        let found = pairing::find(&listing);
        let follow = self.follow(&listing, &found);
        let scene = Scene {
            found: &found,
            listing: &listing,
            now,
            go_on,
        };
        let mut round = Round {
            outlook,
            notes: Notes::default(),
            failed: None,
        };
        self.seen.clear();
        // Whoever came first is taken first.
        let mut looks: Vec<_> = found
            .bundles
            .iter()
            .map(|candidate| (self.settle(candidate, &scene), candidate))
            .collect();
        looks.sort_by_key(|(look, _)| look.since);
        for (look, candidate) in looks {
            let n_left = *left;
            let stands = self.assess(common, candidate, look, (&scene, &mut *left));
            let is_in_line = n_left == 0 && matches!(stands, Standing::InLine);
            round.outlook.n_in_line += usize::from(is_in_line);
            self.deal(common, (candidate, stands), now, tell, &mut round);
        }
        let Round {
            outlook,
            notes,
            mut failed,
        } = round;
        self.seen
            .sort_by(|a, b| natural_order(&a.key.name, &b.key.name));
        self.forget_gone(&found);
        self.remark(tell, &found);
        if !self.is_ledger {
            failed = notes.apply(&self.watch, &listing).err().or(failed);
        }
        match failed {
            Some(error) => self.complain(tell, &with_causes(&error)),
            None => self.last_error = None,
        }
        self.loose = found.loose;
        self.last = listing;
        PlaceLooked {
            outlook,
            follow: Ok(follow),
        }
    }

    /// Does what follows from how a bundle stands.
    fn deal(
        &mut self,
        common: &mut Common,
        (candidate, stands): (&Candidate, Standing),
        now: Duration,
        tell: &mut dyn FnMut(Notice),
        round: &mut Round,
    ) {
        let (state, again_at) = match stands {
            Standing::Ready(bundle) => {
                let failed = self.take(common, &bundle, now, tell).err();
                round.failed = failed.or(round.failed.take());
                return;
            }
            Standing::Late(late, state) => {
                tell(Notice::LateProfile(late));
                (state, None)
            }
            Standing::Not(state, again_at) => (state, again_at),
            Standing::InLine => (BundleState::Settling(ARRIVING.to_owned()), Some(now)),
        };
        let outlook = &mut round.outlook;
        if let BundleState::Settling(_) = state {
            outlook.n_settling += 1;
        }
        outlook.next_look = outlook.next_look.min(again_at.unwrap_or(outlook.next_look));
        want_note(&mut round.notes, &candidate.key, &state);
        self.tell_state(tell, candidate, state);
        self.see(candidate, again_at, now);
    }

    fn see(&mut self, candidate: &Candidate, again_at: Option<Duration>, now: Duration) {
        let left = again_at.map(|at| at.saturating_sub(now).as_millis());
        self.seen.push(Seen {
            key: candidate.key.clone(),
            files: candidate
                .fingerprint
                .iter()
                .map(|(path, _)| path.clone())
                .collect(),
            notes: candidate.notes.clone(),
            again_in_ms: left.and_then(|left| u64::try_from(left).ok()),
        });
    }

    fn rhythm(&self, patience: &Patience) -> Duration {
        let is_polled = self.watching.mode != Mode::Events || self.watching.n_polled > 0;
        if is_polled {
            patience.rescan.min(patience.poll)
        } else {
            patience.rescan
        }
    }

    /// Lists the folder; an error if it is not there, or what is there is not to be looked at.
    fn enter(
        &mut self,
        common: &Common,
        tell: &mut dyn FnMut(Notice),
    ) -> Result<Listing, FolderError> {
        let shown = display_path(&self.watch);
        let listing = match listing::read(&self.watch, common.links) {
            Ok(listing) => listing,
            Err(error) => {
                let error = io_error("look into the watch folder", &self.watch)(error);
                let why = format!(
                    "watch folder missing: {}; jobs go on, and it is used again when it is back",
                    with_causes(&error)
                );
                self.lose(tell, why);
                return Err(error);
            }
        };
        let device = |identity: (u64, u64)| identity.0;
        let is_elsewhere = self
            .identity
            .map(device)
            .is_some_and(|d| d != device(listing.identity));
        if is_elsewhere && listing.entries.is_empty() {
            let why = format!(
                "watch folder missing: {shown} is an empty folder on another filesystem than \
                 before; if a disk is to be mounted there, mount it"
            );
            return Err(self.turned_away(tell, why));
        }
        if self.lock.is_none() || self.identity.is_some_and(|old| old != listing.identity) {
            match lock(&self.watch) {
                Lock::Taken => {
                    let why = format!("another process watches {shown}, so it is left to that one");
                    return Err(self.turned_away(tell, why));
                }
                Lock::Held(file) => self.lock = Some(file),
                Lock::Unavailable => {}
            }
        }
        self.identity = Some(listing.identity);
        if self.missing.take().is_some() {
            self.last_error = None;
            tell(Notice::Remark(format!(
                "the watch folder {shown} is there again"
            )));
        }
        let was_ledger = std::mem::replace(&mut self.is_ledger, !is_writable(&self.watch));
        if self.is_ledger && !was_ledger {
            tell(Notice::Remark(format!(
                "{shown} cannot be written to: bundles are copied, and a ledger says what was \
                 taken (ledger mode)"
            )));
        }
        Ok(listing)
    }

    /// Takes in that what lies here is not to be looked at.
    fn turned_away(&mut self, tell: &mut dyn FnMut(Notice), why: String) -> FolderError {
        self.lose(tell, why.clone());
        io_error("use the watch folder", &self.watch)(std::io::Error::other(why))
    }

    /// Takes in that nothing can be seen here for now.
    fn lose(&mut self, tell: &mut dyn FnMut(Notice), why: String) {
        self.complain(tell, &why);
        self.missing = Some(why);
        self.lock = None;
        self.seen.clear();
        self.loose.clear();
        self.last = Listing::default();
    }

    fn follow(&self, listing: &Listing, found: &Found) -> Follow {
        let names: BTreeSet<_> = found
            .bundles
            .iter()
            .filter(|bundle| bundle.key.spelling != Spelling::Flat)
            .filter_map(|bundle| Path::new(&bundle.key.name).iter().next())
            .chain(found.loose.iter().map(|(name, _)| name.as_os_str()))
            .collect();
        let folders = listing.entries.iter().filter_map(|entry| {
            let is_folder = matches!(entry.kind, Kind::Folder(_) | Kind::Unreadable);
            (is_folder && names.contains(entry.name.as_os_str()))
                .then(|| (self.watch.join(&entry.name), entry.stamp.inode.0))
        });
        Follow {
            identity: listing.identity,
            folders: folders.collect(),
            has_changed: listing.entries != self.last.entries,
        }
    }

    fn take(
        &mut self,
        common: &mut Common,
        bundle: &Ready,
        now: Duration,
        tell: &mut dyn FnMut(Notice),
    ) -> Result<(), FolderError> {
        let shown = display_name(&bundle.key.name);
        for remark in &bundle.accepted.remarks {
            tell(Notice::Remark(format!("{shown}: {remark}")));
        }
        let ground = Ground {
            studio: &common.studio,
            watch: &self.watch,
            links: common.links,
            keeps_all: self.is_ledger,
        };
        let (ledger, is_ledger) = (&mut self.ledger, self.is_ledger);
        let mut note = |id| {
            if is_ledger {
                ledger.add(&bundle.key, &bundle.fingerprint, id)
            } else {
                Ok(())
            }
        };
        match claim::claim(&ground, bundle, common.clock.wall(), &mut note) {
            Ok((folder, job)) => {
                self.told.remove(&bundle.key);
                self.allowed.remove(&bundle.key);
                self.held.remove(&bundle.key);
                self.verdicts.remove(&bundle.key);
                common.unfinished.add(&folder, &job);
                tell(Notice::Claimed(folder, job));
                Ok(())
            }
            Err(error) => {
                if is_ledger {
                    self.ledger.forget(&bundle.key);
                }
                // Tried again when the bundle has been quiet for another while.
                self.settling.restart(&bundle.key, now);
                Err(error)
            }
        }
    }

    fn tell_state(
        &mut self,
        tell: &mut dyn FnMut(Notice),
        candidate: &Candidate,
        state: BundleState,
    ) {
        let told = self.told.get(&candidate.key);
        // A reason for which it is still arriving is not taken back for saying just that.
        let is_less = state == BundleState::Settling(ARRIVING.to_owned())
            && matches!(told, Some(BundleState::Settling(_)));
        if told != Some(&state) && !is_less {
            tell(Notice::Bundle(
                display_name(&candidate.key.name),
                state.clone(),
            ));
            self.told.insert(candidate.key.clone(), state);
        }
    }

    fn remark(&mut self, tell: &mut dyn FnMut(Notice), found: &Found) {
        let of_bundles = found.bundles.iter().flat_map(|bundle| {
            bundle
                .notes
                .iter()
                .map(|note| (bundle.key.name.clone(), note.clone()))
        });
        let remarks: BTreeSet<_> = of_bundles.chain(found.loose.iter().cloned()).collect();
        for (name, text) in remarks.difference(&self.remarked) {
            tell(Notice::Remark(format!("{}: {text}", display_name(name))));
        }
        self.remarked = remarks;
    }

    fn forget_gone(&mut self, found: &Found) {
        let keys: BTreeSet<_> = found.bundles.iter().map(|bundle| &bundle.key).collect();
        self.settling.retain(|key| keys.contains(key));
        self.verdicts.retain(|key, _| keys.contains(key));
        self.told.retain(|key, _| keys.contains(key));
        self.held.retain(|key, _| keys.contains(key));
        self.offered.retain(|key, _| keys.contains(key));
        self.allowed.retain(|key| keys.contains(key));
    }

    /// Tells an error once, until a look goes well or ends in another one.
    fn complain(&mut self, tell: &mut dyn FnMut(Notice), text: &str) {
        if self.last_error.as_deref() != Some(text) {
            tell(Notice::Remark(text.to_owned()));
            self.last_error = Some(text.to_owned());
        }
    }
}
