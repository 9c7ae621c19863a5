//! How files arrive: settling, gates, notes, and the claim. Numbers are those of the catalogue.

use super::*;
use crate::ingest::claim;
use crate::ingest::claim::Ground;
use crate::ingest::claim::Ready;
use crate::ingest::listing;
use crate::ingest::pairing::Key;
use crate::ingest::pairing::Spelling;
use crate::job::JobState;

#[test]
fn a01_nothing_is_checked_before_it_is_quiet() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("a");
    let (said, outlook) = fixture.look_after(0);
    assert_eq!(said, ["a settling"]);
    assert_eq!((fixture.n_asked(), outlook.n_settling), (0, 1));
    assert_eq!(outlook.next_look, Duration::from_secs(5));
    assert!(fixture.look_after(4).0.is_empty(), "nothing is told twice");
    assert_eq!(fixture.look_after(1).0, ["a taken"]);
    assert_eq!(fixture.jobs(), ["0001-a"]);
    assert!(fixture.watched().is_empty());
}

#[test]
fn a06_a_slow_trickle_stays_settling_and_is_never_opened() {
    let mut fixture = Fixture::new();
    fixture.drop("a.style.jpg", "s");
    let mut told = Vec::new();
    let mut bytes = String::new();
    for _ in 0..240 {
        bytes.push_str("a kilobyte, as it were");
        fixture.drop("a.content.jpg", &bytes);
        fixture.now += Duration::from_millis(500);
        told.extend(fixture.look_after(0).0);
    }
    assert_eq!(told, ["a settling"], "one line, not one for each piece");
    assert_eq!(fixture.n_asked(), 0);
    assert_eq!(fixture.look_after(5).0, ["a taken"]);
}

#[test]
fn a08_a_file_that_is_closed_and_opened_again_restarts_the_wait() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("a");
    for page in 0..3 {
        let (_, outlook) = fixture.look_after(4);
        assert_eq!(outlook.n_settling, 1);
        fixture.drop("a.content.jpg", &"page ".repeat(page + 2));
    }
    fixture.look_after(1);
    assert_eq!(fixture.n_asked(), 0);
    fixture.look_after(5);
    assert_eq!(fixture.jobs(), ["0001-a"]);
}

#[test]
fn a09_a10_a_cut_picture_is_given_time_then_rejected_and_revived() {
    let mut fixture = Fixture::new();
    fixture.answer(rejection(Cause::Incomplete));
    fixture.drop_pair("a");
    fixture.settle();
    assert!(matches!(fixture.state("a"), BundleState::Settling(why) if why.contains("15 min")));
    assert!(!fixture.path("a.error.txt").exists());
    fixture.look_after(8 * 60);
    assert_eq!(
        fixture.n_asked(),
        1,
        "what did not change is not read again"
    );
    fixture.look_after(8 * 60);
    assert!(matches!(fixture.state("a"), BundleState::Rejected { .. }));
    assert!(fixture.path("a.error.txt").exists());
    fixture.answer(accepted());
    fixture.drop("a.content.jpg", "all of it, in the end");
    fixture.settle();
    assert_eq!(fixture.jobs(), ["0001-a"]);
    assert!(!fixture.path("a.error.txt").exists());
}

#[test]
fn a14_a_bundle_may_take_hours_to_be_whole() {
    let mut fixture = Fixture::new();
    fixture.drop("a.content.jpg", "c");
    assert_eq!(fixture.look_after(0).0, ["a waiting"]);
    fixture.look_after(3 * 3600);
    fixture.drop("a.style.jpg", "s");
    let (said, _) = fixture.look_after(15);
    assert_eq!(said, ["a settling"]);
    assert_eq!(fixture.look_after(5).0, ["a taken"]);
}

#[test]
fn a15_a_profile_that_comes_while_it_settles_restarts_the_whole_bundle() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("a");
    fixture.look_after(0);
    fixture.look_after(2);
    fixture.drop("a.toml", "seed = 3\n");
    fixture.look_after(1);
    fixture.look_after(4);
    assert_eq!(fixture.n_asked(), 0, "five seconds from the profile on");
    fixture.look_after(1);
    let asked = fixture.desk.lock().unwrap().asked.remove(0);
    assert_eq!(asked.profile, Some(fixture.path("a.toml")));
}

#[test]
fn a18_what_is_deleted_while_it_settles_is_forgotten() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("a");
    fixture.look_after(0);
    fs::remove_file(fixture.path("a.content.jpg")).unwrap();
    fs::remove_file(fixture.path("a.style.jpg")).unwrap();
    let (said, outlook) = fixture.look_after(5);
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(outlook.n_settling, 0);
    assert!(fixture.inbox.board().bundles.is_empty());
}

#[test]
fn a19_the_same_name_again_is_another_job() {
    let mut fixture = Fixture::new();
    for bytes in ["one", "two"] {
        fixture.drop("a.content.jpg", bytes);
        fixture.drop("a.style.jpg", "s");
        fixture.settle();
    }
    assert_eq!(fixture.jobs(), ["0001-a", "0002-a"]);
}

#[test]
fn a21_a_picture_saved_again_gives_one_job_with_the_last_bytes() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("a");
    fixture.look_after(0);
    fixture.drop("a.content.jpg", "saved over");
    fixture.look_after(4);
    fixture.drop(".a.content.jpg.swp", "saved beside");
    fs::rename(
        fixture.path(".a.content.jpg.swp"),
        fixture.path("a.content.jpg"),
    )
    .unwrap();
    fixture.look_after(4);
    assert_eq!(fixture.n_asked(), 0);
    fixture.look_after(5);
    assert_eq!(fixture.jobs(), ["0001-a"]);
    let content = fixture.studio.active.join("0001-a/inputs/a.content.jpg");
    assert_eq!(fs::read(content).unwrap(), b"saved beside");
}

#[test]
fn a22_hundreds_at_once_are_all_found_once() {
    let mut fixture = Fixture::new();
    for n in 0..150 {
        fixture.drop_pair(&format!("b{n:03}"));
    }
    fixture.look_after(0);
    fixture.now += Duration::from_secs(5);
    let mut n_looks = 0;
    loop {
        let (_, outlook) = fixture.look_after(0);
        n_looks += 1;
        if outlook.n_in_line == 0 {
            break;
        }
        assert_eq!(
            outlook.next_look, fixture.now,
            "the next look is due at once"
        );
        assert!(n_looks < 100);
    }
    assert!(n_looks > 2, "one look does not hold everything up");
    let jobs = fixture.jobs();
    assert_eq!(jobs.len(), 150);
    assert_eq!(fixture.n_asked(), 150);
    assert!(fixture.watched().is_empty());
}

#[test]
fn a23_what_lies_there_at_the_start_is_found_once() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("before");
    fixture.restart();
    fixture.drop_pair("while");
    fixture.restart();
    fixture.settle();
    fixture.settle();
    let mut jobs = fixture.jobs();
    jobs.sort();
    assert_eq!(jobs, ["0001-before", "0002-while"]);
}

#[test]
fn ready_saves_the_settle_time_and_no_gate() {
    let mut fixture = Fixture::new();
    fixture.answer(rejection(Cause::Bundle));
    fixture.drop_pair("a");
    fixture.drop("a.ready", "");
    let (_, outlook) = fixture.look_after(0);
    assert_eq!(fixture.n_asked(), 0, "two looks there must be");
    assert!(outlook.next_look <= Duration::from_millis(200));
    fixture.now += Duration::from_millis(200);
    fixture.look_after(0);
    assert!(matches!(fixture.state("a"), BundleState::Rejected { .. }));
    fixture.answer(accepted());
    fixture.drop("a.content.jpg", "mended");
    fixture.look_after(1);
    fixture.look_after(1);
    assert_eq!(fixture.jobs(), ["0001-a"]);
    assert!(fixture.watched().is_empty(), "it goes with the claim");
}

#[test]
fn a_rejection_lasts_until_a_member_changes() {
    let mut fixture = Fixture::new();
    fixture.answer(rejection(Cause::Bundle));
    fixture.drop_pair("a");
    fixture.settle();
    fixture.look_after(3600);
    assert_eq!(fixture.n_asked(), 1);
    assert!(fixture.path("a.error.txt").exists());
    fixture.drop("a.content.jpg", "another picture");
    fixture.settle();
    assert_eq!(fixture.n_asked(), 2);
    fixture.drop("profile.toml", "");
    fixture.settle();
    assert_eq!(
        fixture.n_asked(),
        3,
        "the profile for all is a member of those without"
    );
    fs::remove_file(fixture.path("a.content.jpg")).unwrap();
    fixture.look_after(1);
    assert!(
        !fixture.path("a.error.txt").exists(),
        "the note goes with it"
    );
}

#[test]
fn trouble_outside_is_looked_after_by_itself() {
    let mut fixture = Fixture::new();
    fixture.answer(rejection(Cause::Outside));
    fixture.drop_pair("a");
    fixture.settle();
    fixture.look_after(59);
    assert_eq!(fixture.n_asked(), 1);
    let mut fine = accepted();
    fine.as_mut().unwrap().remarks.push("a remark".to_owned());
    fixture.answer(fine);
    assert_eq!(fixture.look_after(1).0, ["! a: a remark", "a taken"]);
    let profile = fixture.studio.active.join("0001-a/profile.toml");
    assert_eq!(fs::read_to_string(profile).unwrap(), "seed = 1\n");
}

#[test]
fn a_bundle_that_changes_under_the_check_is_not_taken() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("a");
    let content = fixture.path("a.content.jpg");
    fixture.inbox.ground.check = Box::new(move |_, _| {
        fs::write(&content, "changed meanwhile").unwrap();
        Some(accepted())
    });
    fixture.settle();
    assert!(fixture.jobs().is_empty());
    assert!(matches!(fixture.state("a"), BundleState::Settling(_)));
}

#[test]
fn j02_the_age_of_a_file_does_not_matter() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("a");
    let date = |name: &str, time| {
        let file = fs::File::options().append(true).open(fixture.path(name));
        file.unwrap().set_modified(time).unwrap();
    };
    let future = std::time::UNIX_EPOCH + Duration::from_secs(1 << 33);
    date("a.content.jpg", future);
    date("a.style.jpg", std::time::UNIX_EPOCH);
    fixture.settle();
    assert_eq!(fixture.jobs(), ["0001-a"]);
}

fn ready(names: &[&str]) -> Ready {
    let path = |name: &&str| PathBuf::from(*name);
    Ready {
        key: Key {
            name: "a".into(),
            spelling: Spelling::Flat,
        },
        fingerprint: names
            .iter()
            .map(|name| (path(name), listing::Stamp::default()))
            .collect(),
        takes: names.iter().map(path).collect(),
        content: Some("a.content.jpg".into()),
        styles: vec!["a.style.jpg".into()],
        profile: None,
        accepted: accepted().unwrap(),
        work: "w".to_owned(),
    }
}

#[test]
fn e03_a_claim_that_fails_puts_everything_back() {
    let fixture = Fixture::new();
    fixture.drop("a.content.jpg", "content");
    // The style cannot be hashed once it is where it belongs: it turned into a link on the way.
    let style = fixture.path("a.style.jpg");
    std::os::unix::fs::symlink("nowhere", &style).unwrap();
    let ground = Ground {
        studio: &fixture.studio,
        watch: &fixture.studio.watch,
        links: Links::Refuse,
        keeps_all: false,
    };
    let ready = ready(&["a.content.jpg", "a.style.jpg"]);
    let now = crate::clock::Timestamp(0);
    claim::claim(&ground, &ready, now, &mut |_| Ok(())).unwrap_err();
    assert!(fixture.jobs().is_empty());
    assert_eq!(fs::read(fixture.path("a.content.jpg")).unwrap(), b"content");
    assert!(fs::read_link(style).is_ok());
}

#[test]
fn e01_a_claim_that_was_only_prepared_is_forgotten() {
    let mut fixture = Fixture::new();
    let folder = fixture.studio.active.join("0001-a");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("profile.toml"), "seed = 1\n").unwrap();
    fs::write(folder.join(".job.json.partial"), "{").unwrap();
    fixture.drop_pair("a");
    assert!(crate::ingest::recover(&fixture.studio).unwrap().is_empty());
    assert!(!folder.exists());
    fixture.restart();
    fixture.settle();
    assert_eq!(fixture.jobs().len(), 1);
}

#[test]
fn e02_e03_e04_a_claim_is_finished_from_any_point() {
    // As many of the moves are done as the number says; the last is the record alone.
    for n_moved in 0..=2 {
        let mut fixture = Fixture::new();
        fixture.drop_pair("a");
        fixture.settle();
        let folder = &fixture.studio.active_jobs().unwrap()[0];
        let mut job = folder.read().unwrap();
        let names = ["a.content.jpg", "a.style.jpg"];
        let moves = names.iter().map(|name| crate::job::Move {
            from: crate::job::names::PathText(PathBuf::from(name)),
            to: crate::job::names::PathText(Path::new("inputs").join(name)),
            keeps: false,
        });
        job.state = JobState::Claiming {
            moves: moves.collect(),
        };
        folder.write(&job).unwrap();
        for name in &names[n_moved..] {
            fs::rename(folder.inputs().join(name), fixture.path(name)).unwrap();
        }
        let leftovers = crate::ingest::recover(&fixture.studio).unwrap();
        assert!(
            matches!(&leftovers[..], [crate::ingest::Leftover::Job(_, job)]
                if job.state == JobState::Queued),
            "{n_moved}: {leftovers:?}"
        );
        assert!(fixture.watched().is_empty());
        assert_eq!(fs::read_dir(folder.inputs()).unwrap().count(), 2);
    }
}
