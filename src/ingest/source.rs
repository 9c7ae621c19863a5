//! The inbox's own loop: look, wait for a hint or the next reading, look again.
//!
//! Runs on a thread of its own, because a check decodes pictures and must not hold up the worker's
//! events or a stop. What it finds goes out through a callback; the thread is spawned in `daemon`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use crate::folder::FolderError;
use crate::ingest::Inbox;
use crate::ingest::Notice;
use crate::ingest::Outlook;
use crate::ingest::hints::Hints;

/// The shortest time between two looks: many files dropped at once raise many hints.
const BREATH: Duration = Duration::from_millis(200);

/// What the inbox's thread sends out.
#[derive(Debug)]
pub enum SourceEvent {
    /// A look found something out.
    Notice(Notice),
    /// A look is over.
    Looked(Outlook),
    /// Nothing was to be seen: `watch/` cannot be listed.
    Blind(FolderError),
}

/// The handle of the inbox's thread.
#[derive(Debug, Clone)]
pub struct Source {
    wake: mpsc::Sender<()>,
    is_over: Arc<AtomicBool>,
}

impl Source {
    /// Returns the handle, and the loop to run on a thread of its own until [`Source::end`].
    ///
    /// A change in one of the folders `aside`, such as those of networks, leads to a look, too.
    pub fn new(
        inbox: Inbox,
        aside: Vec<PathBuf>,
        send: impl Fn(SourceEvent) + Send + 'static,
    ) -> (Self, impl FnOnce() + Send + 'static) {
        let (wake, woken) = mpsc::channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let source = Self {
            wake: wake.clone(),
            is_over: Arc::clone(&is_over),
        };
        let hints = Hints::new(Arc::new(move || {
            // The loop may have ended.
            let _ = wake.send(());
        }));
        let run = move || run(inbox, (hints, &aside), &woken, &is_over, &send);
        (source, run)
    }

    /// Asks the loop to look now.
    pub fn look(&self) {
        // The loop may have ended already.
        let _ = self.wake.send(());
    }

    /// Asks the loop to end after the bundle it is looking at.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        // The loop may have ended already.
        let _ = self.wake.send(());
    }
}

fn run(
    mut inbox: Inbox,
    (mut hints, aside): (Hints, &[PathBuf]),
    woken: &mpsc::Receiver<()>,
    is_over: &AtomicBool,
    send: &dyn Fn(SourceEvent),
) {
    let go_on = || !is_over.load(Ordering::Acquire);
    let mut is_polling = false;
    while go_on() {
        // Before the look: what changes after it raises a hint.
        hints.attend(aside);
        let looked = inbox.look(&mut |notice| send(SourceEvent::Notice(notice)), &go_on);
        match looked.follow {
            Ok((identity, folders)) => {
                let refused = hints.follow(&inbox.studio.watch, identity, folders).err();
                if let Some(error) = refused.filter(|_| !is_polling) {
                    send(SourceEvent::Notice(Notice::Remark(polling(&error, &inbox))));
                    is_polling = true;
                }
                send(SourceEvent::Looked(looked.outlook));
            }
            Err(error) => {
                hints.pause();
                send(SourceEvent::Blind(error));
            }
        }
        wait(woken, looked.outlook.next_look, &inbox, &go_on);
    }
}

/// Waits for a hint or until the reading `until`; after a hint until its burst is over.
fn wait(woken: &mpsc::Receiver<()>, until: Duration, inbox: &Inbox, go_on: &dyn Fn() -> bool) {
    let left = |until: Duration| until.saturating_sub(inbox.clock.monotonic());
    if woken.recv_timeout(left(until)).is_ok() {
        let burst_over = inbox.clock.monotonic() + BREATH;
        while go_on() && woken.recv_timeout(left(burst_over)).is_ok() {}
    }
}

fn polling(error: &notify::Error, inbox: &Inbox) -> String {
    let seconds = inbox.patience.rescan.as_secs();
    let limit = matches!(error.kind, notify::ErrorKind::MaxFilesWatch);
    let mend = if limit {
        " (the limit on inotify watches is reached: sudo sysctl fs.inotify.max_user_watches=524288 \
         raises it)"
    } else {
        ""
    };
    format!("no early notice of changes: {error}{mend}; looking every {seconds} s instead")
}
