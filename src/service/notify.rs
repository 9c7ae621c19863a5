//! What the service manager is told: ready, a line of status, a sign of life, stopping.
//!
//! Datagrams to the socket that `NOTIFY_SOCKET` names; without one nothing is said. Sending never
//! waits and never fails loudly: a manager that does not listen is no reason to stop painting. The
//! sign of life must come from the loop that does the work, so this never sends one by itself.

use std::fmt;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// How long a line of status may be, in bytes: it is shown in one line of a terminal.
const STATUS_MAX: usize = 200;

/// What the service manager put into the environment, handed in so that a test can make it up.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    /// `NOTIFY_SOCKET`: a path, or `@` and an abstract name.
    pub socket: Option<std::ffi::OsString>,
    /// `WATCHDOG_USEC`: how long the manager waits for a sign of life, in microseconds.
    pub watchdog_usec: Option<String>,
    /// `WATCHDOG_PID`: whose sign of life it waits for.
    pub watchdog_pid: Option<String>,
}

impl Variables {
    /// Reads the environment of this process.
    pub fn from_process() -> Self {
        Self {
            socket: std::env::var_os("NOTIFY_SOCKET"),
            watchdog_usec: std::env::var("WATCHDOG_USEC").ok(),
            watchdog_pid: std::env::var("WATCHDOG_PID").ok(),
        }
    }
}

/// The line to the service manager; silent where there is none.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    /// How often to give a sign of life: half of what the manager waits.
    interval: Option<Duration>,
    /// The monotonic time of the last sign of life.
    pinged: Option<Duration>,
    status: String,
}

impl Notifier {
    /// Opens the line that the environment names. `pid` is this process's number.
    pub fn new(variables: &Variables, pid: u32) -> Self {
        let socket = variables.socket.as_ref().and_then(|name| {
            let opened = connect(name);
            opened
                .inspect_err(|error| tracing::warn!(%error, "no line to the service manager"))
                .ok()
        });
        let is_for_us = variables
            .watchdog_pid
            .as_ref()
            .is_none_or(|text| text.parse() == Ok(pid));
        let usec = variables
            .watchdog_usec
            .as_ref()
            .and_then(|text| text.parse::<u64>().ok());
        let usec = usec.filter(|usec| *usec > 0 && is_for_us && socket.is_some());
        Self {
            socket,
            interval: usec.map(|usec| Duration::from_micros(usec) / 2),
            pinged: None,
            status: String::new(),
        }
    }

    /// Opens the line of this process, if it has one.
    pub fn from_process() -> Self {
        Self::new(&Variables::from_process(), std::process::id())
    }

    /// Returns true if somebody listens.
    pub fn is_heard(&self) -> bool {
        self.socket.is_some()
    }

    /// Says that lock, store, socket and the first look are there: work begins.
    pub fn ready(&mut self, status: &str) {
        self.status = one_line(status);
        self.send(&format!("READY=1\nSTATUS={}\n", self.status));
    }

    /// Gives the line that `systemctl status` shows; an unchanged one is not sent again.
    pub fn status(&mut self, status: &str) {
        let status = one_line(status);
        if status != self.status {
            self.send(&format!("STATUS={status}\n"));
            self.status = status;
        }
    }

    /// Says that the end has begun, and why.
    pub fn stopping(&mut self, status: &str) {
        self.status = one_line(status);
        self.send(&format!("STOPPING=1\nSTATUS={}\n", self.status));
    }

    /// Asks for `more` time from now on, while starting or stopping: a migration, a last checkpoint.
    /// To be said again before that time is over, as long as the work goes on.
    pub fn extend_timeout(&self, more: Duration) {
        self.send(&format!("EXTEND_TIMEOUT_USEC={}\n", more.as_micros()));
    }

    /// Gives a sign of life if one is due at the monotonic time `now`; to be called by the loop that
    /// does the work.
    pub fn ping(&mut self, now: Duration) {
        if self.until_ping(now) == Some(Duration::ZERO) {
            self.send("WATCHDOG=1\n");
            self.pinged = Some(now);
        }
    }

    /// Returns how long after `now` the next sign of life is due; `None` if nobody waits for one.
    pub fn until_ping(&self, now: Duration) -> Option<Duration> {
        let interval = self.interval?;
        Some(
            self.pinged
                .map_or(Duration::ZERO, |at| (at + interval).saturating_sub(now)),
        )
    }

    fn send(&self, text: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(text.as_bytes())
        {
            tracing::debug!(%error, "the service manager was not told");
        }
    }
}

fn connect(name: &std::ffi::OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => {
            let text = "NOTIFY_SOCKET is neither a path nor an abstract name";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Returns `text` as one line without control characters: a line break would begin another message.
fn one_line(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line[..line.floor_char_boundary(STATUS_MAX)].to_owned()
}

/// How many jobs and bundles stand where: the line of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// How many jobs are being painted.
    pub running: usize,
    /// How many will run.
    pub queued: usize,
    /// How many somebody paused.
    pub paused: usize,
    /// How many will be tried again.
    pub retrying: usize,
    /// How many wait for a network, disk or memory.
    pub blocked: usize,
    /// How many bundles in `watch/` lack something or cannot be used.
    pub waiting: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            running,
            queued,
            paused,
            retrying,
            blocked,
            waiting,
        } = self;
        write!(f, "{running} running, {queued} queued")?;
        for (count, word) in [
            (paused, "paused"),
            (retrying, "retrying"),
            (blocked, "blocked"),
            (waiting, "waiting in watch/"),
        ] {
            if *count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener() -> (tempfile::TempDir, UnixDatagram, Variables) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let variables = Variables {
            socket: Some(path.into()),
            watchdog_usec: Some("60000000".to_owned()),
            watchdog_pid: None,
        };
        (dir, socket, variables)
    }

    fn heard(socket: &UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 1024];
        let mut messages = Vec::new();
        while let Ok(length) = socket.recv(&mut buffer) {
            messages.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        messages
    }

    #[test]
    fn a_life_is_told_from_ready_to_stopping() {
        let (_dir, socket, variables) = listener();
        let mut notifier = Notifier::new(&variables, 1);
        notifier.ready("watching");
        notifier.status("watching");
        notifier.status("1 running, 0 queued");
        notifier.extend_timeout(Duration::from_secs(30));
        notifier.stopping("waiting for a checkpoint");
        assert_eq!(
            heard(&socket),
            [
                "READY=1\nSTATUS=watching\n",
                "STATUS=1 running, 0 queued\n",
                "EXTEND_TIMEOUT_USEC=30000000\n",
                "STOPPING=1\nSTATUS=waiting for a checkpoint\n"
            ]
        );
    }

    #[test]
    fn signs_of_life_come_at_half_the_time() {
        let (_dir, socket, variables) = listener();
        let mut notifier = Notifier::new(&variables, 1);
        for (now, left) in [(5, 30), (6, 29), (34, 1), (35, 30), (36, 29)] {
            let now = Duration::from_secs(now);
            notifier.ping(now);
            assert_eq!(notifier.until_ping(now), Some(Duration::from_secs(left)));
        }
        assert_eq!(heard(&socket), ["WATCHDOG=1\n", "WATCHDOG=1\n"]);
    }

    #[test]
    fn a_watchdog_for_another_process_is_not_ours() {
        let (_dir, _socket, mut variables) = listener();
        variables.watchdog_pid = Some("7".to_owned());
        assert_eq!(
            Notifier::new(&variables, 1).until_ping(Duration::ZERO),
            None
        );
        let ours = Notifier::new(&variables, 7);
        assert_eq!(ours.until_ping(Duration::ZERO), Some(Duration::ZERO));
        for nonsense in ["0", "-1", "soon", ""] {
            variables.watchdog_usec = Some(nonsense.to_owned());
            let notifier = Notifier::new(&variables, 7);
            assert_eq!(notifier.until_ping(Duration::ZERO), None, "{nonsense}");
        }
    }

    #[test]
    fn a_status_cannot_say_anything_else() {
        let (_dir, socket, variables) = listener();
        let mut notifier = Notifier::new(&variables, 1);
        notifier.status("harbour\nSTOPPING=1\u{1b}[2J");
        notifier.status(&"\u{e9}".repeat(300));
        let messages = heard(&socket);
        assert_eq!(messages[0], "STATUS=harbour STOPPING=1 [2J\n");
        assert_eq!(messages[1].len(), "STATUS=\n".len() + 200);
    }

    #[test]
    fn an_abstract_socket_is_reached() {
        let name = format!("pentimento-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        socket.set_nonblocking(true).unwrap();
        let variables = Variables {
            socket: Some(format!("@{name}").into()),
            ..Variables::default()
        };
        Notifier::new(&variables, 1).ready("");
        assert_eq!(heard(&socket), ["READY=1\nSTATUS=\n"]);
    }

    #[test]
    fn nobody_listening_is_no_trouble() {
        let (dir, socket, mut variables) = listener();
        let mut gone = Notifier::new(&variables, 1);
        drop(socket);
        gone.ready("x");
        drop(dir);
        for name in ["", "relative", "/nowhere/at/all"] {
            variables.socket = Some(name.into());
            let mut notifier = Notifier::new(&variables, 1);
            assert!(!notifier.is_heard(), "{name}");
            notifier.ready("x");
            notifier.ping(Duration::ZERO);
            assert_eq!(notifier.until_ping(Duration::ZERO), None);
        }
    }

    #[test]
    fn counts_name_what_there_is() {
        let mut counts = Counts {
            running: 2,
            queued: 5,
            ..Counts::default()
        };
        assert_eq!(counts.to_string(), "2 running, 5 queued");
        counts.blocked = 1;
        counts.waiting = 3;
        assert_eq!(
            counts.to_string(),
            "2 running, 5 queued, 1 blocked, 3 waiting in watch/"
        );
    }
}
