//! The events, for everybody who follows: a ring of the last ones, and a bounded queue a reader.
//!
//! Publishing never waits. A reader that does not keep up loses events and is told so; one that
//! comes back names the last event that it saw and gets what it missed, as far as the ring goes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use tokio::sync::broadcast;

use crate::api::types::Event;

/// How many events are kept for those who come back.
const KEPT: usize = 2048;

/// How many events wait for a reader before it loses some.
const QUEUE: usize = 256;

/// How many may follow at a time.
const READERS_MAX: usize = 40;

/// The events.
#[derive(Debug, Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    live: broadcast::Sender<Arc<Event>>,
    n_readers: AtomicUsize,
}

#[derive(Debug)]
struct Ring {
    next_id: u64,
    /// The last event that is not in the ring any more.
    lost: u64,
    events: VecDeque<Arc<Event>>,
}

/// One reader's place.
#[derive(Debug)]
pub struct Reader {
    feed: Feed,
    backlog: VecDeque<Arc<Event>>,
    live: broadcast::Receiver<Arc<Event>>,
    /// Events were missed that are to be told of first.
    missed: bool,
}

/// What a reader is given.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// An event.
    Event(Arc<Event>),
    /// Some events are missing here.
    Missed,
}

impl Feed {
    /// Returns a feed whose first event is number `first`, which is greater than those of all
    /// earlier runs.
    pub fn new(first: u64) -> Self {
        let (live, _no_reader_yet) = broadcast::channel(QUEUE);
        let ring = Ring {
            next_id: first,
            lost: first.saturating_sub(1),
            events: VecDeque::new(),
        };
        Self {
            shared: Arc::new(Shared {
                ring: Mutex::new(ring),
                live,
                n_readers: AtomicUsize::new(0),
            }),
        }
    }

    /// Gives the event its number, keeps it, and sends it to whoever follows.
    pub fn publish(&self, mut event: Event) -> u64 {
        let mut ring = self.ring();
        event.id = ring.next_id;
        ring.next_id += 1;
        let event = Arc::new(event);
        ring.events.push_back(Arc::clone(&event));
        if ring.events.len() > KEPT
            && let Some(lost) = ring.events.pop_front()
        {
            ring.lost = lost.id;
        }
        let id = event.id;
        // Nobody may be following. Under the lock, so that the order is that of the numbers.
        let _n_readers = self.shared.live.send(event);
        id
    }

    /// Returns a place from the event after number `seen` on, or from now on; `None` if too many
    /// follow already.
    pub fn follow(&self, seen: Option<u64>) -> Option<Reader> {
        let n_readers = self.shared.n_readers.fetch_add(1, Ordering::AcqRel);
        if n_readers >= READERS_MAX {
            self.shared.n_readers.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        let ring = self.ring();
        let live = self.shared.live.subscribe();
        let after = seen.unwrap_or(u64::MAX);
        let newer = ring.events.iter().filter(|event| event.id > after);
        // A number that was never given is not one of this studio.
        let missed = seen.is_some_and(|seen| seen < ring.lost || seen >= ring.next_id);
        Some(Reader {
            feed: self.clone(),
            backlog: newer.cloned().collect(),
            live,
            missed,
        })
    }

    /// Returns how many follow.
    pub fn n_readers(&self) -> usize {
        self.shared.n_readers.load(Ordering::Acquire)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.shared
            .ring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Waits for the next event; `None` when there will be none. Nothing is lost when cancelled.
    pub async fn next(&mut self) -> Option<Given> {
        if std::mem::take(&mut self.missed) {
            return Some(Given::Missed);
        }
        if let Some(event) = self.backlog.pop_front() {
            return Some(Given::Event(event));
        }
        match self.live.recv().await {
            Ok(event) => Some(Given::Event(event)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Given::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.feed.shared.n_readers.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        Event {
            id: 0,
            at: String::new(),
            kind: "remark".to_owned(),
            job: None,
            name: None,
            text: Some(text.to_owned()),
            data: serde_json::Value::Null,
        }
    }

    fn given(reader: &mut Reader, n: usize) -> Vec<u64> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut next = || match runtime.block_on(reader.next()).unwrap() {
            Given::Event(event) => event.id,
            Given::Missed => 0,
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn whoever_comes_back_gets_what_was_missed() {
        let feed = Feed::new(100);
        for n in 0..5 {
            feed.publish(event(&n.to_string()));
        }
        let mut from_now = feed.follow(None).unwrap();
        let mut back = feed.follow(Some(102)).unwrap();
        let mut from_before = feed.follow(Some(99)).unwrap();
        let mut stranger = feed.follow(Some(7)).unwrap();
        let mut future = feed.follow(Some(9999)).unwrap();
        assert_eq!(feed.publish(event("live")), 105);
        assert_eq!(given(&mut from_now, 1), [105]);
        assert_eq!(given(&mut back, 3), [103, 104, 105]);
        assert_eq!(given(&mut from_before, 6), [100, 101, 102, 103, 104, 105]);
        assert_eq!(given(&mut stranger, 2), [0, 100]);
        assert_eq!(given(&mut future, 2), [0, 105]);
    }

    #[test]
    fn a_reader_that_sleeps_holds_nobody_up_and_is_told_what_it_missed() {
        let feed = Feed::new(1);
        let mut slow = feed.follow(None).unwrap();
        for n in 0..10_000 {
            feed.publish(event(&n.to_string()));
        }
        let ids = given(&mut slow, 3);
        assert_eq!(ids[0], 0);
        assert!(ids[1] > 9_000 && ids[2] == ids[1] + 1, "{ids:?}");
        // The ring is bounded, too.
        let mut back = feed.follow(Some(5)).unwrap();
        let ids = given(&mut back, 2);
        assert_eq!((ids[0], ids[1]), (0, 10_001 - KEPT as u64));
    }

    #[test]
    fn there_are_only_so_many_places() {
        let feed = Feed::new(1);
        let readers: Vec<_> = (0..READERS_MAX)
            .map(|_| feed.follow(None).unwrap())
            .collect();
        assert!(feed.follow(None).is_none());
        drop(readers);
        assert!(feed.follow(None).is_some());
    }
}
