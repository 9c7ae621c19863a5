//! One look at `watch/` after another: what stands how, what is ready, what to say about it.
//!
//! Remembers between looks only what cannot be seen: since when a bundle is as it is, what the
//! check said about it, and what was told already. Losing that costs time and nothing else.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::causes::with_causes;
use crate::clock::Clock;
use crate::folder::FolderError;
use crate::folder::Studio;
use crate::ingest::BundleFiles;
use crate::ingest::BundleState;
use crate::ingest::Cause;
use crate::ingest::Check;
use crate::ingest::Links;
use crate::ingest::Notice;
use crate::ingest::Outlook;
use crate::ingest::Patience;
use crate::ingest::Rejection;
use crate::ingest::claim;
use crate::ingest::claim::Ready;
use crate::ingest::listing;
use crate::ingest::notes::Notes;
use crate::ingest::pairing;
use crate::ingest::pairing::Candidate;
use crate::ingest::pairing::Found;
use crate::ingest::pairing::Key;
use crate::ingest::pairing::Parts;
use crate::ingest::pairing::Shape;
use crate::ingest::pairing::Spelling;
use crate::ingest::settle::Look;
use crate::ingest::settle::Settling;
use crate::ingest::writers;
use crate::job::names::display_name;

/// What is said about a bundle that is not quiet yet.
const ARRIVING: &str = "still arriving";

/// What is known about `watch/` from one look to the next.
pub struct Inbox {
    pub(super) studio: Studio,
    pub(super) patience: Patience,
    links: Links,
    check: Check,
    pub(super) clock: Clock,
    settling: Settling<Key>,
    verdicts: BTreeMap<Key, Verdict>,
    told: BTreeMap<Key, BundleState>,
    remarked: BTreeSet<(OsString, String)>,
    last_error: Option<String>,
}

/// What the check said about a bundle, and when.
struct Verdict {
    rejection: Rejection,
    at: Duration,
}

impl Inbox {
    /// Returns an inbox over the studio's `watch/` that has seen nothing yet.
    pub fn new(
        studio: Studio,
        patience: Patience,
        links: Links,
        check: Check,
        clock: Clock,
    ) -> Self {
        Self {
            studio,
            patience,
            links,
            check,
            clock,
            settling: Settling::new(patience.settle),
            verdicts: BTreeMap::new(),
            told: BTreeMap::new(),
            remarked: BTreeSet::new(),
            last_error: None,
        }
    }

    /// Looks at `watch/`, claims what is ready, and tells what changed. `go_on` is asked between
    /// bundles, since a check may take seconds.
    pub(super) fn look(
        &mut self,
        tell: &mut dyn FnMut(Notice),
        go_on: &dyn Fn() -> bool,
    ) -> Looked {
        let watch = self.studio.watch.clone();
        let now = self.clock.monotonic();
        let next_look = now + self.patience.rescan;
        let listing = match listing::read(&watch, self.links) {
            Ok(listing) => listing,
            Err(error) => {
                let error = crate::folder::io_error("look into the watch folder", &watch)(error);
                self.complain(tell, &error);
                return Looked {
                    outlook: Outlook {
                        n_settling: 0,
                        next_look,
                    },
                    follow: Err(error),
                };
            }
        };
        let found = pairing::find(&listing);
        let mut notes = Notes::default();
        let mut outlook = Outlook {
            n_settling: 0,
            next_look,
        };
        let mut ready = Vec::new();
        for candidate in &found.bundles {
            let (stands, look) = self.assess(candidate, &found, &listing, go_on);
            match stands {
                Standing::Ready(bundle) => ready.push((look.since, bundle)),
                Standing::Not(state, again_at) => {
                    if let BundleState::Settling(_) = state {
                        outlook.n_settling += 1;
                    }
                    if let BundleState::Rejected { reason, hint } = &state {
                        let shown = display_name(&candidate.key.name);
                        notes.want(&candidate.key.name, &shown, reason, hint);
                    }
                    outlook.next_look = outlook.next_look.min(again_at.unwrap_or(next_look));
                    self.tell_state(tell, candidate, state);
                }
            }
        }
        self.forget_gone(&found);
        self.remark(tell, &found);
        ready.sort_by_key(|(since, _)| *since);
        let mut failed = None;
        for (_, bundle) in ready {
            failed = self.take(&bundle, tell).err().or(failed);
        }
        failed = notes.apply(&watch, &listing).err().or(failed);
        match failed {
            Some(error) => self.complain(tell, &error),
            None => self.last_error = None,
        }
        let folders = found
            .bundles
            .iter()
            .filter(|bundle| bundle.key.spelling != Spelling::Flat);
        let folders = folders
            .map(|bundle| watch.join(&bundle.key.name))
            .filter(|path| path.is_dir());
        Looked {
            outlook,
            follow: Ok((listing.identity, folders.collect())),
        }
    }

    /// Decides how one bundle stands, checking it if it is complete and quiet.
    fn assess(
        &mut self,
        candidate: &Candidate,
        found: &Found,
        listing: &listing::Listing,
        go_on: &dyn Fn() -> bool,
    ) -> (Standing, Look) {
        let now = self.clock.monotonic();
        let key = &candidate.key;
        let mut fingerprint = candidate.fingerprint.clone();
        let parts = match &candidate.shape {
            Shape::Complete(parts) | Shape::Missing(_, parts) => Some(parts),
            Shape::Unusable { .. } => None,
        };
        let has_own = parts.is_some_and(|parts| parts.profile.is_some());
        if found.has_profile && !has_own {
            let profile = listing
                .entries
                .iter()
                .find(|entry| entry.name == pairing::WATCH_PROFILE);
            fingerprint.extend(profile.map(|entry| (PathBuf::from(&entry.name), entry.stamp)));
        }
        let look = self.settling.look(key, &fingerprint, now);
        if look.changed {
            self.verdicts.remove(key);
        }
        let is_quiet = look.quiet_at <= now || candidate.ready && !look.changed;
        let arriving = |at| Standing::Not(BundleState::Settling(ARRIVING.to_owned()), Some(at));
        let standing = match &candidate.shape {
            Shape::Missing(what, parts) if !may_do(parts, found) => {
                Standing::Not(BundleState::Waiting(what.clone()), None)
            }
            _ if !is_quiet => {
                // A ready note saves the settle time, not the second look.
                let soon = now + self.patience.settle.min(Duration::from_millis(200));
                arriving(if candidate.ready { soon } else { look.quiet_at })
            }
            Shape::Unusable { reason, hint } => Standing::Not(rejected(reason, hint), None),
            Shape::Complete(_) | Shape::Missing(..) if !go_on() => arriving(now),
            Shape::Complete(parts) => {
                let files = self.files(candidate, parts, found);
                self.gate(candidate, &files, look, (parts, go_on))
            }
            Shape::Missing(what, parts) => {
                let files = self.files(candidate, parts, found);
                match self.gate(candidate, &files, look, (parts, go_on)) {
                    // The inbox knows best how the missing picture would have to be called.
                    Standing::Not(BundleState::Waiting(_), at) => {
                        Standing::Not(BundleState::Waiting(what.clone()), at)
                    }
                    standing @ (Standing::Ready(_) | Standing::Not(..)) => standing,
                }
            }
        };
        (standing, look)
    }

    /// Passes a quiet bundle through the gates that open its files.
    fn gate(
        &mut self,
        candidate: &Candidate,
        files: &BundleFiles,
        look: Look,
        (parts, go_on): (&Parts, &dyn Fn() -> bool),
    ) -> Standing {
        let key = &candidate.key;
        let now = self.clock.monotonic();
        let settled =
            |text: &str, at| Standing::Not(BundleState::Settling(text.to_owned()), Some(at));
        let old = self
            .verdicts
            .get(key)
            .filter(|verdict| !self.is_due(verdict, look, now));
        if let Some(verdict) = old {
            return self.judge(verdict, look);
        }
        let inodes: Vec<_> = candidate
            .fingerprint
            .iter()
            .map(|(_, stamp)| stamp.inode)
            .collect();
        if let Some(pid) = writers::find_writer(&inodes) {
            self.settling.restart(key, now);
            let text = format!("process {pid} is still writing to it");
            return settled(&text, now + self.patience.settle);
        }
        let Some(checked) = (self.check)(files, go_on) else {
            return settled(ARRIVING, now);
        };
        if !self.is_unchanged(candidate) {
            return settled("it changed while it was read", now + self.patience.settle);
        }
        match checked {
            Ok(accepted) => Standing::Ready(Ready {
                key: key.clone(),
                fingerprint: candidate.fingerprint.clone(),
                content: parts.content.clone(),
                styles: parts.styles.clone(),
                profile: parts.profile.clone(),
                accepted,
            }),
            Err(rejection) => {
                let verdict = Verdict {
                    rejection,
                    at: self.clock.monotonic(),
                };
                let standing = self.judge(&verdict, look);
                self.verdicts.insert(key.clone(), verdict);
                standing
            }
        }
    }

    fn judge(&self, verdict: &Verdict, look: Look) -> Standing {
        let Rejection {
            reason,
            hint,
            cause,
        } = &verdict.rejection;
        let given_up_at = look.since + self.patience.incomplete;
        match cause {
            Cause::Incomplete if verdict.at < given_up_at => {
                let minutes = self.patience.incomplete.as_secs().div_ceil(60);
                let text = format!(
                    "{reason}; waiting for the rest for up to {minutes} min after the last change"
                );
                Standing::Not(BundleState::Settling(text), Some(given_up_at))
            }
            Cause::Outside => {
                let again_at = verdict.at + self.patience.recheck;
                Standing::Not(rejected(reason, hint), Some(again_at))
            }
            Cause::Missing => Standing::Not(BundleState::Waiting(reason.clone()), None),
            Cause::Bundle | Cause::Incomplete => Standing::Not(rejected(reason, hint), None),
        }
    }

    /// Returns true if a bundle that did not change should be checked again all the same.
    fn is_due(&self, verdict: &Verdict, look: Look, now: Duration) -> bool {
        match verdict.rejection.cause {
            Cause::Bundle | Cause::Missing => false,
            Cause::Incomplete => {
                let given_up_at = look.since + self.patience.incomplete;
                verdict.at < given_up_at && given_up_at <= now
            }
            Cause::Outside => verdict.at + self.patience.recheck <= now,
        }
    }

    fn is_unchanged(&self, candidate: &Candidate) -> bool {
        let watch = &self.studio.watch;
        candidate.fingerprint.iter().all(|(path, stamp)| {
            listing::Stamp::at(&watch.join(path), self.links).is_ok_and(|now| now == *stamp)
        })
    }

    fn files(&self, candidate: &Candidate, parts: &Parts, found: &Found) -> BundleFiles {
        let watch = &self.studio.watch;
        let root = parts
            .pictures()
            .next()
            .and_then(|picture| picture.parent())
            .map_or_else(|| watch.clone(), |parent| watch.join(parent));
        let shared = found
            .has_profile
            .then_some(Path::new(pairing::WATCH_PROFILE));
        BundleFiles {
            name: display_name(&candidate.key.name),
            content: parts.content.as_ref().map(|content| watch.join(content)),
            styles: parts.styles.iter().map(|style| watch.join(style)).collect(),
            profile: parts
                .profile
                .as_deref()
                .or(shared)
                .map(|path| watch.join(path)),
            root,
        }
    }

    fn take(&mut self, bundle: &Ready, tell: &mut dyn FnMut(Notice)) -> Result<(), FolderError> {
        let shown = display_name(&bundle.key.name);
        for remark in &bundle.accepted.remarks {
            tell(Notice::Remark(format!("{shown}: {remark}")));
        }
        match claim::claim(&self.studio, bundle, self.links, self.clock.wall()) {
            Ok((folder, job)) => {
                self.told.remove(&bundle.key);
                tell(Notice::Claimed(folder, job));
                Ok(())
            }
            Err(error) => {
                // Tried again when the bundle has been quiet for another while.
                self.settling.restart(&bundle.key, self.clock.monotonic());
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
    }

    /// Tells an error once, until a look goes well or ends in another one.
    fn complain(&mut self, tell: &mut dyn FnMut(Notice), error: &FolderError) {
        let text = with_causes(error);
        if self.last_error.as_ref() != Some(&text) {
            tell(Notice::Remark(text.clone()));
            self.last_error = Some(text);
        }
    }
}

/// How a bundle stands, to the inbox itself.
enum Standing {
    Ready(Ready),
    /// Not yet or not at all; with the reading at which that may change by itself.
    Not(BundleState, Option<Duration>),
}

/// What a look leaves behind for its caller.
pub(super) struct Looked {
    pub(super) outlook: Outlook,
    /// Identity of `watch/` and the folders in it to listen to, unless it cannot be listed.
    pub(super) follow: Result<((u64, u64), BTreeSet<PathBuf>), FolderError>,
}

/// Returns whether what is there of a bundle may be all of it: a picture, and a profile beside it
/// (not the studio's, under which every lone picture would be taken) that can do without the rest.
fn may_do(parts: &Parts, found: &Found) -> bool {
    parts.pictures().next().is_some() && (parts.profile.is_some() || found.has_profile)
}

fn rejected(reason: &str, hint: &str) -> BundleState {
    BundleState::Rejected {
        reason: reason.to_owned(),
        hint: hint.to_owned(),
    }
}

#[cfg(test)]
mod tests;
