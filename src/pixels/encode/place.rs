//! Put bytes under a name in one step.
//!
//! A crash leaves the old file or the new one, and at worst a temporary file beside it whose name
//! starts with a dot and ends with `.part`.

use std::{fs::File, fs::Permissions, io, io::Write, os::unix::fs::PermissionsExt, path::Path};

use tempfile::Builder;

use crate::pixels::error::EncodeError;

/// Writes `bytes` to a temporary file beside `path`, syncs it, renames it and syncs the folder.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), EncodeError> {
    let failed = |doing: &'static str| {
        move |source: io::Error| EncodeError::Write {
            path: path.to_owned(),
            doing,
            source,
        }
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = Builder::new()
        .prefix(".pentimento-")
        .suffix(".part")
        // What the user's umask leaves of this, as for any file.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed("creating a temporary file"))?;
    file.write_all(bytes).map_err(failed("writing"))?;
    file.as_file().sync_all().map_err(failed("syncing"))?;
    file.persist(path)
        .map_err(|error| error.error)
        .map_err(failed("renaming"))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("syncing the folder"))
}
