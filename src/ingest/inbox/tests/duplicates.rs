//! The same work twice, profiles that come late, and recipe folders.

use super::*;
use crate::ingest::NotHeld;
use crate::job::JobId;

/// Drops the same bundle under two names and looks until one is taken and one held.
fn held() -> Fixture {
    let mut fixture = Fixture::new();
    for name in ["a", "b"] {
        fixture.drop(&format!("{name}.content.jpg"), "content");
        fixture.drop(&format!("{name}.style.jpg"), "style");
    }
    fixture.settle();
    fixture
}

#[test]
fn a20_the_same_work_is_held_with_a_note() {
    let mut fixture = held();
    assert_eq!(fixture.jobs(), ["0001-a"]);
    assert_eq!(fixture.state("b"), BundleState::Duplicate { of: JobId(1) });
    let note = fs::read_to_string(fixture.path("b.duplicate.txt")).unwrap();
    assert!(
        note.contains("job 0001") && note.contains("b.ready"),
        "{note}"
    );
    let n_asked = fixture.n_asked();
    fixture.look_after(60);
    assert_eq!(fixture.n_asked(), n_asked, "it is not read again");
    let explained = fixture.inbox.explain(&fixture.path("b.style.jpg"));
    assert_eq!(explained.state, "duplicate");
}

#[test]
fn a20_a_held_bundle_is_run_on_demand() {
    let mut fixture = held();
    let content = fixture.path("b.content.jpg");
    assert_eq!(fixture.inbox.run_duplicate(&content).unwrap(), "b");
    fixture.look_after(1);
    assert_eq!(fixture.jobs(), ["0001-a", "0002-b"]);
    fixture.look_after(1);
    assert!(fixture.watched().is_empty(), "{:?}", fixture.watched());
    assert!(matches!(
        fixture.inbox.run_duplicate(&content),
        Err(NotHeld::NoBundle { .. })
    ));
}

#[test]
fn a20_a_ready_note_that_comes_later_runs_it() {
    let mut fixture = held();
    fixture.drop("b.ready", "");
    fixture.look_after(1);
    fixture.look_after(1);
    assert_eq!(fixture.jobs(), ["0001-a", "0002-b"]);
}

#[test]
fn a20_a_ready_note_that_was_there_all_along_does_not() {
    let mut fixture = Fixture::new();
    for name in ["a", "b"] {
        fixture.drop(&format!("{name}/content.jpg"), "content");
        fixture.drop(&format!("{name}/style.jpg"), "style");
        fixture.drop(&format!("{name}/READY"), "");
    }
    fixture.settle();
    fixture.look_after(60);
    assert_eq!(fixture.jobs(), ["0001-a"]);
    fixture.drop("b/READY", "touched");
    fixture.look_after(1);
    fixture.look_after(1);
    assert_eq!(fixture.jobs(), ["0001-a", "0002-b"]);
}

#[test]
fn a20_once_the_first_has_ended_the_second_is_new_work() {
    let mut fixture = held();
    let done = fixture.studio.done.join("2026-11-23_a_0001");
    fs::rename(fixture.studio.active.join("0001-a"), done).unwrap();
    assert_eq!(fixture.look_after(15).0, ["b taken"]);
}

#[test]
fn a20_another_profile_or_another_role_is_other_work() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("a");
    fixture.settle();
    fixture.drop("b.content.jpg", "a");
    fixture.drop("b.style.jpg", "style");
    let mut other = accepted();
    other.as_mut().unwrap().profile_key = "style_weight = 7\n".to_owned();
    fixture.answer(other);
    fixture.settle();
    fixture.answer(accepted());
    fixture.drop("c.content.jpg", "style");
    fixture.drop("c.style.jpg", "a");
    fixture.settle();
    assert_eq!(fixture.jobs(), ["0001-a", "0002-b", "0003-c"]);
}

#[test]
fn a20_the_same_work_is_known_after_a_restart() {
    let mut fixture = held();
    fixture.restart();
    fixture.settle();
    assert_eq!(fixture.jobs(), ["0001-a"]);
}

#[test]
fn c24_one_file_as_content_and_style_is_allowed() {
    let mut fixture = Fixture::new();
    fixture.drop("a.content.jpg", "same");
    fixture.drop("a.style.jpg", "same");
    fixture.settle();
    assert_eq!(fixture.jobs(), ["0001-a"]);
}

#[test]
fn a16_a_profile_that_comes_after_the_claim_is_offered_and_adopted() {
    let mut fixture = Fixture::new();
    fixture.drop("h/content.jpg", "content");
    fixture.drop("h/style.jpg", "style");
    fixture.settle();
    fixture.drop("h/profile.toml", "style_weight = 7\n");
    let mut late = accepted();
    let changed = late.as_mut().unwrap();
    changed.profile_text = "style_weight = 7\n".to_owned();
    changed.profile_source = "profile.toml".to_owned();
    fixture.answer(late);
    let said = RefCell::new(Vec::new());
    for _ in 0..3 {
        fixture.now += Duration::from_secs(10);
        let now = fixture.now;
        let tell = &mut |notice: Notice| said.borrow_mut().push(notice);
        fixture.inbox.look(now, tell, &|| true);
    }
    let offers: Vec<_> = said
        .into_inner()
        .into_iter()
        .filter_map(|notice| match notice {
            Notice::LateProfile(late) => Some(late),
            Notice::Bundle(..) | Notice::Remark(_) | Notice::Claimed(..) => None,
        })
        .collect();
    assert_eq!(offers.len(), 1, "it is offered once");
    assert_eq!(offers[0].job, JobId(1));
    let folder = fixture.studio.active_jobs().unwrap().remove(0);
    let mut job = folder.read().unwrap();
    crate::ingest::adopt(&offers[0], &folder, &mut job).unwrap();
    assert_eq!(folder.read().unwrap(), job);
    assert_eq!(job.profile_source, "profile.toml");
    let profile = fs::read_to_string(folder.profile()).unwrap();
    assert_eq!(profile, "style_weight = 7\n");
    assert!(folder.inputs().join("profile.toml").exists());
    assert!(fixture.watched().is_empty());
}

#[test]
fn a17_a_profile_that_nobody_adopts_is_shown() {
    let mut fixture = Fixture::new();
    fixture.drop_pair("a");
    fixture.settle();
    fixture.drop("a.toml", "seed = 5\n");
    let said = fixture.settle();
    assert!(
        said.contains(&"a late profile for 0001".to_owned()),
        "{said:?}"
    );
    fixture.look_after(60);
    let BundleState::Waiting(text) = fixture.state("a") else {
        panic!("{:?}", fixture.state("a"));
    };
    assert!(text.contains("0001 a") && text.contains("rerun"), "{text}");
    assert!(fixture.path("a.toml").exists());
}

#[test]
fn recipe_folders_give_a_job_for_each_picture_and_keep_their_style() {
    let mut fixture = Fixture::new();
    fixture.drop("wave/recipe.toml", "style_weight = 7\n");
    fixture.drop("wave/style.jpg", "style");
    fixture.drop("wave/one.jpg", "one");
    fixture.drop("wave/two.jpg", "two");
    fixture.drop("wave/two.toml", "seed = 2\n");
    fixture.settle();
    assert_eq!(fixture.jobs(), ["0001-wave_one", "0002-wave_two"]);
    let left = fs::read_dir(fixture.path("wave")).unwrap().count();
    assert_eq!(left, 2, "the marker and the style stay");
    let inputs = fixture.studio.active.join("0002-wave_two/inputs");
    assert_eq!(fs::read(inputs.join("style.jpg")).unwrap(), b"style");
    assert!(inputs.join("two.toml").exists());
    let desk = fixture.desk.lock().unwrap();
    let profiles: Vec<_> = desk
        .asked
        .iter()
        .map(|files| files.profile.clone())
        .collect();
    assert_eq!(
        profiles,
        [
            Some(fixture.path("wave/recipe.toml")),
            Some(fixture.path("wave/two.toml"))
        ]
    );
    drop(desk);
    // Another picture, days later, and a style that went away.
    fixture.answer(rejection(Cause::Missing));
    fixture.drop("wave/three.jpg", "three");
    fs::remove_file(fixture.path("wave/style.jpg")).unwrap();
    fixture.settle();
    assert!(matches!(
        fixture.state("wave/three.jpg"),
        BundleState::Waiting(text) if text.contains("the recipe has no style")
    ));
}

#[test]
fn a_rejected_picture_in_a_recipe_folder_has_its_note_there() {
    let mut fixture = Fixture::new();
    fixture.answer(rejection(Cause::Bundle));
    fixture.drop("wave/recipe.toml", "");
    fixture.drop("wave/style.jpg", "style");
    fixture.drop("wave/one.jpg", "one");
    fixture.settle();
    assert!(fixture.path("wave/one.jpg.error.txt").exists());
    fixture.answer(accepted());
    fixture.drop("wave/one.jpg", "another");
    fixture.settle();
    assert_eq!(fixture.jobs(), ["0001-wave_one"]);
    fixture.look_after(1);
    assert!(!fixture.path("wave/one.jpg.error.txt").exists());
}
