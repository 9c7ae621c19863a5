//! Which snapshots go, in which order: pure, and the same for the same files.
//!
//! What goes first is what is missed least: the snapshot whose neighbours in its job are nearest to
//! each other, measured by the length of the job, so that every job is thinned evenly and none is
//! emptied. Where two are missed alike, the one of the job that ended first goes. First pictures and
//! stage ends go only when nothing else is left; the latest and the starred never.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::retention::scan::JobSnapshots;
use crate::retention::scan::Phase;
use crate::retention::scan::Snapshot;

/// How far calendar and monotonic time may drift apart before the calendar is not trusted.
const DRIFT: Duration = Duration::from_hours(1);
const DAY: u64 = 86_400;
/// A gap is measured in this many parts of the job's length.
const PARTS: u64 = 1 << 20;

/// By which snapshots are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// The most bytes that all snapshots together may take.
    pub budget: Option<u64>,
    /// How many days after a job's end all of its snapshots are kept; then only its first, its stage
    /// ends, its latest and the starred. To be left out while the calendar is not trusted
    /// ([`is_steady`]).
    pub keep_days: Option<u32>,
}

/// A snapshot that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The number of its job.
    pub job: u32,
    /// Its file; the last two parts are its path below the job's folder.
    pub path: PathBuf,
    /// Its length in bytes, as it was looked at.
    pub bytes: u64,
}

/// What goes, in this order, and what that leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The snapshots that go.
    pub removals: Vec<Removal>,
    /// How many bytes they have.
    pub freed: u64,
    /// How many bytes the snapshots that stay have.
    pub left: u64,
    /// By how much that is above the budget: what stays is never removed.
    pub over: u64,
}

/// Decides what goes.
pub fn plan(jobs: &[JobSnapshots], rules: &Rules, now: Timestamp) -> Plan {
    let mut table = Table::new(jobs);
    if let Some(days) = rules.keep_days {
        table.remove_old(u64::from(days), now);
    }
    if let Some(budget) = rules.budget {
        table.thin(budget);
        table.remove_milestones(budget);
    }
    let mut plan = table.plan;
    plan.over = rules
        .budget
        .map_or(0, |budget| plan.left.saturating_sub(budget));
    plan
}

/// Returns whether calendar and monotonic time moved alike since the program's start; where they did
/// not, the calendar was set, and no age can be told.
pub fn is_steady(start: (Timestamp, Duration), now: (Timestamp, Duration)) -> bool {
    let by_calendar = i128::from(now.0.0) - i128::from(start.0.0);
    let by_monotonic = i128::from(now.1.saturating_sub(start.1).as_secs());
    // Monotonic time stands still while the machine sleeps, so the calendar may be ahead by nights.
    let ahead = by_calendar - by_monotonic;
    let drift = i128::from(DRIFT.as_secs());
    (-drift..=drift + 14 * i128::from(DAY)).contains(&ahead)
}

/// How a snapshot is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    Ordinary,
    /// The first picture, or the last of a stage.
    Milestone,
    /// The latest picture, or a starred one.
    Kept,
}

/// One job's snapshots in their order, with those that are still there linked to each other.
struct Row<'a> {
    job: &'a JobSnapshots,
    /// Place in the order of ends, earliest first, running jobs last.
    age: usize,
    worth: Vec<Worth>,
    previous: Vec<Option<usize>>,
    next: Vec<Option<usize>>,
    is_gone: Vec<bool>,
}

struct Table<'a> {
    /// By age.
    rows: Vec<Row<'a>>,
    plan: Plan,
}

/// How little a snapshot is missed: gap in parts of the job's length, age of the job, its place.
type Miss = Reverse<(u64, usize, usize)>;

impl<'a> Table<'a> {
    fn new(jobs: &'a [JobSnapshots]) -> Self {
        let mut jobs: Vec<&JobSnapshots> = jobs.iter().collect();
        jobs.sort_by_key(|job| (job.phase, job.id));
        let total = |job: &&JobSnapshots| job.snapshots.iter().map(|s| s.bytes).sum::<u64>();
        let left = jobs.iter().map(total).sum();
        let rows = jobs.into_iter().enumerate();
        Self {
            rows: rows.map(|(age, job)| Row::new(job, age)).collect(),
            plan: Plan {
                left,
                ..Plan::default()
            },
        }
    }

    fn remove_old(&mut self, days: u64, now: Timestamp) {
        for row in 0..self.rows.len() {
            let Phase::Ended(end) = self.rows[row].job.phase else {
                continue;
            };
            if now.0.saturating_sub(end.0) <= days * DAY {
                continue;
            }
            for index in 0..self.rows[row].worth.len() {
                if self.rows[row].worth[index] == Worth::Ordinary {
                    self.remove(row, index);
                }
            }
        }
    }

    /// Removes what is missed least until the budget is kept or only milestones are left.
    fn thin(&mut self, budget: u64) {
        let mut heap: BinaryHeap<Miss> = BinaryHeap::new();
        for row in &self.rows {
            heap.extend((0..row.worth.len()).filter_map(|index| row.miss(index)));
        }
        while self.plan.left > budget {
            let Some(Reverse((gap, age, index))) = heap.pop() else {
                return;
            };
            let row = &self.rows[age];
            // A gap that grew since it was put there is in the heap again.
            if row.is_gone[index] || row.gap(index) != gap {
                continue;
            }
            let neighbours = [row.previous[index], row.next[index]];
            self.remove(age, index);
            let row = &self.rows[age];
            heap.extend(neighbours.into_iter().flatten().filter_map(|i| row.miss(i)));
        }
    }

    fn remove_milestones(&mut self, budget: u64) {
        for row in 0..self.rows.len() {
            for index in 0..self.rows[row].worth.len() {
                if self.plan.left <= budget {
                    return;
                }
                let is_there = !self.rows[row].is_gone[index];
                if is_there && self.rows[row].worth[index] == Worth::Milestone {
                    self.remove(row, index);
                }
            }
        }
    }

    fn remove(&mut self, row: usize, index: usize) {
        let row = &mut self.rows[row];
        row.unlink(index);
        let Snapshot { path, bytes, .. } = &row.job.snapshots[index];
        self.plan.freed += bytes;
        self.plan.left -= bytes;
        self.plan.removals.push(Removal {
            job: row.job.id,
            path: path.clone(),
            bytes: *bytes,
        });
    }
}

impl<'a> Row<'a> {
    fn new(job: &'a JobSnapshots, age: usize) -> Self {
        let count = job.snapshots.len();
        Self {
            job,
            age,
            worth: (0..count)
                .map(|index| worth(&job.snapshots, index))
                .collect(),
            previous: (0..count).map(|index| index.checked_sub(1)).collect(),
            next: (1..=count)
                .map(|index| (index < count).then_some(index))
                .collect(),
            is_gone: vec![false; count],
        }
    }

    /// Returns the distance between the neighbours of a snapshot, in parts of the job's length.
    fn gap(&self, index: usize) -> u64 {
        let at = |index: Option<usize>| index.map(|i| self.job.snapshots[i].step);
        let from = at(self.previous[index]).unwrap_or(0);
        let to = at(self.next[index]).unwrap_or(u64::MAX);
        let length = self.job.snapshots.last().map_or(1, |last| last.step.max(1));
        to.saturating_sub(from).saturating_mul(PARTS) / length
    }

    fn miss(&self, index: usize) -> Option<Miss> {
        let is_candidate = self.worth[index] == Worth::Ordinary && !self.is_gone[index];
        is_candidate.then(|| Reverse((self.gap(index), self.age, index)))
    }

    fn unlink(&mut self, index: usize) {
        self.is_gone[index] = true;
        let (previous, next) = (self.previous[index], self.next[index]);
        if let Some(previous) = previous {
            self.next[previous] = next;
        }
        if let Some(next) = next {
            self.previous[next] = previous;
        }
    }
}

fn worth(snapshots: &[Snapshot], index: usize) -> Worth {
    let snapshot = &snapshots[index];
    match snapshots.get(index + 1) {
        None => Worth::Kept,
        Some(_) if snapshot.is_starred => Worth::Kept,
        Some(next) if index == 0 || next.stage != snapshot.stage => Worth::Milestone,
        Some(_) => Worth::Ordinary,
    }
}
