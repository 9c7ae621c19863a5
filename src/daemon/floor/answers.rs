//! What is asked of the floor from outside, and the steps that are taken.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use crate::causes::with_causes;
use crate::control;
use crate::control::Admission;
use crate::control::Operation;
use crate::control::Refusal;
use crate::control::Request;
use crate::control::Step;
use crate::control::view::Card;
use crate::control::view::Filter;
use crate::control::view::Overview;
use crate::control::view::Page;
use crate::daemon::Report;
use crate::daemon::floor::Entry;
use crate::daemon::floor::Floor;
use crate::daemon::floor::on_wire;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::write_atomic;
use crate::job::Job;
use crate::job::JobId;
use crate::job::JobState;
use crate::job::Wish;
use crate::job::names::display_path;
use crate::supervisor::Urgency;

/// What an answered request demands of the loop around the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::daemon) enum Demand {
    /// Nothing.
    Nothing,
    /// That the watch folder be looked at.
    Look,
    /// That everything end.
    Stop,
}

impl Floor<'_> {
    /// Answers a request.
    pub(in crate::daemon) fn answer(&mut self, request: Request) -> Demand {
        match request {
            Request::Overview(answer) => give(answer, self.overview()),
            Request::Board(answer) => give(answer, self.inbox.board()),
            Request::RunDuplicate(path, answer) => {
                give(answer, self.inbox.run_duplicate(&path));
            }
            Request::Jobs(filter, answer) => give(answer, self.page(&filter)),
            Request::Job(id, answer) => give(answer, self.card(id)),
            Request::Operate(id, operation, answer) => {
                let done = self.operate(id, &operation);
                give(answer, done.and_then(|()| self.card(id)));
            }
            Request::Admit(admission, answer) => give(answer, self.admit(*admission)),
            Request::Scan(answer) => {
                give(answer, ());
                return Demand::Look;
            }
            Request::Stop(answer) => {
                give(answer, ());
                return Demand::Stop;
            }
        }
        Demand::Nothing
    }

    fn overview(&self) -> Overview {
        let mut n_jobs = [0; JobState::NAMES.len()];
        let here = self.jobs.values().map(|entry| (entry.job.state.name(), 1));
        let counts = self.ledger.counts();
        // What is over is in the books only.
        let over = ["done", "failed", "cancelled"];
        let over = over.map(|state| (state, counts.get(state).copied().unwrap_or(0)));
        for (state, n) in here.chain(over) {
            let at = JobState::NAMES.iter().position(|name| *name == state);
            if let Some(sum) = at.and_then(|at| n_jobs.get_mut(at)) {
                *sum += n;
            }
        }
        let board = self.inbox.board();
        let mut n_bundles = BTreeMap::new();
        for bundle in &board.bundles {
            *n_bundles.entry(bundle.state.name()).or_default() += 1;
        }
        let running = self.slot.job().and_then(|id| self.card(id).ok());
        Overview {
            since: self.since,
            n_jobs,
            n_bundles,
            running: running.into_iter().collect(),
            n_slots: 1,
            is_stopping: self.is_stopping,
        }
    }

    fn page(&self, filter: &Filter) -> Page {
        match self.ledger.page(filter) {
            Ok((ids, next)) => Page {
                cards: ids
                    .into_iter()
                    .filter_map(|id| self.card(id).ok())
                    .collect(),
                next,
            },
            Err(error) => {
                tracing::error!(error = with_causes(&error), "the jobs cannot be listed");
                self.page_here(filter)
            }
        }
    }

    /// Returns what is known without the store: the jobs that are not over.
    fn page_here(&self, filter: &Filter) -> Page {
        let jobs = self.jobs.values().rev().map(|entry| &entry.job);
        let ids = jobs
            .filter(|job| filter.takes(job))
            .map(|job| job.id)
            .take(filter.limit);
        Page {
            cards: ids.filter_map(|id| self.card(id).ok()).collect(),
            next: None,
        }
    }

    fn card(&self, id: JobId) -> Result<Card, Refusal> {
        let Some(entry) = self.jobs.get(&id) else {
            let known = self.ledger.get(id);
            let (job, folder) = known.ok_or(Refusal::UnknownJob { id })?;
            return Ok(Card {
                job,
                folder,
                place: None,
                live: None,
            });
        };
        let is_queued = entry.job.state == JobState::Queued;
        Ok(Card {
            job: entry.job.clone(),
            folder: entry.folder.path().to_owned(),
            place: is_queued.then(|| self.place(&entry.job)),
            live: entry.live.clone(),
        })
    }

    fn place(&self, job: &Job) -> u64 {
        let queued = self
            .jobs
            .values()
            .filter(|e| e.job.state == JobState::Queued);
        1 + queued.filter(|other| other.job.rank() < job.rank()).count() as u64
    }

    /// Returns the waiting jobs in their order, with their ranks.
    fn queue(&self) -> Vec<(JobId, i64)> {
        let waiting = self.jobs.values().map(|entry| &entry.job);
        let mut queue: Vec<_> = waiting
            .filter(|job| !matches!(job.state, JobState::Running { .. }))
            .map(|job| (job.id, job.rank()))
            .collect();
        queue.sort_by_key(|(_, rank)| *rank);
        queue
            .into_iter()
            .map(|(id, (rank, _))| (id, rank))
            .collect()
    }

    fn operate(&mut self, id: JobId, operation: &Operation) -> Result<(), Refusal> {
        let job = self.card(id)?.job;
        if let Operation::Star { file, .. } = operation {
            let folder = self.card(id)?.folder;
            if !folder.join(&file.0).is_file() {
                let file = display_path(&file.0);
                return Err(Refusal::NoSnapshot { id, file });
            }
        }
        let step = control::decide(operation, &job, &self.queue(), self.clock.wall())?;
        let failed = |source| Refusal::Files { id, source };
        match step {
            Step::Nothing => Ok(()),
            Step::Enter(next) => {
                let is_pause = matches!(next, JobState::Paused { .. });
                self.enter_wished_or_queue(id, next, is_pause);
                Ok(())
            }
            Step::Wish(wish) => self.wish(id, wish).map_err(failed),
            Step::Revive => self.revive(id).map_err(failed),
            Step::Rank(ranks) => self.rank(&ranks).map_err(failed),
            Step::Record(job) => {
                self.record(*job).map_err(failed)?;
                if let Operation::Star { file, marked } = operation {
                    self.ledger.star(id, &file.0, *marked);
                }
                Ok(())
            }
            Step::Profile(text) => self.profile(id, &text).map_err(failed),
        }
    }

    fn enter_wished_or_queue(&mut self, id: JobId, next: JobState, is_pause: bool) {
        if is_pause || next.is_final() {
            self.enter_wished(id, next);
            return;
        }
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.job.forgive();
        }
        self.enter(id, next);
        if let Some(entry) = self.jobs.get(&id) {
            (self.tell)(Report::Resumed(&entry.job));
        }
    }

    /// Remembers what is wished of a running job, and stops its worker for it.
    fn wish(&mut self, id: JobId, wish: Option<Wish>) -> Result<(), FolderError> {
        let Some(entry) = self.jobs.get_mut(&id) else {
            return Ok(());
        };
        let mut changed = entry.job.clone();
        changed.course.wish = wish;
        self.ledger
            .keep(&entry.folder, &changed, self.clock.wall())?;
        entry.job = changed;
        if wish.is_some() {
            self.slot.hurry(Urgency::Stop);
        }
        Ok(())
    }

    /// Takes a job that is over back into the queue.
    fn revive(&mut self, id: JobId) -> Result<(), FolderError> {
        let Some((mut job, path)) = self.ledger.get(id) else {
            return Ok(());
        };
        let ended = JobFolder::at(path);
        ended.clear_reason()?;
        let folder = self.studio.revive(&ended, &job)?;
        job.forgive();
        let entered = job.enter(JobState::Queued);
        debug_assert!(entered.is_ok(), "{entered:?}");
        let written = self.ledger.keep(&folder, &job, self.clock.wall());
        (self.tell)(Report::Resumed(&job));
        self.jobs.insert(id, Entry::new(folder, job));
        written
    }

    fn rank(&mut self, ranks: &[(JobId, i64)]) -> Result<(), FolderError> {
        for (id, rank) in ranks {
            if let Some(entry) = self.jobs.get_mut(id) {
                let mut changed = entry.job.clone();
                changed.course.rank = Some(*rank);
                self.ledger
                    .keep(&entry.folder, &changed, self.clock.wall())?;
                entry.job = changed;
                (self.tell)(Report::Changed(&entry.job));
            }
        }
        Ok(())
    }

    fn record(&mut self, job: Job) -> Result<(), FolderError> {
        let now = self.clock.wall();
        if let Some(entry) = self.jobs.get_mut(&job.id) {
            self.ledger.keep(&entry.folder, &job, now)?;
            let n_told = entry.job.course.edits.len();
            entry.job = job;
            if let JobState::Running { .. } = entry.job.state {
                for edit in entry.job.course.edits.iter().skip(n_told) {
                    self.slot.edit(on_wire(edit));
                }
            }
            (self.tell)(Report::Changed(&entry.job));
        } else if let Some((_, path)) = self.ledger.get(job.id) {
            self.ledger.keep(&JobFolder::at(path), &job, now)?;
            (self.tell)(Report::Changed(&job));
        }
        Ok(())
    }

    fn profile(&mut self, id: JobId, text: &str) -> Result<(), FolderError> {
        if let Some(entry) = self.jobs.get(&id) {
            write_atomic(&entry.folder.profile(), text.as_bytes())?;
            (self.tell)(Report::Changed(&entry.job));
        }
        Ok(())
    }

    /// Takes in a job that was prepared elsewhere.
    fn admit(&mut self, admission: Admission) -> Result<Card, Refusal> {
        let Admission { folder, mut job } = admission;
        let admitted = self.studio.admit(&folder, &job.name.clone(), |id| {
            job.id = id;
            folder.write(&job)
        });
        let admitted = admitted.map_err(|source| Refusal::Files { id: job.id, source })?;
        let id = job.id;
        self.ledger.put(&admitted, &job, self.clock.wall());
        (self.tell)(Report::Claimed(&job, admitted.path()));
        self.jobs.insert(id, Entry::new(admitted, job));
        self.card(id)
    }
}

/// Gives an answer to whoever asked, who may be gone by now.
fn give<T>(answer: oneshot::Sender<T>, value: T) {
    let _may_be_gone = answer.send(value);
}
