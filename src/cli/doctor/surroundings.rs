//! What the machine does to a program that is left alone: disks, filesystems, limits, the clock, and
//! the service manager.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use crate::causes::with_causes;
use crate::cli::doctor::report::Level;
use crate::cli::doctor::report::Report;
use crate::cli::output::gigabytes;
use crate::cli::systemd;
use crate::clock::Clock;
use crate::clock::Timestamp;
use crate::folder::Studio;
use crate::job::names::display_name;
use crate::job::names::display_path;
use crate::retention::Disk;
use crate::service;
use crate::service::Linger;
use crate::service::Machine;
use crate::service::Places;

/// The longest path that a unix socket can have, in bytes.
const SOCKET_MAX: usize = 107;
/// Filesystems that do not tell of the changes that other machines make.
const FAR: [&str; 14] = [
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse", "vboxsf", "virtiofs",
    "lustre", "gpfs", "ncpfs",
];
/// Fewer of these than that, and other programs may leave none.
const LEAST_WATCHES: u64 = 8_192;
const LEAST_INSTANCES: u64 = 128;
/// 2025-01-01: the program is younger than that.
const EARLIEST: Timestamp = Timestamp(1_735_689_600);

/// What the machine and the process's surroundings say, handed in so that a test can make it up.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) machine: Machine,
    pub(super) places: Places,
    /// The user's name, if it is known.
    pub(super) user: Option<String>,
    /// What `TZ` says.
    pub(super) zone: Option<String>,
    pub(super) now: Timestamp,
}

impl Facts {
    pub(super) fn of_process() -> Self {
        let machine = Machine::this();
        Self {
            user: systemd::user(&machine),
            places: systemd::places(),
            machine,
            zone: std::env::var("TZ").ok(),
            now: Clock::start().wall(),
        }
    }
}

/// Looks at the filesystems of what is watched and of what is written.
pub(super) fn look_at_disks(report: &mut Report, facts: &Facts, studio: &Studio) {
    let mounts =
        fs::read_to_string(facts.machine.root.join("proc/self/mounts")).unwrap_or_default();
    if let Some(kind) = filesystem(&mounts, &studio.watch) {
        let how = if is_far(&kind) {
            "looked at regularly, since it tells of no changes"
        } else {
            "changes are told at once"
        };
        let text = format!("{} is on {kind}: {how}", display_path(&studio.watch));
        report.add(Level::Fine, "watch", text);
    }
    if let Some(kind) = filesystem(&mounts, &studio.state).filter(|kind| is_far(kind)) {
        let text = format!(
            "{} is on {kind}, where a database can be damaged",
            display_path(&studio.state)
        );
        report.add(Level::Warning, "state", text).mend = Some(
            "set state_dir in pentimento.toml to a folder on a disk of this machine".to_owned(),
        );
    }
    match Disk::at(&studio.root) {
        Ok(disk) => {
            let text = format!(
                "{} of {} free where the studio lies; new jobs wait below {}",
                gigabytes(disk.free),
                gigabytes(disk.total),
                gigabytes(disk.low_mark())
            );
            if disk.is_low() {
                report.add(Level::Warning, "disk", text).mend = Some(
                    "make room; `pentimento prune --dry-run` shows what snapshots take".to_owned(),
                );
            } else {
                report.add(Level::Fine, "disk", text);
            }
        }
        Err(error) => {
            report.add(Level::Warning, "disk", with_causes(&error));
        }
    }
}

/// Looks whether the studio's own socket can have its path.
pub(super) fn look_at_socket(report: &mut Report, studio: &Studio) {
    let socket = studio.state.join("sock");
    let length = socket.as_os_str().as_bytes().len();
    if length > SOCKET_MAX {
        let text = format!(
            "{} has {length} bytes, and a socket's path at most {SOCKET_MAX}: the socket lies in the \
             user's runtime folder instead",
            display_path(&socket)
        );
        report.add(Level::Warning, "socket", text).mend =
            Some("a shorter path of the studio, or state_dir, keeps it in the studio".to_owned());
    }
}

/// Looks whether the studio's service goes on when nobody is logged in.
pub(super) fn look_at_service(report: &mut Report, facts: &Facts, studio: &Studio) {
    let name = service::unit_name(&studio.root);
    let is_in = |folder: &PathBuf| folder.join(&name).is_file();
    if is_in(&facts.places.system) {
        let text = format!("{name}, started with the machine");
        report.add(Level::Fine, "service", text);
        return;
    }
    if !facts.places.user.as_ref().is_some_and(is_in) {
        let text = "none: painting ends with the terminal or the login".to_owned();
        report.add(Level::Fine, "service", text).mend =
            Some("`pentimento service install` makes one".to_owned());
        return;
    }
    let user = facts.user.as_deref().unwrap_or_default();
    match facts.machine.linger(user) {
        Linger::On => {
            let text = format!("{name}, goes on when {user} logs out");
            report.add(Level::Fine, "service", text);
        }
        Linger::Off => {
            let text = format!("{name}, ends when {user} logs out");
            report.add(Level::Warning, "service", text).mend = Some(systemd::linger_command(user));
        }
        Linger::NoSystemd => {
            let text = format!("{name} is there, and no systemd that would start it");
            report.add(Level::Warning, "service", text);
        }
    }
}

/// Looks at the limits of being told of changes.
pub(super) fn look_at_limits(report: &mut Report, facts: &Facts) {
    let folder = facts.machine.root.join("proc/sys/fs/inotify");
    let limit = |name: &str| -> Option<u64> {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        text.trim().parse().ok()
    };
    for (name, least) in [
        ("max_user_watches", LEAST_WATCHES),
        ("max_user_instances", LEAST_INSTANCES),
    ] {
        if let Some(limit) = limit(name).filter(|limit| *limit < least) {
            let text =
                format!("fs.inotify.{name} is {limit}, shared with all of the user's programs");
            report.add(Level::Warning, "limits", text).mend =
                Some(format!("sudo sysctl fs.inotify.{name}={}", least * 4));
        }
    }
}

/// Looks whether the clock can be right, and whether the time zone is known.
pub(super) fn look_at_clock(report: &mut Report, facts: &Facts, studio: Option<&Studio>) {
    let now = facts.now;
    let marker = studio.map(|studio| studio.root.join(crate::folder::MARKER));
    let newest = marker
        .and_then(|path| fs::metadata(path).ok()?.modified().ok())
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map(|time| Timestamp(time.as_secs()));
    let wrong = if now < EARLIEST {
        Some(format!("it is {now}, before this program was written"))
    } else {
        newest
            .filter(|newest| newest.0 > now.0 + 86_400)
            .map(|newest| format!("it is {now}, and pentimento.toml is from {newest}"))
    };
    if let Some(text) = wrong {
        report.add(Level::Warning, "clock", text).mend =
            Some("set the clock, or `sudo timedatectl set-ntp true`".to_owned());
        return;
    }
    let zones = facts.machine.root.join("usr/share/zoneinfo");
    match zone(facts) {
        Some(zone) if facts.zone.is_some() && zones.is_dir() && !zones.join(&zone).is_file() => {
            let shown = display_name(zone.as_ref());
            let text = format!("it is {now}, and the time zone TZ={shown} is not known here");
            report.add(Level::Warning, "clock", text);
        }
        zone => {
            let zone = zone.unwrap_or_else(|| "UTC".to_owned());
            let text = format!("{now}, local time of {}", display_name(zone.as_ref()));
            report.add(Level::Fine, "clock", text);
        }
    }
}

/// Returns the name of the time zone in force, such as `Europe/Berlin`.
fn zone(facts: &Facts) -> Option<String> {
    if let Some(zone) = &facts.zone {
        let name = zone.trim_start_matches(':');
        return Some(if name.is_empty() { "UTC" } else { name }.to_owned());
    }
    let target = fs::read_link(facts.machine.root.join("etc/localtime")).ok()?;
    let text = target.to_str()?;
    Some(text.split_once("zoneinfo/")?.1.to_owned())
}

fn is_far(kind: &str) -> bool {
    let family = kind.split('.').next().unwrap_or(kind);
    FAR.contains(&family)
}

/// Returns the kind of the filesystem that `path`, or what there is of it, lies on.
fn filesystem(mounts: &str, path: &Path) -> Option<String> {
    let real = path.ancestors().find_map(|part| part.canonicalize().ok())?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let place = unescaped(fields.nth(1)?);
        Some((place, fields.next()?))
    });
    let over = mounts.filter(|(place, _)| real.starts_with(place));
    // Of two mounts at one place the later one hides the earlier.
    let nearest = over.max_by_key(|(place, _)| place.components().count());
    nearest.map(|(_, kind)| kind.to_owned())
}

/// Returns a path as the list of mounts spells it: white space and backslashes as octal numbers.
fn unescaped(field: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let [first, tail @ ..] = rest {
        let octal = tail.get(..3).filter(|_| *first == b'\\');
        let octal = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = &tail[3..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    PathBuf::from(std::ffi::OsStr::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_counts() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        let inner = real.join("my disk");
        fs::create_dir(&inner).unwrap();
        let shown = inner.to_str().unwrap().replace(' ', "\\040");
        let mounts = format!("x / ext4 rw 0 0\ny {shown} nfs4 rw 0 0\nbroken\n");
        assert_eq!(filesystem(&mounts, &inner.join("absent")).unwrap(), "nfs4");
        assert_eq!(filesystem(&mounts, &real).unwrap(), "ext4");
        assert_eq!(filesystem("", &real), None);
        assert!(is_far("nfs4") && is_far("fuse.sshfs") && !is_far("ext4") && !is_far("btrfs"));
    }
}
