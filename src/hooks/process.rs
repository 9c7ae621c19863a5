//! One hook as a process: started, told, listened to, ended in time.
//!
//! It gets a process group of its own, which is killed when its time is over and also when the hook
//! itself is: whatever it left in the background would outlive everything that knows of it.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tokio::process::Command;

use crate::clock::Timestamp;
use crate::folder::Studio;
use crate::hooks::HookEnd;
use crate::hooks::HookEvent;
use crate::hooks::Limits;
use crate::hooks::Payload;

/// How long the output is still read when the hook is over and its group was killed.
const DRAIN: Duration = Duration::from_secs(1);

/// How often a hook that cannot be started because it is being written is tried again.
const PATIENCE: u32 = 10;

/// What systemd tells a service, and its children have no business with.
const NOT_FOR_HOOKS: [&str; 4] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "JOURNAL_STREAM",
];

/// Runs a hook to its end; its output, as far as it is kept, is appended to `output`.
pub(super) async fn run(
    studio: &Studio,
    hook: &Path,
    (event, payload, now): (HookEvent, &Payload, Timestamp),
    limits: &Limits,
    output: &mut Vec<u8>,
) -> HookEnd {
    let mut command = Command::new(hook);
    command
        .current_dir(&studio.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    for name in NOT_FOR_HOOKS {
        command.env_remove(name);
    }
    command.envs(payload.variables(studio, event, now));
    let mut child = match start(&mut command).await {
        Ok(child) => child,
        Err(error) => return HookEnd::NotStarted(error.to_string()),
    };
    let group = Group::of(&child);
    let object = payload.json(studio, event, now);
    let lived = tokio::time::timeout(limits.time, live(&mut child, &object, limits, output));
    let end = match lived.await {
        Ok(Ok(status)) => ended(status),
        Ok(Err(error)) => HookEnd::NotStarted(error.to_string()),
        Err(_elapsed) => HookEnd::TimedOut,
    };
    drop(group);
    drain(&mut child, limits, output).await;
    end
}

/// Starts the hook. One that is still being written is given a moment.
async fn start(command: &mut Command) -> io::Result<Child> {
    let mut n_left = PATIENCE;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && n_left > 0 => {
                n_left -= 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            result => return result,
        }
    }
}

/// Tells the hook and listens to it until it ends; what it left behind may still hold its pipes.
async fn live(
    child: &mut Child,
    object: &[u8],
    limits: &Limits,
    output: &mut Vec<u8>,
) -> io::Result<ExitStatus> {
    let input = child.stdin.take();
    let tell = async move {
        if let Some(mut pipe) = input {
            // A hook need not read what it is told.
            let _unread = pipe.write_all(object).await;
        }
        std::future::pending::<()>().await;
    };
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let end = {
        let mut tell = std::pin::pin!(tell);
        let (mut near, mut far) = ([0; 2048], [0; 2048]);
        loop {
            tokio::select! {
                () = &mut tell => {}
                read = some(&mut stdout, &mut near), if stdout.is_some() => {
                    keep(output, &near, read, &mut stdout, limits);
                }
                read = some(&mut stderr, &mut far), if stderr.is_some() => {
                    keep(output, &far, read, &mut stderr, limits);
                }
                status = child.wait() => break status,
            }
        }
    };
    (child.stdout, child.stderr) = (stdout, stderr);
    end
}

/// Reads what is left in the pipes of a hook that is over.
async fn drain(child: &mut Child, limits: &Limits, output: &mut Vec<u8>) {
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async {
        let (mut near, mut far) = ([0; 2048], [0; 2048]);
        while stdout.is_some() || stderr.is_some() {
            tokio::select! {
                read = some(&mut stdout, &mut near), if stdout.is_some() => {
                    keep(output, &near, read, &mut stdout, limits);
                }
                read = some(&mut stderr, &mut far), if stderr.is_some() => {
                    keep(output, &far, read, &mut stderr, limits);
                }
            }
        }
    };
    // Something that left the group may hold the pipes for ever; nobody listens to it any more.
    let _in_time = tokio::time::timeout(DRAIN, reading).await;
    // Reaps a hook that was killed.
    let _in_time = tokio::time::timeout(DRAIN, child.wait()).await;
}

async fn some<R: AsyncRead + Unpin>(pipe: &mut Option<R>, buffer: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(buffer).await.unwrap_or(0),
        None => 0,
    }
}

/// Keeps what was read, as far as there is room. Everything is read, so that a hook never waits for
/// a reader.
fn keep<R>(
    output: &mut Vec<u8>,
    buffer: &[u8],
    n_read: usize,
    pipe: &mut Option<R>,
    limits: &Limits,
) {
    if n_read == 0 {
        *pipe = None;
    }
    let room = limits.output_bytes.saturating_sub(output.len());
    output.extend_from_slice(&buffer[..n_read.min(room)]);
}

fn ended(status: ExitStatus) -> HookEnd {
    match (status.code(), status.signal()) {
        (Some(0), _) => HookEnd::Succeeded,
        (Some(code), _) => HookEnd::Exited(code),
        (None, signal) => HookEnd::Signalled(signal.unwrap_or_default()),
    }
}

/// The process group of a hook; killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // There may be nobody left in it.
            let _may_be_gone = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }
}
