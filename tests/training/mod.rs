//! Training from end to end, on a few drawings: learning, going on, stopping, and what is refused.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use pentimento::clock::Clock;
use pentimento::engine::Device;
use pentimento::network::layer_list::LayerList;
use pentimento::network::{self, LayerKind};
use pentimento::training::data::{DataOptions, DataSource, Dataset};
use pentimento::training::{
    Event, Existing, Flow, Length, Task, Tools, Trained, TrainingError, train,
};

use crate::support::engine;

/// Two blocks, with everything that can be trained in them.
const LAYERS: &str = r#"
    layers = [
        { name = "conv1_1", kind = "conv", out = 24, kernel = 3, pad = 1, bias = false },
        { name = "norm1_1", kind = "batch_norm" },
        { name = "relu1_1", kind = "relu" },
        { name = "conv1_2", kind = "conv", out = 24, kernel = 3, pad = 1 },
        { name = "relu1_2", kind = "leaky_relu", slope = 0.1 },
        { name = "pool1", kind = "max_pool", kernel = 2, stride = 2 },
        { name = "drop1", kind = "dropout", ratio = 0.1 },
        { name = "conv2_1", kind = "conv", out = 24, kernel = 3, pad = 1, bias = false },
        { name = "norm2_1", kind = "batch_norm" },
        { name = "relu2_1", kind = "relu" },
    ]
"#;

fn task(models: &Path, steps: u64) -> Task {
    Task {
        name: "mine".to_owned(),
        models: models.to_owned(),
        layers: toml::from_str(LAYERS).unwrap(),
        length: Length::Steps(steps),
        batch: 8,
        crop: 16,
        scales: 2,
        seed: 3,
        rate: 5e-3,
        data: "drawings".to_owned(),
        summary: "4 drawings".to_owned(),
        command: "pentimento train".to_owned(),
        existing: Existing::Refuse,
    }
}

fn dataset() -> Dataset {
    let options = DataOptions {
        crop: 16,
        batch: 8,
        seed: 3,
        side: 64,
        ..DataOptions::default()
    };
    let drawings = DataSource::Procedural { count: 4, seed: 1 };
    Dataset::open(&[drawings], &options).unwrap().0
}

fn tools() -> Tools<'static> {
    Tools {
        engine: engine(),
        device: Device::Cpu,
        threads: NonZeroUsize::new(2).unwrap(),
    }
}

/// Trains, stopping behind the step that is named.
fn run(task: &Task, stop: Option<u64>, events: &mut Vec<Event>) -> Result<Trained, TrainingError> {
    let clock = Clock::start();
    train(task, &dataset(), &tools(), &clock, &mut |event| {
        let mut reached = None;
        if let Event::Step(report) = &event {
            reached = Some(report.step);
        }
        events.push(event);
        if stop.is_some() && reached == stop {
            Flow::Stop
        } else {
            Flow::Continue
        }
    })
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn weights(trained: &Trained) -> Vec<u8> {
    fs::read(trained.manifest.with_extension("onnx")).unwrap()
}

#[test]
fn a_network_learns_and_is_installed() {
    let dir = tempfile::tempdir().unwrap();
    let mut events = Vec::new();
    let trained = run(&task(dir.path(), 60), None, &mut events).unwrap();
    let losses: Vec<f64> = events
        .iter()
        .filter_map(|event| {
            if let Event::Step(report) = event {
                return Some(report.loss);
            }
            None
        })
        .collect();
    assert_eq!(
        (losses.len(), trained.step, trained.stopped),
        (60, 60, false)
    );
    assert!(losses[59] < 0.8 * losses[0], "{losses:?}");
    assert!(trained.accuracy.unwrap() > 0.4, "{:?}", trained.accuracy);
    assert_eq!(files(dir.path()), ["mine.onnx", "mine.toml"]);
    let network = network::find("mine", &[dir.path().to_owned()]).unwrap();
    let layers: Vec<(&str, LayerKind)> = network
        .layers()
        .iter()
        .map(|layer| (layer.name.as_str(), layer.kind))
        .collect();
    assert_eq!(
        layers,
        [
            ("conv1_1", LayerKind::Convolution),
            ("relu1_1", LayerKind::Activation),
            ("conv1_2", LayerKind::Convolution),
            ("relu1_2", LayerKind::Activation),
            ("pool1", LayerKind::Pooling),
            ("conv2_1", LayerKind::Convolution),
            ("relu2_1", LayerKind::Activation),
            ("half", LayerKind::Convolution),
            ("half.conv1_1", LayerKind::Convolution),
            ("half.relu1_1", LayerKind::Activation),
            ("half.conv1_2", LayerKind::Convolution),
            ("half.relu1_2", LayerKind::Activation),
            ("half.pool1", LayerKind::Pooling),
            ("half.conv2_1", LayerKind::Convolution),
            ("half.relu2_1", LayerKind::Activation),
        ]
    );
    let preset = &network.manifest().preset;
    assert_eq!(
        preset["content_layers"].as_array().unwrap()[0].as_str(),
        Some("relu1_2")
    );
    let style = preset["style_layers"].as_array().unwrap();
    let style: Vec<&str> = style.iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(
        style,
        [
            "relu1_1",
            "relu1_2",
            "relu2_1",
            "half.relu1_1",
            "half.relu1_2",
            "half.relu2_1",
        ]
    );
    let text = fs::read_to_string(trained.manifest).unwrap();
    assert!(
        text.contains("60 steps of 8 crops of 16×16, seed 3"),
        "{text}"
    );
}

#[test]
fn a_training_that_was_stopped_goes_on_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let whole = run(&task(&dir.path().join("whole"), 9), None, &mut Vec::new()).unwrap();

    let models = dir.path().join("parts");
    let early = run(&task(&models, 9), Some(4), &mut Vec::new()).unwrap();
    assert_eq!((early.step, early.stopped), (4, true));
    assert!(network::find("mine", std::slice::from_ref(&models)).is_ok());
    assert_ne!(weights(&early), weights(&whole));

    let resume = Task {
        existing: Existing::Resume,
        ..task(&models, 9)
    };
    let mut events = Vec::new();
    let resumed = run(&resume, None, &mut events).unwrap();
    assert!(
        matches!(events[0], Event::Begun { step: 4, .. }),
        "{:?}",
        events[0]
    );
    assert_eq!((resumed.step, resumed.stopped), (9, false));
    assert_eq!(weights(&resumed), weights(&whole));
    assert_eq!(files(&models), ["mine.onnx", "mine.toml"]);
}

#[test]
fn a_damaged_checkpoint_falls_back_to_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let whole = run(&task(&dir.path().join("whole"), 7), None, &mut Vec::new()).unwrap();
    let models = dir.path().join("parts");
    run(&task(&models, 7), Some(3), &mut Vec::new()).unwrap();
    let resume = Task {
        existing: Existing::Resume,
        ..task(&models, 7)
    };
    run(&resume, Some(5), &mut Vec::new()).unwrap();
    let folder = models.join("mine.training");
    assert_eq!(files(&folder), ["step-3.checkpoint", "step-5.checkpoint"]);
    let newest = folder.join("step-5.checkpoint");
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let mut events = Vec::new();
    let resumed = run(&resume, None, &mut events).unwrap();
    assert!(
        matches!(events[0], Event::Begun { step: 3, .. }),
        "{:?}",
        events[0]
    );
    assert_eq!(weights(&resumed), weights(&whole));
}

#[test]
fn with_no_whole_checkpoint_the_reason_is_told() {
    let dir = tempfile::tempdir().unwrap();
    run(&task(dir.path(), 7), Some(2), &mut Vec::new()).unwrap();
    let file = dir.path().join("mine.training/step-2.checkpoint");
    let bytes = fs::read(&file).unwrap();
    let resume = Task {
        existing: Existing::Resume,
        ..task(dir.path(), 7)
    };
    for cut in [0, 4, 20, 300, bytes.len() - 1] {
        fs::write(&file, &bytes[..cut]).unwrap();
        let error = run(&resume, None, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, TrainingError::Damaged { .. }), "{error}");
    }
}

#[test]
fn what_is_there_is_neither_replaced_nor_mixed_up_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |task: &Task| run(task, None, &mut Vec::new()).unwrap_err().to_string();
    let task = task(dir.path(), 2);
    let resume = Task {
        existing: Existing::Resume,
        ..task.clone()
    };
    assert!(refused(&resume).contains("no checkpoint of `mine`"));

    run(
        &Task {
            length: Length::Steps(5),
            ..task.clone()
        },
        Some(1),
        &mut Vec::new(),
    )
    .unwrap();
    assert!(refused(&task).contains("--resume"));
    let other_rate = Task {
        rate: 1e-3,
        ..resume.clone()
    };
    assert!(refused(&other_rate).contains("other --lr"));
    let mut fewer: LayerList = toml::from_str(LAYERS).unwrap();
    fewer.layers.truncate(5);
    let other_layers = Task {
        layers: fewer,
        ..resume.clone()
    };
    assert!(refused(&other_layers).contains("other layers"));

    run(&resume, None, &mut Vec::new()).unwrap();
    assert!(refused(&task).contains("there is a network `mine` already"));
    let replace = Task {
        existing: Existing::Replace,
        seed: 4,
        ..task
    };
    run(&replace, None, &mut Vec::new()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_nothing_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let models: PathBuf = dir.path().join("models");
    fs::write(&models, "a file where the folder should be").unwrap();
    let error = run(&task(&models, 3), Some(1), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, TrainingError::Write { .. }), "{error}");
    assert_eq!(files(dir.path()), ["models"]);
}

#[test]
fn numbers_and_names_that_make_no_sense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let good = task(dir.path(), 3);
    let cases: [(Task, &str); 8] = [
        (
            Task {
                name: "../mine".into(),
                ..good.clone()
            },
            "cannot be the name",
        ),
        (
            Task {
                name: "builtin".into(),
                ..good.clone()
            },
            "cannot be the name",
        ),
        (
            Task {
                batch: 1,
                ..good.clone()
            },
            "too small",
        ),
        (
            Task {
                rate: f64::NAN,
                ..good.clone()
            },
            "learning rate",
        ),
        (
            Task {
                length: Length::Steps(0),
                ..good.clone()
            },
            "0 steps",
        ),
        (
            Task {
                scales: 0,
                ..good.clone()
            },
            "1 to 4 scales",
        ),
        (
            Task {
                scales: 5,
                ..good.clone()
            },
            "1 to 4 scales",
        ),
        (Task { crop: 1, ..good }, "do not fit crops of 1×1"),
    ];
    for (task, expected) in cases {
        let error = run(&task, None, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(files(dir.path()).is_empty());
}

/// A learning rate far too high ends in numbers that are none.
#[test]
fn a_training_that_runs_away_says_so_and_keeps_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    // Nothing holds the values, and each layer multiplies them.
    let layers: Vec<String> = (0..12)
        .map(|i| format!(r#"{{ name = "c{i}", kind = "conv", out = 24, kernel = 3, pad = 1 }}"#))
        .chain([r#"{ name = "r", kind = "leaky_relu", slope = 1.0 }"#.to_owned()])
        .collect();
    let layers = toml::from_str(&format!("layers = [{}]", layers.join(", "))).unwrap();
    let wild = Task {
        layers,
        rate: 9.9,
        ..task(dir.path(), 400)
    };
    let error = run(&wild, None, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, TrainingError::NotFinite { .. }), "{error}");
    assert_eq!(files(&dir.path().join("mine.training")).len(), 1);
    assert!(!dir.path().join("mine.toml").exists());
}
