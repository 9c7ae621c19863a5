//! A disk that is really full: a small filesystem in memory, mounted where the system allows it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use pentimento::clock::Timestamp;
use pentimento::job::{JobId, JobState};
use pentimento::store::{LossSample, Store};

use super::{again, database, failure, folder_given, job, place};

const RESERVE: u64 = 1 << 20;

#[test]
fn a_full_disk_still_lets_states_be_recorded() {
    if let Some(folder) = folder_given() {
        fill_while_open(&folder);
        fill_while_closed(&folder);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=6m none \"$0\" && echo mounted && exec \"$@\"";
    let runner = ("unshare", ["-rm", "sh", "-c", script]);
    let runner = (runner.0, runner.1.as_slice());
    let test = "store::full::a_full_disk_still_lets_states_be_recorded";
    let output = match again(Some(runner), test, folder.path()).output() {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("mounted") => output,
        refused => {
            eprintln!("skipped: a small filesystem cannot be mounted here: {refused:?}");
            return;
        }
    };
    assert!(output.status.success(), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "{output:?}"
    );
}

/// Takes all the room that is left.
fn fill(folder: &Path) {
    let mut file = File::create(folder.join("filler")).unwrap();
    for size in [1 << 16, 4096, 1] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
}

fn fill_while_open(folder: &Path) {
    let path = database(folder);
    let mut store = Store::open_with_reserve(&path, Timestamp(1), RESERVE).unwrap();
    let mut first = job(1, JobState::Queued);
    store
        .write(|change| change.put_job(&first, &place(&first), Timestamp(1)))
        .unwrap();
    fill(folder);
    let mut iteration = 0;
    let error = loop {
        iteration += 1;
        let sample = LossSample {
            stage: 1,
            iteration,
            total: 1.0,
            terms: vec![("x".repeat(50_000), 1.0)],
        };
        let added = store
            .write_if_room(|change| change.add_losses(JobId(1), std::slice::from_ref(&sample)));
        if let Err(error) = added {
            break error;
        }
        assert!(iteration < 1000, "the disk is never full");
    };
    assert!(error.is_full(), "{error:?}");
    assert!(!store.is_short(), "losses leave the reserve alone");
    assert!(store.renew_reserve().unwrap(), "it is still there");

    first
        .enter(JobState::Failed {
            finished: Timestamp(2),
            failure: failure(),
        })
        .unwrap();
    store
        .write(|change| change.update_job(&first, Timestamp(2)))
        .unwrap();
    assert!(store.is_short());
    assert!(
        !store.renew_reserve().unwrap(),
        "there is no room for it yet"
    );
    drop(store);

    let mut store = Store::open_with_reserve(&path, Timestamp(1), RESERVE).unwrap();
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    assert_eq!(store.job(JobId(1)).unwrap().unwrap().job, first);
    fs::remove_file(folder.join("filler")).unwrap();
    assert!(store.renew_reserve().unwrap());
    assert!(!store.is_short());
}

/// SQLite needs room for the file that connections share even to open a store.
fn fill_while_closed(folder: &Path) {
    let path = database(folder);
    fill(folder);
    let mut store = Store::open_with_reserve(&path, Timestamp(1), RESERVE).unwrap();
    assert!(store.is_short());
    let second = job(2, JobState::Queued);
    store
        .write(|change| change.put_job(&second, &place(&second), Timestamp(3)))
        .unwrap();
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    assert_eq!(store.job(JobId(2)).unwrap().unwrap().job, second);
}
