//! Random sequences of operations against a plain model, with the store opened again in between.

use std::collections::BTreeMap;

use pentimento::clock::Timestamp;
use pentimento::job::{Job, JobId, JobState};
use pentimento::store::{
    AttemptOutcome, Cause, EventId, Filter, LossSample, Page, Store, StoreError,
};
use proptest::prelude::*;
use serde_json::json;

use super::{database, job, place, states};

#[derive(Debug, Clone)]
enum Act {
    Put(u32, usize),
    Begin(u32),
    End(u32),
    Lose(u32, u32),
    Tell(u32),
    Forget(u32),
    Rederive(u32, usize),
    Break(u32),
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let id = 1_u32..5;
    let state = 0..states().len();
    prop_oneof![
        6 => (id.clone(), state.clone()).prop_map(|(id, state)| Act::Put(id, state)),
        3 => id.clone().prop_map(Act::Begin),
        2 => id.clone().prop_map(Act::End),
        2 => (id.clone(), 1_u32..40).prop_map(|(id, iteration)| Act::Lose(id, iteration)),
        2 => id.clone().prop_map(Act::Tell),
        1 => id.clone().prop_map(Act::Forget),
        1 => (id.clone(), state).prop_map(|(id, state)| Act::Rederive(id, state)),
        1 => id.prop_map(Act::Break),
        1 => Just(Act::Reopen),
    ]
}

/// What the store should hold.
#[derive(Debug, Default)]
struct Model {
    jobs: BTreeMap<u32, Known>,
    events: Vec<(EventId, u32)>,
}

#[derive(Debug)]
struct Known {
    job: Job,
    n_steps: usize,
    n_attempts: u32,
    is_open: bool,
    losses: Vec<u32>,
}

impl Known {
    fn new(job: Job) -> Self {
        Self {
            job,
            n_steps: 1,
            n_attempts: 0,
            is_open: false,
            losses: Vec::new(),
        }
    }

    /// Goes to a state if a job may; tells whether it could.
    fn go(&mut self, state: &JobState) -> bool {
        let is_step = self.job.state.name() != state.name();
        if is_step && self.job.clone().enter(state.clone()).is_err() {
            return false;
        }
        self.job.state = state.clone();
        self.n_steps += usize::from(is_step);
        true
    }
}

/// Does `act` to both and tells whether each took it.
fn both(store: &mut Store, model: &mut Model, act: &Act) -> (Result<(), StoreError>, bool) {
    let now = Timestamp(5000);
    match *act {
        Act::Put(id, state) => {
            let job = job(id, states()[state].clone());
            let put = store.write(|change| change.put_job(&job, &place(&job), now));
            let taken = match model.jobs.get_mut(&id) {
                Some(known) => known.go(&job.state),
                None if state < 2 => model.jobs.insert(id, Known::new(job)).is_none(),
                None => false,
            };
            (put, taken)
        }
        Act::Begin(id) => {
            let job = job(id, states()[3].clone());
            let begun = store.write(|change| change.begin_attempt(&job, now));
            let known = model.jobs.get_mut(&id).filter(|known| !known.is_open);
            let taken = known.is_some_and(|known| {
                let taken = known.go(&job.state);
                known.n_attempts += u32::from(taken);
                known.is_open |= taken;
                taken
            });
            (begun.map(|_| ()), taken)
        }
        Act::End(id) => {
            let number = model.jobs.get(&id).map_or(1, |known| known.n_attempts);
            let ended = store.write(|change| {
                change.end_attempt(JobId(id), number, &AttemptOutcome::Stopped, now)
            });
            let known = model.jobs.get_mut(&id).filter(|known| known.is_open);
            let taken = known.is_some_and(|known| std::mem::take(&mut known.is_open));
            (ended, taken)
        }
        Act::Lose(id, iteration) => lose(store, model, id, iteration),
        Act::Tell(id) => {
            let told =
                store.write(|change| change.add_event("note", Some(JobId(id)), &json!(id), now));
            (told.map(|event| model.events.push((event, id))), true)
        }
        Act::Forget(id) => {
            let forgotten = store.write(|change| change.forget_job(JobId(id)));
            (forgotten, model.jobs.remove(&id).is_some())
        }
        Act::Rederive(id, state) => {
            let job = job(id, states()[state].clone());
            let found = [(place(&job), job.clone())];
            let rederived = store.write(|change| change.rederive(&found, now));
            match model.jobs.get_mut(&id) {
                Some(known) => {
                    known.n_steps += usize::from(known.job.state.name() != job.state.name());
                    known.job = job;
                }
                None => {
                    model.jobs.insert(id, Known::new(job));
                }
            }
            (rederived.map(|_| ()), true)
        }
        // A change that fails in its middle leaves nothing.
        Act::Break(id) => {
            let broken = store.write(|change| {
                change.add_event("note", None, &json!(null), now)?;
                let job = job(id, states()[1].clone());
                change.rederive(&[(place(&job), job)], now)?;
                change.forget_job(JobId(99))
            });
            (broken, false)
        }
        Act::Reopen => (Ok(()), true),
    }
}

fn lose(
    store: &mut Store,
    model: &mut Model,
    id: u32,
    iteration: u32,
) -> (Result<(), StoreError>, bool) {
    let sample = LossSample {
        stage: 1,
        iteration,
        total: 1.0,
        terms: Vec::new(),
    };
    let added = store.write(|change| change.add_losses(JobId(id), std::slice::from_ref(&sample)));
    let taken = model.jobs.get_mut(&id).is_some_and(|known| {
        known.losses.retain(|earlier| *earlier < iteration);
        known.losses.push(iteration);
        true
    });
    (added, taken)
}

/// Sees that the store holds what the model does.
fn agree(store: &Store, model: &Model) {
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    let page = Page {
        before: None,
        limit: 100,
    };
    let rows = store.list(&Filter::default(), page).unwrap().rows;
    let listed: Vec<&Job> = rows.iter().rev().map(|row| &row.job).collect();
    let known: Vec<&Job> = model.jobs.values().map(|known| &known.job).collect();
    assert_eq!(listed, known);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (id, known) in &model.jobs {
        *counts.entry(known.job.state.name().to_owned()).or_default() += 1;
        let id = JobId(*id);
        let history = store.history(id).unwrap();
        assert_eq!(history.len(), known.n_steps);
        for step in history.iter().filter(|step| step.cause == Cause::Step) {
            assert_legal(step.from.as_deref(), &step.to);
        }
        let attempts = store.attempts(id).unwrap();
        let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!(numbers, (1..=known.n_attempts).collect::<Vec<_>>());
        let open = store.open_attempt(id).unwrap();
        assert_eq!(open, known.is_open.then_some(known.n_attempts));
        let losses = store.losses(id).unwrap();
        let losses: Vec<u32> = losses.iter().map(|sample| sample.iteration).collect();
        assert_eq!(losses, known.losses);
    }
    assert_eq!(store.counts().unwrap(), counts);
    let events = store.events_since(EventId(0), 1000).unwrap().events;
    let events: Vec<_> = events
        .iter()
        .map(|event| (event.id, event.job.unwrap().0))
        .collect();
    assert_eq!(events, model.events);
    assert!(events.is_sorted_by(|a, b| a.0 < b.0));
}

fn assert_legal(from: Option<&str>, to: &str) {
    let named = |name: &str| {
        states()
            .into_iter()
            .find(|state| state.name() == name)
            .unwrap()
    };
    match from {
        Some(from) => job(1, named(from)).enter(named(to)).unwrap(),
        None => assert!(["claiming", "queued"].contains(&to), "begins as {to}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_operations_keep_the_store_as_the_model_has_it(
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path());
        let open = || Store::open_with_reserve(&path, Timestamp(1), 4096).unwrap();
        let mut store = open();
        let mut model = Model::default();
        for act in &acts {
            if matches!(act, Act::Reopen) {
                drop(store);
                store = open();
                agree(&store, &model);
                continue;
            }
            let (done, taken) = both(&mut store, &mut model, act);
            prop_assert_eq!(done.is_ok(), taken, "{:?}: {:?}", act, done);
        }
        agree(&store, &model);
    }
}
