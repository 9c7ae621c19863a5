//! Losses: what the rule keeps, that the table keeps the same, and going on from a checkpoint.

use super::*;

fn sample(stage: u32, iteration: u32) -> LossSample {
    let loss = f64::from(stage * 100_000 + iteration);
    LossSample {
        stage,
        iteration,
        total: loss,
        terms: vec![
            ("style".to_owned(), loss / 2.0),
            ("content".to_owned(), 1.0),
        ],
    }
}

fn kept(newest: u64) -> Vec<u64> {
    (0..=newest).filter(|&seq| is_kept(newest, seq)).collect()
}

#[test]
fn what_was_dropped_stays_dropped() {
    let mut before = kept(0);
    for newest in 1..6000 {
        let now = kept(newest);
        assert_eq!(now.last(), Some(&newest));
        assert!(now.iter().all(|seq| *seq == newest || before.contains(seq)));
        assert!(now.len() <= 1100, "{newest}");
        before = now;
    }
}

#[test]
fn the_newest_and_the_first_are_whole_and_a_million_leave_under_two_thousand() {
    let newest = 1_000_000;
    let kept = kept(newest);
    assert!(kept.len() < 2000, "{}", kept.len());
    assert!((0..64).all(|seq| kept.contains(&seq)));
    assert!((newest - 511..=newest).all(|seq| kept.contains(&seq)));
    // Nowhere a hole of more than an eighth of the age.
    for pair in kept.windows(2) {
        let (older, younger) = (pair[0], pair[1]);
        assert!((younger - older) * 64 <= newest - older + 64, "{pair:?}");
    }
}

#[test]
fn the_table_keeps_what_the_rule_keeps() {
    let mut scene = Scene::new();
    scene.queue(1);
    let samples: Vec<LossSample> = (1..=2000)
        .map(|iteration| sample(1, iteration))
        .chain((1..=1500).map(|iteration| sample(2, iteration)))
        .collect();
    for chunk in samples.chunks(300) {
        scene
            .store
            .write_if_room(|change| change.add_losses(JobId(1), chunk))
            .unwrap();
    }
    let newest = samples.len() as u64 - 1;
    let expected: Vec<LossSample> = (0..)
        .zip(samples)
        .filter(|(seq, _)| is_kept(newest, *seq))
        .map(|(_, sample)| sample)
        .collect();
    assert_eq!(scene.store.losses(JobId(1)).unwrap(), expected);
}

#[test]
fn going_on_from_a_checkpoint_replaces_what_came_after_it() {
    let mut scene = Scene::new();
    scene.queue(1);
    scene.queue(2);
    let mut add = |id, samples: &[LossSample]| {
        let added = scene
            .store
            .write(|change| change.add_losses(JobId(id), samples));
        added.map(|()| scene.store.losses(JobId(id)).unwrap())
    };
    add(2, &[sample(1, 9)]).unwrap();
    add(1, &[sample(1, 1), sample(1, 2), sample(2, 1), sample(2, 2)]).unwrap();
    let again = LossSample {
        total: 0.5,
        ..sample(1, 2)
    };
    let told = add(1, std::slice::from_ref(&again)).unwrap();
    assert_eq!(told, [sample(1, 1), again]);
    assert_eq!(add(2, &[]).unwrap(), [sample(1, 9)]);
    assert!(matches!(
        add(3, &[sample(1, 1)]),
        Err(StoreError::NoJob { id: JobId(3) })
    ));
}

#[test]
fn what_is_no_number_stays_none() {
    let mut scene = Scene::new();
    scene.queue(1);
    let odd = LossSample {
        total: f64::NAN,
        terms: vec![("a".to_owned(), f64::INFINITY), ("b".to_owned(), -2.5e-300)],
        ..sample(1, 1)
    };
    scene
        .store
        .write(|change| change.add_losses(JobId(1), std::slice::from_ref(&odd)))
        .unwrap();
    let told = scene.store.losses(JobId(1)).unwrap().remove(0);
    assert!(told.total.is_nan() && told.terms[0].1.is_nan());
    assert_eq!(told.terms[1], odd.terms[1]);
}
