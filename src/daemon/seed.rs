//! The sample that a new studio is given, so that the first run has something to paint.

use std::fs;

use crate::folder::FolderError;
use crate::folder::Studio;
use crate::folder::io_error;
use crate::folder::move_path;

/// The files of the sample bundle.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// The content picture, JPEG.
    pub content: &'static [u8],
    /// The style picture, JPEG.
    pub style: &'static [u8],
    /// The profile, TOML.
    pub profile: &'static str,
}

/// Drops the sample into `watch/` as the folder `sample`, if nothing that can be seen lies there.
///
/// The folder appears with everything in it, and says itself that nothing more is coming.
pub fn drop_sample(studio: &Studio, sample: &Sample) -> Result<(), FolderError> {
    let watch = &studio.watch;
    for entry in fs::read_dir(watch).map_err(io_error("list", watch))? {
        let name = entry.map_err(io_error("list", watch))?.file_name();
        // A hidden file (that of a version control system, say) is nobody's picture.
        if !name.as_encoded_bytes().starts_with(b".") {
            return Ok(());
        }
    }
    let partial = watch.join(".sample");
    fs::create_dir_all(&partial).map_err(io_error("create the folder", &partial))?;
    let files: [(&str, &[u8]); 4] = [
        ("content.jpg", sample.content),
        ("style.jpg", sample.style),
        ("profile.toml", sample.profile.as_bytes()),
        ("READY", b""),
    ];
    for (name, bytes) in files {
        let path = partial.join(name);
        fs::write(&path, bytes).map_err(io_error("write", &path))?;
    }
    move_path(&partial, &watch.join("sample"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: Sample = Sample {
        content: b"c",
        style: b"s",
        profile: "seed = 1\n",
    };

    #[test]
    fn an_empty_watch_folder_gets_a_whole_bundle() {
        let dir = tempfile::tempdir().unwrap();
        let studio = Studio::at(dir.path().to_owned());
        studio.prepare().unwrap();
        drop_sample(&studio, &SAMPLE).unwrap();
        drop_sample(&studio, &SAMPLE).unwrap();
        let sample = studio.watch.join("sample");
        assert_eq!(fs::read_dir(&studio.watch).unwrap().count(), 1);
        assert_eq!(fs::read(sample.join("content.jpg")).unwrap(), b"c");
        assert_eq!(fs::read(sample.join("style.jpg")).unwrap(), b"s");
        assert_eq!(
            fs::read_to_string(sample.join("profile.toml")).unwrap(),
            "seed = 1\n"
        );
        assert!(sample.join("READY").exists());
    }

    #[test]
    fn a_watch_folder_with_anything_in_it_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let studio = Studio::at(dir.path().to_owned());
        studio.prepare().unwrap();
        fs::write(studio.watch.join("mine.jpg"), "mine").unwrap();
        drop_sample(&studio, &SAMPLE).unwrap();
        assert_eq!(fs::read_dir(&studio.watch).unwrap().count(), 1);
    }
}
