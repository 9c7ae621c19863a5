//! The real worker process, killed, stopped and edited while it paints.

use std::fs;

use pentimento::protocol::{self, Edit, Event, Order};

use crate::support::job::Job;

const PROFILE: &str = "network = \"builtin\"\ncompat = \"pt\"\nseed = 3\nsave_iter = 3\n\
                       init = \"random\"\nthreads = 2\n\
                       content_layers = [\"relu3_1\"]\nstyle_layers = [\"relu1_1\", \"relu2_1\"]\n\
                       [[stages]]\nimage_size = 48\nnum_iterations = 12\n\
                       [[stages]]\nimage_size = 64\nnum_iterations = 8\noptimizer = \"adam\"\n";

/// Evaluations of the profile.
const N: u64 = 20;

fn is_evaluation(event: &Event) -> bool {
    matches!(event, Event::Progress { .. })
}

/// Returns a job that was painted without a break.
fn whole() -> Job {
    let job = Job::new(PROFILE);
    let (events, ended_well) = job.worker().rest();
    assert!(ended_well, "{events:?}");
    assert!(
        matches!(events.last(), Some(Event::Finished { .. })),
        "{events:?}"
    );
    job
}

/// A sequence of numbers that only look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn kills_at_random_moments_change_nothing_but_the_time_it_takes() {
    let whole = whole().left();
    let mut dice = Dice(20_261_124);
    let job = Job::new(PROFILE);
    let (mut kills, mut evaluations, mut last_said) = (0, 0, 0);
    loop {
        assert!(kills < 200, "it does not get on");
        let mut worker = job.worker();
        let patience = dice.roll(14);
        let mut heard = 0;
        let mut is_finished = false;
        while let Some(event) = worker.next() {
            heard += 1;
            evaluations += u64::from(is_evaluation(&event));
            if let Event::Checkpoint { evaluations, .. } = event {
                last_said = evaluations;
            }
            is_finished |= matches!(event, Event::Finished { .. });
            if heard > patience && !is_finished {
                worker.kill();
                break;
            }
        }
        if is_finished {
            break;
        }
        // What it had said before it died counts as well.
        let (rest, _) = worker.rest();
        evaluations += rest.iter().filter(|event| is_evaluation(event)).count() as u64;
        kills += 1;
    }
    assert_eq!(job.left(), whole);
    // A checkpoint an iteration: a kill costs that iteration, and one that was not told of.
    assert!(
        evaluations <= N + 2 * kills,
        "{evaluations} evaluations, {kills} kills"
    );
    assert!(kills >= 3, "the dice never fell");
    assert!((N..=N + 2 * kills).contains(&last_said), "{last_said}");
    eprintln!(
        "{kills} kills, {evaluations} evaluations told of ({N} without a break), {last_said} by the worker's own count"
    );
}

#[test]
fn an_order_to_stop_and_the_end_of_the_input_keep_everything() {
    let whole = whole().left();
    let job = Job::new(PROFILE);
    let mut evaluations = 0;
    for is_ordered in [true, false] {
        let mut worker = job.worker();
        while let Some(event) = worker.next() {
            if is_evaluation(&event) {
                evaluations += 1;
                break;
            }
        }
        if is_ordered {
            worker.send(&protocol::to_line(&Order::Stop(true)).unwrap());
        } else {
            worker.hang_up();
        }
        let (rest, ended_well) = worker.rest();
        assert!(ended_well);
        evaluations += rest.iter().filter(|event| is_evaluation(event)).count() as u64;
        let kept = rest.iter().rev().find_map(|event| {
            let Event::Checkpoint {
                stage, iteration, ..
            } = event
            else {
                return None;
            };
            Some((*stage, *iteration))
        });
        let (stage, iteration) = kept.unwrap();
        assert_eq!(rest.last(), Some(&Event::Stopped { stage, iteration }));
    }
    let (rest, _) = job.worker().rest();
    assert!(
        matches!(rest[0], Event::Resumed { lost: None, .. }),
        "{rest:?}"
    );
    evaluations += rest.iter().filter(|event| is_evaluation(event)).count() as u64;
    assert_eq!(evaluations, N, "nothing was made twice");
    assert_eq!(job.left(), whole);
}

#[test]
fn an_edit_survives_the_kill_that_follows_it_and_another_painting_repeats_it() {
    let whole = whole().left();
    let job = Job::new(PROFILE);
    let mut worker = job.worker();
    let edit = Order::Edit(Edit {
        id: 1,
        option: "style_weight".to_owned(),
        value: 2000.0,
        stage: Some(2),
    });
    worker.send(b"{\"dance\":true}\n");
    worker.send(&protocol::to_line(&edit).unwrap());
    loop {
        let event = worker.next().unwrap();
        assert!(
            !matches!(event, Event::Finished { .. }),
            "the edit is answered before"
        );
        if let Event::Edited { id, stage, .. } = event {
            assert_eq!((id, stage), (1, 1));
            worker.kill();
            break;
        }
    }
    drop(worker);
    assert!(job.worker().rest().1);
    assert_ne!(
        job.bytes("result.png"),
        whole
            .iter()
            .find(|(name, _)| name.ends_with("result.png"))
            .unwrap()
            .1
    );
    let again = Job::new(PROFILE);
    fs::write(again.folder().edits(), job.bytes("edits.jsonl")).unwrap();
    assert!(again.worker().rest().1);
    assert_eq!(again.left(), job.left());
}
