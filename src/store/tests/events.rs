//! Events: their numbers, what is kept of them, and coming back after a break.

use serde_json::Value;
use serde_json::json;

use super::*;

fn add(scene: &mut Scene, n_events: u32) -> Vec<EventId> {
    scene
        .store
        .write(|change| {
            (0..n_events)
                .map(|n| change.add_event("note", Some(JobId(n)), &json!({ "n": n }), Timestamp(7)))
                .collect()
        })
        .unwrap()
}

#[test]
fn a_follower_gets_everything_once_and_in_order() {
    let mut scene = Scene::new();
    let start = scene.store.last_event().unwrap();
    let ids = add(&mut scene, 5);
    assert!(ids.is_sorted() && start < ids[0]);
    let mut told = Vec::new();
    let mut known = start;
    loop {
        let page = scene.store.events_since(known, 2).unwrap();
        assert!(!page.missed);
        let Some(last) = page.events.last() else {
            break;
        };
        known = last.id;
        told.extend(page.events);
    }
    assert_eq!(told.iter().map(|event| event.id).collect::<Vec<_>>(), ids);
    assert_eq!(known, scene.store.last_event().unwrap());
    let Event {
        time,
        kind,
        job,
        payload,
        ..
    } = &told[3];
    assert_eq!(
        (*time, kind.as_str(), *job),
        (Timestamp(7), "note", Some(JobId(3)))
    );
    assert_eq!(payload["n"], 3);
}

#[test]
fn old_events_go_and_whoever_needed_them_is_told() {
    let mut scene = Scene::new();
    let start = scene.store.last_event().unwrap();
    let ids = add(&mut scene, EVENTS_MAX);
    assert!(!scene.store.events_since(start, 1).unwrap().missed);
    add(&mut scene, 3);
    let page = scene.store.events_since(start, u32::MAX).unwrap();
    assert!(page.missed);
    assert_eq!(page.events.len(), EVENTS_MAX as usize);
    assert_eq!(page.events[0].id, ids[3]);
    assert!(scene.store.events_since(ids[1], 1).unwrap().missed);
    assert!(!scene.store.events_since(ids[2], 1).unwrap().missed);
    let last = scene.store.last_event().unwrap();
    let end = scene.store.events_since(last, 1).unwrap();
    assert_eq!((end.missed, end.events.len()), (false, 0));
    let beyond = EventId(last.0 + 1);
    assert!(scene.store.events_since(beyond, 1).unwrap().missed);
    assert!(
        scene
            .store
            .events_since(EventId(i64::MAX), 1)
            .unwrap()
            .missed
    );
    assert!(
        scene
            .store
            .events_since(EventId(i64::MIN), 1)
            .unwrap()
            .missed
    );
}

#[test]
fn numbers_are_never_given_twice() {
    let mut scene = Scene::new();
    let last = add(&mut scene, 3)[2];
    let connection = &scene.store.reader.connection;
    connection.execute("DELETE FROM events", ()).unwrap();
    assert_eq!(scene.store.last_event().unwrap(), last);
    assert!(
        scene
            .store
            .events_since(EventId(last.0 - 1), 1)
            .unwrap()
            .missed
    );
    assert!(last < add(&mut scene, 1)[0]);
    let path = scene.path();
    drop(scene.store);
    std::fs::remove_file(&path).unwrap();
    let again = Store::open(&path, Timestamp(1001)).unwrap();
    assert_eq!(*again.origin(), Origin::Created);
    assert!(last < again.last_event().unwrap());
}

#[test]
fn an_event_goes_with_what_it_tells_of_or_not_at_all() {
    let mut scene = Scene::new();
    let job = scene.queue(1);
    let start = scene.store.last_event().unwrap();
    let result = scene.store.write(|change| {
        change.add_event("job", Some(JobId(1)), &Value::Null, Timestamp(1))?;
        change.update_job(&super::job(2, JobState::Queued), Timestamp(1))
    });
    assert!(matches!(result, Err(StoreError::NoJob { id: JobId(2) })));
    assert_eq!(scene.store.last_event().unwrap(), start);
    scene
        .store
        .write(|change| {
            change.forget_job(job.id)?;
            change.add_event("forgotten", Some(job.id), &Value::Null, Timestamp(1))
        })
        .unwrap();
    let page = scene.store.events_since(start, 9).unwrap();
    assert_eq!(page.events[0].job, Some(JobId(1)));
    assert_eq!(scene.store.job(JobId(1)).unwrap(), None);
    scene.whole();
}
