//! Tests of hooks: real scripts in a studio in a temporary folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

struct Place {
    _dir: tempfile::TempDir,
    studio: Studio,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let studio = Studio::at(dir.path().join("a studio"));
        studio.prepare().unwrap();
        Self { _dir: dir, studio }
    }

    /// Writes a hook with this mode.
    fn hook(&self, event: HookEvent, name: &str, script: &str, mode: u32) -> PathBuf {
        let path = folder(&self.studio).join(event.name()).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn job(&self, name: &str) -> Payload {
        let folder = self.studio.active.join(format!("0042-{name}"));
        fs::create_dir_all(&folder).unwrap();
        Payload {
            job: Some(JobFacts {
                id: 42,
                name: name.to_owned(),
                folder,
                attempt: 1,
            }),
            ..Payload::default()
        }
    }

    fn run(&self, event: HookEvent, payload: &Payload, limits: &Limits) -> Vec<HookOutcome> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(&self.studio, event, payload, limits, Timestamp(0)))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.studio.state.join("hooks.log")).unwrap_or_default()
    }
}

fn ends(outcomes: &[HookOutcome]) -> Vec<(&str, &HookEnd)> {
    let pairs = outcomes.iter().map(|o| (o.hook.as_str(), &o.end));
    pairs.collect()
}

#[test]
fn hooks_run_in_natural_order_and_are_told_everything() {
    let place = Place::new();
    for name in ["10-last", "2-first"] {
        let script = format!("echo {name} >> order; env > \"$PWD/env\"; cat > told");
        place.hook(HookEvent::Finished, name, &script, 0o755);
    }
    let mut payload = place.job("har'bour $(id) \"x\"");
    payload.result = Some(place.studio.root.join("done/result.png"));
    payload.reason = Some("two\nlines".to_owned());
    let outcomes = place.run(HookEvent::Finished, &payload, &Limits::default());
    assert_eq!(
        ends(&outcomes),
        [
            ("2-first", &HookEnd::Succeeded),
            ("10-last", &HookEnd::Succeeded)
        ]
    );
    let root = &place.studio.root;
    let order = fs::read_to_string(root.join("order")).unwrap();
    assert_eq!(order, "2-first\n10-last\n");
    let told: serde_json::Value =
        serde_json::from_slice(&fs::read(root.join("told")).unwrap()).unwrap();
    assert_eq!(told["event"], "finished");
    assert_eq!(told["schema"], 1);
    assert_eq!(told["job"]["id"], 42);
    assert_eq!(told["job"]["name"], "har'bour $(id) \"x\"");
    assert_eq!(told["reason"], "two\nlines");
    let env = fs::read_to_string(root.join("env")).unwrap();
    for line in [
        "PENTIMENTO_EVENT=finished",
        "PENTIMENTO_JOB_ID=42",
        "PENTIMENTO_JOB_NAME=har'bour $(id) \"x\"",
        "PENTIMENTO_REASON=two",
    ] {
        assert!(env.lines().any(|l| l == line), "{line} is not in\n{env}");
    }
}

#[test]
fn no_hooks_leave_no_trace() {
    let place = Place::new();
    let payload = place.job("harbour");
    let outcomes = place.run(HookEvent::Started, &payload, &Limits::default());
    assert_eq!(outcomes, []);
    let folder = &payload.job.as_ref().unwrap().folder;
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    assert_eq!(place.log(), "");
    assert!(is_over(
        &place.studio,
        HookEvent::Started,
        payload.job.as_ref().unwrap()
    ));
}

#[test]
fn a_hook_runs_once_for_an_attempt_and_again_for_the_next() {
    let place = Place::new();
    place.hook(HookEvent::Failed, "count", "echo x >> count", 0o755);
    let mut payload = place.job("harbour");
    let limits = Limits::default();
    let facts = payload.job.clone().unwrap();
    assert!(!is_over(&place.studio, HookEvent::Failed, &facts));
    place.run(HookEvent::Failed, &payload, &limits);
    assert!(is_over(&place.studio, HookEvent::Failed, &facts));
    let again = place.run(HookEvent::Failed, &payload, &limits);
    assert_eq!(ends(&again), [("count", &HookEnd::RanBefore)]);
    payload.job.as_mut().unwrap().attempt = 2;
    place.run(HookEvent::Failed, &payload, &limits);
    let count = fs::read_to_string(place.studio.root.join("count")).unwrap();
    assert_eq!(count, "x\nx\n");
}

#[test]
fn what_may_have_run_before_a_crash_is_not_run_again() {
    let place = Place::new();
    place.hook(HookEvent::Finished, "1-notify", "echo x >> count", 0o755);
    place.hook(HookEvent::Finished, "2-mail", "echo y >> count", 0o755);
    let payload = place.job("harbour");
    let facts = payload.job.as_ref().unwrap();
    // As a crash leaves it that comes when the first was just started.
    let mut marks = Marks::of(&facts.folder, HookEvent::Finished, 1);
    marks.set("1-notify".as_ref(), Mark::Begun).unwrap();
    let limits = Limits::default();
    for second in [HookEnd::Succeeded, HookEnd::RanBefore] {
        let outcomes = place.run(HookEvent::Finished, &payload, &limits);
        assert_eq!(
            ends(&outcomes),
            [("1-notify", &HookEnd::MayHaveRun), ("2-mail", &second)]
        );
    }
    let count = fs::read_to_string(place.studio.root.join("count")).unwrap();
    assert_eq!(count, "y\n");
    assert!(place.log().contains("1-notify may have run before a crash"));
}

#[test]
fn a_hook_that_cannot_be_marked_is_not_run() {
    let place = Place::new();
    place.hook(HookEvent::Finished, "h", "touch ran", 0o755);
    let mut payload = place.job("harbour");
    payload.job.as_mut().unwrap().folder = place.studio.root.join("gone");
    let outcomes = place.run(HookEvent::Finished, &payload, &Limits::default());
    assert!(matches!(outcomes[0].end, HookEnd::NotMarked(_)));
    assert!(!place.studio.root.join("ran").exists());
}

#[test]
fn what_is_not_meant_to_run_is_refused_with_the_reason() {
    let place = Place::new();
    let event = HookEvent::Accepted;
    place.hook(event, "1-plain", "touch ran", 0o644);
    place.hook(event, "2-open", "touch ran", 0o777);
    let outside = place.studio.root.parent().unwrap().join("outside");
    fs::write(&outside, "#!/bin/sh\ntouch ran\n").unwrap();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o755)).unwrap();
    let ours = folder(&place.studio).join(event.name());
    symlink(&outside, ours.join("3-outside")).unwrap();
    symlink("nowhere", ours.join("4-broken")).unwrap();
    fs::create_dir(ours.join("5-folder")).unwrap();
    fs::write(ours.join("README.md"), "about hooks").unwrap();
    fs::write(ours.join(".hidden"), "").unwrap();
    let outcomes = place.run(event, &Payload::default(), &Limits::default());
    let reasons = [
        ("1-plain", "not executable"),
        ("2-open", "anybody may write"),
        ("3-outside", "leads out of the studio"),
        ("4-broken", "leads nowhere"),
        ("5-folder", "not a file"),
    ];
    assert_eq!(outcomes.len(), reasons.len(), "{outcomes:?}");
    for (outcome, (name, reason)) in outcomes.iter().zip(reasons) {
        let text = outcome.to_string();
        assert!(text.starts_with(name) && text.contains(reason), "{text}");
    }
    assert!(!place.studio.root.join("ran").exists());
}

#[test]
fn a_link_within_the_studio_is_followed() {
    let place = Place::new();
    let hook = place.hook(HookEvent::Accepted, "real", "touch ran", 0o755);
    let ours = folder(&place.studio).join(HookEvent::Started.name());
    fs::create_dir(&ours).unwrap();
    symlink(&hook, ours.join("link")).unwrap();
    let outcomes = place.run(HookEvent::Started, &Payload::default(), &Limits::default());
    assert_eq!(ends(&outcomes), [("link", &HookEnd::Succeeded)]);
    assert!(place.studio.root.join("ran").exists());
}

#[test]
fn a_folder_that_anybody_may_write_runs_nothing() {
    let place = Place::new();
    place.hook(HookEvent::Accepted, "h", "touch ran", 0o755);
    let ours = folder(&place.studio).join("accepted");
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o777)).unwrap();
    let outcomes = place.run(HookEvent::Accepted, &Payload::default(), &Limits::default());
    assert!(matches!(outcomes[0].end, HookEnd::Refused(_)));
    assert!(!place.studio.root.join("ran").exists());
}

#[test]
fn a_slow_hook_is_killed_with_everything_it_started() {
    let place = Place::new();
    let script = "sleep 600 & echo $! > child; echo waiting; sleep 600";
    place.hook(HookEvent::DiskLow, "slow", script, 0o755);
    let limits = Limits {
        time: Duration::from_secs(2),
        ..Limits::default()
    };
    let outcomes = place.run(HookEvent::DiskLow, &Payload::default(), &limits);
    assert_eq!(ends(&outcomes), [("slow", &HookEnd::TimedOut)]);
    assert!(place.log().contains("    waiting\n"), "{}", place.log());
    let child = fs::read_to_string(place.studio.root.join("child")).unwrap();
    await_death(child.trim());
}

#[test]
fn what_a_hook_leaves_in_the_background_is_ended() {
    let place = Place::new();
    let script = "sleep 600 & echo $! > child; exit 3";
    place.hook(HookEvent::DiskLow, "left", script, 0o755);
    let outcomes = place.run(HookEvent::DiskLow, &Payload::default(), &Limits::default());
    assert_eq!(ends(&outcomes), [("left", &HookEnd::Exited(3))]);
    let child = fs::read_to_string(place.studio.root.join("child")).unwrap();
    await_death(child.trim());
}

/// Waits until a process is gone, or dead and not yet asked about.
fn await_death(pid: &str) {
    let begin = std::time::Instant::now();
    let is_alive = || {
        let text = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
        text.is_ok_and(|text| !text.contains(") Z "))
    };
    while is_alive() {
        assert!(begin.elapsed() < Duration::from_mins(1), "{pid} lives on");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_flood_is_cut_and_the_log_stays_short() {
    let place = Place::new();
    let script = "yes flood | head -c 300000; yes trouble | head -c 300000 >&2";
    place.hook(HookEvent::QueueEmpty, "loud", script, 0o755);
    let limits = Limits {
        output_bytes: 1000,
        log_bytes: 4000,
        ..Limits::default()
    };
    for _ in 0..5 {
        let outcomes = place.run(HookEvent::QueueEmpty, &Payload::default(), &limits);
        assert_eq!(ends(&outcomes), [("loud", &HookEnd::Succeeded)]);
    }
    assert!(place.log().len() <= 4000);
    let before = fs::read(place.studio.state.join("hooks.log.1")).unwrap();
    assert!(before.len() <= 4000);
}

#[test]
fn ends_are_told_apart() {
    let place = Place::new();
    place.hook(HookEvent::Stalled, "1", "exit 7", 0o755);
    place.hook(HookEvent::Stalled, "2", "kill -9 $$", 0o755);
    let broken = place.hook(HookEvent::Stalled, "3", "", 0o755);
    fs::write(&broken, "#!/no/such/interpreter\n").unwrap();
    place.hook(HookEvent::Stalled, "4", "exec <&-; sleep 0", 0o755);
    let outcomes = place.run(HookEvent::Stalled, &Payload::default(), &Limits::default());
    let ends: Vec<_> = outcomes.iter().map(|o| &o.end).collect();
    assert_eq!(ends[0], &HookEnd::Exited(7));
    assert_eq!(ends[1], &HookEnd::Signalled(9));
    assert!(matches!(ends[2], HookEnd::NotStarted(_)));
    assert_eq!(ends[3], &HookEnd::Succeeded);
    let many = Limits {
        hooks: 1,
        ..Limits::default()
    };
    let outcomes = place.run(HookEvent::Stalled, &Payload::default(), &many);
    assert!(matches!(outcomes[3].end, HookEnd::Refused(_)));
}

#[test]
fn odd_bytes_reach_a_hook_or_are_made_fit() {
    use std::os::unix::ffi::OsStringExt;
    let place = Place::new();
    place.hook(
        HookEvent::Waiting,
        "h",
        "printf %s \"$PENTIMENTO_BUNDLE\" > name; printf %s \"$PENTIMENTO_REASON\" > reason",
        0o755,
    );
    let name = std::ffi::OsString::from_vec(b"b\xffd\nname".to_vec());
    let payload = Payload {
        bundle: Some(name),
        reason: Some("a\0b".to_owned() + &"c".repeat(1 << 20)),
        ..Payload::default()
    };
    let outcomes = place.run(HookEvent::Waiting, &payload, &Limits::default());
    assert_eq!(ends(&outcomes), [("h", &HookEnd::Succeeded)]);
    let root = &place.studio.root;
    assert_eq!(fs::read(root.join("name")).unwrap(), b"b\xffd\nname");
    let reason = fs::read_to_string(root.join("reason")).unwrap();
    assert!(reason.starts_with("abccc") && reason.len() <= 16 << 10);
}

#[test]
fn folders_that_are_no_event_are_named() {
    let place = Place::new();
    let hooks = folder(&place.studio);
    for name in ["finish", "finished", ".git"] {
        fs::create_dir_all(hooks.join(name)).unwrap();
    }
    fs::write(hooks.join("README.md"), "").unwrap();
    assert_eq!(unknown(&place.studio), [hooks.join("finish")]);
}

#[test]
fn a_hook_can_run_the_program_with_the_variables_it_got() {
    let place = Place::new();
    fs::write(place.studio.root.join(crate::folder::MARKER), "").unwrap();
    let mut payload = place.job("harbour");
    payload.bundle = Some("harbour".into());
    payload.result = Some("/r".into());
    payload.reason = Some("x".to_owned());
    payload.hint = Some("x".to_owned());
    payload.free_bytes = Some(1);
    let told = payload.variables(&place.studio, HookEvent::Finished, Timestamp(0));
    assert_eq!(told.len(), 12);
    // A variable that is nearly a setting would be taken for a slip.
    let mut vars: std::collections::BTreeMap<String, String> = told
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into_string().unwrap()))
        .collect();
    let home = place.studio.root.to_string_lossy().into_owned();
    vars.insert("HOME".to_owned(), home);
    let around = crate::settings::Surroundings {
        cwd: place.studio.root.clone(),
        vars,
        ..Default::default()
    };
    crate::settings::Settings::load(Some(&place.studio.root), &around).unwrap();
}
