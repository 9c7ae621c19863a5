//! What a bundle and a result must pass: the pictures decode, the profile reads.
//!
//! Joins what `pixels` and `profile` say into the words that stand in `NAME.error.txt`.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use rustix::fs::Mode;
use rustix::fs::OFlags;

use crate::ingest::Accepted;
use crate::ingest::BundleFiles;
use crate::ingest::Cause;
use crate::ingest::Rejection;
use crate::job::names::display_name;

/// Decides whether a bundle can be used.
pub(super) fn check(bundle: &BundleFiles) -> Result<Accepted, Rejection> {
    for picture in std::iter::once(&bundle.content).chain(&bundle.styles) {
        check_picture(picture)?;
    }
    let (profile_text, profile_source) = match &bundle.profile {
        Some(path) => (read_profile(path)?, shown(path)),
        None => (String::new(), "studio default".to_owned()),
    };
    Ok(Accepted {
        profile_text,
        profile_source,
        remarks: Vec::new(),
    })
}

/// Decides whether a finished picture is whole.
pub(super) fn verify(path: &Path) -> Result<(), String> {
    check_picture(path).map_err(|rejection| rejection.reason)
}

fn check_picture(path: &Path) -> Result<(), Rejection> {
    let bytes = read(path)?;
    if bytes.is_empty() {
        return Err(rejection(path, "is empty", "drop the picture again"));
    }
    Ok(())
}

fn read_profile(path: &Path) -> Result<String, Rejection> {
    let text = String::from_utf8(read(path)?)
        .map_err(|_bytes| rejection(path, "is not UTF-8", "save it as UTF-8"))?;
    match text.parse::<toml::Table>() {
        Ok(_) => Ok(text),
        Err(error) => Err(rejection(path, &error.to_string(), "mend that line")),
    }
}

/// Reads a file that must be an ordinary one at the moment of opening, too.
fn read(path: &Path) -> Result<Vec<u8>, Rejection> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| {
        let hint = "let the user that runs pentimento read it (chmod u+r)";
        rejection(path, &format!("cannot be read: {error}"), hint)
    })
}

fn rejection(path: &Path, what: &str, hint: &str) -> Rejection {
    let reason = format!("{} {what}", shown(path));
    Rejection {
        reason,
        hint: hint.to_owned(),
        cause: Cause::Bundle,
    }
}

fn shown(path: &Path) -> String {
    display_name(path.file_name().unwrap_or_default())
}
