//! The inbox's own loop: look, wait for a hint or the next reading, look again.
//!
//! Runs on a thread of its own, because a check decodes pictures and must not hold up the worker's
//! events or a stop. What it finds goes out through a callback, and as a board that can be read at
//! any time; the thread is spawned in `daemon`.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use crate::folder::FolderError;
use crate::ingest::Board;
use crate::ingest::Explanation;
use crate::ingest::Inbox;
use crate::ingest::NotHeld;
use crate::ingest::Notice;
use crate::ingest::Outlook;
use crate::ingest::hints;
use crate::ingest::hints::Aside;
use crate::ingest::hints::Hints;
use crate::ingest::hints::Wake;
use crate::ingest::inbox::held_at;
use crate::job::names::display_path;

/// The shortest time between two looks: many files dropped at once raise many hints.
const BREATH: Duration = Duration::from_millis(200);

/// What the inbox's thread sends out.
#[derive(Debug)]
pub enum SourceEvent {
    /// A look found something out.
    Notice(Notice),
    /// A look is over.
    Looked(Outlook),
    /// Nothing was to be seen: no watch folder can be listed.
    Blind(FolderError),
}

/// The handle of the inbox's thread.
#[derive(Debug, Clone)]
pub struct Source {
    line: Arc<Line>,
}

/// What the handle and the loop share.
#[derive(Debug)]
struct Line {
    wake: mpsc::Sender<()>,
    /// A wake-up is on its way: thousands of hints need no more than that one.
    is_woken: AtomicBool,
    is_over: AtomicBool,
    board: Mutex<Arc<Board>>,
    let_through: Mutex<Vec<PathBuf>>,
}

impl Line {
    fn wake(&self) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            // The loop may have ended.
            let _ = self.wake.send(());
        }
    }
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
        let line = Arc::new(Line {
            wake,
            is_woken: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            board: Mutex::new(Arc::new(inbox.board())),
            let_through: Mutex::new(Vec::new()),
        });
        let source = Self {
            line: Arc::clone(&line),
        };
        let run = move || {
            let mut watching = Loop::new(inbox, aside, line, &send);
            watching.run(&woken);
        };
        (source, run)
    }

    /// Asks the loop to look now.
    pub fn look(&self) {
        self.line.wake();
    }

    /// Asks the loop to end after the bundle it is looking at.
    pub fn end(&self) {
        self.line.is_over.store(true, Ordering::Release);
        self.line.wake();
    }

    /// Returns everything that the last look found. Never waits for a look.
    pub fn board(&self) -> Arc<Board> {
        let board = self.line.board.lock();
        Arc::clone(&board.unwrap_or_else(PoisonError::into_inner))
    }

    /// Says why `path`, absolute, lies where it lies, as of the last look.
    pub fn explain(&self, path: &Path) -> Explanation {
        self.board().explain(path)
    }

    /// Has a bundle painted although it is held: see [`Inbox::run_duplicate`]. Does not wait.
    pub fn run_duplicate(&self, path: &Path) -> Result<String, NotHeld> {
        let board = self.board();
        let name = held_at(&board, path)?.shown.clone();
        let waiting = self.line.let_through.lock();
        waiting
            .unwrap_or_else(PoisonError::into_inner)
            .push(path.to_owned());
        self.line.wake();
        Ok(name)
    }
}

/// The loop.
struct Loop<'a> {
    inbox: Inbox,
    hints: Vec<Hints>,
    aside: (Aside, Vec<PathBuf>),
    line: Arc<Line>,
    send: &'a dyn Fn(SourceEvent),
    /// The watch folders for which it was told that they are polled against their filesystem.
    warned: Vec<bool>,
}

impl<'a> Loop<'a> {
    fn new(
        inbox: Inbox,
        aside: Vec<PathBuf>,
        line: Arc<Line>,
        send: &'a dyn Fn(SourceEvent),
    ) -> Self {
        let wake = || -> Wake {
            let line = Arc::clone(&line);
            Arc::new(move || line.wake())
        };
        let watches = inbox.ground.studio.watches();
        let hints: Vec<_> = watches.map(|_| Hints::new(wake())).collect();
        Self {
            warned: vec![false; hints.len()],
            hints,
            aside: (Aside::new(wake()), aside),
            inbox,
            line,
            send,
        }
    }

    fn run(&mut self, woken: &mpsc::Receiver<()>) {
        while !self.line.is_over.load(Ordering::Acquire) {
            self.line.is_woken.store(false, Ordering::Release);
            // Before the look: what changes after it raises a hint.
            self.aside.0.attend(&self.aside.1);
            self.let_through();
            let outlook = self.look();
            if outlook.n_in_line == 0 {
                self.wait(woken, outlook.next_look);
            }
        }
    }

    fn let_through(&mut self) {
        let waiting = self.line.let_through.lock();
        let paths = std::mem::take(&mut *waiting.unwrap_or_else(PoisonError::into_inner));
        for path in paths {
            if let Err(error) = self.inbox.run_duplicate(&path) {
                tracing::debug!(%error, "no longer held");
            }
        }
    }

    fn look(&mut self) -> Outlook {
        let line = Arc::clone(&self.line);
        let go_on = || !line.is_over.load(Ordering::Acquire);
        let now = self.inbox.ground.clock.monotonic();
        let send = self.send;
        let mut tell = |notice| send(SourceEvent::Notice(notice));
        let looked = self.inbox.look(now, &mut tell, &go_on);
        let mut blind = None;
        let n_places = looked.follow.len();
        let mut n_blind = 0;
        let watches: Vec<_> = self.inbox.ground.studio.watches().cloned().collect();
        for (n, (follow, watch)) in looked.follow.into_iter().zip(&watches).enumerate() {
            match follow {
                Ok(follow) => {
                    let (watching, refused) = self.hints[n].follow(watch, &follow);
                    self.inbox.set_mode(n, watching);
                    let is_new = refused.is_some() && !self.warned[n];
                    self.warned[n] = refused.is_some();
                    if let Some(error) = refused.filter(|_| is_new) {
                        tell(Notice::Remark(self.polling(watch, &error)));
                    }
                }
                Err(error) => {
                    self.hints[n].pause();
                    n_blind += 1;
                    blind = Some(error);
                }
            }
        }
        let board = Arc::new(self.inbox.board());
        *self
            .line
            .board
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = board;
        match blind {
            Some(error) if n_blind == n_places => send(SourceEvent::Blind(error)),
            Some(_) | None => send(SourceEvent::Looked(looked.outlook)),
        }
        looked.outlook
    }

    /// Waits for a hint or until the reading `until`; after a hint until its burst is over.
    fn wait(&self, woken: &mpsc::Receiver<()>, until: Duration) {
        let left = |until: Duration| until.saturating_sub(self.inbox.ground.clock.monotonic());
        if woken.recv_timeout(left(until)).is_ok() {
            let burst_over = self.inbox.ground.clock.monotonic() + BREATH;
            self.line.is_woken.store(false, Ordering::Release);
            let is_over = || self.line.is_over.load(Ordering::Acquire);
            while !is_over() && woken.recv_timeout(left(burst_over)).is_ok() {
                self.line.is_woken.store(false, Ordering::Release);
            }
        }
    }

    fn polling(&self, watch: &Path, error: &notify::Error) -> String {
        let seconds = self.inbox.ground.patience.poll.as_secs();
        format!(
            "no early notice of changes in {}: {}; looking every {seconds} s instead",
            display_path(watch),
            hints::words_of(error)
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;
    use crate::clock::Clock;
    use crate::folder::Studio;
    use crate::ingest::Accepted;
    use crate::ingest::BundleState;
    use crate::ingest::Links;
    use crate::ingest::Patience;

    fn wait_until(what: &str, is_so: impl Fn() -> bool) {
        let begin = Instant::now();
        while !is_so() {
            assert!(begin.elapsed() < Duration::from_mins(1), "in vain: {what}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    #[test]
    fn a20_the_handle_shows_what_lies_there_and_lets_through() {
        let dir = tempfile::tempdir().unwrap();
        let studio = Studio::at(dir.path().to_owned());
        studio.prepare().unwrap();
        for name in ["a", "b"] {
            fs::write(studio.watch.join(format!("{name}.content.jpg")), "c").unwrap();
            fs::write(studio.watch.join(format!("{name}.style.jpg")), "s").unwrap();
        }
        let patience = Patience {
            settle: Duration::ZERO,
            ..Patience::default()
        };
        let check: crate::ingest::Check = Box::new(|_, _| {
            Some(Ok(Accepted {
                profile_text: String::new(),
                profile_key: String::new(),
                profile_source: String::new(),
                remarks: Vec::new(),
            }))
        });
        let links = Links::Refuse;
        let inbox = Inbox::open(studio.clone(), patience, links, check, Clock::start()).unwrap();
        let (source, run) = Source::new(inbox, Vec::new(), |_| {});
        let thread = std::thread::spawn(run);
        let path = studio.watch.join("b.style.jpg");
        let is_held = || {
            let board = source.board();
            let bundle = board.bundle_at(&path).map(|bundle| bundle.state.clone());
            matches!(bundle, Some(BundleState::Duplicate { .. }))
        };
        wait_until("the second to be held", is_held);
        assert_eq!(source.explain(&path).state, "duplicate");
        assert_eq!(source.run_duplicate(&path).unwrap(), "b");
        let n_jobs = || studio.active_jobs().unwrap().len();
        wait_until("the second to be taken", || n_jobs() == 2);
        source.end();
        thread.join().unwrap();
    }
}
