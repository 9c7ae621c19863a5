//! What the last look found, for whoever asks: folders, bundles and the rest, and why a path lies
//! where it lies.
//!
//! A value without any file behind it: asking it opens nothing and holds nothing up.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use crate::ingest::BundleState;
use crate::ingest::filesystem::Mode;
use crate::ingest::pairing::Spelling;
use crate::ingest::roles;
use crate::ingest::roles::Ignored;
use crate::job::names::display_name;

/// Everything that lies in the watch folders, as of the last look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Board {
    /// The watch folders, in the order of the settings.
    pub folders: Vec<FolderView>,
    /// The bundles, folder by folder, in natural order of their names.
    pub bundles: Vec<BundleView>,
    /// What is no part of a bundle and worth a word.
    pub loose: Vec<LooseView>,
}

/// A watch folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderView {
    /// Its path.
    pub path: PathBuf,
    /// How changes in it are found out.
    pub mode: Mode,
    /// How many folders in it are polled although it is not itself, or beside itself.
    pub n_polled: usize,
    /// It cannot be written to: bundles are copied, and a ledger says what was taken.
    pub is_ledger: bool,
    /// Why nothing can be seen in it, such as that it is not there.
    pub missing: Option<String>,
    /// How often the system lost count of changes; each time everything was looked through.
    pub n_overflows: u64,
    /// How often the watcher was found dead and made anew.
    pub n_remade: u64,
}

/// A bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleView {
    /// The watch folder that it lies in.
    pub watch: PathBuf,
    /// Its name, any bytes.
    pub name: OsString,
    /// Its name, fit to be shown.
    pub shown: String,
    /// How it is spelled.
    pub spelling: Spelling,
    /// Its files, absolute.
    pub files: Vec<PathBuf>,
    /// How it stands.
    pub state: BundleState,
    /// Remarks, such as a conflict copy that is ignored.
    pub notes: Vec<String>,
    /// In how many milliseconds from the look on that may change by itself.
    pub again_in_ms: Option<u64>,
}

/// Something that is no part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LooseView {
    /// Its path, absolute.
    pub path: PathBuf,
    /// Why it is none, and what could be done.
    pub why: String,
}

/// Why a path lies where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The path that was asked about.
    pub path: PathBuf,
    /// The bundle that it belongs to, fit to be shown.
    pub bundle: Option<String>,
    /// In one word: a bundle's state, or `unpaired`, `ignored`, `note`, `folder`, `missing`,
    /// `unseen`, `elsewhere`.
    pub state: &'static str,
    /// In plain words.
    pub reason: String,
    /// What can be done about it, if anything is to be.
    pub hint: Option<String>,
}

impl Board {
    /// Says why `path`, absolute, lies where it lies.
    pub fn explain(&self, path: &Path) -> Explanation {
        let say = |state, reason: String, hint: Option<&str>| Explanation {
            path: path.to_owned(),
            bundle: None,
            state,
            reason,
            hint: hint.map(str::to_owned),
        };
        if let Some(folder) = self.folders.iter().find(|folder| folder.path == path) {
            let state = if folder.missing.is_some() {
                "missing"
            } else {
                "folder"
            };
            return say(state, folder.words(), None);
        }
        let Some(folder) = self.folders.iter().find(|f| path.starts_with(&f.path)) else {
            return say(
                "elsewhere",
                "it does not lie in a watch folder".to_owned(),
                None,
            );
        };
        if let Some(bundle) = self.bundle_at(path) {
            return bundle.explained(path);
        }
        if let Some(loose) = self.loose.iter().find(|loose| loose.path == path) {
            return say("unpaired", loose.why.clone(), None);
        }
        if let Some(why) = &folder.missing {
            return say("missing", why.clone(), None);
        }
        let below = path.strip_prefix(&folder.path).unwrap_or(path);
        match below
            .iter()
            .find_map(|name| Some((name, roles::ignored(name)?)))
        {
            Some((name, _)) if roles::is_note(name) => {
                let reason = "a note of this program; it goes away by itself".to_owned();
                say("note", reason, None)
            }
            Some((name, Ignored::Silently)) => {
                let reason = format!(
                    "{} is ignored: names like this belong to other programs, to transfers under \
                     way or to editors",
                    display_name(name)
                );
                say(
                    "ignored",
                    reason,
                    Some("rename it if it is meant to be used"),
                )
            }
            Some((name, Ignored::ConflictCopy)) => {
                let reason = format!("{} is a conflict copy, ignored", display_name(name));
                say(
                    "ignored",
                    reason,
                    Some("rename it if it is meant to be used"),
                )
            }
            None => self.explain_rest(path, below, say),
        }
    }

    fn explain_rest(
        &self,
        path: &Path,
        below: &Path,
        say: impl Fn(&'static str, String, Option<&str>) -> Explanation,
    ) -> Explanation {
        if below == Path::new(crate::ingest::pairing::WATCH_PROFILE) {
            let reason = "the profile of every bundle here that has none of its own".to_owned();
            return say("folder", reason, None);
        }
        // What lies in a bundle's folder and is no member goes along with it.
        let above = path.ancestors().skip(1);
        let mut holding = above.filter_map(|above| self.bundle_at(above));
        if let Some(bundle) = holding.next() {
            return bundle.explained(path);
        }
        let mut above = path.ancestors().skip(1);
        if let Some(loose) = above.find_map(|above| self.loose.iter().find(|l| l.path == above)) {
            return say("folder", format!("it belongs to {}", loose.why), None);
        }
        let is_picture = path.file_name().is_none_or(roles::may_be_picture);
        if is_picture {
            let reason = "nothing by that name lay there at the last look".to_owned();
            return say("unseen", reason, Some("look again in some seconds"));
        }
        let reason = "it is neither a picture nor a profile, and stays where it is".to_owned();
        say("ignored", reason, None)
    }

    /// Returns the bundle that a path, absolute, belongs to: its folder, a file of it, or the name
    /// that its files share.
    pub fn bundle_at(&self, path: &Path) -> Option<&BundleView> {
        let is_it = |bundle: &&BundleView| {
            let named = bundle.watch.join(&bundle.name);
            path == named
                || bundle.spelling != Spelling::Recipe && bundle.files.iter().any(|f| f == path)
        };
        let of_recipe = |bundle: &&BundleView| bundle.files.iter().any(|file| file == path);
        self.bundles.iter().find(is_it).or_else(|| {
            let mut recipes = self.bundles.iter().filter(of_recipe);
            let first = recipes.next();
            // A file that several pictures share belongs to none of them.
            first.filter(|_| recipes.next().is_none())
        })
    }
}

impl FolderView {
    /// Returns how the folder stands, in words.
    pub fn words(&self) -> String {
        if let Some(why) = &self.missing {
            return why.clone();
        }
        let mut words = match &self.mode {
            Mode::Events => "a watch folder; the system tells of changes".to_owned(),
            Mode::Polling(why) => format!("a watch folder, looked at again and again ({why})"),
        };
        if self.n_polled > 0 {
            let n_polled = self.n_polled;
            words = format!("{words}; {n_polled} folders in it are polled");
        }
        if self.is_ledger {
            words.push_str(
                "; it cannot be written to, so bundles are copied, and a ledger says what was \
                 taken (ledger mode)",
            );
        }
        words
    }
}

impl BundleView {
    fn explained(&self, path: &Path) -> Explanation {
        let (reason, hint) = self.state.words();
        Explanation {
            path: path.to_owned(),
            bundle: Some(self.shown.clone()),
            state: self.state.name(),
            reason,
            hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobId;

    fn folder(path: &str) -> FolderView {
        FolderView {
            path: path.into(),
            mode: Mode::Events,
            n_polled: 0,
            is_ledger: false,
            missing: None,
            n_overflows: 0,
            n_remade: 0,
        }
    }

    fn bundle(name: &str, spelling: Spelling, files: &[&str], state: BundleState) -> BundleView {
        BundleView {
            watch: "/w".into(),
            name: name.into(),
            shown: name.to_owned(),
            spelling,
            files: files
                .iter()
                .map(|file| Path::new("/w").join(file))
                .collect(),
            state,
            notes: Vec::new(),
            again_in_ms: None,
        }
    }

    #[test]
    fn every_path_is_explained() {
        let waiting = || BundleState::Waiting("a style picture".to_owned());
        let held = BundleState::Duplicate { of: JobId(3) };
        let board = Board {
            folders: vec![
                folder("/w"),
                FolderView {
                    missing: Some("the watch folder /nas is missing".to_owned()),
                    ..folder("/nas")
                },
            ],
            bundles: vec![
                bundle("h", Spelling::Folder, &["h", "h/content.jpg"], waiting()),
                bundle("g", Spelling::Flat, &["g.content.jpg"], held),
                bundle(
                    "r/a.jpg",
                    Spelling::Recipe,
                    &["r/a.jpg", "r/style.jpg"],
                    waiting(),
                ),
                bundle(
                    "r/b.jpg",
                    Spelling::Recipe,
                    &["r/b.jpg", "r/style.jpg"],
                    waiting(),
                ),
            ],
            loose: vec![
                LooseView {
                    path: "/w/holiday.jpg".into(),
                    why: "unpaired: rename it".to_owned(),
                },
                LooseView {
                    path: "/w/r".into(),
                    why: "a recipe folder".to_owned(),
                },
            ],
        };
        for (path, state, bundle) in [
            ("/w", "folder", None),
            ("/nas", "missing", None),
            ("/nas/x.jpg", "missing", None),
            ("/elsewhere/x.jpg", "elsewhere", None),
            ("/w/h", "waiting", Some("h")),
            ("/w/h/content.jpg", "waiting", Some("h")),
            ("/w/h/notes.txt", "waiting", Some("h")),
            ("/w/g", "duplicate", Some("g")),
            ("/w/g.content.jpg", "duplicate", Some("g")),
            ("/w/r/a.jpg", "waiting", Some("r/a.jpg")),
            ("/w/r/style.jpg", "folder", None),
            ("/w/holiday.jpg", "unpaired", None),
            ("/w/h.error.txt", "note", None),
            ("/w/.DS_Store", "ignored", None),
            ("/w/x.sync-conflict-1.jpg", "ignored", None),
            ("/w/profile.toml", "folder", None),
            ("/w/readme.txt", "ignored", None),
            ("/w/new.jpg", "unseen", None),
        ] {
            let explanation = board.explain(Path::new(path));
            assert_eq!(explanation.state, state, "{path}: {explanation:?}");
            assert_eq!(explanation.bundle.as_deref(), bundle, "{path}");
            assert!(!explanation.reason.is_empty());
        }
        let words = board.explain(Path::new("/w/g")).hint.unwrap();
        assert!(words.contains("READY"), "{words}");
    }
}
