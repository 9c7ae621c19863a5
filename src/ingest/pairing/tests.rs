//! Tables of folders and what they mean.

use std::os::unix::ffi::OsStringExt;

use super::*;
use crate::ingest::listing::Stamp;

fn file(name: impl Into<OsString>) -> Entry {
    Entry {
        name: name.into(),
        kind: Kind::File,
        stamp: Stamp::default(),
        n_names: 1,
    }
}

fn folder(name: &str, entries: Vec<Entry>) -> Entry {
    Entry {
        kind: Kind::Folder(entries),
        ..file(name)
    }
}

fn files(names: &[&str]) -> Vec<Entry> {
    names.iter().map(|name| file(*name)).collect()
}

fn found(entries: Vec<Entry>) -> Found {
    find(&Listing {
        entries,
        ..Listing::default()
    })
}

/// Renders bundles as `name: content + style + style (profile)`, `name: missing …` or `name: !reason`.
fn summary(found: &Found) -> Vec<String> {
    let render = |bundle: &Candidate| {
        let name = display_name(&bundle.key.name);
        match &bundle.shape {
            Shape::Complete(parts) => {
                let profile = parts
                    .profile
                    .as_ref()
                    .map(|path| format!(" ({})", path.display()));
                let pictures = parts.pictures().map(|path| display_name(path.as_os_str()));
                let pictures: Vec<_> = pictures.collect();
                format!(
                    "{name}: {}{}",
                    pictures.join(" + "),
                    profile.unwrap_or_default()
                )
            }
            Shape::Missing(what, _) => format!("{name}: missing {what}"),
            Shape::Unusable { reason, .. } => format!("{name}: !{reason}"),
        }
    };
    found.bundles.iter().map(render).collect()
}

#[test]
fn a28_b6_folders() {
    let cases: [(&[&str], &str); 12] = [
        (
            &["content.jpg", "style.png"],
            "h: h/content.jpg + h/style.png",
        ),
        (
            &[
                "CONTENT.JPG",
                "Style10.png",
                "style2.png",
                "style.png",
                "Profile.toml",
                "READY",
            ],
            "h: h/CONTENT.JPG + h/style.png + h/style2.png + h/Style10.png (h/Profile.toml)",
        ),
        (
            &["content.jpg", "style.png", "notes.txt", ".DS_Store"],
            "h: h/content.jpg + h/style.png",
        ),
        (&["content.jpg"], "h: missing a style picture: style.*"),
        (&["style.jpg"], "h: missing a content picture: content.*"),
        (
            &[],
            "h: missing a content and a style picture: content.*, style.*",
        ),
        (
            &["a.jpg", "b.jpg", "c.jpg"],
            "h: !ambiguous: 3 pictures, and none says what it is for",
        ),
        (
            &["a.jpg"],
            "h: missing a content and a style picture: content.*, style.* (rename the pictures in \
             the folder)",
        ),
        (
            &["content.jpg", "content.png", "style.jpg"],
            "h: !ambiguous: 2 pictures are called content: content.jpg, content.png",
        ),
        (
            &["content.jpg", "style.jpg", "profile.toml", "PROFILE.toml"],
            "h: !ambiguous: 2 profiles are called profile: profile.toml, PROFILE.toml",
        ),
        (
            &["content.jpg", "content.sync-conflict-1.jpg", "style.jpg"],
            "h: h/content.jpg + h/style.jpg",
        ),
        (
            &["content.heic", "style.jpg"],
            "h: h/content.heic + h/style.jpg",
        ),
    ];
    for (names, expected) in cases {
        assert_eq!(summary(&found(vec![folder("h", files(names))])), [expected]);
    }
}

#[test]
fn b5_b6_b7_loose_files() {
    let cases: [(&[&str], &[&str]); 9] = [
        (
            &["h.content.jpg", "h.style.png", "h.toml"],
            &["h: h.content.jpg + h.style.png (h.toml)"],
        ),
        (
            &["h.Content.JPG", "h.style10.png", "h.style2.png"],
            &["h: h.Content.JPG + h.style2.png + h.style10.png"],
        ),
        (
            &["h.toml"],
            &["h: missing a content and a style picture: h.content.*, h.style.*"],
        ),
        (
            &["h.content.jpg", "h.content.png", "h.style.png"],
            &["h: !ambiguous: 2 pictures are called content: h.content.jpg, h.content.png"],
        ),
        (
            &["Cat.content.jpg", "cat.style.png"],
            &["Cat: Cat.content.jpg + cat.style.png"],
        ),
        (
            &["Cat.content.jpg", "Cat.style.png", "cat.style.png"],
            &[
                "Cat: Cat.content.jpg + Cat.style.png",
                "cat: missing a content picture: cat.content.*",
            ],
        ),
        (
            &["CAT.style.png", "Cat.content.jpg", "cat.style.png"],
            &[
                "CAT: !ambiguous: several files differ in letter case only, and more than one of \
                 them could belong here",
                "Cat: !ambiguous: several files differ in letter case only, and more than one of \
                 them could belong here",
                "cat: !ambiguous: several files differ in letter case only, and more than one of \
                 them could belong here",
            ],
        ),
        (
            &["cafe\u{301}.content.jpg", "caf\u{e9}.style.png"],
            &["caf\u{e9}: cafe\u{301}.content.jpg + caf\u{e9}.style.png"],
        ),
        (
            &[
                "cafe\u{301}.content.jpg",
                "caf\u{e9}.content.jpg",
                "caf\u{e9}.style.png",
            ],
            &[
                "caf\u{e9}: !ambiguous: 2 pictures are called content: cafe\u{301}.content.jpg, \
               caf\u{e9}.content.jpg",
            ],
        ),
    ];
    for (names, expected) in cases {
        let mut summary = summary(&found(files(names)));
        summary.sort();
        assert_eq!(summary, expected);
    }
}

#[test]
fn b1_b2_b4_b14_awkward_names_pair_like_others() {
    let stems: [&[u8]; 5] = [b"two\nlines", b"bad\xff", b"-rf", b"$(id)", b"x "];
    for stem in stems {
        let name = |end: &str| OsString::from_vec([stem, end.as_bytes()].concat());
        let found = found(vec![file(name(".content.jpg")), file(name(".STYLE.png"))]);
        assert!(
            matches!(found.bundles[0].shape, Shape::Complete(_)),
            "{stem:?}"
        );
        assert_eq!(found.bundles[0].key.name.as_bytes(), stem);
    }
}

#[test]
fn b9_b11_what_is_no_file_is_refused() {
    let kinds = [
        (
            Kind::Link,
            "content.jpg is a symbolic link, and links are not followed",
        ),
        (Kind::Special("a FIFO"), "content.jpg is a FIFO, not a file"),
        (
            Kind::Folder(Vec::new()),
            "content.jpg is a folder, not a file",
        ),
    ];
    for (kind, reason) in kinds {
        let content = Entry {
            kind,
            ..file("content.jpg")
        };
        let found = found(vec![folder("h", vec![content, file("style.jpg")])]);
        assert_eq!(summary(&found), [format!("h: !{reason}")]);
    }
}

#[test]
fn a12_a29_the_rest_is_explained() {
    let mut entries = files(&["holiday.jpg", "notes.txt", "profile.toml", ".hidden"]);
    entries.push(file("x.sync-conflict-1.jpg"));
    entries.push(folder(
        "h",
        vec![
            file("content.jpg"),
            file("style.jpg"),
            folder("old", vec![]),
        ],
    ));
    entries.push(folder("recipe", files(&["recipe.toml", "style.jpg"])));
    entries.push(folder("bare", files(&["recipe.toml"])));
    let found = found(entries);
    assert!(found.has_profile);
    assert_eq!(summary(&found), ["h: h/content.jpg + h/style.jpg"]);
    assert_eq!(found.bundles[0].notes, ["old: nested folders are not used"]);
    let loose: Vec<_> = found
        .loose
        .iter()
        .map(|(name, _)| name.to_str().unwrap())
        .collect();
    assert_eq!(
        loose,
        ["holiday.jpg", "x.sync-conflict-1.jpg", "recipe", "bare"]
    );
    assert!(found.loose[3].1.contains("without a style"));
    assert!(found.loose[0].1.contains("holiday.content.jpg"));
}

#[test]
fn a_job_folder_that_was_dragged_back_is_a_bundle_again() {
    let inputs = folder("inputs", files(&["h.content.jpg", "h.style.png", "h.toml"]));
    let mut entries = files(&["job.json", "profile.toml", "reason.txt", "log.txt"]);
    entries.push(inputs);
    let found = found(vec![folder("2026-11-23_h_0042", entries)]);
    assert_eq!(
        summary(&found),
        [
            "2026-11-23_h_0042: 2026-11-23_h_0042/inputs/h.content.jpg + \
          2026-11-23_h_0042/inputs/h.style.png (2026-11-23_h_0042/profile.toml)"
        ]
    );
    assert_eq!(found.bundles[0].key.spelling, Spelling::Returned);
}

#[test]
fn a03_hard_links_are_told() {
    let mut linked = file("h.content.jpg");
    linked.n_names = 2;
    let found = found(vec![linked, file("h.style.jpg")]);
    assert_eq!(
        found.bundles[0].notes,
        [
            "h.content.jpg has 2 names (hard links); what is written under the others changes it, too"
        ]
    );
}

#[test]
fn every_member_is_in_the_fingerprint() {
    let found = found(vec![
        folder(
            "h",
            files(&["content.jpg", "style.jpg", "notes.txt", ".swp"]),
        ),
        file("g.content.jpg"),
        file("g.toml"),
    ]);
    let paths = |n: usize| {
        let paths = found.bundles[n]
            .fingerprint
            .iter()
            .map(|(path, _)| path.to_str().unwrap());
        paths.collect::<Vec<_>>()
    };
    assert_eq!(paths(0), ["g.content.jpg", "g.toml"]);
    assert_eq!(
        paths(1),
        ["h", "h/content.jpg", "h/style.jpg", "h/notes.txt"]
    );
}

#[test]
fn every_picture_in_a_recipe_folder_is_a_bundle_of_its_own() {
    let mut entries = files(&[
        "style.jpg",
        "style2.jpg",
        "b.png",
        "a.jpg",
        "a.toml",
        "a.READY",
        "Thumbs.db",
        "notes.txt",
        "b.sync-conflict-1.png",
        "gone.toml",
    ]);
    let mut marker = file("recipe.toml");
    marker.stamp.len = 9;
    entries.push(marker);
    entries.push(folder("deep", files(&["c.jpg"])));
    let found = found(vec![folder("wave", entries)]);
    assert_eq!(
        summary(&found),
        [
            "wave/a.jpg: wave/a.jpg + wave/style.jpg + wave/style2.jpg (wave/a.toml)",
            "wave/b.png: wave/b.png + wave/style.jpg + wave/style2.jpg (wave/recipe.toml)",
        ]
    );
    let takes = |n: usize| found.bundles[n].takes.iter().map(|p| p.to_str().unwrap());
    assert_eq!(
        takes(0).collect::<Vec<_>>(),
        ["wave/a.jpg", "wave/a.toml", "wave/a.READY"]
    );
    assert_eq!(takes(1).collect::<Vec<_>>(), ["wave/b.png"]);
    assert!(found.bundles[0].ready.is_some() && found.bundles[1].ready.is_none());
    let watched = found.bundles[1].fingerprint.iter();
    let watched: Vec<_> = watched.map(|(path, _)| path.to_str().unwrap()).collect();
    assert_eq!(
        watched,
        [
            "wave/b.png",
            "wave/style.jpg",
            "wave/style2.jpg",
            "wave/recipe.toml"
        ]
    );
    let loose = found.loose.iter().map(|(name, _)| name.to_str().unwrap());
    assert_eq!(
        loose.collect::<Vec<_>>(),
        [
            "wave/b.sync-conflict-1.png",
            "wave/gone.toml",
            "wave/deep",
            "wave"
        ]
    );
}

#[test]
fn the_profile_of_a_recipe_is_the_nearest() {
    let marker = |len| {
        let mut marker = file("recipe.toml");
        marker.stamp.len = len;
        marker
    };
    for (others, len, expected) in [
        (&["recipe.png"][..], 0, "recipe.png"),
        (&["recipe.png"], 1, "recipe.toml"),
        (&["recipe.png", "profile.toml"], 1, "profile.toml"),
    ] {
        let mut entries = files(&["a.jpg", "style.jpg"]);
        entries.extend(files(others));
        entries.push(marker(len));
        let found = found(vec![folder("w", entries)]);
        let Shape::Complete(parts) = &found.bundles[0].shape else {
            panic!("{:?}", found.bundles);
        };
        let profile = parts.profile.as_ref().unwrap();
        assert_eq!(profile, &Path::new("w").join(expected));
    }
}

#[test]
fn pictures_in_a_recipe_folder_without_a_style_wait() {
    let found = found(vec![folder("w", files(&["recipe.toml", "a.jpg"]))]);
    assert_eq!(
        summary(&found),
        ["w/a.jpg: missing a style picture: w/style.* (the recipe has no style)"]
    );
}

#[test]
fn two_pictures_do_not_share_a_profile_of_their_own() {
    let names = ["recipe.toml", "style.jpg", "a.jpg", "a.png", "a.toml"];
    let found = found(vec![folder("w", files(&names))]);
    assert!(
        summary(&found)
            .iter()
            .all(|line| line.contains("!ambiguous"))
    );
    let names = ["recipe.toml", "style.jpg", "a.jpg", "a.png"];
    let found = find(&Listing {
        entries: vec![folder("w", files(&names))],
        ..Listing::default()
    });
    assert!(summary(&found).iter().all(|line| !line.contains('!')));
}

#[test]
fn a_painting_lends_its_profile_where_none_is_written() {
    let names = ["h.content.jpg", "h.style.jpg", "h.recipe.png"];
    assert_eq!(
        summary(&found(files(&names))),
        ["h: h.content.jpg + h.style.jpg (h.recipe.png)"]
    );
    let names = ["content.jpg", "style.jpg", "recipe.png", "profile.toml"];
    assert_eq!(
        summary(&found(vec![folder("h", files(&names))])),
        ["h: h/content.jpg + h/style.jpg (h/profile.toml)"]
    );
}
