//! The commands of the real program, with real painting: small pictures, few iterations.

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
        paint("a.png", "1") == paint("b.png", "1"),
        "the same run twice"
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
    studio.drop(
        "harbour/profile.toml",
        "style_layers = [\"relu9_9\"]\nimage_size = 64\n",
    );
    let output = pentimento(&studio.path("."))
        .arg("--until-idle")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let failed = studio.wait_for("failed", 1).remove(0);
    let reason = text(failed.join("reason.txt"));
    assert!(
        reason.contains("relu9_9") && reason.contains("relu1_1"),
        "{reason}"
    );
    assert!(failed.join("inputs/content.png").is_file());
}
