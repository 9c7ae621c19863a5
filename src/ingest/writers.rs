//! Is a program of ours still writing to a file?
//!
//! A pause in the writing looks like its end, and moving a file does not stop its writer. So before
//! a bundle is taken, the open files of this user's processes are looked through. Other users'
//! processes and writers on other machines stay unseen: this is one gate among several.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Returns the number of a process that has one of the files (device, inode) open for writing.
pub(crate) fn find_writer(files: &[(u64, u64)]) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let descriptors = fs::read_dir(process.path().join("fd")).ok()?;
        let writes = descriptors.flatten().any(|descriptor| {
            // Following the link reaches the open file itself, whatever its name is now.
            let is_ours = fs::metadata(descriptor.path())
                .is_ok_and(|file| file.is_file() && files.contains(&(file.dev(), file.ino())));
            is_ours && is_open_for_writing(&process.path(), &descriptor.file_name())
        });
        writes.then_some(pid)
    })
}

/// Reads the access mode, the lowest two bits of the octal `flags:` line: 0 is reading only.
fn is_open_for_writing(process: &Path, descriptor: &std::ffi::OsStr) -> bool {
    let info = fs::read_to_string(process.join("fdinfo").join(descriptor)).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 0b11 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn writers_are_found_and_readers_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("content.jpg");
        let writer = File::create(&path).unwrap();
        let metadata = writer.metadata().unwrap();
        let file = [(metadata.dev(), metadata.ino())];
        assert_eq!(find_writer(&file), Some(std::process::id()));
        drop(writer);
        let _reader = File::open(&path).unwrap();
        assert_eq!(find_writer(&file), None);
    }
}
