//! Clients, checksums, and several processes at once.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{
    super::{
        Error, Library, Origin, Pins, Platform, Progress, Request, ensure, install, is_intact,
    },
    World, good, into, library, npm_library, quiet, version, wheel,
};

const PLACE: &str = "cpu-1.32.0/libonnxruntime.so.1.32.0";
const NPM_ENTRY: &str = "package/bin/libonnxruntime.so.1";

fn ensured(world: &World) -> Result<Library, Error> {
    ensure(&world.env, &Request::default(), &mut quiet)
}

#[test]
fn pip_brings_the_wheel_and_a_second_call_finds_it() {
    let world = World::new();
    world.pip_brings(&good());
    for _ in 0..2 {
        let library = ensured(&world).expect("a library");
        assert_eq!(library.path, world.installed(PLACE));
        assert_eq!(library.origin, Origin::Installed);
        assert_eq!(library.version, Some(version("1.32.0")));
    }
    assert_eq!(fs::read(world.installed(PLACE)).expect("the file"), good());
    assert_eq!(world.installations(), ["cpu-1.32.0"]);
    let runs = world.runs("python3");
    assert_eq!(runs.len(), 1);
    for part in [
        "-m pip download --no-deps --only-binary=:all:",
        "--platform=manylinux_2_28_x86_64 --platform=manylinux2014_x86_64",
        "onnxruntime==1.32.0",
    ] {
        assert!(runs[0].contains(part), "{part} is not in {}", runs[0]);
    }
}

#[test]
fn uv_is_used_where_pip_is_missing_or_fails() {
    for pip in [
        None,
        Some("echo 'No module named pip' >&2; exit 1"),
        Some("exit 0"),
    ] {
        let world = World::new();
        if let Some(body) = pip {
            world.program("python3", body);
        }
        world.uv_brings(&good());
        assert_eq!(
            ensured(&world).expect("a library").path,
            world.installed(PLACE),
            "{pip:?}"
        );
        let runs = world.runs("uv");
        assert!(runs[0].starts_with("pip install --no-deps"), "{runs:?}");
        assert!(
            runs[0].contains("--python-platform x86_64-manylinux_2_28 --target"),
            "{runs:?}"
        );
    }
}

#[test]
fn npm_is_the_last_and_brings_its_own_release() {
    let world = World::new();
    world.npm_packs(&[("package/README.md", b"text"), (NPM_ENTRY, &npm_library())]);
    let library = ensured(&world).expect("a library");
    assert_eq!(
        library.path,
        world.installed("cpu-1.30.0/libonnxruntime.so.1.30.0")
    );
    assert!(world.runs("npm")[0].ends_with("onnxruntime-node@1.30.0"));
    ensured(&world).expect("a library");
    assert_eq!(world.runs("npm").len(), 1);
    // An explicit installation goes for the wheel, which is the release that is wanted.
    world.pip_brings(&good());
    let newer = install(&world.env, &mut quiet).expect("a library");
    assert_eq!(newer.path, world.installed(PLACE));
}

#[test]
fn a_wrong_checksum_is_refused_and_the_next_client_is_tried() {
    let world = World::new();
    let mut changed = good();
    *changed.last_mut().expect("bytes") ^= 1;
    world.pip_brings(&changed);
    world.uv_brings(&[good(), vec![0]].concat());
    world.npm_packs(&[(NPM_ENTRY, b"short")]);
    let error = ensured(&world).expect_err("nothing fits").to_string();
    let pinned = "libonnxruntime.so.1.32.0 has another checksum than the pinned one";
    assert!(
        error.contains(&format!("python3 -m pip: {pinned}")),
        "{error}"
    );
    assert!(
        error.contains("uv: libonnxruntime.so.1.32.0 is larger than"),
        "{error}"
    );
    assert!(
        error.contains("npm: libonnxruntime.so.1.30.0 has another checksum"),
        "{error}"
    );
    assert_eq!(world.installations(), [""; 0]);

    world.uv_brings(&good());
    assert_eq!(
        ensured(&world).expect("a library").path,
        world.installed(PLACE)
    );
}

#[test]
fn packages_that_are_no_archives_or_lack_the_library_are_refused() {
    let world = World::new();
    let broken = world.write("packages/broken.whl", b"PK no archive");
    world.program(
        "python3",
        &into("--dest", &broken, "onnxruntime-1.32.0.whl"),
    );
    world.program("uv", "exit 0");
    world.npm_packs(&[(
        "../../libonnxruntime.so.1".trim_start_matches("../"),
        &npm_library(),
    )]);
    let error = ensured(&world).expect_err("nothing fits").to_string();
    assert!(
        error.contains("python3 -m pip: cannot read the archive"),
        "{error}"
    );
    assert!(
        error.contains("uv: the package holds no onnxruntime/capi/"),
        "{error}"
    );
    assert!(
        error.contains(&format!("npm: the package holds no {NPM_ENTRY}")),
        "{error}"
    );
    let lacking = world.write("packages/lacking.whl", &wheel(&[("other", b"file")]));
    world.program(
        "python3",
        &into("--dest", &lacking, "onnxruntime-1.32.0.whl"),
    );
    let error = ensured(&world).expect_err("nothing fits").to_string();
    assert!(
        error.contains("python3 -m pip: the package holds no onnxruntime/capi/"),
        "{error}"
    );
    assert_eq!(world.installations(), [""; 0]);
}

#[test]
fn without_a_client_there_is_one_error_with_three_ways_out() {
    let world = World::new();
    let error = ensured(&world).expect_err("no client").to_string();
    let place = world.installed(PLACE);
    for part in [
        "cannot install onnxruntime==1.32.0",
        "there is no python3 on PATH",
        "there is no uv on PATH",
        "there is no npm on PATH",
        "1. install python3 with pip, or uv, or npm",
        "2. set ORT_DYLIB_PATH (or --ort-lib) to a library of version 1.22.0 or newer",
        &format!("3. copy such a library to {}", place.display()),
    ] {
        assert!(error.contains(part), "{part:?} is not in:\n{error}");
    }
    // The third way works.
    fs::create_dir_all(place.parent().expect("a folder")).expect("folders");
    fs::write(&place, library(Some("1.29.0"), &[])).expect("a copy");
    assert_eq!(
        ensured(&world).expect("a library").version,
        Some(version("1.29.0"))
    );
}

#[test]
fn a_platform_without_pins_says_so() {
    let mut world = World::new();
    world.env.pins = Pins::of(Platform::Other);
    let error = ensured(&world).expect_err("no pins").to_string();
    assert!(
        error.contains("this platform: no release is pinned for it"),
        "{error}"
    );
    assert!(error.contains("ORT_DYLIB_PATH"), "{error}");
}

#[test]
fn the_last_words_of_a_failed_client_are_told() {
    let world = World::new();
    world.program(
        "python3",
        "for n in 1 2 3 4 5; do echo \"line $n\" >&2; done; exit 7",
    );
    world.program("uv", "exit 3");
    let error = ensured(&world).expect_err("nothing came").to_string();
    assert!(
        error.contains("exit status: 7: line 3; line 4; line 5"),
        "{error}"
    );
    assert!(!error.contains("line 2"), "{error}");
    assert!(error.contains("exit status: 3: it said nothing"), "{error}");
}

#[test]
fn a_client_that_hangs_is_ended() {
    let mut world = World::new();
    world.env.patience = Duration::from_millis(300);
    world.program("python3", "exec /bin/sleep 600");
    world.uv_brings(&good());
    let mut failures = Vec::new();
    let library = ensure(&world.env, &Request::default(), &mut |step| {
        if let Progress::Failed(failure) = step {
            failures.push(failure.clone());
        }
    });
    assert_eq!(library.expect("uv goes on").path, world.installed(PLACE));
    assert_eq!(failures.len(), 1);
    assert!(
        failures[0].why.starts_with("nothing came for"),
        "{failures:?}"
    );
}

#[test]
fn progress_tells_the_steps_and_never_more_than_the_total() {
    let world = World::new();
    world.program("python3", "exit 1");
    world.uv_brings(&good());
    let mut steps = Vec::new();
    ensure(&world.env, &Request::default(), &mut |step| {
        steps.push(match step {
            Progress::Waiting => "waiting".to_owned(),
            Progress::Fetching { client, total, .. } => format!("{client} {total}"),
            Progress::Transferred(bytes) => {
                assert!(bytes <= 1000);
                "some".to_owned()
            }
            Progress::Checking => "checking".to_owned(),
            Progress::Failed(failure) => format!("{} failed", failure.client),
            Progress::Installed { folder } => folder
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
        });
    })
    .expect("a library");
    steps.retain(|step| step != "some");
    assert_eq!(
        steps,
        [
            "python3 -m pip 1000",
            "python3 -m pip failed",
            "uv 1000",
            "checking",
            "cpu-1.32.0"
        ]
    );
}

#[test]
fn what_a_killed_run_left_is_removed_and_never_used() {
    let world = World::new();
    let left = world.installed(".incoming-killed/ready");
    fs::create_dir_all(&left).expect("folders");
    fs::write(left.join("libonnxruntime.so.1.32.0"), good()).expect("a half-finished file");
    world.pip_brings(&good());
    assert_eq!(
        ensured(&world).expect("a library").path,
        world.installed(PLACE)
    );
    assert_eq!(world.installations(), ["cpu-1.32.0"]);
    assert_eq!(world.runs("python3").len(), 1);
}

#[test]
fn a_damaged_installation_is_replaced_when_asked_and_an_intact_one_is_kept() {
    let world = World::new();
    world.pip_brings(&good());
    install(&world.env, &mut quiet).expect("a library");
    install(&world.env, &mut quiet).expect("a library");
    assert_eq!(world.runs("python3").len(), 1);
    let mut changed = good();
    *changed.last_mut().expect("bytes") ^= 1;
    fs::write(world.installed(PLACE), changed).expect("damage");
    let damaged = ensured(&world).expect("a library");
    assert_eq!(is_intact(&world.env, &damaged), Some(false));
    let library = install(&world.env, &mut quiet).expect("a library");
    assert_eq!(is_intact(&world.env, &library), Some(true));
    assert_eq!(world.runs("python3").len(), 2);
    assert_eq!(fs::read(world.installed(PLACE)).expect("the file"), good());
    assert_eq!(world.installations(), ["cpu-1.32.0"]);
}

/// The first to come holds the lock until the second is seen to wait: its client reads a pipe that
/// the second writes. The lock belongs to the open file, so threads meet it as processes do.
#[test]
fn two_at_once_install_once() {
    let world = World::new();
    let gate = world.path("gate");
    mknodat(CWD, &gate, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let inside = "onnxruntime/capi/libonnxruntime.so.1.32.0";
    let wheel = world.write("packages/cpu.whl", &wheel(&[(inside, &good())]));
    let copy = into("--dest", &wheel, "onnxruntime-1.32.0-any.whl");
    world.program(
        "python3",
        &format!("read word < '{}'\n{copy}", gate.display()),
    );

    let (started, first_fetches) = mpsc::channel();
    let env = &world.env;
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(move || {
            ensure(env, &Request::default(), &mut |step| {
                if matches!(step, Progress::Fetching { .. }) {
                    started.send(()).expect("a listener");
                }
            })
        });
        first_fetches.recv().expect("the first fetches");
        let mut waited = false;
        let second = ensure(env, &Request::default(), &mut |step| {
            if matches!(step, Progress::Waiting) {
                waited = true;
                let mut pipe = File::options().write(true).open(&gate).expect("a reader");
                pipe.write_all(b"go\n").expect("written");
            }
        });
        assert!(waited);
        (first.join().expect("no panic"), second)
    });
    let path: PathBuf = world.installed(PLACE);
    assert_eq!(first.expect("a library").path, path);
    assert_eq!(second.expect("a library").path, path);
    assert_eq!(world.runs("python3").len(), 1);
    assert_eq!(world.installations(), ["cpu-1.32.0"]);
}
