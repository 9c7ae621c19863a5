//! From text to a raw profile: refusals, encodings, stages, inheritance, `--set`.

use super::{
    super::{Init, NetworkRef, ProfileFolders, RawOptions, RawProfile, raw::RawJob, resolve},
    assert_says, folder, read, refusal,
};

#[test]
fn a_syntax_error_shows_file_line_column_and_the_line() {
    let message = refusal("image_size = 256\nstyle_weight 500\n");
    assert_says(
        &message,
        &[
            "harbour.toml:2:14: not valid TOML: ",
            "\n 2 | style_weight 500\n",
        ],
    );
    let caret = message.lines().last().unwrap();
    assert_eq!(caret, format!("   | {}^", " ".repeat(13)));
}

#[test]
fn an_unclosed_list_is_shown_where_the_text_ends() {
    let message = refusal("style_layers = [\"relu1_1\",\n\n\n");
    assert_says(
        &message,
        &["harbour.toml:1:27", "1 | style_layers = [\"relu1_1\","],
    );
}

#[test]
fn a_key_written_twice_is_a_syntax_error() {
    let message = refusal("image_size = 256\nimage_size = 512\n");
    assert_says(&message, &["harbour.toml:2:1", "duplicate"]);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    let near = [
        ("stlye_weight", "style_weight"),
        ("Style-Weight", "style_weight"),
        ("-num_iterations", "num_iterations"),
        ("contentweight", "content_weight"),
        ("original_colours", "original_colors"),
        ("extend", "extends"),
        ("stage", "stages"),
    ];
    for (wrong, right) in near {
        let message = refusal(&format!("image_size = 64\n  \"{wrong}\" = 5\n"));
        assert_says(
            &message,
            &[
                "harbour.toml:2:3: unknown key",
                wrong,
                &format!("did you mean `{right}`?"),
                "2 |   \"",
            ],
        );
    }
    let message = refusal("zzz = 5");
    assert_says(&message, &["harbour.toml:1:1: unknown key `zzz`"]);
    assert!(!message.contains("did you mean"), "{message}");
}

#[test]
fn the_first_mistake_of_the_file_is_the_one_named() {
    assert_says(
        &refusal("zebra = 1\nappel = 2"),
        &["harbour.toml:1:1", "zebra"],
    );
}

#[test]
fn encodings_are_accepted_or_named() {
    let none = ProfileFolders::default();
    let parse = |bytes: &[u8]| RawProfile::parse("a.toml", bytes, &none);
    let plain = parse(b"image_size = 64\nseed = 3\n").unwrap();
    assert_eq!(
        parse(b"\xef\xbb\xbfimage_size = 64\r\nseed = 3\r\n").unwrap(),
        plain
    );
    for little in [true, false] {
        for mark in [true, false] {
            let bytes: Vec<u8> = "\u{feff}seed = 3"
                .encode_utf16()
                .skip(usize::from(!mark))
                .flat_map(|unit| {
                    if little {
                        unit.to_le_bytes()
                    } else {
                        unit.to_be_bytes()
                    }
                })
                .collect();
            let message = parse(&bytes).unwrap_err().to_string();
            assert_says(&message, &["a.toml", "UTF-16", "save it again as UTF-8"]);
        }
    }
    let message = parse(b"seed = 3\n# caf\xe9\n").unwrap_err().to_string();
    assert_says(&message, &["a.toml:2", "byte 14", "not valid UTF-8"]);
}

#[test]
fn an_empty_profile_is_the_defaults() {
    for text in [
        "",
        "\n\n",
        "# nothing\n",
        "profile_version = 1\n",
        "\u{feff}",
    ] {
        assert_eq!(read(text).unwrap(), RawProfile::default(), "{text:?}");
    }
}

#[test]
fn nothing_that_is_shown_can_steer_a_terminal() {
    let none = ProfileFolders::default();
    let cases: [(&str, &[u8]); 4] = [
        ("evil\x1b[2J.toml", b"seed = 3x"),
        ("a.toml", b"\"\\u001b[2Jkey\" = 3"),
        ("a.toml", b"seed = 3 \x1b[2J"),
        ("a.toml", b"compat = \"\\u001b[2J\""),
    ];
    for (origin, bytes) in cases {
        let message = RawProfile::parse(origin, bytes, &none)
            .unwrap_err()
            .to_string();
        let steering = message.chars().find(|&c| c.is_control() && c != '\n');
        assert_eq!(steering, None, "{message:?}");
    }
}

#[test]
fn a_long_line_is_shown_around_the_mistake() {
    let text = format!("style_layers = [{}]\nseed = 1", "\"relu1_1\" ".repeat(2000));
    let message = refusal(&text);
    assert!(
        message.lines().all(|line| line.chars().count() < 200),
        "{message}"
    );
}

#[test]
fn a_newer_version_is_refused_before_its_keys_are_looked_at() {
    let message = refusal("hologram = true\nprofile_version = 2\n");
    assert_says(
        &message,
        &[
            "harbour.toml:2",
            "version 2",
            "up to 1",
            "update pentimento",
        ],
    );
    assert_says(
        &refusal("profile_version = 0"),
        &["`profile_version` = 0 is not allowed"],
    );
    assert_says(
        &refusal("profile_version = \"1\""),
        &["takes a whole number"],
    );
}

#[test]
fn stages_override_and_job_wide_keys_stay_outside() {
    let raw = read("seed = 1\n[[stages]]\nimage_size = 64\n[[stages]]\nnetwork = \"n\"\n").unwrap();
    assert_eq!(raw.stages.len(), 2);
    assert_eq!(raw.stages[0].image_size, Some(64));
    assert_eq!(raw.stages[1].network, Some(NetworkRef::Named("n".into())));
    for key in RawJob::KEYS {
        let message = refusal(&format!("[[stages]]\n{key} = 1\n"));
        let quoted = format!("`{key}`");
        if key == "threads" || key == "seed" {
            assert_says(
                &message,
                &["harbour.toml:2:1", &quoted, "whole job", "2 | "],
            );
        } else {
            assert_says(&message, &["harbour.toml:2:", "whole job", &quoted]);
        }
    }
    assert_says(&refusal("[[stages]]\nextends = \"x\"\n"), &["whole job"]);
    assert_says(
        &refusal("[[stages]]\nimage_sise = 64\n"),
        &["did you mean `image_size`", ":2:1"],
    );
    assert_says(
        &refusal("[[stages]]\nimage_size = 1\n"),
        &["16 to 16384", "harbour.toml:2"],
    );
    assert_says(
        &refusal("stages = 3\n"),
        &["takes [[stages]] sections, not the integer 3"],
    );
    assert_says(&refusal("stages = [3]\n"), &["takes [[stages]] sections"]);
    assert_says(
        &refusal("[stages]\nimage_size = 64\n"),
        &["takes [[stages]] sections"],
    );
}

#[test]
fn a_profile_extends_another_by_name() {
    let (_dir, bases) = folder(&[
        (
            "ink",
            "extends = \"paper\"\nstyle_weight = 7\n[[stages]]\nimage_size = 64\n",
        ),
        ("paper", "style_weight = 1\nseed = 9\ncontent_weight = 2\n"),
    ]);
    let text = b"extends = \"ink\"\ncontent_weight = 3\n";
    let raw = RawProfile::parse("p.toml", text, &bases).unwrap();
    assert_eq!(raw.options.style_weight, Some(7.0));
    assert_eq!(raw.options.content_weight, Some(3.0));
    assert_eq!(raw.job.seed, Some(9));
    assert_eq!(raw.stages.len(), 1);
    let own = b"extends = \"ink\"\n[[stages]]\nimage_size = 32\n[[stages]]\n";
    let raw = RawProfile::parse("p.toml", own, &bases).unwrap();
    assert_eq!(raw.stages.len(), 2, "own stages replace those of the base");
    assert_eq!(raw.stages[0].image_size, Some(32));
}

#[test]
fn a_missing_base_lists_those_that_exist() {
    let (_dir, bases) = folder(&[("ink", ""), ("charcoal", "")]);
    let error = |text: &str| {
        RawProfile::parse("p.toml", text.as_bytes(), &bases)
            .unwrap_err()
            .to_string()
    };
    let message = error("seed = 1\nextends = \"inc\"\n");
    assert_says(
        &message,
        &[
            "p.toml:2:1",
            "no profile `inc`",
            "charcoal, ink",
            "2 | extends",
        ],
    );
    assert_says(&error("extends = \"../ink\"\n"), &["no profile `../ink`"]);
    assert_says(&error("extends = 5\n"), &["takes a string"]);
    assert_says(&refusal("extends = \"ink\""), &["there are none yet"]);
}

#[test]
fn circles_and_long_chains_of_bases_are_refused() {
    let (_dir, bases) = folder(&[("a", "extends = \"b\""), ("b", "extends = \"a\"")]);
    let error = RawProfile::parse("p.toml", b"extends = \"a\"", &bases).unwrap_err();
    assert_says(
        &error.to_string(),
        &["b.toml:1:1", "in a circle: p.toml → a → b → a"],
    );
    let texts: Vec<_> = (0..9)
        .map(|n| format!("extends = \"c{}\"", n + 1))
        .collect();
    let names: Vec<_> = (0..9).map(|n| format!("c{n}")).collect();
    let chain: Vec<_> = names
        .iter()
        .zip(&texts)
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    let (_dir, bases) = folder(&chain);
    let error = RawProfile::parse("p.toml", b"extends = \"c0\"", &bases).unwrap_err();
    assert_says(&error.to_string(), &["c6.toml", "more than 8 profiles"]);
}

#[test]
fn a_mistake_in_a_base_is_shown_in_the_base() {
    let (dir, bases) = folder(&[("ink", "\nimage_sze = 3\n")]);
    let error = RawProfile::parse("p.toml", b"extends = \"ink\"", &bases).unwrap_err();
    let place = format!("{}:2:1", dir.path().join("ink.toml").display());
    assert_says(&error.to_string(), &[&place, "did you mean `image_size`"]);
}

#[test]
fn files_are_read_and_refused_by_name() {
    let (dir, bases) = folder(&[("ink", "seed = 4\n")]);
    assert_eq!(bases.names().unwrap(), ["ink"]);
    let path = bases.file("ink").unwrap().unwrap();
    assert_eq!(RawProfile::load(&path, &bases).unwrap().job.seed, Some(4));
    let missing = RawProfile::load(&dir.path().join("nope.toml"), &bases).unwrap_err();
    assert_says(
        &missing.to_string(),
        &["cannot read the profile", "nope.toml"],
    );
    let no_file = RawProfile::load(dir.path(), &bases).unwrap_err();
    assert_says(&no_file.to_string(), &["cannot read the profile"]);
    let large = dir.path().join("large.toml");
    std::fs::write(&large, vec![b'#'; (1 << 20) + 1]).unwrap();
    let error = RawProfile::load(&large, &bases).unwrap_err();
    assert_says(
        &error.to_string(),
        &["large.toml is no profile", "larger than 1048576 bytes"],
    );
}

#[test]
fn the_profiles_that_ship_are_read_and_resolve() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let profiles = ProfileFolders::new(vec![folder]);
    let names = profiles.names().unwrap();
    assert!(names.iter().any(|name| name == "first-look"), "{names:?}");
    for name in names {
        let path = profiles.file(&name).unwrap().unwrap();
        let raw = RawProfile::load(&path, &profiles).unwrap_or_else(|error| panic!("{error}"));
        resolve(&raw, &|_| None).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let path = profiles.file("neural-style").unwrap().unwrap();
    let written = resolve(&RawProfile::load(&path, &profiles).unwrap(), &|_| None).unwrap();
    let short = read("compat = \"pt\"\nnetwork = \"vgg19\"\n").unwrap();
    assert_eq!(
        written,
        resolve(&short, &|_| None).unwrap(),
        "these are the tool's defaults"
    );
}

#[test]
fn set_changes_one_value() {
    let mut raw = read("style_weight = 1\n[[stages]]\n[[stages]]\nimage_size = 64\n").unwrap();
    for assignment in [
        "style_weight=500",
        " content_weight = 2.5 ",
        "optimizer=adam",
        "content_layers=relu4_2,relu5_2",
        "style_layers=[\"relu1_1\"]",
        "matte=#102030",
        "network=19",
        "init=a=b.png",
        "seed=7",
        "stages.0.image_size=256",
    ] {
        raw.set(assignment)
            .unwrap_or_else(|error| panic!("{assignment}: {error}"));
    }
    assert_eq!(raw.options.style_weight, Some(500.0));
    assert_eq!(raw.options.content_weight, Some(2.5));
    assert_eq!(
        raw.options.content_layers,
        Some(vec!["relu4_2".into(), "relu5_2".into()])
    );
    assert_eq!(raw.network(), Some(&NetworkRef::Named("19".into())));
    assert_eq!(raw.options.init, Some(Init::File("a=b.png".into())));
    assert_eq!(raw.job.seed, Some(7));
    assert_eq!(raw.stages[0].image_size, Some(256));
    assert_eq!(raw.stages[1].image_size, Some(64));
}

#[test]
fn set_gives_a_profile_without_stages_its_one() {
    let mut raw = RawProfile::default();
    raw.set("stages.0.image_size=128").unwrap();
    assert_eq!(raw.stages.len(), 1);
    assert_says(
        &raw.set("stages.1.image_size=128").unwrap_err().to_string(),
        &["1 stage(s)"],
    );
}

#[test]
fn set_refuses_as_a_file_does() {
    let cases: &[(&str, &[&str])] = &[
        (
            "content_layers=[\"relu4_2\", \"relu4_2\"]",
            &["`content_layers`", "relu4_2"],
        ),
        ("content_layers=[1, 2]", &["`content_layers`", "[1, 2]"]),
        ("style_weight", &["--set style_weight", "key=value"]),
        (
            "stlye_weight=5",
            &[
                "--set stlye_weight=5: unknown key",
                "did you mean `style_weight`",
            ],
        ),
        (
            "image_size=5",
            &["--set image_size=5: `image_size` = 5", "from 16 to 16384"],
        ),
        (
            "image_size=big",
            &["takes a whole number, not the string \"big\""],
        ),
        ("style_weight=[1]", &["takes a number, not a list"]),
        ("optimizer=adma", &["did you mean `adam`"]),
        (
            "stages.x.image_size=64",
            &["stages.x.image_size=64", "key=value"],
        ),
        ("stages.0=64", &["key=value"]),
        ("stages.0.seed=3", &["`seed`", "whole job"]),
        ("stages.0.imagesize=3", &["did you mean `image_size`"]),
        ("extends=ink", &["unknown key `extends`"]),
        ("=3", &["unknown key ``"]),
    ];
    for (assignment, parts) in cases {
        let before = read("seed = 1").unwrap();
        let mut raw = before.clone();
        assert_says(
            &raw.set(assignment).expect_err(assignment).to_string(),
            parts,
        );
        assert_eq!(raw.options, before.options, "{assignment}");
    }
}

#[test]
fn presets_are_checked_and_cannot_speak_for_a_job() {
    let table = |text: &str| text.parse::<toml::Table>().unwrap();
    let presets = RawOptions::from_presets(
        "models/nin.toml",
        &table("content_weight = 10\nstyle_layers = \"relu0,relu3\"\npooling = \"avg\""),
    )
    .unwrap();
    assert_eq!(presets.content_weight, Some(10.0));
    let error = |text: &str| {
        RawOptions::from_presets("models/nin.toml", &table(text))
            .unwrap_err()
            .to_string()
    };
    assert_says(
        &error("stye_weight = 3"),
        &["models/nin.toml", "did you mean `style_weight`"],
    );
    assert_says(
        &error("init = \"a.png\""),
        &["models/nin.toml", "a.png", "random"],
    );
    assert_says(
        &error("pooling = 3"),
        &["models/nin.toml", "takes a string"],
    );
    for key in ["network = \"a\"", "carry_optimizer = true", "seed = 1"] {
        assert_says(&error(key), &["unknown key"]);
    }
}
