//! The commands of the real program, with real painting: small pictures, few iterations.

mod networks;
mod one_picture;
mod see;
mod settings;
mod train;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::library;
use crate::support::studio::{Studio, picture, text, wait_until};

/// Returns the program with the tests' ONNX Runtime library, to be run in `folder`.
fn pentimento(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pentimento"));
    command
        .current_dir(folder)
        .env("ORT_DYLIB_PATH", library())
        .stdin(Stdio::null());
    command
}

fn pair(folder: &Path) {
    fs::write(folder.join("content.png"), picture(1)).unwrap();
    fs::write(folder.join("style.png"), picture(2)).unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

const QUICK: [&str; 4] = ["--set", "image_size=64", "num_iterations=4", "save_iter=2"];

#[test]
fn paint_leaves_a_picture_snapshots_and_losses() {
    let dir = tempfile::tempdir().unwrap();
    pair(dir.path());
    let output = pentimento(dir.path())
        .args([
            "paint",
            "content.png",
            "style.png",
            "-o",
            "out.png",
            "--losses",
            "l.csv",
        ])
        .args(QUICK)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    for file in ["out.png", "out_2.png"] {
        assert!(dir.path().join(file).is_file(), "{file}: {}", said(&output));
    }
    let table = text(dir.path().join("l.csv"));
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("stage,iteration,total,content:relu4_2,style:relu1_1,"),
        "{table}"
    );
    assert!(lines[0].ends_with(",tv"), "{table}");
    assert_eq!(lines.len(), 5, "{table}");
    assert!(lines[4].starts_with("1,4,"), "{table}");
}

#[test]
fn paint_gives_the_same_bytes_with_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    pair(dir.path());
    let paint = |name: &str, threads: &str| {
        let output = pentimento(dir.path())
            .args([
                "paint",
                "content.png",
                "style.png",
                "-o",
                name,
                "--threads",
                threads,
            ])
            .args(QUICK)
            .args(["seed=7", "embed_params=off", "init=random"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        fs::read(dir.path().join(name)).unwrap()
    };
    assert!(
        paint("a.png", "1") == paint("b.png", "2"),
        "one thread and two"
    );
}

#[test]
fn stages_carry_the_picture_over() {
    let dir = tempfile::tempdir().unwrap();
    pair(dir.path());
    let profile = "init = \"image\"\nsave_iter = 0\n\n[[stages]]\nimage_size = 48\nnum_iterations = 2\n\n\
                   [[stages]]\nimage_size = 64\nnum_iterations = 3\ntv_weight = 0\n";
    fs::write(dir.path().join("p.toml"), profile).unwrap();
    let output = pentimento(dir.path())
        .args([
            "paint",
            "content.png",
            "style.png",
            "-p",
            "p.toml",
            "-o",
            "out.jpg",
        ])
        .args(["--losses", "l.csv"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let table = text(dir.path().join("l.csv"));
    let stages: Vec<&str> = table.lines().skip(1).map(|line| &line[..4]).collect();
    assert_eq!(stages, ["1,1,", "1,2,", "2,1,", "2,2,", "2,3,"], "{table}");
    assert!(dir.path().join("out.jpg").is_file());
}

#[test]
fn an_unknown_layer_lists_the_layers_and_the_nearest() {
    let dir = tempfile::tempdir().unwrap();
    pair(dir.path());
    let output = pentimento(dir.path())
        .args([
            "paint",
            "content.png",
            "style.png",
            "--set",
            "content_layers=relu42",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    for part in ["relu42", "did you mean `relu4_2`", "conv1_1, relu1_1"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn ctrl_c_writes_the_picture_so_far_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    pair(dir.path());
    let child = pentimento(dir.path())
        .args([
            "paint",
            "content.png",
            "style.png",
            "-o",
            "out.png",
            "--losses",
            "l.csv",
        ])
        .args(["--set", "image_size=64", "num_iterations=100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("some iterations", || {
        fs::read_to_string(dir.path().join("l.csv")).is_ok_and(|table| table.lines().count() > 3)
    });
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("out.png"), "{}", said(&output));
    assert!(dir.path().join("out.png").is_file());
}

#[test]
fn what_does_not_fit_into_memory_is_refused_with_a_size_that_does() {
    let dir = tempfile::tempdir().unwrap();
    pair(dir.path());
    let output = pentimento(dir.path())
        .env("PENTIMENTO_MEMORY_LIMIT", "400 MiB")
        .args([
            "paint",
            "content.png",
            "style.png",
            "--set",
            "image_size=4000",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let said = said(&output);
    assert!(
        said.contains("image_size = ") && said.contains("would fit"),
        "{said}"
    );
}

#[test]
fn a_dropped_pair_is_painted_by_a_worker() {
    let studio = Studio::new();
    studio.drop_pair("harbour");
    let profile = "image_size = 64\nnum_iterations = 4\nsave_iter = 2\n";
    studio.drop("harbour/profile.toml", profile);
    let output = pentimento(&studio.path("."))
        .arg("--until-idle")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let done = studio.wait_for("done", 1).remove(0);
    for file in [
        "result.png",
        "snapshots/000002.png",
        "inputs/content.png",
        "profile.toml",
        "job.json",
    ] {
        assert!(done.join(file).is_file(), "{file}: {}", said(&output));
    }
    assert_eq!(text(done.join("losses.csv")).lines().count(), 5);
    let again = pentimento(&studio.path("."))
        .arg("--until-idle")
        .output()
        .unwrap();
    assert!(
        again.status.success() && studio.wait_for("done", 1).len() == 1,
        "nothing is done twice"
    );
}

#[test]
fn a_job_that_fails_says_why_and_keeps_its_inputs() {
    let studio = Studio::new();
    studio.drop_pair("harbour");
    // A network that is there, as far as can be seen without reading it.
    let manifest = "name = \"broken\"\nfile = \"broken.safetensors\"\n";
    fs::create_dir_all(studio.path("models")).unwrap();
    fs::write(studio.path("models/broken.toml"), manifest).unwrap();
    fs::write(studio.path("models/broken.safetensors"), "no weights").unwrap();
    let profile = "network = \"broken\"\nimage_size = 64\n";
    studio.drop("harbour/profile.toml", profile);
    let output = pentimento(&studio.path("."))
        .arg("--until-idle")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let failed = studio.wait_for("failed", 1).remove(0);
    let reason = text(failed.join("reason.txt"));
    assert!(reason.contains("broken.safetensors"), "{reason}");
    assert!(failed.join("inputs/content.png").is_file());
}

/// Returns a file of weights for VGG's first two convolutions, four channels each.
fn tiny_vgg() -> Vec<u8> {
    use safetensors::tensor::{Dtype, TensorView, serialize};
    let sizes = [
        ("conv1_1.weight", vec![4, 3, 3, 3]),
        ("conv1_1.bias", vec![4]),
        ("conv1_2.weight", vec![4, 4, 3, 3]),
        ("conv1_2.bias", vec![4]),
    ];
    let data: Vec<Vec<u8>> = sizes
        .iter()
        .map(|(_, shape)| shape.iter().product::<usize>())
        .map(|count| {
            let values = (0..count).map(|i| (i * 31 % 127) as f32 / 127.0 - 0.4);
            values.flat_map(f32::to_le_bytes).collect()
        })
        .collect();
    let views = sizes.iter().zip(&data).map(|((name, shape), data)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), data).unwrap();
        (*name, view)
    });
    serialize(views, None).unwrap()
}

#[test]
fn a_job_without_its_network_is_painted_once_that_is_there() {
    let studio = Studio::new();
    fs::create_dir(studio.path("models")).unwrap();
    let manifest = "name = \"vgg19\"\nfile = \"vgg19.safetensors\"\n";
    fs::write(studio.path("models/vgg19.toml"), manifest).unwrap();
    studio.drop_pair("far");
    let profile = "network = \"vgg19\"\nimage_size = 48\nnum_iterations = 2\n\
                   content_layers = [\"relu1_2\"]\nstyle_layers = [\"relu1_1\"]\n";
    studio.drop("far/profile.toml", profile);
    studio.drop_pair("near");
    let quick = "image_size = 64\nnum_iterations = 2\n";
    studio.drop("near/profile.toml", quick);
    let until_idle = || {
        pentimento(&studio.path("."))
            .arg("--until-idle")
            .output()
            .unwrap()
    };
    let output = until_idle();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("far: blocked: network vgg19 is not installed"));
    assert!(said(&output).contains("1 done, 0 failed, 1 blocked"));
    assert_eq!(studio.shelf("done").len(), 1, "{}", said(&output));

    fs::write(studio.path("models/vgg19.safetensors"), tiny_vgg()).unwrap();
    let output = until_idle();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(studio.shelf("done").len(), 2, "{}", said(&output));
    assert!(studio.shelf("active").is_empty());
}

#[test]
fn paint_writes_over_no_picture_that_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    pair(dir.path());
    fs::write(dir.path().join("out_2.png"), picture(3)).unwrap();
    fs::hard_link(dir.path().join("style.png"), dir.path().join("link.png")).unwrap();
    let given: [&[&str]; 4] = [
        &["style.png", "-o", "content.png"],
        &["style.png", "-o", "link.png"],
        &["style.png", "-o", "out.png", "--losses", "style.png"],
        // The snapshot of iteration 2.
        &["out_2.png", "-o", "out.png"],
    ];
    for given in given {
        let output = pentimento(dir.path())
            .args(["paint", "content.png"])
            .args(given)
            .args(QUICK)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(1),
            "{given:?}: {}",
            said(&output)
        );
        let said = said(&output);
        assert!(said.contains("would be written over"), "{said}");
        for (name, seed) in [("content.png", 1), ("style.png", 2), ("out_2.png", 3)] {
            assert!(
                fs::read(dir.path().join(name)).unwrap() == picture(seed),
                "{name}"
            );
        }
    }
}

#[test]
fn a_style_that_does_not_fit_into_memory_is_refused_with_the_size_that_would() {
    let dir = tempfile::tempdir().unwrap();
    pair(dir.path());
    let output = pentimento(dir.path())
        .args(["paint", "content.png", "style.png", "-o", "out.png"])
        .args(["--set", "image_size=2000", "style_scale=100"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let said = said(&output);
    assert!(
        said.contains("a style at 200000×150000 needs about"),
        "{said}"
    );
    assert!(said.contains("image_size = "), "{said}");
    assert!(said.contains("a smaller style_scale"), "{said}");
}

/// Watches until nothing is left to do, painting in earnest.
fn paint_all(studio: &Studio) -> Output {
    pentimento(&studio.path(""))
        .arg("--until-idle")
        .output()
        .unwrap()
}

#[test]
fn a_result_in_watch_bears_the_ending_of_its_format() {
    let studio = Studio::new();
    studio.drop_pair("harbour");
    let profile = "output_format = \"jpeg\"\nimage_size = 64\nnum_iterations = 2\n";
    studio.drop("harbour/profile.toml", profile);
    let output = paint_all(&studio);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let done = &studio.shelf("done")[0];
    let result = fs::read(done.join("result.jpg")).unwrap();
    assert!(result.starts_with(&[0xff, 0xd8, 0xff]));
    assert!(!done.join("result.png").exists());
}

#[test]
fn a_stopped_job_goes_on_where_it_was() {
    let studio = Studio::new();
    studio.drop_pair("harbour");
    let profile = "image_size = 64\nnum_iterations = 100000\nsave_iter = 0\nprint_iter = 1\n";
    studio.drop("harbour/profile.toml", profile);
    for words in ["stage 1, ", "goes on from stage 1, iteration "] {
        let log = studio.path("output.txt");
        let file = fs::File::create(&log).unwrap();
        let mut child = pentimento(&studio.path("")).stdout(file).spawn().unwrap();
        wait_until(words, || text(&log).contains(words));
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert!(child.wait().unwrap().success());
        let job = &studio.shelf("active")[0];
        assert!(!job.join("result.png").exists());
        assert_eq!(fs::read_dir(job.join("snapshots")).unwrap().count(), 0);
        let table = text(job.join("losses.csv"));
        let rows: Vec<&str> = table.lines().skip(1).collect();
        for (number, row) in (1..).zip(&rows) {
            assert!(row.starts_with(&format!("1,{number},")), "{row}");
        }
    }
}

#[test]
fn a_picture_that_was_changed_after_it_was_taken_is_not_painted() {
    let studio = Studio::with_plan(&serde_json::json!({ "*": [{ "until": "go" }, "paint"] }));
    studio.drop_pair("harbour");
    let daemon = studio.daemon();
    daemon.wait_for("0001 harbour: stage 1");
    daemon.signal(rustix::process::Signal::INT);
    daemon.end();
    let content = studio.shelf("active")[0].join("inputs/content.png");
    fs::write(&content, picture(9)).unwrap();
    let output = paint_all(&studio);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let reason = text(studio.shelf("failed")[0].join("reason.txt"));
    assert!(
        reason.contains("content.png was changed after it was taken"),
        "{reason}"
    );
}
