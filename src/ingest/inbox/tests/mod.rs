//! The inbox over a folder in a temp dir, with time that the tests make up: what it tells, when it
//! checks again, what it takes.

mod arrival;
mod duplicates;
mod folders;

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use crate::clock::Clock;
use crate::folder::Studio;
use crate::ingest::Accepted;
use crate::ingest::BundleFiles;
use crate::ingest::BundleState;
use crate::ingest::Cause;
use crate::ingest::Check;
use crate::ingest::Inbox;
use crate::ingest::Links;
use crate::ingest::Notice;
use crate::ingest::Outlook;
use crate::ingest::Patience;
use crate::ingest::Rejection;

/// A studio, its inbox, and a clock that is set by hand.
struct Fixture {
    dir: tempfile::TempDir,
    studio: Studio,
    inbox: Inbox,
    now: Duration,
    /// What the check answers, and the bundles that it was asked about.
    desk: Arc<Mutex<Desk>>,
}

struct Desk {
    answer: Result<Accepted, Rejection>,
    asked: Vec<BundleFiles>,
}

#[allow(clippy::unnecessary_wraps, reason = "as a check answers")]
fn accepted() -> Result<Accepted, Rejection> {
    Ok(Accepted {
        profile_text: "seed = 1\n".to_owned(),
        profile_key: "seed = 1\n".to_owned(),
        profile_source: "studio default".to_owned(),
        remarks: Vec::new(),
    })
}

fn rejection(cause: Cause) -> Result<Accepted, Rejection> {
    Err(Rejection {
        reason: "no".to_owned(),
        hint: "yes".to_owned(),
        cause,
    })
}

impl Fixture {
    /// Makes an empty studio in which every bundle can be used.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let studio = Studio::at(dir.path().to_owned());
        Self::over(dir, studio, Links::Refuse)
    }

    fn over(dir: tempfile::TempDir, studio: Studio, links: Links) -> Self {
        studio.prepare().unwrap();
        let desk = Arc::new(Mutex::new(Desk {
            answer: accepted(),
            asked: Vec::new(),
        }));
        Self {
            dir,
            inbox: open(&studio, links, &desk),
            studio,
            now: Duration::ZERO,
            desk,
        }
    }

    /// Starts anew, as another process would.
    fn restart(&mut self) {
        // The first one holds the locks on the watch folders.
        let elsewhere = tempfile::tempdir().unwrap();
        let other = Studio::at(elsewhere.path().to_owned());
        other.prepare().unwrap();
        self.inbox = open(&other, Links::Refuse, &self.desk);
        self.inbox = open(&self.studio, Links::Refuse, &self.desk);
    }

    fn drop(&self, name: &str, bytes: &str) {
        let path = self.studio.watch.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn drop_pair(&self, name: &str) {
        self.drop(&format!("{name}.content.jpg"), name);
        self.drop(&format!("{name}.style.jpg"), "style");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.studio.watch.join(name)
    }

    /// Looks so many seconds after the last look.
    fn look_after(&mut self, seconds: u64) -> (Vec<String>, Outlook) {
        self.now += Duration::from_secs(seconds);
        let said = RefCell::new(Vec::new());
        let tell = &mut |notice| said.borrow_mut().push(words(&notice));
        let looked = self.inbox.look(self.now, tell, &|| true);
        (said.into_inner(), looked.outlook)
    }

    /// Looks until what lies there has settled and was dealt with.
    fn settle(&mut self) -> Vec<String> {
        let mut said = self.look_after(0).0;
        said.extend(self.look_after(20).0);
        said
    }

    fn n_asked(&self) -> usize {
        self.desk.lock().unwrap().asked.len()
    }

    fn answer(&self, answer: Result<Accepted, Rejection>) {
        self.desk.lock().unwrap().answer = answer;
    }

    /// Returns the names of the job folders.
    fn jobs(&self) -> Vec<String> {
        let folders = self.studio.active_jobs().unwrap();
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        folders.iter().map(|folder| name(folder.path())).collect()
    }

    /// Returns how the bundle stands that a path belongs to.
    fn state(&self, name: &str) -> BundleState {
        let board = self.inbox.board();
        let bundle = board.bundle_at(&self.path(name));
        bundle.unwrap_or_else(|| panic!("{board:?}")).state.clone()
    }

    fn watched(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&self.studio.watch)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn open(studio: &Studio, links: Links, desk: &Arc<Mutex<Desk>>) -> Inbox {
    let asked = Arc::clone(desk);
    let check: Check = Box::new(move |files, _| {
        let mut desk = asked.lock().unwrap();
        desk.asked.push(files.clone());
        Some(desk.answer.clone())
    });
    let patience = Patience::default();
    Inbox::open(studio.clone(), patience, links, check, Clock::start()).unwrap()
}

/// Renders a notice in one line.
fn words(notice: &Notice) -> String {
    match notice {
        Notice::Bundle(name, state) => format!("{name} {}", state.name()),
        Notice::Remark(text) => format!("! {text}"),
        Notice::Claimed(_, job) => format!("{} taken", job.name),
        Notice::LateProfile(late) => format!("{} late profile for {}", late.name, late.job),
    }
}

/// Returns whether permissions count for the user that runs the tests.
fn may_be_refused(dir: &Path) -> bool {
    let probe = dir.join("probe");
    fs::create_dir(&probe).unwrap();
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o555)).unwrap();
    let is_refused = fs::write(probe.join("x"), "").is_err();
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o755)).unwrap();
    is_refused
}
