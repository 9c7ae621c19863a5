//! Whether a folder is a place for the store: SQLite's locks cannot be trusted over a network.

use std::path::Path;

use crate::store::StoreError;

/// Filesystems whose files lie on another machine, by the number that `statfs` gives (`f_type`).
const NETWORK: &[(u32, &str)] = &[
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xfe53_4d42, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0x0102_1997, "9P"),
    (0x0000_564c, "NCP"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0x013a_ccc0, "PanFS"),
    (0xaad7_aaea, "PanFS"),
    (0x786f_4256, "VirtualBox shared folder"),
    (0xbacb_acbc, "VMware shared folder"),
];

/// Returns the name of the network filesystem with this number, `None` where it is a local one.
///
/// FUSE is taken for local: most of what it carries is, and it does not tell.
pub fn network_filesystem(number: u32) -> Option<&'static str> {
    NETWORK
        .iter()
        .find(|(known, _)| *known == number)
        .map(|(_, name)| *name)
}

/// Fails if `folder`, which must exist, lies on a network filesystem.
pub fn check_folder(folder: &Path) -> Result<(), StoreError> {
    let told = rustix::fs::statfs(folder).map_err(|errno| StoreError::File {
        what: "ask for the filesystem of",
        path: folder.to_owned(),
        source: errno.into(),
    })?;
    // The field is a signed number on some machines, and 32 bits count on all.
    let number = u32::try_from(i128::from(told.f_type) & 0xffff_ffff).unwrap_or(0);
    match network_filesystem(number) {
        Some(filesystem) => Err(StoreError::Network {
            folder: folder.to_owned(),
            filesystem,
        }),
        None => Ok(()),
    }
}
