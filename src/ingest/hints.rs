//! Early wake-ups from the system's file notifications.
//!
//! A hint only says "look now"; what is there is always read from the folder. Hints may be missing
//! (network filesystems, watch limits, overflow), and everything is then found by the regular look.
//! Folders on a filesystem that does not tell of all changes are not listened to, each by itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use notify::EventKind;
use notify::RecommendedWatcher;
use notify::RecursiveMode;
use notify::Watcher;
use notify::event::AccessKind;
use notify::event::AccessMode;
use notify::event::ModifyKind;

use crate::ingest::filesystem;
use crate::ingest::filesystem::Mode;
use crate::ingest::inbox::Follow;
use crate::ingest::inbox::Watching;
use crate::ingest::liveness::Liveness;

/// What is called when there may be something to see.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// The folders of one watch folder that are listened to.
pub(crate) struct Hints {
    ear: Arc<Ear>,
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    identity: (u64, u64),
    liveness: Liveness,
    n_remade: u64,
}

/// What hears the notifications.
struct Ear {
    wake: Wake,
    n_heard: AtomicU64,
    n_overflows: AtomicU64,
}

impl Ear {
    /// Takes in a notification. One without a path may mean that others were lost.
    fn hear(&self, event: &notify::Result<notify::Event>) {
        if !is_worth_a_look(event) {
            return;
        }
        let is_overflow = match event {
            Ok(event) => event.need_rescan(),
            Err(_) => true,
        };
        if is_overflow {
            self.n_overflows.fetch_add(1, Ordering::Relaxed);
        }
        self.n_heard.fetch_add(1, Ordering::Release);
        (self.wake)();
    }
}

impl Hints {
    /// Returns hints that call `wake`, from a thread of the notification library, whenever
    /// something changes in a folder that [`Hints::follow`] named.
    pub(crate) fn new(wake: Wake) -> Self {
        Self {
            ear: Arc::new(Ear {
                wake,
                n_heard: AtomicU64::new(0),
                n_overflows: AtomicU64::new(0),
            }),
            watcher: None,
            folders: BTreeSet::new(),
            identity: (0, 0),
            liveness: Liveness::default(),
            n_remade: 0,
        }
    }

    /// Listens to `watch` and the folders in it, as far as their filesystems tell of changes, and to
    /// no others. Returns how changes are found out now, and what to tell the user if listening
    /// cannot be had.
    pub(crate) fn follow(
        &mut self,
        watch: &Path,
        follow: &Follow,
    ) -> (Watching, Option<notify::Error>) {
        let heard = self.ear.n_heard.load(Ordering::Acquire);
        if self.watcher.is_some() && self.liveness.looked(follow.has_changed, heard) {
            tracing::warn!(watch = %watch.display(), "changes without notice: a new watcher");
            self.watcher = None;
            self.n_remade += 1;
        }
        let own = filesystem::mode_of(watch);
        let mut wanted = BTreeSet::new();
        let mut n_polled = 0;
        for (folder, device) in &follow.folders {
            let mode = if *device == follow.identity.0 {
                own.clone()
            } else {
                filesystem::mode_of(folder)
            };
            match mode {
                Mode::Events => {
                    wanted.insert(folder.clone());
                }
                Mode::Polling(_) => n_polled += usize::from(own == Mode::Events),
            }
        }
        if own == Mode::Events {
            wanted.insert(watch.to_owned());
        }
        let (refused, n_refused) = self.listen(follow.identity, wanted);
        let mode = match (&refused, own) {
            (Some(error), Mode::Events) if !self.folders.contains(watch) => {
                Mode::Polling(words_of(error))
            }
            (_, own) => own,
        };
        let watching = Watching {
            mode,
            n_polled: n_polled + n_refused,
            n_overflows: self.ear.n_overflows.load(Ordering::Relaxed),
            n_remade: self.n_remade,
        };
        (watching, refused)
    }

    /// Listens to these folders; returns the last refusal and how many there were.
    fn listen(
        &mut self,
        identity: (u64, u64),
        wanted: BTreeSet<PathBuf>,
    ) -> (Option<notify::Error>, usize) {
        // A watch stays with the folder it was set on, not with its name.
        if self.identity != identity {
            self.watcher = None;
            self.identity = identity;
        }
        if self.watcher.is_none() {
            self.folders.clear();
            let ear = Arc::clone(&self.ear);
            match notify::recommended_watcher(move |event| ear.hear(&event)) {
                Ok(watcher) => self.watcher = Some(watcher),
                Err(error) => return (Some(error), wanted.len()),
            }
        }
        let Some(watcher) = &mut self.watcher else {
            return (None, 0);
        };
        for gone in self.folders.difference(&wanted) {
            // A folder that was moved away took its watch along, or has none any more.
            let _may_be_gone = watcher.unwatch(gone);
        }
        self.folders.retain(|folder| wanted.contains(folder));
        let mut refused = None;
        let mut n_refused = 0;
        for new in wanted {
            if self.folders.contains(&new) {
                continue;
            }
            match watcher.watch(&new, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(new);
                }
                // It went away since it was listed.
                Err(_) if !new.is_dir() => {}
                Err(error) => {
                    refused = Some(error);
                    n_refused += 1;
                }
            }
        }
        (refused, n_refused)
    }

    /// Stops listening until the next [`Hints::follow`].
    pub(crate) fn pause(&mut self) {
        self.watcher = None;
    }
}

/// The folders outside of the watch folders that are listened to, such as those of networks.
pub(crate) struct Aside {
    wake: Wake,
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
}

impl Aside {
    /// Returns one that listens to nothing yet.
    pub(crate) fn new(wake: Wake) -> Self {
        Self {
            wake,
            watcher: None,
            folders: BTreeSet::new(),
        }
    }

    /// Listens to those of `folders` that are there by now: to files that come, are complete, or
    /// go. What cannot be listened to is found by the regular look.
    pub(crate) fn attend(&mut self, folders: &[PathBuf]) {
        self.folders.retain(|folder| folder.is_dir());
        for folder in folders {
            if self.folders.contains(folder) || !folder.is_dir() {
                continue;
            }
            if self.watcher.is_none() {
                let wake = Arc::clone(&self.wake);
                self.watcher = notify::recommended_watcher(move |event| {
                    if is_arrival(&event) {
                        wake();
                    }
                })
                .ok();
            }
            if let Some(watcher) = &mut self.watcher
                && watcher.watch(folder, RecursiveMode::NonRecursive).is_ok()
            {
                self.folders.insert(folder.clone());
            }
        }
    }
}

/// Returns why the system does not tell of changes, with the line that mends a limit. What it
/// calls "no space left" is no full disk here.
pub(crate) fn words_of(error: &notify::Error) -> String {
    let is_watches = matches!(error.kind, notify::ErrorKind::MaxFilesWatch);
    let is_instances = matches!(&error.kind, notify::ErrorKind::Io(io)
        if io.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()));
    if is_watches {
        "the limit on inotify watches is reached: sudo sysctl fs.inotify.max_user_watches=524288 \
         raises it"
            .to_owned()
    } else if is_instances {
        "the limit on inotify instances, or on open files, is reached: sudo sysctl \
         fs.inotify.max_user_instances=1024 raises the first"
            .to_owned()
    } else {
        error.to_string()
    }
}

/// Reading the folder raises events of its own, which must not lead to another look.
fn is_worth_a_look(event: &notify::Result<notify::Event>) -> bool {
    match event {
        Ok(event) => {
            event.need_rescan()
                || !event.kind.is_access()
                || event.kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
        }
        Err(_) => true,
    }
}

/// A large file that grows raises an event for every piece of it, of which none matters.
fn is_arrival(event: &notify::Result<notify::Event>) -> bool {
    let grows =
        matches!(event, Ok(event) if matches!(event.kind, EventKind::Modify(ModifyKind::Data(_))));
    !grows && is_worth_a_look(event)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn wake() -> (Wake, mpsc::Receiver<()>) {
        let (sender, woken) = mpsc::channel();
        let wake = move || {
            let _receiver_may_be_gone = sender.send(());
        };
        (Arc::new(wake), woken)
    }

    fn follow(watch: &Path, folders: &[&Path], has_changed: bool) -> Follow {
        let metadata = fs::metadata(watch).unwrap();
        let folders = folders.iter();
        Follow {
            identity: (metadata.dev(), metadata.ino()),
            folders: folders
                .map(|folder| ((*folder).to_owned(), metadata.dev()))
                .collect(),
            has_changed,
        }
    }

    #[test]
    fn changes_wake_and_looking_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("harbour");
        fs::create_dir(&inner).unwrap();
        let (wake, woken) = wake();
        let mut hints = Hints::new(wake);
        let (watching, refused) = hints.follow(dir.path(), &follow(dir.path(), &[&inner], false));
        assert!(refused.is_none(), "{refused:?}");
        assert_eq!(watching.n_polled, 0);
        for _ in 0..3 {
            let _listed = fs::read_dir(dir.path()).unwrap().count();
        }
        assert_eq!(
            woken.recv_timeout(Duration::from_millis(100)),
            Err(mpsc::RecvTimeoutError::Timeout)
        );
        fs::write(inner.join("content.jpg"), "x").unwrap();
        woken.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn a_folder_aside_is_listened_to_from_when_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let models = [dir.path().join("models")];
        let (wake, woken) = wake();
        let mut aside = Aside::new(wake);
        aside.attend(&models);
        fs::create_dir(&models[0]).unwrap();
        aside.attend(&models);
        aside.attend(&models);
        fs::write(models[0].join("vgg19.safetensors"), "x").unwrap();
        woken.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn a22_an_overflow_without_a_path_wakes_and_is_counted() {
        let (wake, woken) = wake();
        let hints = Hints::new(wake);
        let overflow = notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        hints.ear.hear(&Ok(overflow));
        hints.ear.hear(&Err(notify::Error::generic("lost")));
        let reading = EventKind::Access(AccessKind::Open(AccessMode::Any));
        hints.ear.hear(&Ok(notify::Event::new(reading)));
        assert_eq!(hints.ear.n_overflows.load(Ordering::Relaxed), 2);
        assert_eq!(woken.try_iter().count(), 2);
    }

    #[test]
    fn a_watcher_that_died_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (wake, woken) = wake();
        let mut hints = Hints::new(wake);
        hints.follow(dir.path(), &follow(dir.path(), &[], false));
        // Dead without a word: nothing is listened to any more, and it does not know.
        hints.watcher.as_mut().unwrap().unwatch(dir.path()).unwrap();
        fs::write(dir.path().join("a"), "x").unwrap();
        hints.follow(dir.path(), &follow(dir.path(), &[], true));
        let (watching, _) = hints.follow(dir.path(), &follow(dir.path(), &[], false));
        assert_eq!(watching.n_remade, 1);
        fs::write(dir.path().join("b"), "x").unwrap();
        woken.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn a27_a_folder_in_the_place_of_another_is_listened_to() {
        let dir = tempfile::tempdir().unwrap();
        let watch = dir.path().join("watch");
        fs::create_dir(&watch).unwrap();
        let (wake, woken) = wake();
        let mut hints = Hints::new(wake);
        hints.follow(&watch, &follow(&watch, &[], false));
        fs::rename(&watch, dir.path().join("old")).unwrap();
        fs::create_dir(&watch).unwrap();
        hints.follow(&watch, &follow(&watch, &[], false));
        while woken.try_recv().is_ok() {}
        fs::write(watch.join("a"), "x").unwrap();
        woken.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn f6_a_limit_is_told_with_the_line_that_raises_it() {
        let watches = words_of(&notify::Error::new(notify::ErrorKind::MaxFilesWatch));
        assert!(watches.contains("sudo sysctl fs.inotify.max_user_watches="));
        assert!(!watches.contains("space"), "{watches}");
        let instances = std::io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        let instances = words_of(&notify::Error::io(instances));
        assert!(instances.contains("max_user_instances"), "{instances}");
    }
}
