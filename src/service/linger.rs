//! Whether a user's services outlive the user's last logout.
//!
//! Reads what logind keeps on disk; asks no program. The machine's root folder comes in as a value.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// The machine as far as its service manager goes.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The folder that stands for `/`.
    pub root: PathBuf,
}

/// What becomes of a user's services at the last logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linger {
    /// They go on.
    On,
    /// They are ended.
    Off,
    /// The machine was not started by systemd.
    NoSystemd,
}

impl Machine {
    /// Returns the machine that this process runs on.
    pub fn this() -> Self {
        Self {
            root: PathBuf::from("/"),
        }
    }

    /// Returns whether the services of `user` linger.
    pub fn linger(&self, user: &str) -> Linger {
        if !self.root.join("run/systemd/system").is_dir() {
            return Linger::NoSystemd;
        }
        // A name with a slash in it has no such file, wherever it leads.
        let is_name = Path::new(user).components().count() == 1;
        let mark = self.root.join("var/lib/systemd/linger").join(user);
        if is_name && mark.is_file() {
            Linger::On
        } else {
            Linger::Off
        }
    }

    /// Returns the version of systemd by the name of its own library, if that is found.
    pub fn systemd_version(&self) -> Option<u32> {
        let lib = self.root.join("usr/lib");
        let below = fs::read_dir(&lib).into_iter().flatten().flatten();
        let below = below.map(|entry| entry.path().join("systemd"));
        let folders = [lib.join("systemd"), self.root.join("usr/lib64/systemd")];
        folders.into_iter().chain(below).find_map(|folder| {
            let mut entries = fs::read_dir(folder).ok()?.flatten();
            entries.find_map(|entry| version_in(entry.file_name().to_str()?))
        })
    }

    /// Returns the name of the user with that number, as far as the machine's own list knows it.
    pub fn user_name(&self, uid: u32) -> Option<String> {
        let list = fs::read_to_string(self.root.join("etc/passwd")).ok()?;
        list.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let number = fields.nth(1)?;
            (number.parse() == Ok(uid)).then(|| name.to_owned())
        })
    }
}

/// Returns the version in a name such as `libsystemd-shared-255.so` or `…-255.4-1ubuntu8.so`.
fn version_in(name: &str) -> Option<u32> {
    let rest = name.strip_prefix("libsystemd-shared-")?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lingering_is_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine {
            root: dir.path().to_owned(),
        };
        assert_eq!(machine.linger("ann"), Linger::NoSystemd);
        fs::create_dir_all(dir.path().join("run/systemd/system")).unwrap();
        assert_eq!(machine.linger("ann"), Linger::Off);
        let marks = dir.path().join("var/lib/systemd/linger");
        fs::create_dir_all(&marks).unwrap();
        fs::write(marks.join("ann"), "").unwrap();
        assert_eq!(machine.linger("ann"), Linger::On);
        assert_eq!(machine.linger("bob"), Linger::Off);
        assert_eq!(machine.linger("../linger/ann"), Linger::Off);
    }

    #[test]
    fn the_version_is_in_the_name_of_a_library() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine {
            root: dir.path().to_owned(),
        };
        assert_eq!(machine.systemd_version(), None);
        let folder = dir.path().join("usr/lib/x86_64-linux-gnu/systemd");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("libsystemd-shared-255.so"), "").unwrap();
        assert_eq!(machine.systemd_version(), Some(255));
        assert_eq!(version_in("libsystemd-shared-257.9-1.fc42.so"), Some(257));
        assert_eq!(version_in("libsystemd-core-255.so"), None);
    }

    #[test]
    fn users_are_looked_up_by_number() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let list = "root:x:0:0:root:/root:/bin/sh\nbroken\nann:x:1000:1000::/home/ann:/bin/sh\n";
        fs::write(dir.path().join("etc/passwd"), list).unwrap();
        let machine = Machine {
            root: dir.path().to_owned(),
        };
        assert_eq!(machine.user_name(1000).as_deref(), Some("ann"));
        assert_eq!(machine.user_name(7), None);
    }
}
