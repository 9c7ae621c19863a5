//! `pentimento settings`: values and where they come from.

use std::fs;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_setting_is_shown_with_its_origin() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    fs::create_dir_all(at("home/.config/pentimento")).unwrap();
    fs::write(
        at("home/.config/pentimento/config.toml"),
        "max_pixels = 1000\n",
    )
    .unwrap();
    fs::create_dir(at("studio")).unwrap();
    let settings = "done = \"out\"\n[[watch]]\npath = \"in\"\nprofile = \"oil\"\n";
    fs::write(at("studio/pentimento.toml"), settings).unwrap();
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_pentimento"))
            .current_dir(at("studio"))
            .env_clear()
            .env("HOME", at("home"))
            .env("PENTIMENTO_SETTLE_SECONDS", "7.5")
            .args(args)
            .output()
            .unwrap()
    };
    let output = run(&["settings", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all["schema"], 1);
    let setting = |key: &str| {
        let settings = all["settings"].as_array().unwrap().iter();
        let mut found = settings.filter(|setting| setting["key"] == key);
        found
            .next()
            .unwrap_or_else(|| panic!("{key}: {all}"))
            .clone()
    };
    assert_eq!(setting("settle_seconds")["value"], 7.5);
    assert_eq!(
        setting("settle_seconds")["origin"],
        "PENTIMENTO_SETTLE_SECONDS"
    );
    let origin = setting("max_pixels")["origin"].as_str().unwrap().to_owned();
    assert!(origin.ends_with("config.toml:1:1"), "{origin}");
    let origin = setting("done")["origin"].as_str().unwrap().to_owned();
    assert!(origin.ends_with("studio/pentimento.toml:1:1"), "{origin}");
    assert!(
        setting("done")["value"]
            .as_str()
            .unwrap()
            .ends_with("studio/out")
    );
    assert_eq!(setting("watch")["value"][0]["profile"], "oil");
    assert_eq!(setting("allow_symlinks")["origin"], "default");
    assert_eq!(setting("memory_limit")["value"], Value::Null);
    let text = String::from_utf8(run(&["settings"]).stdout).unwrap();
    assert!(text.contains("# PENTIMENTO_SETTLE_SECONDS"), "{text}");
}

#[test]
fn d08_broken_settings_are_told_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("pentimento.toml"), "stle = 1\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pentimento"))
        .current_dir(dir.path())
        .arg("settings")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert!(output.stdout.is_empty());
}
