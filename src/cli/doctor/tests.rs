//! Tests of the doctor, over a machine in a temporary folder.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::clock::Timestamp;
use crate::folder::MARKER;
use crate::job::names::display_path;
use crate::runtime::Pins;
use crate::runtime::Platform;
use crate::service::Machine;
use crate::service::Places;
use crate::settings::Surroundings;

fn machine() -> (TempDir, Environment) {
    let folder = tempfile::tempdir().unwrap();
    let env = Environment {
        path: OsString::new(),
        home: Some(folder.path().join("home")),
        xdg_data_home: None,
        ld_library_path: OsString::new(),
        ort_dylib_path: None,
        cuda_home: None,
        cuda_visible_devices: None,
        python_prefixes: Vec::new(),
        root: folder.path().join("root"),
        pins: Pins::of(Platform::LinuxX64),
        patience: Duration::from_secs(1),
    };
    (folder, env)
}

/// What is known of a machine in `folder` that nothing is wrong with.
fn facts(folder: &TempDir) -> Facts {
    let root = folder.path().join("root");
    Facts {
        machine: Machine { root: root.clone() },
        places: Places {
            user: Some(folder.path().join("home/.config/systemd/user")),
            system: root.join("etc/systemd/system"),
        },
        user: Some("ann".to_owned()),
        zone: None,
        now: Timestamp(4_000_000_000),
    }
}

/// Makes a studio in `folder`, with everything that belongs to one.
fn studio(folder: &TempDir) -> (Settings, Studio) {
    let root = folder.path().join("studio");
    write(root.join(MARKER), b"");
    let around = Surroundings {
        cwd: folder.path().to_owned(),
        vars: [(
            "HOME".to_owned(),
            folder.path().join("home").to_string_lossy().into_owned(),
        )]
        .into(),
        ..Surroundings::default()
    };
    let settings = Settings::load(Some(&root), &around).unwrap();
    let studio = Studio::at(root);
    studio.prepare().unwrap();
    (settings, studio)
}

fn write(path: PathBuf, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn no_studio() -> anyhow::Result<(Settings, Studio)> {
    Err(anyhow::anyhow!("no studio here"))
}

#[test]
fn a_bare_machine_gets_warnings_with_mends() {
    let (folder, env) = machine();
    let report = doctor(&env, &facts(&folder), &Request::default(), &no_studio());
    assert_eq!(report.level(), Level::Warning);
    let text = report.to_string();
    for part in [
        &format!("ok    pentimento    {}", env!("CARGO_PKG_VERSION")),
        "warn  studio        no studio here",
        "warn  ONNX Runtime  not there yet\n",
        "                    -> the first run installs it",
        "ok    cards         no NVIDIA driver: the processor paints",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_named_library_that_is_not_there_is_a_failure() {
    let (folder, env) = machine();
    let request = Request {
        ort_lib: Some(folder.path().join("absent.so")),
        ..Request::default()
    };
    let report = doctor(&env, &facts(&folder), &request, &no_studio());
    assert_eq!(report.level(), Level::Failure);
    let text = report.to_string();
    assert!(text.contains("FAIL  ONNX Runtime  cannot read"), "{text}");
    assert!(text.contains("absent.so (named by --ort-lib)"), "{text}");
}

#[test]
fn a_studio_is_shown_with_what_it_lacks() {
    let (folder, env) = machine();
    let (settings, studio) = studio(&folder);
    fs::remove_dir(&studio.watch).unwrap();
    let shown = display_path(&studio.root);
    let given = Ok((settings, studio));
    let text = doctor(&env, &facts(&folder), &Request::default(), &given).to_string();
    let first = format!("ok    studio        {shown}\n");
    assert!(text.contains(&first), "{text}");
    assert!(text.contains("warn  watch "), "{text}");
}

#[test]
fn only_networks_that_can_be_used_are_counted_as_installed() {
    let (folder, env) = machine();
    let (settings, studio) = studio(&folder);
    let manifest = b"name = \"vgg19\"\n";
    write(studio.root.join("models/broken.toml"), manifest);
    let given = Ok((settings, studio));
    let text = doctor(&env, &facts(&folder), &Request::default(), &given).to_string();
    let line = text.lines().find(|line| line.starts_with("ok    models"));
    let line = line.unwrap_or_else(|| panic!("no networks in\n{text}"));
    assert!(
        line.contains("1 of ") && line.ends_with("is installed: builtin"),
        "{line}"
    );
    assert!(
        text.contains("warn  models ") && text.contains("broken.toml"),
        "{text}"
    );
}

#[test]
fn hooks_are_shown_with_those_that_are_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, env) = machine();
    let (settings, studio) = studio(&folder);
    let hooks = studio.root.join("hooks.d");
    write(hooks.join("finished/notify"), b"#!/bin/sh\n");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(hooks.join("finished/notify"), mode).unwrap();
    write(hooks.join("failed/mail"), b"#!/bin/sh\n");
    write(hooks.join("finish/notify"), b"");
    let given = Ok((settings, studio));
    let text = doctor(&env, &facts(&folder), &Request::default(), &given).to_string();
    for part in [
        "ok    hooks         finished: notify\n",
        "hooks.d/failed/mail: it is not executable; `chmod +x` it",
        "hooks.d/finish: there is no such event",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_service_that_ends_with_the_login_is_warned_of() {
    let (folder, env) = machine();
    let (settings, studio) = studio(&folder);
    let facts = facts(&folder);
    let name = crate::service::unit_name(&studio.root);
    let look = || {
        let given = Ok((settings.clone(), studio.clone()));
        doctor(&env, &facts, &Request::default(), &given).to_string()
    };
    assert!(look().contains("ok    service       none: painting ends"));
    write(facts.places.user.clone().unwrap().join(&name), b"");
    assert!(look().contains("no systemd that would start it"));
    fs::create_dir_all(facts.machine.root.join("run/systemd/system")).unwrap();
    let text = look();
    assert!(text.contains("warn  service "), "{text}");
    assert!(
        text.contains("-> sudo loginctl enable-linger ann"),
        "{text}"
    );
    write(facts.machine.root.join("var/lib/systemd/linger/ann"), b"");
    assert!(look().contains("goes on when ann logs out"));
    write(facts.places.system.join(&name), b"");
    assert!(look().contains("started with the machine"));
}

#[test]
fn filesystems_limits_and_paths_that_do_not_suit_are_told() {
    let (folder, env) = machine();
    let (settings, mut studio) = studio(&folder);
    let root = folder.path().join("root");
    let place = folder.path().canonicalize().unwrap();
    let mounts = format!("there {} nfs4 rw 0 0\n", place.display());
    write(root.join("proc/self/mounts"), mounts.as_bytes());
    write(root.join("proc/sys/fs/inotify/max_user_watches"), b"100\n");
    write(
        root.join("proc/sys/fs/inotify/max_user_instances"),
        b"128\n",
    );
    studio.state = studio.root.join("x".repeat(120));
    let given = Ok((settings, studio));
    let text = doctor(&env, &facts(&folder), &Request::default(), &given).to_string();
    for part in [
        "is on nfs4: looked at regularly",
        "is on nfs4, where a database can be damaged",
        "warn  limits        fs.inotify.max_user_watches is 100",
        "-> sudo sysctl fs.inotify.max_user_watches=32768",
        "warn  socket ",
        " disk          ",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!text.contains("max_user_instances"), "{text}");
}

#[test]
fn a_clock_that_cannot_be_right_is_told() {
    let (folder, env) = machine();
    let mut facts = facts(&folder);
    let look = |facts: &Facts| {
        let given = Ok(studio(&folder));
        doctor(&env, facts, &Request::default(), &given).to_string()
    };
    assert!(look(&facts).contains("ok    clock         2096-10-02T07:06:40Z, local time of UTC"));
    let etc = facts.machine.root.join("etc");
    fs::create_dir_all(&etc).unwrap();
    std::os::unix::fs::symlink("/usr/share/zoneinfo/Europe/Berlin", etc.join("localtime")).unwrap();
    assert!(look(&facts).contains("local time of Europe/Berlin"));
    fs::create_dir_all(facts.machine.root.join("usr/share/zoneinfo")).unwrap();
    facts.zone = Some("Mars/Base".to_owned());
    assert!(look(&facts).contains("the time zone TZ=Mars/Base is not known here"));
    for (now, part) in [
        (Timestamp(1_000_000_000), "before this program was written"),
        (Timestamp(1_740_000_000), "and pentimento.toml is from"),
    ] {
        facts.now = now;
        let text = look(&facts);
        assert!(
            text.contains("warn  clock ") && text.contains(part),
            "{text}"
        );
    }
}

#[test]
fn cards_are_listed_with_those_that_are_hidden() {
    let (folder, mut env) = machine();
    let nvidia = folder.path().join("root/proc/driver/nvidia");
    write(
        nvidia.join("version"),
        b"NVRM version: NVIDIA Kernel Module  580.95  x\n",
    );
    for bus in ["0000:01:00.0", "0000:02:00.0"] {
        write(
            nvidia.join("gpus").join(bus).join("information"),
            b"Model: \t A Card\n",
        );
    }
    env.cuda_visible_devices = Some("1".to_owned());
    let text = doctor(&env, &facts(&folder), &Request::default(), &no_studio()).to_string();
    let cards = "ok    cards         NVIDIA driver 580.95\n                    A Card at \
                 0000:01:00.0\n                    A Card at 0000:02:00.0\n                    \
                 CUDA_VISIBLE_DEVICES hides 1 of them";
    assert!(text.contains(cards), "{text}");
}
