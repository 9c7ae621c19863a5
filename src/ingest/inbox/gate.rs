//! The gates that one bundle passes, and what is decided at each.
//!
//! Quiet for the settle time, no writer of ours, the check, unchanged after it, and no unfinished
//! job that does the same work. Only the check opens files.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::causes::with_causes;
use crate::ingest::Accepted;
use crate::ingest::BundleFiles;
use crate::ingest::BundleState;
use crate::ingest::Cause;
use crate::ingest::LateProfile;
use crate::ingest::Rejection;
use crate::ingest::claim::Ready;
use crate::ingest::inbox::Common;
use crate::ingest::inbox::place::ARRIVING;
use crate::ingest::inbox::place::Place;
use crate::ingest::late;
use crate::ingest::listing;
use crate::ingest::listing::Listing;
use crate::ingest::pairing;
use crate::ingest::pairing::Candidate;
use crate::ingest::pairing::Found;
use crate::ingest::pairing::Parts;
use crate::ingest::pairing::Shape;
use crate::ingest::pairing::Spelling;
use crate::ingest::settle::Look;
use crate::ingest::unfinished::work_of;
use crate::job::Role;
use crate::job::names::display_name;

/// The least time between two looks at a bundle that need not settle.
const SECOND_LOOK: Duration = Duration::from_millis(200);

/// What one look sees.
pub(super) struct Scene<'a> {
    pub(super) found: &'a Found,
    pub(super) listing: &'a Listing,
    /// The monotonic reading of the look.
    pub(super) now: Duration,
    pub(super) go_on: &'a dyn Fn() -> bool,
}

/// What the check said about a bundle, and when.
pub(super) struct Verdict {
    answer: Answer,
    at: Duration,
}

enum Answer {
    Rejected(Rejection),
    /// It can be used, and is held: with what the work amounts to.
    Held(Accepted, String),
}

/// How a bundle stands, to the inbox itself.
pub(super) enum Standing {
    Ready(Ready),
    /// Not yet or not at all; with the reading at which that may change by itself.
    Not(BundleState, Option<Duration>),
    /// Its turn comes at the next look.
    InLine,
    /// It is a profile for a job that is made already.
    Late(LateProfile, BundleState),
}

impl Place {
    /// Notes how a bundle looks now.
    pub(super) fn settle(&mut self, candidate: &Candidate, scene: &Scene<'_>) -> Look {
        let mut fingerprint = candidate.fingerprint.clone();
        let has_own = parts_of(candidate).is_some_and(|parts| parts.profile.is_some());
        if scene.found.has_profile && !has_own {
            let entries = scene.listing.entries.iter();
            let profile = entries.filter(|entry| entry.name == pairing::WATCH_PROFILE);
            fingerprint.extend(profile.map(|entry| (PathBuf::from(&entry.name), entry.stamp)));
        }
        let look = self.settling.look(&candidate.key, &fingerprint, scene.now);
        if look.changed {
            self.verdicts.remove(&candidate.key);
        }
        look
    }

    /// Decides how one bundle stands, checking it if it is complete and quiet.
    pub(super) fn assess(
        &mut self,
        common: &mut Common,
        candidate: &Candidate,
        look: Look,
        (scene, left): (&Scene<'_>, &mut usize),
    ) -> Standing {
        let now = scene.now;
        let is_quiet = look.quiet_at <= now || candidate.ready.is_some() && !look.changed;
        let arriving = |at| Standing::Not(BundleState::Settling(ARRIVING.to_owned()), Some(at));
        let (parts, missing) = match &candidate.shape {
            Shape::Missing(what, parts) if is_profile_only(candidate, parts) => {
                if !is_quiet {
                    return Standing::Not(BundleState::Waiting(what.clone()), Some(look.quiet_at));
                }
                return self.late(common, candidate, (what, parts), scene);
            }
            Shape::Missing(what, parts) if !may_do(parts, scene.found) => {
                return Standing::Not(BundleState::Waiting(what.clone()), None);
            }
            _ if !is_quiet => {
                // A ready note saves the settle time, not the second look.
                let soon = look.quiet_at.min(now + SECOND_LOOK);
                let at = if candidate.ready.is_some() {
                    soon
                } else {
                    look.quiet_at
                };
                return arriving(at);
            }
            Shape::Unusable { reason, hint } => {
                return Standing::Not(rejected(reason, hint), None);
            }
            Shape::Complete(parts) => (parts, None),
            Shape::Missing(what, parts) => (parts, Some(what)),
        };
        if self.is_ledger
            && !self.allowed.contains(&candidate.key)
            && let Some(by) = self.ledger.job_of(&candidate.key, &candidate.fingerprint)
        {
            return Standing::Not(BundleState::Taken { by }, None);
        }
        match self.gate(common, (candidate, parts), look, (scene, left)) {
            // The inbox knows best how the missing picture would have to be called.
            Standing::Not(BundleState::Waiting(said), at) => {
                Standing::Not(BundleState::Waiting(missing.cloned().unwrap_or(said)), at)
            }
            standing @ (Standing::Ready(_)
            | Standing::Not(..)
            | Standing::InLine
            | Standing::Late(..)) => standing,
        }
    }

    /// Passes a quiet bundle through the gates that open its files.
    fn gate(
        &mut self,
        common: &mut Common,
        (candidate, parts): (&Candidate, &Parts),
        look: Look,
        (scene, left): (&Scene<'_>, &mut usize),
    ) -> Standing {
        let (key, now) = (&candidate.key, scene.now);
        let settled =
            |text: &str, at| Standing::Not(BundleState::Settling(text.to_owned()), Some(at));
        if let Some(verdict) = self.verdicts.get(key) {
            match &verdict.answer {
                Answer::Rejected(rejection) if !is_due(common, verdict, rejection, look, now) => {
                    return judge(common, verdict, rejection, look);
                }
                Answer::Rejected(_) => {}
                Answer::Held(accepted, work) => {
                    let (accepted, work) = (accepted.clone(), work.clone());
                    return self.pass(common, (candidate, parts), (accepted, work), now);
                }
            }
        }
        if *left == 0 || !(scene.go_on)() {
            return Standing::InLine;
        }
        *left -= 1;
        let files = candidate.fingerprint.iter();
        let inodes: Vec<_> = files.map(|(_, stamp)| stamp.inode).collect();
        if let Some(pid) = common.writers.find(&inodes, common.clock.monotonic()) {
            self.settling.restart(key, now);
            let text = format!("process {pid} is still writing to it");
            return settled(&text, now + common.patience.settle);
        }
        let files = self.files(candidate, parts, scene.found);
        let Some(checked) = (common.check)(&files, scene.go_on) else {
            return Standing::InLine;
        };
        if !self.is_unchanged(common, candidate) {
            return settled("it changed while it was read", now + common.patience.settle);
        }
        let checked = checked.and_then(|accepted| {
            let work = work_of(&pictures(&files), &accepted.profile_key);
            work.map(|work| (accepted, work))
                .map_err(|error| Rejection {
                    reason: with_causes(&error),
                    hint: "let it be read".to_owned(),
                    cause: Cause::Outside,
                })
        });
        match checked {
            Ok(usable) => self.pass(common, (candidate, parts), usable, now),
            Err(rejection) => {
                let verdict = Verdict {
                    answer: Answer::Rejected(rejection.clone()),
                    at: now,
                };
                let standing = judge(common, &verdict, &rejection, look);
                self.verdicts.insert(key.clone(), verdict);
                standing
            }
        }
    }

    /// The last gate: holds a bundle whose work an unfinished job does already.
    fn pass(
        &mut self,
        common: &Common,
        (candidate, parts): (&Candidate, &Parts),
        (accepted, work): (Accepted, String),
        now: Duration,
    ) -> Standing {
        let key = &candidate.key;
        if let Some(of) = common.unfinished.same(&work)
            && !self.is_let_through(candidate)
        {
            let is_its_own = |(_, job): (_, crate::job::Job)| job.id == of;
            if self.is_ledger
                && common
                    .unfinished
                    .of_bundle(&key.name)
                    .is_some_and(is_its_own)
            {
                // A crash came between the job and its line in the ledger.
                let added = self.ledger.add(key, &candidate.fingerprint, of);
                added.unwrap_or_else(|error| tracing::error!(%error, "ledger not written"));
                return Standing::Not(BundleState::Taken { by: of }, None);
            }
            self.held.entry(key.clone()).or_insert(candidate.ready);
            let answer = Answer::Held(accepted, work);
            self.verdicts
                .insert(key.clone(), Verdict { answer, at: now });
            return Standing::Not(BundleState::Duplicate { of }, None);
        }
        Standing::Ready(Ready {
            key: key.clone(),
            fingerprint: candidate.fingerprint.clone(),
            takes: candidate.takes.clone(),
            content: parts.content.clone(),
            styles: parts.styles.clone(),
            profile: parts.profile.clone(),
            accepted,
            work,
        })
    }

    /// Returns whether somebody said that a held bundle is to be painted all the same: by the
    /// program, or by a `READY` note that is newer than the holding.
    fn is_let_through(&self, candidate: &Candidate) -> bool {
        let held = self.held.get(&candidate.key);
        self.allowed.contains(&candidate.key)
            || candidate.ready.is_some() && held.is_some_and(|ready| *ready != candidate.ready)
    }

    /// Offers a profile that lies alone to the job that was made of the bundle of its name.
    fn late(
        &mut self,
        common: &Common,
        candidate: &Candidate,
        (what, parts): (&str, &Parts),
        scene: &Scene<'_>,
    ) -> Standing {
        let key = &candidate.key;
        let waiting = || Standing::Not(BundleState::Waiting(what.to_owned()), None);
        let (Some(profile), Some((folder, job))) =
            (&parts.profile, common.unfinished.of_bundle(&key.name))
        else {
            return waiting();
        };
        let state = BundleState::Waiting(format!(
            "{what}; the profile came after {} {} was taken: a job that has not begun adopts it, \
             one that has goes on as it is (rerun it with the profile)",
            job.id, job.name
        ));
        if self.offered.get(key) == Some(&candidate.fingerprint) {
            return Standing::Not(state, None);
        }
        let file = self.watch.join(profile);
        let files = late::files_of(&folder, &job, &file);
        match (common.check)(&files, scene.go_on) {
            None => Standing::InLine,
            Some(Err(rejection)) => {
                Standing::Not(rejected(&rejection.reason, &rejection.hint), None)
            }
            Some(Ok(accepted)) => {
                let print = candidate.fingerprint.clone();
                self.offered.insert(key.clone(), print);
                let of_folder = key.spelling == Spelling::Folder;
                let late = LateProfile {
                    job: job.id,
                    name: job.name,
                    folder: of_folder.then(|| self.watch.join(&key.name)),
                    file,
                    accepted,
                };
                Standing::Late(late, state)
            }
        }
    }

    fn is_unchanged(&self, common: &Common, candidate: &Candidate) -> bool {
        candidate.fingerprint.iter().all(|(path, stamp)| {
            listing::Stamp::at(&self.watch.join(path), common.links).is_ok_and(|now| now == *stamp)
        })
    }

    fn files(&self, candidate: &Candidate, parts: &Parts, found: &Found) -> BundleFiles {
        let watch = &self.watch;
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
}

fn judge(common: &Common, verdict: &Verdict, rejection: &Rejection, look: Look) -> Standing {
    let Rejection {
        reason,
        hint,
        cause,
    } = rejection;
    let patience = &common.patience;
    let given_up_at = look.since + patience.incomplete;
    match cause {
        Cause::Incomplete if verdict.at < given_up_at => {
            let minutes = patience.incomplete.as_secs().div_ceil(60);
            let text = format!(
                "{reason}; waiting for the rest for up to {minutes} min after the last change"
            );
            Standing::Not(BundleState::Settling(text), Some(given_up_at))
        }
        Cause::Outside => {
            let again_at = verdict.at + patience.recheck;
            Standing::Not(rejected(reason, hint), Some(again_at))
        }
        Cause::Missing => Standing::Not(BundleState::Waiting(reason.clone()), None),
        Cause::Bundle | Cause::Incomplete => Standing::Not(rejected(reason, hint), None),
    }
}

/// Returns true if a bundle that did not change should be checked again all the same.
fn is_due(
    common: &Common,
    verdict: &Verdict,
    rejection: &Rejection,
    look: Look,
    now: Duration,
) -> bool {
    match rejection.cause {
        Cause::Bundle | Cause::Missing => false,
        Cause::Incomplete => {
            let given_up_at = look.since + common.patience.incomplete;
            verdict.at < given_up_at && given_up_at <= now
        }
        Cause::Outside => verdict.at + common.patience.recheck <= now,
    }
}

fn pictures(files: &BundleFiles) -> Vec<(Role, &Path)> {
    let contents = files
        .content
        .iter()
        .map(|path| (Role::Content, path.as_path()));
    let styles = files
        .styles
        .iter()
        .map(|path| (Role::Style, path.as_path()));
    contents.chain(styles).collect()
}

fn parts_of(candidate: &Candidate) -> Option<&Parts> {
    match &candidate.shape {
        Shape::Complete(parts) | Shape::Missing(_, parts) => Some(parts),
        Shape::Unusable { .. } => None,
    }
}

/// Returns whether nothing but a profile is there, which may belong to a job by now.
fn is_profile_only(candidate: &Candidate, parts: &Parts) -> bool {
    candidate.key.spelling != Spelling::Recipe
        && parts.pictures().next().is_none()
        && parts.profile.is_some()
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
