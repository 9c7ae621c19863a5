//! Networks and objectives as models for other programs.

use std::path::Path;
use std::process::Command;

use pentimento::autodiff::Target;
use pentimento::engine::{Device, SessionOptions};
use pentimento::network::{self, Network, Pooling, PoolingKind};
use pentimento::objective::{
    IMAGE, Normalize, Objective, Semantics, Spec, Term, TotalVariation, Weights, features, grams,
};
use pentimento::onnx::{Model, check, read, write};
use pentimento::tensor::Tensor;

use crate::support::{engine, library};

const SIZE: (usize, usize) = (40, 36);

const POOLING: Pooling = Pooling {
    kind: PoolingKind::Max,
    caffe_ceil: false,
};

fn builtin() -> Network {
    network::find("builtin", &[]).unwrap()
}

fn picture(shift: usize) -> Tensor {
    let count = 3 * SIZE.0 * SIZE.1;
    let data = (0..count)
        .map(|i| ((i * 7919 + shift) % 256) as f32)
        .collect();
    Tensor::new(vec![1, 3, SIZE.0, SIZE.1], data).unwrap()
}

fn run(model: &Model, feeds: &[(&str, &Tensor)]) -> Vec<Tensor> {
    let options = SessionOptions::new(Device::Cpu, 1);
    engine()
        .session(model, &options)
        .unwrap()
        .run(feeds)
        .unwrap()
}

fn spec() -> Spec {
    Spec {
        height: SIZE.0,
        width: SIZE.1,
        content_layers: vec!["relu2_2".to_owned()],
        style_layers: vec!["relu1_1".to_owned(), "relu2_1".to_owned()],
        total_variation: true,
        pooling: POOLING,
        semantics: Semantics {
            normalize: Normalize::Off,
            total_variation: TotalVariation::Absolute,
        },
        target: Target::Plain,
    }
}

/// Has Python's own checker look at a model; where there is none, says so.
fn checked_by_python(model: &Model) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), write(model)).unwrap();
    let python = std::env::var("PENTIMENTO_TEST_PYTHON").unwrap_or("python3".to_owned());
    let code = |code: &str| {
        Command::new(&python)
            .args(["-c", code])
            .arg(file.path())
            .output()
    };
    if !code("import onnx").is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} has no package onnx (PENTIMENTO_TEST_PYTHON names another)");
        return;
    }
    let check = "import onnx, sys; onnx.checker.check_model(sys.argv[1], full_check=True)";
    let output = code(check).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_network_stands_alone() {
    let network = builtin();
    let layers = network.layers_at(SIZE, POOLING);
    assert_eq!(
        layers.len(),
        network.layers().len(),
        "none is behind a flattening"
    );
    let model = network.standalone(&layers, SIZE, POOLING).unwrap();
    assert_eq!(model.metadata["network"], "builtin");
    assert!(model.metadata["input_image"].contains("RGB, 0 to 255"));
    assert!(model.doc.contains("builtin"), "{}", model.doc);
    let picture = picture(0);
    let expected = run(
        &features(&network, &layers, SIZE, POOLING).unwrap(),
        &[(IMAGE, &picture)],
    );
    assert_eq!(run(&model, &[("image", &picture)]), expected);
    check(&model).unwrap();
    checked_by_python(&model);
}

#[test]
fn an_objective_stands_alone_with_targets_inside_or_as_inputs() {
    let network = builtin();
    let objective = Objective::build(&network, &spec()).unwrap();
    let weights = Weights {
        content: 5.0,
        style: 100.0,
        total_variation: 0.001,
    };
    let weights = objective.weights(weights, false);
    let (content, style) = (picture(11), picture(97));
    let content_layers = &spec().content_layers;
    let of_content = features(&network, content_layers, SIZE, POOLING).unwrap();
    let of_style = grams(&network, &spec().style_layers, SIZE, POOLING).unwrap();
    let mut targets = run(&of_content, &[(IMAGE, &content)]);
    targets.extend(run(&of_style, &[(IMAGE, &style)]));

    let whole = objective.standalone(&network, &weights, &targets).unwrap();
    let inputs: Vec<&str> = whole.graph.inputs.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(inputs, ["image"]);
    let open = objective.standalone(&network, &weights, &[]).unwrap();
    let inputs: Vec<&str> = open.graph.inputs.iter().map(|i| i.name.as_str()).collect();
    let names = [
        "image",
        "content:relu2_2.target",
        "style:relu1_1.target",
        "style:relu2_1.target",
    ];
    assert_eq!(inputs, names);
    assert!(open.metadata["input_style:relu1_1.target"].contains("Gram matrix"));

    let start = picture(0);
    let mut feeds: Vec<(&str, &Tensor)> = vec![("image", &start)];
    feeds.extend(names[1..].iter().copied().zip(&targets));
    let found = run(&whole, &[("image", &start)]);
    assert_eq!(run(&open, &feeds), found);
    let inside: Vec<Tensor> = weights.iter().map(|&w| Tensor::scalar(w)).collect();
    let weight_names: Vec<String> = objective.terms.iter().map(Term::weight_input).collect();
    feeds.extend(weight_names.iter().map(String::as_str).zip(&inside));
    assert_eq!(run(&objective.model, &feeds), found);
    assert_eq!(found.last().unwrap().shape(), [1, 3, SIZE.0, SIZE.1]);
    for model in [&whole, &open] {
        check(model).unwrap();
        checked_by_python(model);
    }
}

#[test]
fn a_target_of_another_shape_is_refused() {
    let network = builtin();
    let objective = Objective::build(&network, &spec()).unwrap();
    let said = objective
        .standalone(&network, &[1.0; 4], &[Tensor::scalar(1.0)])
        .unwrap_err()
        .to_string();
    assert!(
        said.starts_with("the target of content:relu2_2 has shape []"),
        "{said}"
    );
}

fn export(folder: &Path, words: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pentimento"))
        .current_dir(folder)
        .env("ORT_DYLIB_PATH", library())
        .args(["models", "export"])
        .args(words.split(' '))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn the_command_writes_layers_or_losses() {
    let folder = tempfile::tempdir().unwrap();
    let (done, said) = export(folder.path(), "builtin --size 48x40");
    assert!(done, "{said}");
    let model = read(&std::fs::read(folder.path().join("builtin_48x40.onnx")).unwrap()).unwrap();
    assert_eq!(model.graph.inputs[0].fixed_shape().unwrap(), [1, 3, 40, 48]);
    assert_eq!(model.graph.outputs.len(), builtin().layers().len());

    let (done, said) = export(
        folder.path(),
        "builtin --size 48x40 --objective -o loss.onnx",
    );
    assert!(done, "{said}");
    let model = read(&std::fs::read(folder.path().join("loss.onnx")).unwrap()).unwrap();
    assert_eq!(model.graph.outputs.last().unwrap().name, "gradient");
    assert!(model.metadata["weight_style:relu1_1"].starts_with("100,"));

    for (words, expected) in [
        ("builtin --size 8x8", "at least 32 pixels"),
        (
            "builtin --size 48x40 --layers relu9_9",
            "has no layer `relu9_9`",
        ),
        (
            "builtin --size 48x40 --objective --stage 7",
            "there is no stage 7",
        ),
        ("nowhere --size 48x40", "network `nowhere` is not installed"),
    ] {
        let (done, said) = export(folder.path(), words);
        assert!(!done && said.contains(expected), "{words}: {said}");
    }
}
