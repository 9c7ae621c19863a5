//! A studio in a temp dir, the real program in it, and one way to wait.
//!
//! Painting is rehearsed: workers follow a plan, so that no network and no runtime take part.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use serde_json::Value;
use serde_json::json;

/// Longer than anything takes on a busy machine; only failing tests wait for so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// The user and group of those who own nothing.
const NOBODY: u32 = 65_534;

/// A studio with a plan for its workers.
pub(crate) struct Studio {
    dir: tempfile::TempDir,
    /// The program as somebody else may start it, who may not go where it was built.
    copy: Option<PathBuf>,
}

impl Studio {
    /// Makes an empty studio whose workers take the content picture for the result.
    pub(crate) fn new() -> Self {
        Self::with_plan(&json!({ "*": ["paint"] }))
    }

    /// Makes an empty studio whose workers follow the steps given by job name.
    pub(crate) fn with_plan(jobs: &Value) -> Self {
        let studio = Self {
            dir: tempfile::tempdir().unwrap(),
            copy: None,
        };
        fs::write(studio.path("pentimento.toml"), "").unwrap();
        for folder in ["watch", "active", "done", "failed", ".pentimento"] {
            fs::create_dir(studio.path(folder)).unwrap();
        }
        studio.plan(jobs, &json!({}));
        studio
    }

    /// Replaces the plan; `timing` overrides the shortened waits.
    pub(crate) fn plan(&self, jobs: &Value, timing: &Value) {
        self.plan_reads(jobs, timing, &json!({}));
    }

    /// Replaces the plan; `reads` says what happens in the reading of files, by their names.
    pub(crate) fn plan_reads(&self, jobs: &Value, timing: &Value, reads: &Value) {
        let mut waits = json!({ "settle": 300, "stop_grace": 5000, "backoff": 20 });
        waits
            .as_object_mut()
            .unwrap()
            .extend(timing.as_object().unwrap().clone());
        let plan = json!({ "timing": waits, "jobs": jobs, "reads": reads });
        fs::write(self.path("plan.json"), plan.to_string()).unwrap();
    }

    /// Has the program run as a user for whom permissions count, should the tests run as root; the
    /// studio with all that is in it becomes that user's.
    pub(crate) fn give_up_root(&mut self) {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let copy = self.path("pentimento");
        fs::copy(env!("CARGO_BIN_EXE_pentimento"), &copy).unwrap();
        self.copy = Some(copy);
        give(self.dir.path());
    }

    /// Returns a path below the studio.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Writes a file below `watch/`, making folders as needed.
    pub(crate) fn drop(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path("watch").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Drops a complete job folder. Every name has a style of its own, since the same work twice is
    /// held back.
    pub(crate) fn drop_pair(&self, name: impl AsRef<Path>) {
        let name = name.as_ref();
        self.drop(name.join("content.png"), picture(1));
        self.drop(name.join("style.png"), style_of(name));
    }

    /// Returns the program, to be run in this studio.
    pub(crate) fn command(&self) -> Command {
        let mut command = match &self.copy {
            Some(copy) => {
                let mut command = Command::new(copy);
                command.uid(NOBODY).gid(NOBODY);
                command
            }
            None => Command::new(env!("CARGO_BIN_EXE_pentimento")),
        };
        command
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
            .env("HOME", self.dir.path())
            .env_remove("ORT_DYLIB_PATH");
        command.args(["--rehearse", "plan.json"]);
        command
    }

    /// Watches until nothing is left to do; fails if that takes for ever.
    pub(crate) fn until_idle(&self) -> Output {
        let mut command = self.command();
        let child = command
            .arg("--until-idle")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut daemon = Daemon {
            child,
            output: PathBuf::new(),
        };
        wait_until("the program to end", || daemon.is_over());
        let mut output = Output {
            status: daemon.child.wait().unwrap(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        daemon
            .child
            .stdout
            .take()
            .unwrap()
            .read_to_end(&mut output.stdout)
            .unwrap();
        daemon
            .child
            .stderr
            .take()
            .unwrap()
            .read_to_end(&mut output.stderr)
            .unwrap();
        output
    }

    /// Starts watching; the output goes to a file.
    pub(crate) fn daemon(&self) -> Daemon {
        self.daemon_with(&[])
    }

    /// Starts watching with these variables in its environment.
    pub(crate) fn daemon_with(&self, variables: &[(&str, &OsStr)]) -> Daemon {
        let output = self.path("output.txt");
        let file = fs::File::create(&output).unwrap();
        let errors = file.try_clone().unwrap();
        let mut command = self.command();
        command.envs(variables.iter().copied());
        let child = command.stdout(file).stderr(errors).spawn().unwrap();
        let daemon = Daemon { child, output };
        wait_until("watching to begin", || daemon.output().contains("watching"));
        daemon
    }

    /// Starts watching with workers that paint, by this ONNX Runtime library.
    pub(crate) fn painting_daemon(&self, library: &Path) -> Daemon {
        let output = self.path("output.txt");
        let child = Command::new(env!("CARGO_BIN_EXE_pentimento"))
            .current_dir(self.dir.path())
            .env("HOME", self.dir.path())
            .env("ORT_DYLIB_PATH", library)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&output).unwrap())
            .arg("daemon")
            .spawn()
            .unwrap();
        Daemon { child, output }
    }

    /// Runs a command of the program to its end.
    pub(crate) fn ask(&self, words: &[&str]) -> Output {
        let mut command = self.command();
        command.args(words).stderr(Stdio::piped());
        command.output().unwrap()
    }

    /// Runs a command that must go well and returns what it printed.
    pub(crate) fn told(&self, words: &[&str]) -> String {
        let output = self.ask(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns what `status --json` or the like says.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.told(&[words, &["--json"]].concat())).unwrap()
    }

    /// Waits until a job is in a state, as the daemon says.
    pub(crate) fn wait_for_state(&self, job: &str, state: &str) -> Value {
        let mut shown = Value::Null;
        wait_until(&format!("job {job} to be {state}"), || {
            let output = self.ask(&["show", job, "--json"]);
            shown = serde_json::from_slice(&output.stdout).unwrap_or_default();
            shown["state"] == state
        });
        shown
    }

    /// Sends raw bytes to the daemon's socket and returns all that comes back.
    pub(crate) fn raw(&self, request: &[u8]) -> String {
        let mut stream = UnixStream::connect(self.path(".pentimento/sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A daemon that has read enough may close while it is still being written to.
        let _may_be_cut = stream.write_all(request);
        let mut answer = Vec::new();
        let _may_be_reset = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Asks the daemon for an address.
    pub(crate) fn get(&self, address: &str) -> String {
        let head = format!("GET {address} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        self.raw(head.as_bytes())
    }

    /// Sends the daemon a body.
    pub(crate) fn post(&self, address: &str, body: &str) -> String {
        let length = body.len();
        let head = format!("POST {address} HTTP/1.1\r\nhost: x\r\nconnection: close");
        self.raw(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes())
    }

    /// Returns the folders on a shelf (`done`, `failed`, `active`), in the order of their names.
    pub(crate) fn shelf(&self, shelf: &str) -> Vec<PathBuf> {
        let mut paths: Vec<_> = fs::read_dir(self.path(shelf))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths
    }

    /// Waits until that many folders are on a shelf, and returns them.
    pub(crate) fn wait_for(&self, shelf: &str, count: usize) -> Vec<PathBuf> {
        wait_until(&format!("{count} in {shelf}/"), || {
            self.shelf(shelf).len() >= count
        });
        self.shelf(shelf)
    }

    /// Returns the names lying in `watch/`.
    pub(crate) fn watched(&self) -> Vec<String> {
        let names = self.shelf("watch").into_iter();
        names
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    }
}

fn give(path: &Path) {
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

/// A running program; killed at the end of the test.
pub(crate) struct Daemon {
    child: Child,
    output: PathBuf,
}

impl Daemon {
    /// Returns the process number.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Returns what was printed so far.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap()
    }

    /// Waits until a text was printed.
    pub(crate) fn wait_for(&self, text: &str) {
        wait_until(&format!("`{text}` to be printed"), || {
            self.output().contains(text)
        });
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    /// Returns the processes that it started and that live.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let parent = self.child.id().to_string();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
        pids.filter(|pid| stat(*pid).is_some_and(|fields| fields[1] == parent))
            .collect()
    }

    /// Waits for the end and returns the exit status.
    pub(crate) fn end(mut self) -> Option<i32> {
        wait_until("the program to end", || self.is_over());
        self.child.wait().unwrap().code()
    }

    fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _may_be_over = self.child.kill();
        let _may_be_over = self.child.wait();
    }
}

/// Returns true if a process lives; a dead one that nobody has asked about does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields[0] != "Z")
}

/// Returns the fields of `/proc/PID/stat` from the state on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Waits until `is_so`, or fails naming what was waited for.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Returns a PNG of 64×48 pixels; every seed has its own.
pub(crate) fn picture(seed: u8) -> Vec<u8> {
    drawn(&[seed], &[])
}

/// Returns the style that [`Studio::drop_pair`] drops under a name.
pub(crate) fn style_of(name: &Path) -> Vec<u8> {
    drawn(name.as_os_str().as_bytes(), &[])
}

/// Returns a PNG of 64×48 pixels, drawn from `seed`, which is not empty, that carries texts.
pub(crate) fn drawn(seed: &[u8], texts: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 64, 48);
    encoder.set_color(png::ColorType::Rgb);
    for (key, text) in texts {
        encoder
            .add_itxt_chunk((*key).to_owned(), (*text).to_owned())
            .unwrap();
    }
    let pixels: Vec<u8> = (0..=255)
        .cycle()
        .step_by(7)
        .zip(seed.iter().cycle())
        .map(|(n, seed): (u8, &u8)| n ^ seed)
        .take(64 * 48 * 3)
        .collect();
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&pixels)
        .unwrap();
    bytes
}

/// Returns what a file says, or an empty text.
pub(crate) fn text(path: impl AsRef<Path>) -> String {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// Returns a file's JSON.
pub(crate) fn json_at(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Returns a name from bytes.
pub(crate) fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}
