//! What lies at a path: nothing that is not a regular file is ever read, and nothing hangs.

use std::os::unix::{fs::PermissionsExt, fs::symlink, net::UnixListener};

use rustix::fs::{CWD, Mode, mkfifoat};

use super::*;

fn error(path: &Path) -> DecodeError {
    open(path, &DecodeOptions::default()).unwrap_err()
}

#[test]
fn a_pipe_a_socket_a_folder_and_a_device_are_named_without_hanging() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.jpg");
    mkfifoat(CWD, &pipe, Mode::RUSR).unwrap();
    assert!(
        error(&pipe)
            .to_string()
            .ends_with("pipe.jpg is a named pipe, not a file")
    );
    let socket = folder.path().join("socket.jpg");
    let listener = UnixListener::bind(&socket).unwrap();
    assert!(
        error(&socket)
            .to_string()
            .ends_with("is a socket, not a file")
    );
    drop(listener);
    assert!(
        error(folder.path())
            .to_string()
            .ends_with("is a folder, not a file")
    );
    assert!(
        error(Path::new("/dev/zero"))
            .to_string()
            .ends_with("is a device, not a file")
    );
}

#[test]
fn a_link_is_refused_unless_allowed() {
    let file = dropped(
        "real.png",
        &samples::encoded(&samples::smooth(8, 6), image::ImageFormat::Png),
    );
    let link = file.path.with_file_name("link.png");
    symlink(&file.path, &link).unwrap();
    let refused = error(&link);
    assert!(matches!(refused, DecodeError::Symlink { .. }), "{refused}");
    assert!(!refused.may_still_arrive());
    let options = DecodeOptions {
        follow_symlinks: true,
        ..DecodeOptions::default()
    };
    assert_eq!(open(&link, &options).unwrap().picture.width(), 8);
    let loose = file.path.with_file_name("loose.png");
    symlink("nowhere", &loose).unwrap();
    assert!(matches!(
        open(&loose, &options),
        Err(DecodeError::Read { .. })
    ));
}

#[test]
fn an_absent_file_keeps_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let error = error(&folder.path().join("absent.jpg"));
    assert!(
        told(&error).contains("absent.jpg: No such file"),
        "{}",
        told(&error)
    );
}

#[test]
fn a_file_without_permission_is_told_with_mode_and_owner() {
    let file = dropped("secret.png", b"whatever");
    fs::set_permissions(&file.path, PermissionsExt::from_mode(0o000)).unwrap();
    if fs::read(&file.path).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let owner = rustix::process::geteuid().as_raw();
    let text = error(&file.path).to_string();
    assert!(
        text.contains(&format!("mode 0000, owner {owner}")),
        "{text}"
    );
}

#[test]
fn an_empty_or_blank_file_may_still_arrive() {
    let empty = opened("new.jpg", b"").unwrap_err();
    assert!(matches!(empty, DecodeError::Empty { .. }) && empty.may_still_arrive());
    let blank = opened("reserved.jpg", &vec![0; 20_000]).unwrap_err();
    assert!(matches!(blank, DecodeError::Blank { .. }) && blank.may_still_arrive());
}

#[test]
fn a_sparse_giant_is_refused_by_its_length() {
    let file = dropped("giant.png", b"");
    fs::File::options()
        .write(true)
        .open(&file.path)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    assert!(matches!(error(&file.path), DecodeError::TooLong { .. }));
}

#[test]
fn what_is_no_picture_is_named_with_the_conversion_to_do() {
    let cases: [(&str, &[u8], &str); 20] = [
        ("a.jpg", b"dear diary", "not an image (looks like text)"),
        (
            "a.png",
            "caf\u{e9} \u{2014} r\u{e9}sum\u{e9}".as_bytes(),
            "looks like text",
        ),
        ("a.png", b"%PDF-1.7\n", "looks like a PDF document"),
        ("a.jpg", b"<!DOCTYPE html><svg/>", "looks like a web page"),
        ("a.png", b"PK\x03\x04rest", "looks like a zip archive"),
        ("a.jpg", b"\0\0\0\x18ftypisom\0\0", "looks like a film"),
        (
            "a.jpg",
            b"\x80\x81\x82\0\x01\x02",
            "looks like unknown binary data",
        ),
        (
            "a.svg",
            b"<?xml version=\"1.0\"?><svg xmlns=\"\"/>",
            "rsvg-convert",
        ),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "heif-convert"),
        ("a.jpg", b"\0\0\0\x18ftypmif1\0\0\0\0", "a HEIC picture"),
        ("a.avif", b"\0\0\0\x1cftypavif\0\0\0\0", "avifdec"),
        ("a.cr3", b"\0\0\0\x18ftypcrx \0\0\0\0", "camera RAW"),
        ("a.cr2", b"II*\0\x10\0\0\0CR\x02\0", "camera RAW"),
        ("a.NEF", b"MM\0*\0\0\0\x08", "camera RAW"),
        ("a.dng", b"II*\0\x08\0\0\0", "develop it in a photo program"),
        ("a.raf", b"FUJIFILMCCD-RAW 0201", "camera RAW"),
        ("a.psd", b"8BPS\0\x01", "a Photoshop document"),
        ("a.xcf", b"gimp xcf v011\0", "a GIMP document"),
        ("a.jxl", b"\xff\x0a\xfa\x1f", "djxl"),
        ("a.ico", b"\0\0\x01\0\x01\0", "an icon"),
    ];
    for (name, bytes, expected) in cases {
        let error = opened(name, bytes).unwrap_err();
        assert!(error.to_string().contains(expected), "{name}: {error}");
        assert!(!error.may_still_arrive(), "{name}");
    }
}
