//! Which folders tell of their changes: a question of the filesystem that they lie on.
//!
//! A network filesystem tells a machine of that machine's own changes only, and some others of
//! none. Folders there are polled. What is not known to be silent is listened to, and the regular
//! look stands behind both.

use std::path::Path;

/// How it is found out that something changed in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The system tells of changes.
    Events,
    /// The folder is looked at again and again; with the reason, as `nfs` or
    /// `the limit on inotify watches is reached`.
    Polling(String),
}

/// Filesystems that do not tell of the changes that others make, by the number that `statfs` gives.
const SILENT: [(u64, &str); 20] = [
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "fuse"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x1983_0326, "beegfs"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x7461_636f, "ocfs2"),
    (0x0116_1970, "gfs2"),
    (0x7375_7245, "coda"),
    (0x564c, "ncp"),
    (0x2003_0528, "orangefs"),
    (0x6a65_6a63, "fakeowner"),
];

/// Returns how changes in `folder` are found out, as far as its filesystem decides that.
pub(crate) fn mode_of(folder: &Path) -> Mode {
    #[allow(
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        reason = "the number's width and sign depend on the machine; its low 32 bits count"
    )]
    let number = rustix::fs::statfs(folder).map(|stat| stat.f_type as u64 & 0xffff_ffff);
    number.map_or(Mode::Events, mode_of_number)
}

/// Returns whether files can be made in and moved out of `folder`.
pub(crate) fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

fn mode_of_number(number: u64) -> Mode {
    let silent = SILENT.iter().find(|(known, _)| *known == number);
    silent.map_or(Mode::Events, |(_, name)| {
        Mode::Polling(format!("{name} does not tell of all changes"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a26_network_filesystems_are_polled_and_local_ones_are_not() {
        let cases = [
            (0x6969, Some("nfs")),
            (0xff53_4d42, Some("cifs")),
            (0xfe53_4d42, Some("smb2")),
            (0x0102_1997, Some("9p")),
            (0x6573_5546, Some("fuse")),
            (0xef53, None),
            (0x0102_1994, None),
            (0x9123_683e, None),
            (0x794c_7630, None),
        ];
        for (number, name) in cases {
            match (mode_of_number(number), name) {
                (Mode::Events, None) => {}
                (Mode::Polling(why), Some(name)) => assert!(why.starts_with(name), "{why}"),
                (mode, _) => panic!("{number:x}: {mode:?}"),
            }
        }
    }

    #[test]
    fn a26_the_folder_of_the_tests_is_asked_itself() {
        let dir = tempfile::tempdir().unwrap();
        let number = rustix::fs::statfs(dir.path()).unwrap().f_type;
        let expected = mode_of_number(u64::try_from(number).unwrap() & 0xffff_ffff);
        assert_eq!(mode_of(dir.path()), expected);
        assert!(is_writable(dir.path()));
        assert_eq!(mode_of(&dir.path().join("nowhere")), Mode::Events);
    }
}
