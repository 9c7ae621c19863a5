//! Awkward names: taken like any other, and shown without harm.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::support::studio::Studio;
use crate::support::studio::name;
use crate::support::studio::picture;

#[test]
fn b1_b2_b3_b4_b14_awkward_names_are_painted_and_shown_escaped() {
    let names: [&[u8]; 6] = [
        b"two\nlines",
        b"\x1b[2Jred",
        b"bad\xff\xfe",
        b"-rf",
        b"$(id);'x'",
        b"CON ",
    ];
    let studio = Studio::new();
    for (seed, bytes) in (10..).zip(names) {
        studio.drop(name(&[bytes, b".content.png"].concat()), picture(1));
        studio.drop(name(&[bytes, b".style.png"].concat()), picture(seed));
    }
    studio.drop_pair(name(b"folder\n\xff"));

    let output = studio.until_idle();

    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(studio.watched().is_empty());
    let done = studio.shelf("done");
    assert_eq!(done.len(), names.len() + 1);
    let printed = String::from_utf8(output.stdout).expect("only UTF-8 is printed");
    assert!(!printed.contains('\x1b'));
    assert!(
        printed.contains("two\\nlines") && printed.contains("bad\\xff\\xfe"),
        "{printed}"
    );
    let inputs: Vec<_> = done
        .iter()
        .flat_map(|folder| fs::read_dir(folder.join("inputs")).unwrap())
        .map(|entry| entry.unwrap().file_name())
        .collect();
    for bytes in names {
        let dropped = [bytes, b".content.png"].concat();
        assert!(
            inputs.iter().any(|input| input.as_bytes() == dropped),
            "{bytes:?}"
        );
    }
    for folder in done {
        let shelved = folder
            .file_name()
            .unwrap()
            .to_str()
            .expect("our names are UTF-8");
        assert!(!shelved.contains(['\n', '$', ';', '\x1b']), "{shelved}");
    }
}

#[test]
fn b8_the_longest_names_fit_everywhere() {
    let studio = Studio::new();
    let long = "n".repeat(255);
    studio.drop_pair(&long);
    let flat = "f".repeat(255 - ".content.png".len());
    studio.drop(format!("{flat}.content.png"), picture(1));
    studio.drop(format!("{flat}.style.png"), picture(3));
    studio.drop(format!("{}/content.png", "e".repeat(255)), "");
    studio.drop(format!("{}/style.png", "e".repeat(255)), picture(2));

    assert_eq!(studio.until_idle().status.code(), Some(0));

    assert_eq!(studio.shelf("done").len(), 2);
    let left = studio.watched();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().any(|name| name.ends_with(".error.txt")));
}
