//! A job's folder without a daemon, and the real worker on it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use pentimento::folder::{JobFolder, hash_file};
use pentimento::job::names::PathText;
use pentimento::protocol::{self, Assignment, Event};
use serde_json::json;

use super::library;
use super::studio::picture;

/// A job's folder in a studio of its own.
pub(crate) struct Job {
    dir: tempfile::TempDir,
}

impl Job {
    /// Makes the folder of a job that is to be painted by `profile`.
    pub(crate) fn new(profile: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("pentimento.toml"), "").unwrap();
        let job = Self { dir };
        let folder = job.folder();
        fs::create_dir_all(folder.inputs()).unwrap();
        let mut inputs = Vec::new();
        for (seed, role) in [(1, "content"), (2, "style")] {
            let name = format!("{role}.png");
            let path = folder.inputs().join(&name);
            fs::write(&path, picture(seed)).unwrap();
            let sha256 = hash_file(&path).unwrap();
            inputs.push(json!({ "role": role, "file": name, "original": name, "sha256": sha256 }));
        }
        let record = json!({
            "schema": 1, "id": 7, "name": "harbour", "created": "2026-11-24T12:00:00Z",
            "profile_source": "a test", "inputs": inputs,
            "state": "running", "started": "2026-11-24T12:00:01Z",
        });
        fs::write(folder.path().join("job.json"), record.to_string()).unwrap();
        fs::write(folder.profile(), profile).unwrap();
        job
    }

    /// Returns the job's folder.
    pub(crate) fn folder(&self) -> JobFolder {
        JobFolder::at(self.dir.path().join("active/0007-harbour"))
    }

    /// Returns what a file in the job's folder holds.
    pub(crate) fn bytes(&self, name: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.folder().path().join(name)).unwrap()
    }

    /// Returns the names and the bytes of what the painting is to leave.
    pub(crate) fn left(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut names: Vec<PathBuf> = fs::read_dir(self.folder().snapshots())
            .unwrap()
            .map(|entry| Path::new("snapshots").join(entry.unwrap().file_name()))
            .collect();
        names.extend(["result.png", "losses.csv"].map(PathBuf::from));
        names.sort();
        let bytes = names.iter().map(|name| self.bytes(name));
        bytes
            .zip(&names)
            .map(|(bytes, name)| (name.clone(), bytes))
            .collect()
    }

    /// Starts a worker on the job that writes a checkpoint at every iteration.
    pub(crate) fn worker(&self) -> Worker {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pentimento"))
            .arg("worker")
            .current_dir(self.dir.path())
            .env("HOME", self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let assignment = Assignment {
            version: protocol::VERSION,
            job_dir: PathText(self.folder().path().to_owned()),
            studio: PathText(self.dir.path().to_owned()),
            device: Some("cpu".to_owned()),
            threads: Some(2),
            ort_lib: Some(PathText(library().to_owned())),
            checkpoint_s: Some(0.0),
        };
        let mut input = child.stdin.take().unwrap();
        input
            .write_all(&protocol::to_line(&assignment).unwrap())
            .unwrap();
        Worker {
            output: BufReader::new(child.stdout.take().unwrap()),
            input: Some(input),
            child,
        }
    }
}

/// A running worker; killed at the end of the test.
pub(crate) struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Returns the next event, or `None` at the end of the worker's output.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let mut line = Vec::new();
        self.output.read_until(b'\n', &mut line).unwrap();
        // A killed worker may leave half a line.
        line.ends_with(b"\n")
            .then(|| protocol::from_line(&line).unwrap())
    }

    /// Sends a line.
    pub(crate) fn send(&mut self, line: &[u8]) {
        self.input.as_mut().unwrap().write_all(line).unwrap();
    }

    /// Ends its input.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Returns all events to the end, and whether it ended well.
    pub(crate) fn rest(mut self) -> (Vec<Event>, bool) {
        let mut events = Vec::new();
        while let Some(event) = self.next() {
            events.push(event);
        }
        (events, self.child.wait().unwrap().success())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _may_be_over = self.child.kill();
        let _may_be_over = self.child.wait();
    }
}
