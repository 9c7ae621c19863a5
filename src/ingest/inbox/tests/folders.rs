//! Watch folders: several of them, gone and back, read-only, and watched by another.

use super::*;
use crate::ingest::IngestError;
use crate::ingest::Mode;
use crate::ingest::inbox::Watching;

#[test]
fn a27_a_watch_folder_that_is_gone_is_told_and_not_made() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("a");
    fixture.look_after(0);
    let gone = fixture.dir.path().join("gone");
    fs::rename(&fixture.studio.watch, &gone).unwrap();
    let (said, outlook) = fixture.look_after(5);
    assert!(said[0].contains("watch folder missing"), "{said:?}");
    assert_eq!(outlook.n_missing, 1);
    assert!(fixture.look_after(5).0.is_empty(), "it is told once");
    assert!(!fixture.studio.watch.exists());
    let view = fixture.inbox.board().folders[0].clone();
    assert!(view.words().contains("watch folder missing"), "{view:?}");

    fs::rename(&gone, &fixture.studio.watch).unwrap();
    let said = fixture.settle();
    assert!(said[0].contains("is there again"), "{said:?}");
    assert_eq!(fixture.jobs(), ["0001-a"]);
    assert_eq!(fixture.inbox.board().folders[0].missing, None);
}

#[test]
fn a27_an_empty_folder_on_another_filesystem_is_a_mount_point() {
    let Some(other) = other_filesystem() else {
        eprintln!("skipped: there is no second filesystem to make folders on");
        return;
    };
    let mut fixture = Fixture::new();
    fixture.look_after(0);
    fs::remove_dir(&fixture.studio.watch).unwrap();
    // A link is how this test mounts: what counts is the device behind the path.
    std::os::unix::fs::symlink(other.path(), &fixture.studio.watch).unwrap();
    let (said, outlook) = fixture.look_after(15);
    assert!(said[0].contains("mount"), "{said:?}");
    assert_eq!(outlook.n_missing, 1);
    fixture.drop_pair("a");
    fixture.settle();
    assert_eq!(
        fixture.jobs(),
        ["0001-a"],
        "with something in it, it is used"
    );
}

/// Makes a folder on another filesystem than that of temporary files, if there is one.
fn other_filesystem() -> Option<tempfile::TempDir> {
    use std::os::unix::fs::MetadataExt;
    let here = fs::metadata(std::env::temp_dir()).ok()?.dev();
    let shared = Path::new("/dev/shm");
    let is_other = fs::metadata(shared).is_ok_and(|other| other.dev() != here);
    is_other
        .then(|| tempfile::tempdir_in(shared).ok())
        .flatten()
}

#[test]
fn h16_a_folder_that_is_watched_already_is_refused() {
    let fixture = Fixture::new();
    let other = tempfile::tempdir().unwrap();
    let mut studio = Studio::at(other.path().to_owned());
    studio.prepare().unwrap();
    studio.watch.clone_from(&fixture.studio.watch);
    let check: Check = Box::new(|_, _| Some(accepted()));
    let clock = Clock::start();
    let refused = Inbox::open(
        studio.clone(),
        Patience::default(),
        Links::Refuse,
        check,
        clock,
    );
    assert!(matches!(refused, Err(IngestError::Watched { watch }) if watch == studio.watch));
    assert_eq!(
        fixture.watched(),
        Vec::<String>::new(),
        "no file is needed for it"
    );
    drop(fixture.inbox);
    let check: Check = Box::new(|_, _| Some(accepted()));
    Inbox::open(studio, Patience::default(), Links::Refuse, check, clock).unwrap();
}

#[test]
fn several_watch_folders_are_looked_after_each_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut studio = Studio::at(dir.path().to_owned());
    studio.more_watches.push(dir.path().join("more"));
    let mut fixture = Fixture::over(dir, studio, Links::Refuse);
    fixture.drop_pair("a");
    let more = fixture.dir.path().join("more");
    fs::write(more.join("a.content.jpg"), "other").unwrap();
    fs::write(more.join("a.style.jpg"), "style").unwrap();
    fs::create_dir(more.join("wave")).unwrap();
    for (name, bytes) in [("recipe.toml", ""), ("style.jpg", "s"), ("x.jpg", "x")] {
        fs::write(more.join("wave").join(name), bytes).unwrap();
    }
    fs::rename(&fixture.studio.watch, fixture.dir.path().join("gone")).unwrap();
    fixture.settle();
    assert_eq!(
        fixture.jobs(),
        ["0001-a", "0002-wave_x"],
        "one that is missing holds up no other"
    );
    fs::rename(fixture.dir.path().join("gone"), &fixture.studio.watch).unwrap();
    fixture.settle();
    assert_eq!(fixture.jobs(), ["0001-a", "0002-wave_x", "0003-a"]);
    let inputs = fixture.studio.active.join("0001-a/inputs");
    assert_eq!(fs::read(inputs.join("a.content.jpg")).unwrap(), b"other");
}

#[test]
fn a26_bundles_settle_longer_where_changes_are_polled() {
    let mut fixture = Fixture::new();
    let watching = Watching {
        mode: Mode::Polling("nfs does not tell of all changes".to_owned()),
        n_polled: 0,
        n_overflows: 3,
        n_remade: 0,
    };
    fixture.inbox.set_mode(0, watching);
    fixture.drop_pair("a");
    let (_, outlook) = fixture.look_after(0);
    assert_eq!(outlook.next_look, Duration::from_secs(5), "it is polled");
    fixture.look_after(14);
    assert_eq!(fixture.n_asked(), 0);
    fixture.look_after(1);
    assert_eq!(fixture.jobs(), ["0001-a"]);
    let view = &fixture.inbox.board().folders[0];
    assert!(view.words().contains("nfs"), "{}", view.words());
    assert_eq!(view.n_overflows, 3);
}

#[test]
fn h17_a_folder_that_cannot_be_written_to_is_copied_from_once() {
    let mut fixture = Fixture::new();
    if !may_be_refused(fixture.dir.path()) {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    read_only(&mut fixture);
}

/// Takes bundles of every spelling from a watch folder that is read-only by its permissions.
fn read_only(fixture: &mut Fixture) {
    fixture.drop_pair("a");
    fixture.drop("h/content.jpg", "c");
    fixture.drop("h/style.jpg", "s");
    let lock = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(&fixture.studio.watch, mode).unwrap();
    };
    lock(0o555);
    let said = fixture.settle();
    assert!(
        said.iter().any(|line| line.contains("ledger mode")),
        "{said:?}"
    );
    assert_eq!(fixture.jobs().len(), 2);
    assert_eq!(fixture.watched().len(), 3, "nothing was taken away");
    fixture.settle();
    fixture.restart();
    fixture.settle();
    assert_eq!(fixture.jobs().len(), 2, "nothing is taken twice");
    assert!(matches!(fixture.state("a"), BundleState::Taken { .. }));
    assert!(fixture.inbox.board().folders[0].is_ledger);
    // On demand it is.
    for folder in fixture.studio.active_jobs().unwrap() {
        let name = folder.path().file_name().unwrap();
        fs::rename(folder.path(), fixture.studio.done.join(name)).unwrap();
    }
    let path = fixture.path("h");
    fixture.inbox.run_duplicate(&path).unwrap();
    fixture.look_after(1);
    assert_eq!(fixture.jobs(), ["0003-h"]);
    fs::set_permissions(&fixture.studio.watch, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn b11_a29_what_is_not_used_is_on_the_board() {
    let mut fixture = Fixture::new();
    fixture.drop("h/deep/content.jpg", "c");
    fixture.drop("h/content.jpg", "c");
    fixture.drop("holiday.jpg", "x");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, fixture.path("pipe.jpg"), mode).unwrap();
    fixture.settle();
    let board = fixture.inbox.board();
    assert_eq!(
        board.bundles[0].notes,
        ["deep: nested folders are not used"]
    );
    for (name, part) in [("holiday.jpg", "unpaired"), ("pipe.jpg", "a FIFO")] {
        let explained = board.explain(&fixture.path(name));
        assert!(explained.reason.contains(part), "{explained:?}");
    }
    assert_eq!(fixture.n_asked(), 0);
}
