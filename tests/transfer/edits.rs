//! Options changed while a picture is painted: on record before they count, so that a kill, a stop
//! and another run from the beginning all end on the same bytes.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::time::Duration;

use pentimento::pixels::{DecodeOptions, read_text};
use pentimento::transfer::{Cadence, EditOrder, Event, Flow, RECIPE_KEY};

use super::resume::{assert_same, copy, go_on, inputs, left, task};

const LBFGS: &str = "init = \"random\"\ntv_weight = 0.01\n\
                     [[stages]]\nnum_iterations = 6\n\
                     [[stages]]\nimage_size = 60\nnum_iterations = 3\n";

const ADAM: &str = "init = \"random\"\noptimizer = \"adam\"\nnum_iterations = 7\n";

const EACH: Cadence = Cadence::Every(Duration::ZERO);
const STAGES_ONLY: Cadence = Cadence::Every(Duration::MAX);

fn edit(id: u64, option: &str, value: f64, stage: Option<usize>) -> EditOrder {
    EditOrder {
        id,
        option: option.to_owned(),
        value,
        stage,
    }
}

/// What an answer says: id, stage, iteration; `None` for a refusal, with its words.
type Answer = (u64, Option<(usize, usize)>, String);

/// Paints with edits, each asked for after so many evaluations, and returns the answers; `on_event`
/// is told the number of evaluations with every event.
fn paint_with(
    (inputs, folder, profile): (&Path, &Path, &str),
    cadence: Cadence,
    orders: &[(usize, EditOrder)],
    on_event: &mut dyn FnMut(&Event, usize),
) -> Vec<Answer> {
    let made = Cell::new(0);
    let mut left = orders.to_vec();
    let mut next = || {
        let due = left.iter().position(|(after, _)| *after == made.get())?;
        Some(left.remove(due).1)
    };
    let mut answers = Vec::new();
    let task = task(inputs, folder, profile);
    go_on(&task, folder, cadence, &mut next, &mut |event| {
        if matches!(event, Event::Evaluation(_)) {
            made.set(made.get() + 1);
        }
        if let Event::Edited {
            id,
            stage,
            iteration,
            option,
            ..
        } = event
        {
            answers.push((*id, Some((*stage, *iteration)), option.clone()));
        }
        if let Event::EditRefused { id, reason } = event {
            answers.push((*id, None, reason.clone()));
        }
        on_event(event, made.get());
        Flow::Continue
    })
    .unwrap();
    answers
}

/// Paints with edits, then kills it at every moment and goes on without being asked again, then
/// paints anew from the record.
fn check(profile: &str, orders: &[(usize, EditOrder)]) {
    let inputs = inputs();
    let plain = tempfile::tempdir().unwrap();
    paint_with(
        (inputs.path(), plain.path(), profile),
        EACH,
        &[],
        &mut |_, _| {},
    );
    for cadence in [EACH, STAGES_ONLY] {
        let folder = tempfile::tempdir().unwrap();
        let mut moments = Vec::new();
        let place = (inputs.path(), folder.path(), profile);
        let mut asked = 0;
        let answers = paint_with(place, cadence, orders, &mut |event, _| {
            asked += usize::from(matches!(event, Event::Edited { .. }));
            // Later, nothing that was asked for is lost.
            if asked == orders.len() {
                moments.push(copy(folder.path()));
            }
        });
        assert_eq!(answers.len(), orders.len());
        assert!(answers.iter().all(|(_, at, _)| at.is_some()), "{answers:?}");
        let whole = left(folder.path());
        assert!(whole != left(plain.path()), "the edits change something");
        for (number, killed) in moments.iter().enumerate() {
            paint_with(
                (inputs.path(), killed.path(), profile),
                cadence,
                &[],
                &mut |_, _| {},
            );
            let when = format!("{cadence:?}, killed at moment {number}");
            assert_same(&left(killed.path()), &whole, &when);
        }
        let anew = tempfile::tempdir().unwrap();
        fs::copy(
            folder.path().join("edits.jsonl"),
            anew.path().join("edits.jsonl"),
        )
        .unwrap();
        let replayed = paint_with(
            (inputs.path(), anew.path(), profile),
            EACH,
            &[],
            &mut |_, _| {},
        );
        assert_eq!(replayed, answers, "each at its iteration again");
        assert_same(&left(anew.path()), &whole, "painted anew");
    }
}

#[test]
fn weights_iterations_and_snapshots_of_this_stage_and_a_later_one() {
    check(
        LBFGS,
        &[
            (2, edit(1, "style_weight", 321.5, None)),
            (2, edit(2, "tv_weight", 0.1 + 0.2, None)),
            (3, edit(3, "num_iterations", 5.0, None)),
            (3, edit(4, "num_iterations", 4.0, Some(2))),
            (3, edit(5, "save_iter", 1.0, Some(2))),
            (4, edit(6, "content_weight", 7.0, Some(2))),
        ],
    );
}

#[test]
fn the_learning_rate_of_adam() {
    check(
        ADAM,
        &[
            (0, edit(9, "save_iter", 3.0, None)),
            (3, edit(8, "learning_rate", 4.25, None)),
            (4, edit(7, "style_weight", 900.0, None)),
            (4, edit(6, "num_iterations", 9.0, None)),
        ],
    );
}

#[test]
fn edits_that_make_no_sense_are_refused_and_the_same_one_twice_holds_once() {
    let inputs = inputs();
    let folder = tempfile::tempdir().unwrap();
    let orders = [
        (2, edit(1, "image_size", 64.0, None)),
        (2, edit(2, "style_weight", 0.0, None)),
        (2, edit(3, "learning_rate", 2.0, None)),
        (2, edit(4, "num_iterations", 2.0, None)),
        (2, edit(5, "num_iterations", 3.0, Some(7))),
        (7, edit(6, "save_iter", 3.0, Some(1))),
        (2, edit(7, "style_weight", 300.0, None)),
        (4, edit(7, "style_weight", 300.0, None)),
    ];
    let place = (inputs.path(), folder.path(), LBFGS);
    let mut answers = paint_with(place, EACH, &orders, &mut |_, _| {});
    answers.sort_by_key(|(id, ..)| *id);
    let refusals = [
        "cannot be changed",
        "settled when the job begins",
        "means nothing to L-BFGS",
        "iteration 3 is about to be made",
        "there is no stage 7",
        "stage 1 is over",
    ];
    for ((id, at, words), expected) in answers.iter().zip(refusals) {
        assert!(
            at.is_none() && words.contains(expected),
            "edit {id}: {words}"
        );
    }
    let edited = (7, Some((1, 3)), "style_weight".to_owned());
    assert_eq!(
        answers[6..],
        [edited.clone(), edited],
        "answered from the record"
    );
    let record = fs::read_to_string(folder.path().join("edits.jsonl")).unwrap();
    assert_eq!(record.lines().count(), 1, "{record}");
    let texts = read_text(&folder.path().join("result.png"), &DecodeOptions::default()).unwrap();
    let (_, recipe) = texts.iter().find(|(key, _)| key == RECIPE_KEY).unwrap();
    assert!(recipe.contains("\"edits\":[{\"id\":7"), "{recipe}");
}
