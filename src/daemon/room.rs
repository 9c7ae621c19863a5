//! How much there is of what a blocked job lacks: room on its disk, memory.

use std::path::Path;

use crate::job::Lack;
use crate::runtime::Environment;
use crate::runtime::Host;

/// How many bytes more than before count as more.
const MORE: u64 = 64 << 20;

/// Returns the bytes left of what is lacking, or `None` where that is not known.
pub(super) fn left(lack: Lack, folder: &Path) -> Option<u64> {
    match lack {
        Lack::Network => None,
        Lack::Disk => {
            let status = rustix::fs::statvfs(folder).ok()?;
            Some(status.f_bavail.saturating_mul(status.f_frsize))
        }
        Lack::Memory => {
            let (_, free) = Host::detect(&Environment::from_process()).memory?;
            Some(free)
        }
    }
}

/// Returns whether there is notably more of it than `had` bytes.
pub(super) fn is_more(lack: Lack, folder: &Path, had: Option<u64>) -> bool {
    match (left(lack, folder), had) {
        (Some(now), Some(then)) => now >= then.saturating_add(MORE.max(then / 8)),
        (None, _) | (_, None) => false,
    }
}
