//! A store of checkpoints, whose files are cut, turned and taken away, and whose every step fails.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::*;
use crate::optim::{AdamOptions, LbfgsOptions, Optimizer, Options, Step};
use crate::tensor::Tensor;

const WIDTH: usize = 5;
const HEIGHT: usize = 4;
const ONE: NonZeroUsize = NonZeroUsize::MIN;

fn about() -> About {
    About {
        origin: Origin {
            profile: "aa".to_owned(),
            inputs: "bb".to_owned(),
            networks: "cc".to_owned(),
            seed: 7,
        },
        device: "cpu".to_owned(),
        threads: 1,
    }
}

fn lbfgs() -> Options {
    Options::Lbfgs(LbfgsOptions {
        history: NonZeroUsize::new(3).unwrap(),
        ..LbfgsOptions::default()
    })
}

fn adam() -> Options {
    Options::Adam(AdamOptions::default())
}

/// A run of a function whose gradient at each value is that value times its number.
struct Run {
    work: Work,
    iteration: usize,
}

impl Run {
    fn new(options: Options) -> Self {
        let values = (0..3_u8).cycle().take(3 * WIDTH * HEIGHT).map(f32::from);
        let picture = Tensor::new(vec![1, 3, HEIGHT, WIDTH], values.collect()).unwrap();
        Self {
            work: Work {
                picture,
                optimizer: Optimizer::new(options, ONE),
                previous: None,
            },
            iteration: 0,
        }
    }

    fn step(&mut self) {
        let picture = &mut self.work.picture;
        let before = picture.clone();
        let factors = (1..=9_u8).cycle().map(f32::from);
        let gradient: Vec<f32> = picture
            .data()
            .iter()
            .zip(factors)
            .map(|(x, f)| x * f)
            .collect();
        let loss = gradient.iter().map(|g| f64::from(g * g)).sum();
        let step = self
            .work
            .optimizer
            .step(picture.data_mut(), loss, &gradient);
        assert_eq!(step, Step::Moved);
        self.iteration += 1;
        self.work.previous = Some((self.iteration, before));
    }

    fn progress(&self) -> Progress {
        Progress {
            stage: 1,
            iteration: self.iteration,
            over: false,
            evaluations: self.iteration as u64,
            rows: self.iteration as u64,
        }
    }

    fn save(&self, store: &mut Store) -> Result<u64, error::CheckpointError> {
        store.save((&about(), self.progress(), "no"), &self.work, &mut || {})
    }

    /// Everything of it, bit for bit.
    fn bits(&self) -> Vec<u8> {
        bits(&self.work)
    }
}

fn bits(work: &Work) -> Vec<u8> {
    let mut bytes = Vec::new();
    work.optimizer.write_to(&mut bytes).unwrap();
    let pictures = [Some(&work.picture), work.previous.as_ref().map(|(_, p)| p)];
    for picture in pictures.into_iter().flatten() {
        bytes.extend(picture.data().iter().flat_map(|v| v.to_le_bytes()));
    }
    bytes.extend(work.previous.iter().flat_map(|(at, _)| at.to_le_bytes()));
    bytes
}

fn open_as(folder: &Path, about: &About, options: Options) -> (Store, Found) {
    let expect = move |_: &Progress| {
        Some(Expected {
            size: (WIDTH, HEIGHT),
            options,
            edits: "no".to_owned(),
        })
    };
    Store::open(folder.to_owned(), about, &expect, ONE)
}

fn open(folder: &Path, options: Options) -> (Store, Found) {
    open_as(folder, &about(), options)
}

/// A folder with checkpoints of the iterations 4 and 6, and the run at each iteration from 0 to 8.
fn kept(options: Options) -> (tempfile::TempDir, Vec<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(folder.path(), options);
    let mut run = Run::new(options);
    let mut course = vec![run.bits()];
    for iteration in 1..=8 {
        run.step();
        course.push(run.bits());
        if [2, 4, 6].contains(&iteration) {
            run.save(&mut store).unwrap();
        }
    }
    (folder, course)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn newest(folder: &Path) -> PathBuf {
    let states = files(folder).into_iter();
    let mut states = states.filter(|path| path.extension().is_some_and(|e| e == "checkpoint"));
    states.next_back().unwrap()
}

/// The iteration that is found, which must be as it was to the bit.
fn found(found: Found, course: &[Vec<u8>]) -> Option<usize> {
    let loaded = found.loaded?;
    let iteration = loaded.progress.iteration;
    assert_eq!(
        bits(&loaded.work),
        course[iteration],
        "iteration {iteration}"
    );
    Some(iteration)
}

#[test]
fn the_newest_is_found_to_the_bit_and_two_are_kept() {
    for options in [lbfgs(), adam()] {
        let (folder, course) = kept(options);
        let states = files(folder.path()).into_iter();
        let states = states.filter(|path| path.extension().is_some_and(|e| e == "checkpoint"));
        assert_eq!(states.count(), 2);
        let (mut store, what) = open(folder.path(), options);
        assert_eq!(what.refused, [""; 0]);
        let loaded = what.loaded.unwrap();
        let mut run = Run {
            work: loaded.work,
            iteration: loaded.progress.iteration,
        };
        for later in &course[7..] {
            run.step();
            assert_eq!(run.bits(), *later);
            run.save(&mut store).unwrap();
        }
        assert_eq!(found(open(folder.path(), options).1, &course), Some(8));
    }
}

#[test]
fn pairs_are_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(folder.path(), lbfgs());
    let mut run = Run::new(lbfgs());
    let mut seen: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for _ in 0..9 {
        run.step();
        run.save(&mut store).unwrap();
        for path in files(folder.path()) {
            let bytes = fs::read(&path).unwrap();
            match seen.iter().find(|(name, _)| *name == path) {
                Some((_, before)) => assert_eq!(*before, bytes, "{}", path.display()),
                None => seen.push((path, bytes)),
            }
        }
    }
    let vector = 4 * 3 * WIDTH * HEIGHT;
    let pairs = seen
        .iter()
        .filter(|(path, _)| path.extension().unwrap() == "lbfgs");
    // One pair in each, however long the history is.
    let sizes: Vec<usize> = pairs.map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(sizes.len(), 8);
    assert!(sizes.iter().all(|size| *size < 3 * vector), "{sizes:?}");
    // Three pairs, and one that only the older of the two checkpoints needs.
    let left = files(folder.path()).into_iter();
    let left = left.filter(|path| path.extension().unwrap() == "lbfgs");
    assert_eq!(left.count(), 4);
}

#[test]
fn a_newest_one_that_was_cut_anywhere_falls_back_to_the_one_before() {
    for options in [lbfgs(), adam()] {
        let (folder, course) = kept(options);
        let path = newest(folder.path());
        let whole = fs::read(&path).unwrap();
        for end in (0..whole.len()).step_by(7).chain([0, whole.len() - 1]) {
            let copy = copy_of(folder.path());
            fs::write(copy.path().join(path.file_name().unwrap()), &whole[..end]).unwrap();
            let (_, what) = open(copy.path(), options);
            assert_eq!(what.refused.len(), 1, "cut at {end}");
            assert_eq!(found(what, &course), Some(4), "cut at {end}");
        }
    }
}

#[test]
fn a_newest_one_with_a_bit_turned_falls_back_to_the_one_before() {
    for options in [lbfgs(), adam()] {
        let (folder, course) = kept(options);
        let path = newest(folder.path());
        let whole = fs::read(&path).unwrap();
        for bit in (0..whole.len() * 8).step_by(61) {
            let copy = copy_of(folder.path());
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(copy.path().join(path.file_name().unwrap()), bytes).unwrap();
            let (_, what) = open(copy.path(), options);
            assert_eq!(what.refused.len(), 1, "bit {bit}");
            assert_eq!(found(what, &course), Some(4), "bit {bit}");
        }
    }
}

#[test]
fn a_pair_that_is_damaged_or_gone_or_another_one_is_noticed() {
    let (folder, course) = kept(lbfgs());
    let pairs = files(folder.path()).into_iter();
    let pairs: Vec<_> = pairs
        .filter(|p| p.extension().unwrap() == "lbfgs")
        .collect();
    let last = pairs.last().unwrap();
    let other = fs::read(&pairs[0]).unwrap();
    let whole = fs::read(last).unwrap();
    let mut cases = vec![None, Some(Vec::new()), Some(other)];
    cases.extend(
        (0..whole.len())
            .step_by(13)
            .map(|end| Some(whole[..end].to_vec())),
    );
    cases.extend((0..whole.len() * 8).step_by(97).map(|bit| {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        Some(bytes)
    }));
    for (number, case) in cases.into_iter().enumerate() {
        let copy = copy_of(folder.path());
        let path = copy.path().join(last.file_name().unwrap());
        match case {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        let (_, what) = open(copy.path(), lbfgs());
        assert_eq!(what.refused.len(), 1, "case {number}");
        assert_eq!(found(what, &course), Some(4), "case {number}");
    }
}

#[test]
fn what_is_of_another_run_or_version_is_not_gone_on_with() {
    let (folder, _) = kept(lbfgs());
    let origin = about().origin;
    let others = [
        (
            "profile",
            Origin {
                profile: "x".to_owned(),
                ..origin.clone()
            },
        ),
        (
            "pictures",
            Origin {
                inputs: "x".to_owned(),
                ..origin.clone()
            },
        ),
        (
            "networks",
            Origin {
                networks: "x".to_owned(),
                ..origin.clone()
            },
        ),
        ("seed", Origin { seed: 8, ..origin }),
    ];
    for (what, origin) in others {
        let copy = copy_of(folder.path());
        let other = About { origin, ..about() };
        let (mut store, found) = open_as(copy.path(), &other, lbfgs());
        assert!(found.loaded.is_none());
        assert_eq!(found.refused.len(), 2);
        assert!(found.refused[0].contains(what), "{:?}", found.refused);
        assert!(files(copy.path()).is_empty(), "it takes no room any more");
        // The numbers go on all the same: a file is never another one of the same name.
        Run::new(lbfgs()).save(&mut store).unwrap();
        assert!(newest(copy.path()).ends_with("state-000004.checkpoint"));
    }
    let copy = copy_of(folder.path());
    let (_, found) = open(copy.path(), adam());
    assert!(found.refused[0].contains("L-BFGS"), "{:?}", found.refused);
    for path in files(folder.path()) {
        let mut bytes = fs::read(&path).unwrap();
        bytes[7] = b'2';
        let content = bytes.len() - 32;
        let digest = Sha256::digest(&bytes[..content]);
        bytes[content..].copy_from_slice(&digest);
        fs::write(&path, bytes).unwrap();
    }
    let (_, found) = open(folder.path(), lbfgs());
    assert!(found.refused[0].contains("version"), "{:?}", found.refused);
}

#[test]
fn whichever_step_of_writing_fails_a_whole_checkpoint_is_there() {
    for options in [lbfgs(), adam()] {
        let mut steps = 0;
        loop {
            let (folder, mut course) = kept(options);
            let (mut store, what) = open(folder.path(), options);
            let mut run = Run {
                work: what.loaded.unwrap().work,
                iteration: 6,
            };
            run.step();
            // From here on everything fails, as it does for a process that is killed.
            store.files.fuse.set(Some(steps));
            let saved = run.save(&mut store).is_ok();
            let is_whole = store.files.fuse.take() != Some(0);

            let copy = copy_of(folder.path());
            let (mut after, what) = open(copy.path(), options);
            let at = found(what, &course);
            // Renamed, it counts, be it that its folder was not synced any more.
            assert!(
                at == Some(7) || (!saved && at == Some(6)),
                "step {steps}: {at:?}"
            );

            // The process that was not killed goes on when there is room again, and so does
            // another one.
            run.step();
            course[8] = run.bits();
            run.save(&mut store).unwrap();
            assert_eq!(
                found(open(folder.path(), options).1, &course),
                Some(8),
                "step {steps}"
            );
            run.save(&mut after).unwrap();
            assert_eq!(
                found(open(copy.path(), options).1, &course),
                Some(8),
                "step {steps}"
            );
            if saved && is_whole {
                break;
            }
            steps += 1;
        }
        assert!(steps > 5, "writing has more steps than {steps}");
    }
}

#[test]
fn what_a_killed_process_left_half_written_goes() {
    let (folder, course) = kept(lbfgs());
    let half = folder.path().join(".pentimento-abc.part");
    fs::write(&half, "half").unwrap();
    let orphan = folder.path().join("pairs-000009.lbfgs");
    fs::write(&orphan, "of a checkpoint that was not written any more").unwrap();
    let (mut store, what) = open(folder.path(), lbfgs());
    assert_eq!(found(what, &course), Some(6));
    assert!(!half.exists() && !orphan.exists());
    Run::new(lbfgs()).save(&mut store).unwrap();
    assert!(newest(folder.path()).ends_with("state-000010.checkpoint"));
}

fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for path in files(folder) {
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}
