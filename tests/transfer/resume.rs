//! A painting that is interrupted at any moment ends on the same bytes as one that is not.
//!
//! A kill is played by copying the folder at that moment: what is in it is what a killed process
//! leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pentimento::clock::Clock;
use pentimento::profile::{ProfileFolders, RawProfile, Roots, resolve};
use pentimento::transfer::{
    Cadence, EditOrder, Ended, Event, Flow, Keep, Naming, SavedAs, Task, TransferError, paint,
    paint_kept,
};

use crate::support::studio::picture;
use crate::support::tools;

/// What all profiles here begin with.
const COMMON: &str = "network = \"builtin\"\nseed = 5\nsave_iter = 2\nimage_size = 48\n\
                      content_layers = [\"relu3_1\"]\nstyle_layers = [\"relu1_1\", \"relu2_1\"]\n";

/// Other sizes, other optimisers, a start from noise, total variation.
const TWO_SIZES: &str = "init = \"random\"\ntv_weight = 0.01\n\
                         [[stages]]\nnum_iterations = 5\n\
                         [[stages]]\nimage_size = 64\nnum_iterations = 4\noptimizer = \"adam\"\n";

/// L-BFGS that goes on into a stage with other weights, its history full.
const CARRIED: &str = "init = \"image\"\nlbfgs_num_correction = 2\n\
                       [[stages]]\nnum_iterations = 5\n\
                       [[stages]]\nnum_iterations = 4\nstyle_weight = 500\n";

const ADAM: &str = "init = \"random\"\noptimizer = \"adam\"\nlearning_rate = 3.5\n\
                    original_colors = true\nnormalize_gradients = true\npng_depth = 16\n\
                    num_iterations = 6\n";

const LUA: &str = "compat = \"lua\"\ninit = \"random\"\noriginal_colors = true\n\
                   normalize_gradients = true\ntv_weight = 0.1\n\
                   [[stages]]\nnum_iterations = 4\n\
                   [[stages]]\nimage_size = 60\nnum_iterations = 3\n";

const BLENDED: &str = "compat = \"pt\"\ninit = \"image\"\nnormalize_weights = true\n\
                       style_blend_weights = [1, 3]\nstyle_scale = 1.25\nnum_iterations = 5\n\
                       output_format = \"jpeg\"\n";

pub(super) fn inputs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in (1..).zip(["content.png", "a.png", "b.png"]) {
        fs::write(folder.path().join(name), picture(seed)).unwrap();
    }
    folder
}

/// Returns the task of painting the pictures in `inputs` into `folder`.
pub(super) fn task(inputs: &Path, folder: &Path, profile: &str) -> Task {
    let text = format!("{COMMON}{profile}");
    let none = ProfileFolders::new(Vec::new());
    let raw = RawProfile::parse("test", text.as_bytes(), &none).unwrap();
    let profile = resolve(&raw, &|_| None).unwrap();
    let n_styles = profile.stages()[0].style_blend_weights.len().max(1);
    let styles = ["a.png", "b.png"].into_iter().take(n_styles);
    fs::create_dir_all(folder.join("snapshots")).unwrap();
    Task {
        content: Some(inputs.join("content.png")),
        styles: styles.map(|name| inputs.join(name)).collect(),
        naming: Naming {
            result: folder.join(format!("result.{}", profile.output_format.ending())),
            snapshots: SavedAs::In(folder.join("snapshots")),
            losses: Some(folder.join("losses.csv")),
        },
        profile,
        roots: Roots::any(Path::new("/")),
        network_dirs: Vec::new(),
        seed: 0,
        memory: None,
        max_pixels: u64::MAX,
        follow_symlinks: true,
    }
}

/// Paints into `folder`, from where it was left; `on_event` sees everything.
#[allow(
    clippy::result_large_err,
    reason = "the error of the function that is tested"
)]
pub(super) fn go_on(
    task: &Task,
    folder: &Path,
    cadence: Cadence,
    orders: &mut dyn FnMut() -> Option<EditOrder>,
    on_event: &mut dyn FnMut(&Event) -> Flow,
) -> Result<Ended, TransferError> {
    let keep = Keep {
        folder: folder.join("checkpoint"),
        edits: folder.join("edits.jsonl"),
        cadence,
        clock: Clock::start(),
        orders,
    };
    paint_kept(task, &tools(2), keep, &mut |event| on_event(&event))
}

fn stop_if(is_enough: bool) -> Flow {
    if is_enough {
        Flow::Stop
    } else {
        Flow::Continue
    }
}

/// What a painting leaves, without its checkpoints.
pub(super) fn left(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for place in ["", "snapshots"] {
        for entry in fs::read_dir(folder.join(place)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

pub(super) fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    copy_into(from, to.path());
    to
}

fn copy_into(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&to).unwrap();
            copy_into(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

pub(super) fn assert_same(
    found: &BTreeMap<PathBuf, Vec<u8>>,
    wanted: &BTreeMap<PathBuf, Vec<u8>>,
    when: &str,
) {
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(wanted), "{when}");
    for (name, bytes) in wanted {
        assert!(found[name] == *bytes, "{when}: {} differs", name.display());
    }
}

const EACH: Cadence = Cadence::Every(Duration::ZERO);
const STAGES_ONLY: Cadence = Cadence::Every(Duration::MAX);

/// Paints once without a break, then kills it at each of its moments and goes on, and stops it at
/// each of its iterations and goes on.
fn interrupt(profile: &str, evaluations: usize) {
    let inputs = inputs();
    let whole = tempfile::tempdir().unwrap();
    paint(
        &task(inputs.path(), whole.path(), profile),
        &tools(2),
        &mut |_| Flow::Continue,
    )
    .unwrap();
    let whole = left(whole.path());
    for cadence in [EACH, STAGES_ONLY] {
        let folder = tempfile::tempdir().unwrap();
        let task_here = task(inputs.path(), folder.path(), profile);
        let mut moments = Vec::new();
        let mut made = 0;
        let ended = go_on(
            &task_here,
            folder.path(),
            cadence,
            &mut || None,
            &mut |event| {
                if matches!(event, Event::Evaluation(_)) {
                    made += 1;
                }
                if !matches!(event, Event::Stage(_)) {
                    moments.push((made, copy(folder.path())));
                }
                Flow::Continue
            },
        );
        assert!(matches!(ended, Ok(Ended::Painted(_))), "{ended:?}");
        assert_eq!(made, evaluations);
        assert_same(&left(folder.path()), &whole, "kept");
        for (number, (made, killed)) in moments.into_iter().enumerate() {
            let when = format!("{cadence:?}, killed at moment {number}, {made} evaluations");
            let task = task(inputs.path(), killed.path(), profile);
            let mut again = 0;
            go_on(&task, killed.path(), cadence, &mut || None, &mut |event| {
                again += usize::from(matches!(event, Event::Evaluation(_)));
                Flow::Continue
            })
            .unwrap();
            assert_same(&left(killed.path()), &whole, &when);
            if cadence == EACH {
                assert!(made + again <= evaluations + 1, "{when}: {again} again");
            }
        }
    }
    stop_at_each(inputs.path(), profile, evaluations, &whole);
}

/// Every attempt makes one evaluation: nothing is made twice.
fn stop_at_each(
    inputs: &Path,
    profile: &str,
    evaluations: usize,
    whole: &BTreeMap<PathBuf, Vec<u8>>,
) {
    let folder = tempfile::tempdir().unwrap();
    let task = task(inputs, folder.path(), profile);
    let mut attempts = 0;
    let mut made = 0;
    loop {
        attempts += 1;
        assert!(attempts <= evaluations + 1, "no end");
        let mut of_this = 0;
        let ended = go_on(
            &task,
            folder.path(),
            Cadence::Usual,
            &mut || None,
            &mut |event| {
                let is_one = matches!(event, Event::Evaluation(_));
                of_this += usize::from(is_one);
                stop_if(is_one)
            },
        );
        made += of_this;
        match ended.unwrap() {
            Ended::Painted(_) => break,
            Ended::Stopped { stage, iteration } => assert!(stage >= 1 && iteration >= 1),
        }
        assert_eq!(of_this, 1);
    }
    assert_eq!(made, evaluations);
    assert_same(&left(folder.path()), whole, "stopped at each iteration");
}

#[test]
fn two_sizes_and_two_optimisers() {
    interrupt(TWO_SIZES, 9);
}

#[test]
fn a_history_that_is_carried_into_the_next_stage() {
    interrupt(CARRIED, 9);
}

#[test]
fn adam_with_original_colours_and_normalised_gradients() {
    interrupt(ADAM, 6);
}

#[test]
fn the_semantics_of_the_lua_tool() {
    interrupt(LUA, 7);
}

#[test]
fn blended_styles_and_a_jpeg() {
    interrupt(BLENDED, 5);
}

#[test]
fn a_stop_before_a_stage_loses_nothing_and_none_is_no_loss() {
    let inputs = inputs();
    let folder = tempfile::tempdir().unwrap();
    let task = task(inputs.path(), folder.path(), TWO_SIZES);
    let stop_at = |wanted: usize| {
        go_on(
            &task,
            folder.path(),
            STAGES_ONLY,
            &mut || None,
            &mut |event| stop_if(matches!(event, Event::Stage(start) if start.stage == wanted)),
        )
        .unwrap()
    };
    let stopped = |stage, iteration| Ended::Stopped { stage, iteration };
    assert_eq!(stop_at(1), stopped(1, 0));
    assert_eq!(stop_at(2), stopped(1, 5));
    assert_eq!(stop_at(2), stopped(1, 5));
}

#[test]
fn damage_is_told_and_costs_no_more_than_the_work_since_the_one_before() {
    let inputs = inputs();
    let whole = tempfile::tempdir().unwrap();
    paint(
        &task(inputs.path(), whole.path(), CARRIED),
        &tools(2),
        &mut |_| Flow::Continue,
    )
    .unwrap();
    let whole = left(whole.path());
    let folder = tempfile::tempdir().unwrap();
    let here = task(inputs.path(), folder.path(), CARRIED);
    let mut made = 0;
    go_on(&here, folder.path(), EACH, &mut || None, &mut |event| {
        made += usize::from(matches!(event, Event::Evaluation(_)));
        if made == 7 {
            Flow::Stop
        } else {
            Flow::Continue
        }
    })
    .unwrap();
    let damage = |how: &dyn Fn(&Path), n_states: usize| {
        let copy = copy(folder.path());
        let mut states: Vec<PathBuf> = fs::read_dir(copy.path().join("checkpoint"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "checkpoint"))
            .collect();
        states.sort();
        assert_eq!(states.len(), 2);
        for state in states.iter().rev().take(n_states) {
            how(state);
        }
        let task = task(inputs.path(), copy.path(), CARRIED);
        let mut resumed = None;
        go_on(&task, copy.path(), EACH, &mut || None, &mut |event| {
            if let Event::Resumed {
                stage,
                iteration,
                lost,
            } = event
            {
                resumed = Some((*stage, *iteration, lost.clone()));
            }
            Flow::Continue
        })
        .unwrap();
        assert_same(&left(copy.path()), &whole, "damaged");
        resumed.unwrap()
    };
    assert_eq!(damage(&|_| {}, 2), (2, 2, None));
    let empty = |path: &Path| fs::write(path, "").unwrap();
    let (stage, iteration, lost) = damage(&empty, 1);
    assert_eq!((stage, iteration), (2, 1));
    let lost = lost.unwrap();
    assert!(
        lost.contains("cut short") && lost.contains("1 evaluation is made again"),
        "{lost}"
    );
    let turn = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(path, bytes).unwrap();
    };
    let (stage, iteration, lost) = damage(&turn, 2);
    assert_eq!((stage, iteration), (1, 0));
    let lost = lost.unwrap();
    assert!(
        lost.contains("checksum") && lost.contains("begins anew"),
        "{lost}"
    );
    assert!(lost.contains("7 evaluations are made again"), "{lost}");
}

#[test]
fn other_pictures_or_another_profile_begin_anew_and_say_so() {
    let inputs = inputs();
    let folder = tempfile::tempdir().unwrap();
    let begun = task(inputs.path(), folder.path(), ADAM);
    let mut stop =
        |event: &Event| stop_if(matches!(event, Event::Evaluation(e) if e.iteration == 4));
    go_on(&begun, folder.path(), EACH, &mut || None, &mut stop).unwrap();
    let other_picture = {
        let mut task = begun.clone();
        task.content = Some(inputs.path().join("b.png"));
        task
    };
    let other_profile = task(inputs.path(), folder.path(), CARRIED);
    for (other, words) in [
        (other_picture, "other pictures"),
        (other_profile, "another profile"),
    ] {
        let copy = copy(folder.path());
        let mut lost = None;
        go_on(&other, copy.path(), EACH, &mut || None, &mut |event| {
            if let Event::Resumed {
                stage,
                iteration,
                lost: what,
            } = event
            {
                assert_eq!((*stage, *iteration), (1, 0));
                lost.clone_from(what);
            }
            Flow::Continue
        })
        .unwrap();
        let lost = lost.unwrap();
        assert!(lost.contains(words), "{lost}");
    }
}

#[test]
fn another_number_of_threads_is_gone_on_with_and_told_of() {
    let inputs = inputs();
    let folder = tempfile::tempdir().unwrap();
    let task = task(inputs.path(), folder.path(), ADAM);
    let mut stop =
        |event: &Event| stop_if(matches!(event, Event::Evaluation(e) if e.iteration == 4));
    go_on(&task, folder.path(), EACH, &mut || None, &mut stop).unwrap();
    let keep = Keep {
        folder: folder.path().join("checkpoint"),
        edits: folder.path().join("edits.jsonl"),
        cadence: EACH,
        clock: Clock::start(),
        orders: &mut || None,
    };
    let (mut resumed, mut notes) = (None, String::new());
    paint_kept(&task, &tools(1), keep, &mut |event| {
        if let Event::Resumed {
            iteration, lost, ..
        } = &event
        {
            resumed = Some((*iteration, lost.clone()));
        }
        if let Event::Note(text) = &event {
            notes.push_str(text);
        }
        Flow::Continue
    })
    .unwrap();
    assert_eq!(resumed, Some((4, None)));
    assert!(notes.contains("made on cpu with 2 threads"), "{notes}");
}
