//! The hooks to copy in `scripts/hooks/`: what they hand on, whatever things are called.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::said;
use crate::support::studio::text;

const HOSTILE: &str = "-rf $(touch ran) `touch ran`; \"'&<b>\n~!touch ran";

/// A machine whose programs write down what they were given.
fn machine(programs: &[&str]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let bin = home.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir_all(home.path().join(".config/pentimento")).unwrap();
    for program in programs {
        let path = bin.join(program);
        // Written by another process, so that no other test's child holds it open for writing.
        let script = "#!/bin/sh\nprintf '%s\\0' \"$@\" > \"$HOME/args\"\ncat > \"$HOME/input\"\n";
        let mut cat = Command::new("sh")
            .args(["-c", "cat > \"$0\""])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        cat.stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        assert!(cat.wait().unwrap().success());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    home
}

/// Runs a hook for a job with a hostile name and reason.
fn run(home: &Path, hook: &str, event: &str) -> Output {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scripts/hooks")
        .join(hook);
    let mut child = Command::new(path)
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", home.join("bin").display()),
        )
        .env("PENTIMENTO_EVENT", event)
        .env("PENTIMENTO_JOB_NAME", HOSTILE)
        .env("PENTIMENTO_REASON", HOSTILE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A hook need not read it.
    let _unread = child.stdin.take().unwrap().write_all(b"{\"schema\":1}\n");
    let output = child.wait_with_output().unwrap();
    assert!(
        !home.join("ran").exists(),
        "{hook} ran what was only a name"
    );
    output
}

fn args(home: &Path) -> Vec<String> {
    let text = text(home.join("args"));
    text.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn the_notice_shows_names_as_they_are() {
    let home = machine(&["notify-send"]);
    for event in [
        "accepted",
        "started",
        "finished",
        "failed",
        "stalled",
        "waiting",
        "queue-empty",
        "disk-low",
    ] {
        let output = run(home.path(), "desktop", event);
        assert!(output.status.success(), "{event}: {}", said(&output));
    }
    run(home.path(), "desktop", "failed");
    let args = args(home.path());
    assert_eq!(args[..2], ["--app-name=Pentimento", "--"]);
    assert_eq!(args[2], format!("{HOSTILE} failed"));
    assert!(args[3].contains("&amp;&lt;b&gt;"), "{}", args[3]);
}

#[test]
fn messages_are_sent_by_standard_input() {
    let home = machine(&["curl"]);
    for (hook, file) in [("ntfy", "ntfy-url"), ("webhook", "webhook-url")] {
        let missing = run(home.path(), hook, "failed");
        assert_eq!(missing.status.code(), Some(1), "{hook}");
        assert!(said(&missing).contains(file), "{}", said(&missing));
        let url = home.path().join(".config/pentimento").join(file);
        fs::write(&url, "https://example.org/topic").unwrap();
        let output = run(home.path(), hook, "failed");
        assert!(output.status.success(), "{hook}: {}", said(&output));
        let args = args(home.path());
        assert!(args.ends_with(&["--url".to_owned(), "https://example.org/topic".to_owned()]));
        assert!(!args.iter().any(|arg| arg.contains("touch")), "{args:?}");
        let sent = text(home.path().join("input"));
        match hook {
            "ntfy" => assert!(sent.contains(HOSTILE), "{sent}"),
            _ => assert_eq!(sent, "{\"schema\":1}\n"),
        }
    }
}

#[test]
fn a_mail_has_one_line_of_subject_and_no_commands() {
    let home = machine(&["mail"]);
    fs::write(
        home.path().join(".config/pentimento/mail-to"),
        "ann@example.org\n",
    )
    .unwrap();
    let output = run(home.path(), "mail", "failed");
    assert!(output.status.success(), "{}", said(&output));
    let args = args(home.path());
    assert_eq!(args[0], "-s");
    assert!(args[1].starts_with("Pentimento: failed -rf $(touch") && !args[1].contains('\n'));
    assert_eq!(args[2], "ann@example.org");
    let sent = text(home.path().join("input"));
    assert!(sent.lines().all(|line| !line.starts_with('~')), "{sent}");
}
