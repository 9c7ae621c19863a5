//! The ordinary package clients that can fetch a release, and running one of them.
//!
//! A client works in a folder of its own, temporary files and npm's cache included, so that its
//! progress can be seen there and nothing of it stays behind. What it prints is kept for the error
//! message, with a limit. A client that neither writes nor speaks for too long is ended.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use super::{Environment, error::Failure};

/// How often the size of what a client has fetched is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How many of a client's last lines are kept, and how much of each.
const LINES_KEPT: usize = 3;
const LINE_BYTES: u64 = 400;

/// A program that can fetch packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    Pip,
    Uv,
    Npm,
}

/// What a client left in its folder.
#[derive(Debug)]
pub(super) enum Fetched {
    /// A Python wheel.
    Wheel(PathBuf),
    /// A folder with the contents of a wheel.
    Tree(PathBuf),
    /// A gzipped tar archive, as npm packs them.
    Tarball(PathBuf),
}

impl Client {
    /// Returns the client's name as a person would type it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pip => "python3 -m pip",
            Self::Uv => "uv",
            Self::Npm => "npm",
        }
    }

    /// Finds the program on `PATH`.
    pub(super) fn program(self, env: &Environment) -> Result<PathBuf, Failure> {
        let name = match self {
            Self::Pip => "python3",
            Self::Uv => "uv",
            Self::Npm => "npm",
        };
        env.program(name)
            .ok_or_else(|| self.failure(format!("there is no {name} on PATH")))
    }

    /// Returns this client's failure for a stated reason.
    pub(super) fn failure(self, why: String) -> Failure {
        Failure {
            client: self.name(),
            why,
        }
    }

    /// Fetches `requirement` into `folder`, which exists and is empty, by running `program`.
    /// `transferred` is told now and then how many bytes lie there.
    pub(super) fn fetch(
        self,
        env: &Environment,
        program: &Path,
        requirement: &str,
        folder: &Path,
        transferred: &mut dyn FnMut(u64),
    ) -> Result<Fetched, Failure> {
        let failure = |why| self.failure(why);
        let out = folder.join("out");
        let scratch = folder.join("scratch");
        for path in [&out, &scratch] {
            fs::create_dir(path)
                .map_err(|error| failure(format!("cannot create {}: {error}", path.display())))?;
        }
        let mut command = Command::new(program);
        self.arguments(&mut command, env, requirement, &out, &scratch);
        command
            .current_dir(folder)
            .env("PATH", &env.path)
            .env("TMPDIR", &scratch);
        if let Some(home) = &env.home {
            command.env("HOME", home);
        }
        run(command, folder, env.patience, transferred).map_err(failure)?;
        self.fetched(&out)
            .ok_or_else(|| failure("it ended well but left no package".to_owned()))
    }

    fn arguments(
        self,
        command: &mut Command,
        env: &Environment,
        requirement: &str,
        out: &Path,
        scratch: &Path,
    ) {
        match self {
            Self::Pip => {
                command.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:"]);
                command.args([
                    "--disable-pip-version-check",
                    "--no-input",
                    "--progress-bar=off",
                ]);
                // The library inside does not depend on Python, so one wheel does for whatever
                // Python is here; all of this is said so that pip does not look for its own.
                command.args(["--python-version=3.12", "--implementation=cp"]);
                command.args(["--abi=cp312", "--abi=abi3", "--abi=none"]);
                command.args(
                    env.pins
                        .wheel_tags
                        .iter()
                        .map(|tag| format!("--platform={tag}")),
                );
                command.arg("--dest").arg(out).arg(requirement);
            }
            Self::Uv => {
                command.args(["pip", "install", "--no-deps", "--only-binary=:all:"]);
                command.args(["--no-progress", "--link-mode=copy", "--python-version=3.12"]);
                command.arg("--python-platform").arg(&env.pins.uv_platform);
                command.arg("--target").arg(out).arg(requirement);
                command
                    .env("UV_CACHE_DIR", scratch)
                    .env("MACOSX_DEPLOYMENT_TARGET", "14.0");
            }
            Self::Npm => {
                command.args(["pack", "--loglevel=error", "--no-update-notifier"]);
                command
                    .arg("--cache")
                    .arg(scratch)
                    .arg("--pack-destination")
                    .arg(out);
                command.arg(requirement);
            }
        }
    }

    fn fetched(self, out: &Path) -> Option<Fetched> {
        let ending_with = |ending: &str| {
            let entries = fs::read_dir(out).ok()?;
            let mut paths = entries.flatten().map(|entry| entry.path());
            paths.find(|path| path.extension().is_some_and(|found| found == ending))
        };
        match self {
            Self::Pip => ending_with("whl").map(Fetched::Wheel),
            Self::Uv => Some(Fetched::Tree(out.to_path_buf())),
            Self::Npm => ending_with("tgz").map(Fetched::Tarball),
        }
    }
}

/// Runs `command` to its end. On failure the reason is what the client said last.
fn run(
    mut command: Command,
    folder: &Path,
    patience: Duration,
    transferred: &mut dyn FnMut(u64),
) -> Result<(), String> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    let lines = listen(&mut child);
    let Ok(said) = watch(&lines, folder, patience, transferred) else {
        // A client that ended just now cannot be killed; then the wait returns at once.
        let ended = child.kill().and_then(|()| child.wait());
        let ended = if ended.is_ok() {
            "was ended"
        } else {
            "could not be ended"
        };
        let seconds = patience.as_secs();
        return Err(format!(
            "nothing came for {seconds} s, so it {ended}: is there network?"
        ));
    };
    let status = child
        .wait()
        .map_err(|error| format!("cannot be waited for: {error}"))?;
    if status.success() {
        transferred(size(folder));
        return Ok(());
    }
    let said = if said.is_empty() {
        "it said nothing".to_owned()
    } else {
        said.join("; ")
    };
    Err(format!("{status}: {said}"))
}

/// The client neither wrote nor said anything for as long as it may.
struct Silent;

/// Collects what the client says until it closes its outputs. Returns its last lines.
fn watch(
    lines: &Receiver<String>,
    folder: &Path,
    patience: Duration,
    transferred: &mut dyn FnMut(u64),
) -> Result<Vec<String>, Silent> {
    let mut said: Vec<String> = Vec::new();
    let (mut quiet, mut seen) = (Duration::ZERO, 0);
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                quiet = Duration::ZERO;
                if !line.is_empty() {
                    said.push(line);
                    said.drain(..said.len().saturating_sub(LINES_KEPT));
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(said),
            Err(RecvTimeoutError::Timeout) => {
                let now = size(folder);
                quiet = if now == seen {
                    quiet + TICK
                } else {
                    Duration::ZERO
                };
                if now != seen {
                    transferred(now);
                }
                seen = now;
                if quiet >= patience {
                    return Err(Silent);
                }
            }
        }
    }
}

fn listen(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        forward(out, sender.clone());
    }
    if let Some(err) = child.stderr.take() {
        forward(err, sender);
    }
    lines
}

/// Sends each line that `from` brings. The thread ends with the client's output, or when nobody
/// listens any more; it is not joined, since a grandchild of a killed client may hold the pipe.
fn forward(from: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        while let Ok(Some(line)) = next_line(&mut from) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}

fn next_line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if from.take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&line);
    Ok(Some(
        text.chars()
            .filter(|char| !char.is_control())
            .collect::<String>()
            .trim()
            .to_owned(),
    ))
}

/// Returns the bytes of all files below `folder`. Files may come and go meanwhile.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
