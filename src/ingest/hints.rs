//! Early wake-ups from the system's file notifications.
//!
//! A hint only says "look now"; what is there is always read from the folder. Hints may be missing
//! (network filesystems, watch limits, overflow), and everything is then found by the regular look.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use notify::EventKind;
use notify::RecommendedWatcher;
use notify::RecursiveMode;
use notify::Watcher;
use notify::event::AccessKind;
use notify::event::AccessMode;
use notify::event::ModifyKind;

/// The folders that are listened to.
pub(crate) struct Hints {
    wake: Arc<dyn Fn() + Send + Sync>,
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    identity: (u64, u64),
    /// Listens to the folders outside of `watch/`.
    aside: Option<RecommendedWatcher>,
    attended: BTreeSet<PathBuf>,
}

impl Hints {
    /// Returns hints that call `wake`, from a thread of the notification library, whenever
    /// something changes in a folder that [`Hints::follow`] named.
    pub(crate) fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self {
            wake,
            watcher: None,
            folders: BTreeSet::new(),
            identity: (0, 0),
            aside: None,
            attended: BTreeSet::new(),
        }
    }

    /// Listens to `watch`, whose device and inode are `identity`, and to the given folders in it,
    /// and to no others. Returns what to tell the user if that cannot be had.
    pub(crate) fn follow(
        &mut self,
        watch: &Path,
        identity: (u64, u64),
        folders: BTreeSet<PathBuf>,
    ) -> Result<(), notify::Error> {
        // A watch stays with the folder it was set on, not with its name.
        if self.watcher.is_none() || self.identity != identity {
            let wake = Arc::clone(&self.wake);
            let mut watcher = notify::recommended_watcher(move |event| {
                if is_worth_a_look(&event) {
                    wake();
                }
            })?;
            watcher.watch(watch, RecursiveMode::NonRecursive)?;
            self.watcher = Some(watcher);
            self.identity = identity;
            self.folders.clear();
        }
        let Some(watcher) = &mut self.watcher else {
            return Ok(());
        };
        for gone in self.folders.difference(&folders) {
            // A folder that was moved away took its watch along, or has none any more.
            let _may_be_gone = watcher.unwatch(gone);
        }
        let mut refused = None;
        for new in folders.difference(&self.folders) {
            refused = watcher
                .watch(new, RecursiveMode::NonRecursive)
                .err()
                .or(refused);
        }
        self.folders = folders;
        refused.map_or(Ok(()), Err)
    }

    /// Listens to those of `folders`, which lie outside of `watch/`, that are there by now: to files
    /// that come, are complete, or go.
    ///
    /// What cannot be listened to is found by the regular look.
    pub(crate) fn attend(&mut self, folders: &[PathBuf]) {
        self.attended.retain(|folder| folder.is_dir());
        for folder in folders {
            if self.attended.contains(folder) || !folder.is_dir() {
                continue;
            }
            if self.aside.is_none() {
                let wake = Arc::clone(&self.wake);
                self.aside = notify::recommended_watcher(move |event| {
                    if is_arrival(&event) {
                        wake();
                    }
                })
                .ok();
            }
            if let Some(watcher) = &mut self.aside
                && watcher.watch(folder, RecursiveMode::NonRecursive).is_ok()
            {
                self.attended.insert(folder.clone());
            }
        }
    }

    /// Stops listening until the next [`Hints::follow`].
    pub(crate) fn pause(&mut self) {
        self.watcher = None;
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
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn changes_wake_and_looking_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("harbour");
        fs::create_dir(&inner).unwrap();
        let (sender, woken) = mpsc::channel();
        let mut hints = Hints::new(Arc::new(move || {
            let _receiver_may_be_gone = sender.send(());
        }));
        hints
            .follow(dir.path(), (0, 1), BTreeSet::from([inner.clone()]))
            .unwrap();
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
        let (sender, woken) = mpsc::channel();
        let mut hints = Hints::new(Arc::new(move || {
            let _receiver_may_be_gone = sender.send(());
        }));
        hints.attend(&models);
        fs::create_dir(&models[0]).unwrap();
        hints.attend(&models);
        hints.attend(&models);
        fs::write(models[0].join("vgg19.safetensors"), "x").unwrap();
        woken.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
