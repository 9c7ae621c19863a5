//! Kills and cuts: whatever was acknowledged is there afterwards, and nothing is half there.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use pentimento::clock::Timestamp;
use pentimento::job::{Job, JobId, JobState};
use pentimento::random::Random;
use pentimento::store::{EventId, Origin, Place, Store};
use serde_json::json;

use super::{again, database, folder_given, job, place};

/// Writes job after job with an event each, and says each number once it is committed.
fn write_on(store: &mut Store, until: u32, say: &mut dyn Write) {
    let first = store.last_job().unwrap().map_or(1, |id| id.0 + 1);
    for number in first..=until {
        add(store, number);
        writeln!(say, "ack {number}").unwrap();
        say.flush().unwrap();
    }
}

/// One job with its event and a step of an earlier one, together.
fn add(store: &mut Store, number: u32) {
    let new = job(number, JobState::Queued);
    let running = JobState::Running {
        started: Timestamp(3000),
    };
    let earlier = number.checked_sub(3).filter(|id| 0 < *id);
    store
        .write(|change| {
            change.put_job(&new, &place(&new), Timestamp(2000))?;
            if let Some(earlier) = earlier {
                change.begin_attempt(&job(earlier, running.clone()), Timestamp(3000))?;
            }
            let payload = json!({ "number": number });
            change.add_event("job", Some(new.id), &payload, Timestamp(2000))
        })
        .unwrap();
}

/// Sees that the store is whole and holds jobs 1 to some number, each with its event; returns that
/// number.
fn last_of(store: &Store) -> u32 {
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    let last = store.last_job().unwrap().map_or(0, |id| id.0);
    for number in 1..=last {
        let row = store.job(JobId(number)).unwrap().unwrap();
        let state = if number + 3 <= last {
            "running"
        } else {
            "queued"
        };
        assert_eq!(row.job.state.name(), state, "job {number} of {last}");
        assert_eq!(
            store.attempts(JobId(number)).unwrap().len(),
            usize::from(state == "running")
        );
    }
    let page = store.events_since(EventId(0), u32::MAX).unwrap();
    let told: Vec<_> = page.events.iter().filter_map(|event| event.job).collect();
    assert_eq!(told, (1..=last).map(JobId).collect::<Vec<_>>());
    last
}

#[test]
fn what_was_acknowledged_survives_kills() {
    if let Some(folder) = folder_given() {
        let mut store = Store::open(&database(&folder), Timestamp(9)).unwrap();
        write_on(&mut store, u32::MAX, &mut std::io::stdout().lock());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(4);
    let mut last = 0;
    for round in 0..12 {
        let mut child = again(
            None,
            "store::crash::what_was_acknowledged_survives_kills",
            folder.path(),
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, acknowledged) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let number = line
                    .split("ack ")
                    .nth(1)
                    .and_then(|word| word.parse::<u32>().ok());
                if number.is_some_and(|number| sender.send(number).is_err()) {
                    break;
                }
            }
        });
        for _ in 0..=random.below(6) {
            last = acknowledged.recv_timeout(Duration::from_mins(1)).unwrap();
        }
        // The kill comes at any moment of a commit.
        let moment = Duration::from_micros(random.below(8000) as u64);
        if let Ok(number) = acknowledged.recv_timeout(moment) {
            last = number;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap();
        last = acknowledged.try_iter().last().unwrap_or(last);
        let store = Store::open(&database(folder.path()), Timestamp(9)).unwrap();
        let found = last_of(&store);
        // The last commit may have been made and not been told any more.
        assert!(
            last == found || last + 1 == found,
            "round {round}: {last}, {found}"
        );
    }
    assert!(12 <= last);
}

/// A database with ten jobs in the file and twenty more in the log beside it.
fn with_a_log(folder: &Path) -> Vec<u8> {
    let live = tempfile::tempdir().unwrap();
    let path = database(live.path());
    let mut store = Store::open(&path, Timestamp(9)).unwrap();
    write_on(&mut store, 10, &mut std::io::sink());
    drop(store);
    let mut store = Store::open(&path, Timestamp(9)).unwrap();
    write_on(&mut store, 30, &mut std::io::sink());
    fs::copy(&path, database(folder)).unwrap();
    fs::read(live.path().join("queue.db-wal")).unwrap()
}

#[test]
fn a_log_cut_or_scrambled_anywhere_leaves_whole_commits() {
    let folder = tempfile::tempdir().unwrap();
    let log = with_a_log(folder.path());
    let mut random = Random::new(5);
    let mut cuts: Vec<usize> = (0..30).map(|_| random.below(log.len())).collect();
    cuts.extend([0, 1, 31, 32, log.len()]);
    cuts.sort_unstable();
    let mut highest = 0;
    for cut in cuts {
        let mut tail = vec![0; log.len() - cut];
        for byte in &mut tail {
            *byte = random.bits().to_le_bytes()[0];
        }
        let scrambled = [&log[..cut], &tail].concat();
        let found = [&log[..cut], &scrambled].map(|bytes| {
            let copy = tempfile::tempdir().unwrap();
            fs::copy(database(folder.path()), database(copy.path())).unwrap();
            fs::write(copy.path().join("queue.db-wal"), bytes).unwrap();
            let store = Store::open(&database(copy.path()), Timestamp(9)).unwrap();
            assert_eq!(*store.origin(), Origin::Found);
            last_of(&store)
        });
        assert_eq!(found[0], found[1], "cut at {cut}");
        assert!(
            10 <= found[0] && highest <= found[0],
            "cut at {cut}: {found:?}"
        );
        highest = found[0];
    }
    assert_eq!(highest, 30);
}

#[test]
fn a_log_that_was_deleted_is_made_up_for_by_the_job_folders() {
    let folder = tempfile::tempdir().unwrap();
    with_a_log(folder.path());
    let mut store = Store::open(&database(folder.path()), Timestamp(9)).unwrap();
    assert_eq!(last_of(&store), 10);
    let running = || JobState::Running {
        started: Timestamp(3000),
    };
    let records: Vec<(Place, Job)> = (1..=30)
        .map(|id| {
            job(
                id,
                if id <= 27 {
                    running()
                } else {
                    JobState::Queued
                },
            )
        })
        .map(|job| (place(&job), job))
        .collect();
    let rederived = store
        .write(|change| change.rederive(&records, Timestamp(9)))
        .unwrap();
    assert_eq!((rederived.n_added, rederived.n_changed), (20, 3));
    drop(store);
    let store = Store::open(&database(folder.path()), Timestamp(9)).unwrap();
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    for (place, job) in records {
        let row = store.job(job.id).unwrap().unwrap();
        assert_eq!((row.place, row.job), (place, job));
    }
}
