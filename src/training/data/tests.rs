//! Data sets over folders made here: classes, what is left out, what is kept, and batches that are
//! functions of their step.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::pixels::{Depth, Picture, save_png};

/// Small crops of small pictures.
fn options() -> DataOptions {
    DataOptions {
        crop: 16,
        batch: 24,
        side: 48,
        file_side: 48,
        threads: 2,
        ..DataOptions::default()
    }
}

/// A picture whose red is its column, green its row (times three each) and blue `blue`.
fn marked(width: usize, height: usize, blue: f32) -> Picture {
    let mut data = Vec::new();
    for value in [|x: usize, _: usize| 3 * x, |_: usize, y: usize| 3 * y] {
        for at in 0..width * height {
            let value = u16::try_from(value(at % width, at / width)).unwrap();
            data.push(f32::from(value).min(255.0));
        }
    }
    data.resize(3 * width * height, blue);
    Picture::new(width, height, data).unwrap()
}

fn save(folder: &Path, name: &str, picture: &Picture) {
    fs::create_dir_all(folder).unwrap();
    save_png(picture, &folder.join(name), Depth::Eight, &[]).unwrap();
}

/// Two folders of six pictures, told apart by their blue.
fn two_classes() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (class, blue) in [("boats", 20.0), ("trees", 200.0)] {
        for index in 0..6_u8 {
            let picture = marked(40, 30, blue + f32::from(index));
            save(&root.path().join(class), &format!("{index}.png"), &picture);
        }
    }
    root
}

fn folder(root: &TempDir) -> [DataSource; 1] {
    [DataSource::Folder(root.path().to_owned())]
}

/// Returns the blue of each crop, which tells its class and picture.
fn blues(batch: &Batch) -> Vec<f32> {
    let plane = 16 * 16;
    let crops = batch.pictures.data().chunks_exact(3 * plane);
    crops.map(|crop| crop[2 * plane]).collect()
}

#[test]
fn sub_folders_are_classes_and_labels_go_with_crops() {
    let root = two_classes();
    let still = DataOptions {
        augmentation: Augmentation::none(),
        ..options()
    };
    let (data, report) = Dataset::open(&folder(&root), &still).unwrap();
    assert_eq!(data.class_names(), ["boats", "trees"]);
    assert_eq!((report.pictures, report.classes), (12, 2));
    let batch = data.batch(0);
    assert_eq!(batch.pictures.shape(), [24, 3, 16, 16]);
    for (blue, label) in blues(&batch).into_iter().zip(&batch.labels) {
        assert_eq!(usize::from(blue > 100.0), *label);
    }
    let trees = batch.labels.iter().sum::<usize>();
    assert!(
        (4..20).contains(&trees),
        "{trees} of 24 crops are of one class"
    );
}

#[test]
fn kept_pictures_are_never_trained_on() {
    let root = two_classes();
    let still = DataOptions {
        augmentation: Augmentation::none(),
        ..options()
    };
    let (data, report) = Dataset::open(&folder(&root), &still).unwrap();
    // One picture in eight, rounded up, of each class; two crops each.
    assert_eq!((report.held_out, data.held_out()), (4, 1));
    let kept = data.held_out_batch(0);
    assert_eq!(kept.labels[..4], [0, 0, 1, 1]);
    let kept: Vec<u32> = blues(&kept)
        .iter()
        .map(|blue| blue.round() as u32)
        .collect();
    for step in 0..20 {
        for blue in blues(&data.batch(step)) {
            assert!(
                !kept.contains(&(blue.round() as u32)),
                "step {step} shows {blue}"
            );
        }
    }
}

#[test]
fn a_picture_that_is_its_own_class_keeps_a_strip() {
    let root = tempfile::tempdir().unwrap();
    for name in ["a.png", "b.png"] {
        save(root.path(), name, &marked(48, 48, 0.0));
    }
    let turned = Augmentation {
        mirror: 0.0,
        brightness: 0.0,
        tint: 0.0,
        contrast: 0.0,
        saturation: 0.0,
        hue: 0.0,
        gamma: 0.0,
        blur: 0.0,
        noise: (0.0, 0.0),
        ..Augmentation::default()
    };
    let options = DataOptions {
        augmentation: turned,
        ..options()
    };
    let (data, _) = Dataset::open(&folder(&root), &options).unwrap();
    assert_eq!(data.class_names(), ["a.png", "b.png"]);
    let kept = data.held_out_batch(0);
    let mut seen = [[f32::MAX, f32::MIN, f32::MAX, f32::MIN]; 2];
    for step in 0..100 {
        let batch = data.batch(step);
        for (crop, &label) in batch.pictures.data().chunks_exact(768).zip(&batch.labels) {
            let bounds = &mut seen[label];
            for at in 0..256 {
                let (x, y) = (crop[at], crop[256 + at]);
                bounds[0] = bounds[0].min(x);
                bounds[1] = bounds[1].max(x);
                bounds[2] = bounds[2].min(y);
                bounds[3] = bounds[3].max(y);
            }
        }
    }
    for (crop, &label) in kept
        .pictures
        .data()
        .chunks_exact(768)
        .zip(&kept.labels)
        .take(2)
    {
        let [left, right, top, bottom] = seen[label];
        // The middles of pixels are three values apart.
        let apart = (0..256).all(|at| {
            let (x, y) = (crop[at], crop[256 + at]);
            x < left - 1.5 || x > right + 1.5 || y < top - 1.5 || y > bottom + 1.5
        });
        assert!(apart, "class {label}: training saw {:?}", seen[label]);
    }
}

#[test]
fn a_batch_is_its_step_and_seed_alone() {
    let sources = [DataSource::Procedural { count: 5, seed: 9 }];
    let (one, _) = Dataset::open(&sources, &options()).unwrap();
    let (other, _) = Dataset::open(
        &sources,
        &DataOptions {
            threads: 5,
            ..options()
        },
    )
    .unwrap();
    let later = one.batch(7);
    assert_ne!(one.batch(8), later);
    assert_eq!(other.batch(7), later);
    assert_eq!(one.held_out_batch(0), other.held_out_batch(0));
    let seeded = DataOptions {
        seed: 1,
        ..options()
    };
    assert_ne!(Dataset::open(&sources, &seeded).unwrap().0.batch(7), later);
    assert_eq!(one.class_names()[4], "drawing 13");
}

#[test]
fn crops_stay_pictures() {
    let strong = Augmentation {
        contrast: 1.0,
        saturation: 2.0,
        hue: 0.5,
        gamma: 1.0,
        permute: 0.5,
        blur: 0.5,
        noise: (1.0, 0.5),
        rotation: 1.0,
        aspect: 4.0,
        scale: (0.1, 10.0),
        upset: 0.5,
        ..Augmentation::default()
    };
    let options = DataOptions {
        augmentation: strong,
        ..options()
    };
    let sources = [DataSource::Procedural { count: 3, seed: 0 }];
    let (data, _) = Dataset::open(&sources, &options).unwrap();
    for step in 0..30 {
        let batch = data.batch(step);
        assert!(
            batch
                .pictures
                .data()
                .iter()
                .all(|v| (0.0..=255.0).contains(v))
        );
    }
}

#[test]
fn without_augmentation_a_crop_is_a_piece_of_the_picture() {
    let root = tempfile::tempdir().unwrap();
    for (name, blue) in [("a.png", 10.0), ("b.png", 90.0)] {
        save(root.path(), name, &marked(40, 30, blue));
    }
    let plain = DataOptions {
        augmentation: Augmentation::none(),
        hold_out: false,
        ..options()
    };
    let (data, report) = Dataset::open(&folder(&root), &plain).unwrap();
    assert_eq!((report.held_out, data.held_out()), (0, 0));
    let batch = data.batch(3);
    for (crop, label) in batch.pictures.data().chunks_exact(768).zip(&batch.labels) {
        let (left, top) = (crop[0], crop[256]);
        for at in 0..256_u16 {
            let index = usize::from(at);
            assert_eq!(crop[index], left + 3.0 * f32::from(at % 16));
            assert_eq!(crop[256 + index], top + 3.0 * f32::from(at / 16));
            assert_eq!(crop[512 + index], [10.0, 90.0][*label]);
        }
    }
}

#[test]
fn what_cannot_be_used_is_left_out_and_named() {
    let root = two_classes();
    let boats = root.path().join("boats");
    fs::write(boats.join("broken.jpg"), b"\xff\xd8\xff nothing").unwrap();
    fs::write(boats.join("notes.txt"), b"no picture").unwrap();
    fs::write(boats.join(".hidden.png"), b"no picture").unwrap();
    save(&boats, "tiny.png", &marked(7, 40, 0.0));
    save(&boats, "small.png", &marked(12, 40, 20.0));
    save(root.path(), "beside.png", &marked(40, 40, 0.0));
    fs::create_dir(root.path().join("empty")).unwrap();
    let (data, report) = Dataset::open(&folder(&root), &options()).unwrap();
    let told: Vec<String> = report.skipped.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("broken.jpg"), "{told:?}");
    assert!(
        told[1].contains("tiny.png") && told[1].contains("7×40"),
        "{told:?}"
    );
    assert_eq!(report.enlarged, [boats.join("small.png")]);
    assert_eq!((report.ignored, report.pictures), (2, 13));
    assert_eq!(data.class_count(), 2);
}

#[test]
fn one_class_alone_is_refused_with_the_mend() {
    let root = tempfile::tempdir().unwrap();
    save(&root.path().join("boats"), "a.png", &marked(40, 40, 0.0));
    save(&root.path().join("boats"), "b.png", &marked(40, 40, 9.0));
    let error = Dataset::open(&folder(&root), &options()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is only one class, `boats`; training tells classes apart: give two sub-folders of \
         pictures, or a folder with two pictures or more"
    );
    fs::create_dir(root.path().join("trees")).unwrap();
    fs::write(root.path().join("trees/c.png"), b"broken").unwrap();
    let error = Dataset::open(&folder(&root), &options())
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("(1 picture could not be used)"), "{error}");
}

#[test]
fn errors_name_what_is_missing() {
    let root = tempfile::tempdir().unwrap();
    let error = |sources: &[DataSource], options: &DataOptions| {
        Dataset::open(sources, options).unwrap_err().to_string()
    };
    assert!(error(&[], &options()).starts_with("nothing to train on"));
    let empty = error(&folder(&root), &options());
    assert!(empty.starts_with("there is no picture in "), "{empty}");
    let nowhere = [DataSource::Folder(root.path().join("nowhere"))];
    assert!(error(&nowhere, &options()).ends_with("nowhere"));
    let many = [DataSource::Procedural {
        count: 1_000_000,
        seed: 0,
    }];
    let memory = error(&many, &options());
    assert!(
        memory.starts_with("1000000 pictures need 768 MB"),
        "{memory}"
    );
    for (option, changed) in [
        (
            "crop",
            DataOptions {
                crop: 4,
                ..options()
            },
        ),
        (
            "batch",
            DataOptions {
                batch: 0,
                ..options()
            },
        ),
        (
            "side",
            DataOptions {
                side: 15,
                ..options()
            },
        ),
    ] {
        let text = error(&many, &changed);
        assert!(
            text.starts_with(&format!("training option `{option}`")),
            "{text}"
        );
    }
}

#[test]
fn pictures_are_held_smaller_where_memory_is_short() {
    let root = two_classes();
    let sources = [
        DataSource::Procedural { count: 4, seed: 0 },
        DataSource::Folder(root.path().to_owned()),
    ];
    let bytes = |drawing: u64, file: u64| 3 * (4 * drawing * drawing + 12 * file * file);
    for (memory, sides) in [
        (bytes(48, 90), (48, 90)),
        (bytes(48, 60) + 9, (48, 60)),
        (bytes(30, 30), (30, 30)),
    ] {
        let short = DataOptions {
            memory,
            file_side: 90,
            ..options()
        };
        let (data, report) = Dataset::open(&sources, &short).unwrap();
        assert_eq!((report.side, report.file_side), sides);
        let held: usize = data.pictures.iter().map(|p| p.view().pixels.len()).sum();
        assert!(held as u64 <= memory);
    }
}

#[test]
fn a_long_strip_is_held_by_its_middle() {
    let root = tempfile::tempdir().unwrap();
    save(root.path(), "strip.png", &marked(2000, 20, 0.0));
    save(root.path(), "upright.png", &marked(30, 600, 0.0));
    let (data, _) = Dataset::open(&folder(&root), &options()).unwrap();
    let sizes: Vec<_> = data.pictures.iter().map(|p| (p.width, p.height)).collect();
    assert_eq!(sizes, [(144, 16), (16, 144)]);
    for picture in &data.pictures {
        assert_eq!(picture.view().pixels.len(), 3 * 144 * 16);
    }
}

#[test]
fn folders_of_one_name_are_one_class() {
    let (first, second) = (two_classes(), two_classes());
    let sources = [folder(&first), folder(&second)].concat();
    let (data, report) = Dataset::open(&sources, &options()).unwrap();
    assert_eq!(data.class_names(), ["boats", "trees"]);
    assert_eq!(report.pictures, 24);
}
