//! The inbox over a folder in a temp dir: what it tells, and when it checks again.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;

use super::*;
use crate::ingest::Accepted;

struct Fixture {
    _dir: tempfile::TempDir,
    watch: PathBuf,
    inbox: Inbox,
    /// What the check answers; counts how often it was asked.
    answer: Arc<Mutex<(Result<Accepted, Rejection>, usize)>>,
}

fn rejection(cause: Cause) -> Result<Accepted, Rejection> {
    Err(Rejection {
        reason: "no".to_owned(),
        hint: "yes".to_owned(),
        cause,
    })
}

fn fixture(patience: Patience) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let studio = Studio::at(dir.path().to_owned());
    studio.prepare().unwrap();
    let answer = Arc::new(Mutex::new((rejection(Cause::Bundle), 0)));
    let asked = Arc::clone(&answer);
    let check: Check = Box::new(move |_, _| {
        let mut asked = asked.lock().unwrap();
        asked.1 += 1;
        Some(asked.0.clone())
    });
    let watch = studio.watch.clone();
    for name in ["a.content.jpg", "a.style.jpg"] {
        fs::write(watch.join(name), name).unwrap();
    }
    Fixture {
        _dir: dir,
        watch,
        inbox: Inbox::new(studio, patience, Links::Refuse, check, Clock::start()),
        answer,
    }
}

fn at_once() -> Patience {
    Patience {
        settle: Duration::ZERO,
        ..Patience::default()
    }
}

impl Fixture {
    fn look(&mut self) -> (Vec<Notice>, Outlook) {
        let notices = Rc::new(RefCell::new(Vec::new()));
        let looked = self
            .inbox
            .look(&mut |notice| notices.borrow_mut().push(notice), &|| true);
        (notices.take(), looked.outlook)
    }

    fn n_checks(&self) -> usize {
        self.answer.lock().unwrap().1
    }
}

#[test]
fn nothing_is_checked_before_it_is_quiet() {
    let mut fixture = fixture(Patience::default());
    let (notices, outlook) = fixture.look();
    assert!(
        matches!(&notices[..], [Notice::Bundle(name, BundleState::Settling(_))] if name == "a")
    );
    assert_eq!((fixture.n_checks(), outlook.n_settling), (0, 1));
    assert!(outlook.next_look <= Patience::default().settle + Duration::from_secs(1));
    assert!(fixture.look().0.is_empty(), "nothing new is told twice");
}

#[test]
fn a_rejection_lasts_until_a_member_changes() {
    let mut fixture = fixture(at_once());
    for _ in 0..3 {
        fixture.look();
    }
    assert_eq!(fixture.n_checks(), 1);
    assert!(fixture.watch.join("a.error.txt").exists());
    fs::write(fixture.watch.join("a.content.jpg"), "another picture").unwrap();
    fixture.look();
    assert_eq!(fixture.n_checks(), 2);
    fs::write(fixture.watch.join("profile.toml"), "").unwrap();
    fixture.look();
    assert_eq!(
        fixture.n_checks(),
        3,
        "the profile for all is a member of those without"
    );
}

#[test]
fn trouble_outside_is_looked_after_by_itself() {
    let mut fixture = fixture(Patience {
        recheck: Duration::ZERO,
        ..at_once()
    });
    fixture.answer.lock().unwrap().0 = rejection(Cause::Outside);
    fixture.look();
    fixture.look();
    assert_eq!(fixture.n_checks(), 2);
    let accepted = Accepted {
        profile_text: "seed = 1\n".to_owned(),
        profile_source: "studio default".to_owned(),
        remarks: vec!["a remark".to_owned()],
    };
    fixture.answer.lock().unwrap().0 = Ok(accepted);
    let (notices, _) = fixture.look();
    let [Notice::Remark(remark), Notice::Claimed(folder, job)] = &notices[..] else {
        panic!("{notices:?}");
    };
    assert_eq!(remark, "a: a remark");
    assert_eq!(fs::read_to_string(folder.profile()).unwrap(), "seed = 1\n");
    assert_eq!(folder.read().unwrap(), *job);
    fixture.look();
    assert_eq!(fs::read_dir(&fixture.watch).unwrap().count(), 0);
}

#[test]
fn a_cut_picture_is_given_time_and_then_rejected() {
    let mut patient = fixture(at_once());
    patient.answer.lock().unwrap().0 = rejection(Cause::Incomplete);
    let (notices, outlook) = patient.look();
    assert!(matches!(
        &notices[..],
        [Notice::Bundle(_, BundleState::Settling(_))]
    ));
    assert_eq!(outlook.n_settling, 1);
    assert!(!patient.watch.join("a.error.txt").exists());

    let mut hasty = fixture(Patience {
        incomplete: Duration::ZERO,
        ..at_once()
    });
    hasty.answer.lock().unwrap().0 = rejection(Cause::Incomplete);
    let (notices, outlook) = hasty.look();
    assert!(matches!(
        &notices[..],
        [Notice::Bundle(_, BundleState::Rejected { .. })]
    ));
    assert_eq!(outlook.n_settling, 0);
    hasty.look();
    assert_eq!(hasty.n_checks(), 1);
}

#[test]
fn a_bundle_that_changes_under_the_check_is_not_taken() {
    let mut fixture = fixture(at_once());
    let content = fixture.watch.join("a.content.jpg");
    fixture.inbox.check = Box::new(move |_, _| {
        fs::write(&content, "changed meanwhile").unwrap();
        let (profile_text, profile_source) = (String::new(), String::new());
        Some(Ok(Accepted {
            profile_text,
            profile_source,
            remarks: Vec::new(),
        }))
    });
    let (notices, outlook) = fixture.look();
    assert!(
        matches!(&notices[..], [Notice::Bundle(_, BundleState::Settling(_))]),
        "{notices:?}"
    );
    assert_eq!(outlook.n_settling, 1);
}

#[test]
fn a_claim_that_fails_puts_everything_back() {
    let mut fixture = fixture(at_once());
    // The style cannot be hashed once it is where it belongs: it turned into a link on the way.
    let style = fixture.watch.join("a.style.jpg");
    fs::remove_file(&style).unwrap();
    std::os::unix::fs::symlink("nowhere", &style).unwrap();
    let ready = Ready {
        key: Key {
            name: "a".into(),
            spelling: Spelling::Flat,
        },
        fingerprint: vec![
            ("a.content.jpg".into(), listing::Stamp::default()),
            ("a.style.jpg".into(), listing::Stamp::default()),
        ],
        content: Some("a.content.jpg".into()),
        styles: vec!["a.style.jpg".into()],
        profile: None,
        accepted: Accepted {
            profile_text: String::new(),
            profile_source: String::new(),
            remarks: Vec::new(),
        },
    };
    let studio = fixture.inbox.studio.clone();
    let now = crate::clock::Timestamp(0);
    claim::claim(&studio, &ready, Links::Refuse, now).unwrap_err();
    assert!(studio.active_jobs().unwrap().is_empty());
    assert_eq!(
        fs::read(fixture.watch.join("a.content.jpg")).unwrap(),
        b"a.content.jpg"
    );
    assert!(fs::read_link(style).is_ok());
    assert!(fixture.look().0.len() == 1);
}
