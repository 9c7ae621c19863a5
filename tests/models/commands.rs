//! `pentimento models …` as a person runs it.

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::file;
use crate::support::server::{Reply, Server};
use crate::support::studio::wait_until;

/// A studio with nothing in it.
struct Studio(tempfile::TempDir);

impl Studio {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("pentimento.toml"), "").unwrap();
        fs::create_dir(dir.path().join("models")).unwrap();
        Self(dir)
    }

    fn manifest(&self, name: &str, url: &str) {
        let text =
            format!("name = \"{name}\"\nfile = \"{name}.onnx\"\n[[source]]\nurls = [\"{url}\"]\n");
        fs::write(self.0.path().join(format!("models/{name}.toml")), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pentimento"));
        command
            .args(words)
            .current_dir(self.0.path())
            .env("HOME", self.0.path())
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn json(&self, words: &[&str]) -> Value {
        let output = self.run(words);
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_list_has_every_network_of_the_catalogue() {
    let studio = Studio::new();
    let list = studio.json(&["models", "list", "--json"]);
    let of = |name: &str| {
        let found = list.as_array().unwrap().iter().find(|n| n["name"] == name);
        found
            .unwrap_or_else(|| panic!("{name} is not in {list}"))
            .clone()
    };
    assert_eq!(of("builtin")["state"], "in the program");
    for name in [
        "vgg19",
        "vgg19_torchvision",
        "vgg16",
        "nin",
        "vgg_face",
        "vgg_face_imagenet_mean",
        "squeezenet1_1",
    ] {
        assert_eq!(of(name)["state"], "not installed", "{name}");
        assert_eq!(of(name)["can_be_pulled"], true, "{name}");
    }
    let text = said(&studio.run(&["models", "list"]));
    assert!(
        text.contains("vgg19") && text.contains("CC BY 4.0"),
        "{text}"
    );
}

#[test]
fn everything_about_a_network_is_shown() {
    let studio = Studio::new();
    let builtin = studio.json(&["models", "show", "builtin", "--json"]);
    let layers = builtin["layers"].as_array().unwrap();
    let layer = layers
        .iter()
        .find(|layer| layer["name"] == "relu4_2")
        .unwrap();
    assert_eq!(layer["channels"], 256);
    assert_eq!(layer["stride"], 8);
    assert!(
        layer["aliases"].as_array().unwrap().contains(&"4_2".into()),
        "{layer}"
    );
    let text = said(&studio.run(&["models", "show", "builtin"]));
    assert!(
        text.contains("relu4_2") && text.contains("pooling = \"avg\""),
        "{text}"
    );
    let nin = said(&studio.run(&["models", "show", "nin"]));
    for part in [
        "no checksum known",
        "relu12",
        "models pull nin",
        "pytorch-nin",
    ] {
        assert!(nin.contains(part), "{part}: {nin}");
    }
}

#[test]
fn an_unknown_network_has_a_status_of_its_own_and_the_nearest_name() {
    let studio = Studio::new();
    for words in [["models", "pull", "vgg-19"], ["models", "show", "vgg-19"]] {
        let output = studio.run(&words);
        assert_eq!(output.status.code(), Some(4), "{}", said(&output));
        assert!(
            said(&output).contains("did you mean `vgg19`?"),
            "{}",
            said(&output)
        );
    }
    let output = studio.run(&["models", "verify", "vgg19"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("pentimento models pull vgg19"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_network_is_pulled_verified_used_and_removed() {
    let body = file(1);
    let server = Server::start(move |_, _| Reply::whole(&body));
    let studio = Studio::new();
    studio.manifest("small", &server.url("small.safetensors"));
    let output = studio.run(&["models", "pull", "small"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("remembered as it was"),
        "{}",
        said(&output)
    );
    let verified = studio.json(&["models", "verify", "--json"]);
    let names: Vec<_> = verified
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["name"])
        .collect();
    assert_eq!(names, ["builtin", "small"]);
    assert!(
        verified
            .as_array()
            .unwrap()
            .iter()
            .all(|v| v["fine"] == true),
        "{verified}"
    );
    let shown = studio.json(&["models", "show", "small", "--json"]);
    assert_eq!(shown["layers"][0]["aliases"][0], "features.0");
    let file = studio.0.path().join("models/small.onnx");
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&file, bytes).unwrap();
    let damaged = studio.run(&["models", "verify", "small"]);
    assert_eq!(damaged.status.code(), Some(1));
    assert!(said(&damaged).contains("--again"), "{}", said(&damaged));
    let mended = studio.run(&["models", "pull", "small", "--again"]);
    assert!(mended.status.success(), "{}", said(&mended));
    assert!(studio.run(&["models", "verify", "small"]).status.success());
    let removed = studio.run(&["models", "remove", "small"]);
    assert!(said(&removed).contains("small.onnx"), "{}", said(&removed));
    assert!(!file.exists());
    // The manifest was the person's own.
    assert!(studio.0.path().join("models/small.toml").exists());
}

#[test]
fn ctrl_c_keeps_what_arrived() {
    let body = file(1);
    let half = body.len() / 2;
    let server = Server::start(move |asked, number| {
        let reply = Reply::resumable(asked, &body, "\"v\"");
        if number == 0 {
            reply.cut_after(half).then_stall()
        } else {
            reply
        }
    });
    let studio = Studio::new();
    studio.manifest("small", &server.url("small.safetensors"));
    let mut child = studio
        .command(&["models", "pull", "small"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let part = studio.0.path().join("models/small.safetensors.part");
    wait_until("half of the file", || {
        fs::metadata(&part).is_ok_and(|metadata| metadata.len() == half as u64)
    });
    let pid = rustix::process::Pid::from_child(&child);
    // The first asks it to stop at the next bytes, which never come; the second ends it.
    wait_until("the program to end", || {
        let _may_be_over = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!studio.0.path().join("models/small.onnx").exists());
    let output = studio.run(&["models", "pull", "small"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(server.asked()[1].from(), Some(half));
}

#[test]
fn a_file_becomes_a_network() {
    let studio = Studio::new();
    fs::write(studio.0.path().join("my net.safetensors"), file(2)).unwrap();
    let words = "models import --order rgb --range 1 --mean 0.5,0.5,0.5 --as mine";
    let words: Vec<&str> = words.split(' ').chain(["my net.safetensors"]).collect();
    let output = studio.run(&words);
    assert!(output.status.success(), "{}", said(&output));
    let shown = studio.json(&["models", "show", "mine", "--json"]);
    assert_eq!(shown["input"]["order"], "RGB");
    assert_eq!(shown["installed"]["check"], "own");
    let output = studio.run(&["models", "import", "my net.safetensors", "--mean", "1,2"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    fs::write(studio.0.path().join("page.pth"), "<html>").unwrap();
    let output = studio.run(&["models", "import", "page.pth"]);
    assert!(said(&output).contains("a web page"), "{}", said(&output));
}
