//! Tests of settings: their layers, and what is refused in which words.

mod keeping;
mod studio;

use std::{fs, path::PathBuf, time::Duration};

use super::{Settings, SettingsError, Surroundings, layers, listed, reload};

/// A home and a studio in a temporary folder.
struct Place {
    dir: tempfile::TempDir,
    around: Surroundings,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let around = Surroundings {
            cwd: dir.path().join("cwd"),
            ..Surroundings::default()
        };
        for folder in ["home/.config/pentimento", "studio", "cwd"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let home = dir.path().join("home").to_string_lossy().into_owned();
        let mut place = Self { dir, around };
        place.write("studio/pentimento.toml", "");
        place.var("HOME", &home);
        place
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.at(path), text).unwrap();
    }

    fn var(&mut self, name: &str, value: &str) {
        self.around.vars.insert(name.to_owned(), value.to_owned());
    }

    fn flag(&mut self, key: &str, value: &str) {
        self.around.flags.insert(key.to_owned(), value.to_owned());
    }

    fn load(&self) -> Result<Settings, SettingsError> {
        Settings::load(Some(&self.at("studio")), &self.around)
    }

    /// Writes the studio's settings and returns what is said against them.
    fn refusal(&self, text: &str) -> String {
        self.write("studio/pentimento.toml", text);
        self.load().expect_err(text).to_string()
    }
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(
            message.contains(part),
            "{part:?} is missing from: {message}"
        );
    }
}

const USER: &str = "home/.config/pentimento/config.toml";
const STUDIO: &str = "studio/pentimento.toml";

#[test]
fn an_empty_file_gives_the_defaults() {
    let place = Place::new();
    let settings = place.load().unwrap();
    let studio = settings.studio.clone().unwrap();
    assert_eq!(studio.root, place.at("studio"));
    assert_eq!(studio.watch, [place.at("studio/watch")]);
    assert_eq!(studio.active, place.at("studio/active"));
    assert_eq!(studio.done, place.at("studio/done"));
    assert_eq!(studio.failed, place.at("studio/failed"));
    assert_eq!(studio.profiles, place.at("studio/profiles"));
    assert_eq!(studio.models, place.at("studio/models"));
    assert_eq!(studio.state, place.at("studio/.pentimento"));
    assert_eq!(studio.settings_file(), place.at(STUDIO));
    assert_eq!(settings.settle, Duration::from_secs(5));
    assert_eq!(
        (settings.max_pixels, settings.allow_symlinks),
        (120_000_000, false)
    );
    assert_eq!(
        (settings.ort_lib.clone(), settings.memory_limit),
        (None, None)
    );
    assert_eq!(settings.default_profile, None);
    let data = place.at("home/.local/share/pentimento");
    assert_eq!(settings.data_dir, data);
    assert_eq!(
        settings.model_folders(),
        [place.at("studio/models"), data.join("models")]
    );
}

#[test]
fn each_layer_yields_to_the_next() {
    let mut place = Place::new();
    let millis = |place: &Place| place.load().unwrap().settle.as_millis();
    place.write(USER, "settle_seconds = 1\nmax_pixels = 1000\n");
    assert_eq!(millis(&place), 1000);
    place.write(STUDIO, "settle_seconds = 2.5\n");
    assert_eq!(millis(&place), 2500);
    place.var("PENTIMENTO_SETTLE_SECONDS", "3");
    assert_eq!(millis(&place), 3000);
    place.flag("settle_seconds", "4");
    assert_eq!(millis(&place), 4000);
    assert_eq!(
        place.load().unwrap().max_pixels,
        1000,
        "the user's file still holds"
    );
}

#[test]
fn paths_are_relative_to_where_they_are_written() {
    let mut place = Place::new();
    place.write(USER, "model_dirs = [\"nets\", \"~/more\"]\n");
    place.write(
        STUDIO,
        "watch = [\"in\", \"/drops\"]\ndone = \"../out\"\nprofile_roots = \"p\"\n",
    );
    place.var("PENTIMENTO_ORT_LIB", "lib/ort.so");
    place.flag("data_dir", "data");
    let settings = place.load().unwrap();
    let folder = place.at("home/.config/pentimento/nets");
    assert_eq!(settings.model_dirs, [folder, place.at("home/more")]);
    let studio = settings.studio.unwrap();
    assert_eq!(
        studio.watch,
        [place.at("studio/in"), PathBuf::from("/drops")]
    );
    assert_eq!(studio.done, place.at("out"));
    assert_eq!(settings.profile_roots, [place.at("studio/p")]);
    assert_eq!(settings.ort_lib, Some(place.at("cwd/lib/ort.so")));
    assert_eq!(settings.data_dir, place.at("cwd/data"));
}

#[test]
fn variables_and_flags_spell_every_kind() {
    let mut place = Place::new();
    place.var("PENTIMENTO_WATCH", "/a:b:");
    place.var("PENTIMENTO_ALLOW_SYMLINKS", "1");
    place.var("PENTIMENTO_MEMORY_LIMIT", "8 GiB");
    place.var("PENTIMENTO_DEFAULT_PROFILE", "42");
    place.flag("max_pixels", "1_000");
    let settings = place.load().unwrap();
    assert_eq!(
        settings.studio.unwrap().watch,
        [PathBuf::from("/a"), place.at("cwd/b")]
    );
    assert!(settings.allow_symlinks);
    assert_eq!(settings.memory_limit, Some(8 << 30));
    assert_eq!(settings.default_profile.as_deref(), Some("42"));
    assert_eq!(settings.max_pixels, 1000);
}

#[test]
fn memory_has_units() {
    let place = Place::new();
    for (text, bytes) in [
        ("100000000", 100_000_000),
        ("\"100000000\"", 100_000_000),
        ("\"64M\"", 64 << 20),
        ("\"2 TiB\"", 2 << 40),
        ("\"3gb\"", 3_000_000_000),
    ] {
        place.write(STUDIO, &format!("memory_limit = {text}"));
        assert_eq!(place.load().unwrap().memory_limit, Some(bytes), "{text}");
    }
}

#[test]
fn a_broken_file_is_shown_with_its_line() {
    let place = Place::new();
    let file = place.at(STUDIO).to_string_lossy().into_owned();
    let cases: &[(&str, &[&str])] = &[
        (
            "\nwatch \"in\"\n",
            &[":2:7: not valid TOML", "2 | watch \"in\"", "^"],
        ),
        (
            "setle_seconds = 5",
            &[
                ":1:1: unknown key `setle_seconds`",
                "`settle_seconds`?",
                "1 | ",
            ],
        ),
        (
            "settle_seconds = -1",
            &[
                "`settle_seconds` = -1 is not allowed",
                "from 0 to 3600",
                "1 |",
            ],
        ),
        ("settle_seconds = nan", &["NaN"]),
        (
            "settle_seconds = \"5\"",
            &["takes a number, not the string \"5\""],
        ),
        ("max_pixels = 255", &["from 256 to 1000000000"]),
        ("allow_symlinks = 3", &["takes true or false"]),
        ("memory_limit = 5", &["67108864 bytes or more"]),
        ("memory_limit = \"5 apples\"", &["such as \"8 GiB\""]),
        (
            "memory_limit = \"9999999999999 TiB\"",
            &["such as \"8 GiB\""],
        ),
        ("memory_limit = 1.5", &["takes a whole number"]),
        ("watch = []", &["at least one watched folder"]),
        ("watch = [1]", &["takes a path, a list of paths, or tables"]),
        ("watch = 1", &["takes a path, a list of paths, or tables"]),
        (
            "[[watch]]\nprofile = \"oil\"",
            &["each names its folder as path"],
        ),
        (
            "[[watch]]\npath = \"in\"\nprofil = \"oil\"",
            &[":3:1: unknown key `profil`", "`profile`?"],
        ),
        ("[[watch]]\npath = 4", &["takes a string"]),
        ("done = \"\"", &["it is a path"]),
        ("done = 4", &["takes a string"]),
        (
            "default_profile = \"a/b\"",
            &["the name of a profile in profiles/"],
        ),
        ("[studio]\n", &["unknown key `studio`"]),
    ];
    for (text, parts) in cases {
        let message = place.refusal(text);
        assert_says(&message, parts);
        assert_says(&message, &[&file]);
    }
}

#[test]
fn watch_folders_may_have_profiles_of_their_own() {
    let place = Place::new();
    place.write(
        STUDIO,
        "[[watch]]\npath = \"in\"\n[[watch]]\npath = \"/drops\"\nprofile = \"oil\"\n",
    );
    let settings = place.load().unwrap();
    let watches = &settings.studio.as_ref().unwrap().watch;
    assert_eq!(*watches, [place.at("studio/in"), PathBuf::from("/drops")]);
    let profile = |path: PathBuf| settings.watch_profile(&path).map(str::to_owned);
    assert_eq!(profile("/drops/harbour".into()).as_deref(), Some("oil"));
    assert_eq!(profile(place.at("studio/in/harbour")), None);
    assert_eq!(profile(place.at("elsewhere")), None);
}

#[test]
fn every_setting_is_listed_with_where_it_comes_from() {
    let mut place = Place::new();
    place.write(USER, "\nsettle_seconds = 1\nmax_pixels = 1000\n");
    place.write(STUDIO, "watch = \"in\"\n");
    place.var("PENTIMENTO_MAX_PIXELS", "2000");
    place.flag("memory_limit", "1 GiB");
    let listed = listed(Some(&place.at("studio")), &place.around).unwrap();
    assert_eq!(listed.len(), layers::KEYS.len());
    let of = |key: &str| listed.iter().find(|setting| setting.key == key).unwrap();
    let user = place.at(USER).to_string_lossy().into_owned();
    let studio = place.at(STUDIO).to_string_lossy().into_owned();
    assert_eq!(of("settle_seconds").origin, format!("{user}:2:1"));
    assert_eq!(of("watch").origin, format!("{studio}:1:1"));
    assert_eq!(of("max_pixels").origin, "PENTIMENTO_MAX_PIXELS");
    assert_eq!(of("max_pixels").value, Some(2000.into()));
    assert_eq!(of("memory_limit").origin, "--memory-limit");
    assert_eq!(of("done").origin, "default");
    let done = place.at("studio/done").to_string_lossy().into_owned();
    assert_eq!(of("done").value, Some(done.into()));
    let watch = of("watch").value.as_ref().unwrap().to_string();
    assert!(watch.contains("studio/in"), "{watch}");
    assert_eq!(of("default_profile").value, None);
    assert!(of("data_dir").value.is_some());
}

#[test]
fn d09_a_file_that_is_broken_by_then_keeps_the_old_settings() {
    let place = Place::new();
    place.write(STUDIO, "settle_seconds = 3\n");
    let old = place.load().unwrap();
    place.write(STUDIO, "settle_seconds = = 4\n");
    let kept = reload(&old, &place.around);
    assert!(kept.broken.is_some() && !kept.is_new);
    assert_eq!(kept.settings, old);
    assert_says(
        &kept.words,
        &["the old ones are kept", "pentimento.toml:1:"],
    );
    place.write(STUDIO, "settle_seconds = 4\n");
    let new = reload(&old, &place.around);
    assert!(new.broken.is_none() && new.is_new);
    assert_eq!(new.settings.settle, Duration::from_secs(4));
    let same = reload(&new.settings, &place.around);
    assert!(!same.is_new, "{}", same.words);
}

#[test]
fn folders_do_not_change_under_a_running_program() {
    let place = Place::new();
    let old = place.load().unwrap();
    place.write(
        STUDIO,
        "done = \"elsewhere\"\nmax_pixels = 1000\nmodels = \"nets\"\n",
    );
    let new = reload(&old, &place.around);
    assert_eq!(new.settings.max_pixels, 1000);
    let studio = new.settings.studio.unwrap();
    assert_eq!(studio.done, place.at("studio/done"));
    assert_eq!(studio.models, place.at("studio/nets"));
    assert_says(&new.words, &["done", "at the next start"]);
}

#[test]
fn a_slip_in_a_variable_or_flag_is_named() {
    let mut place = Place::new();
    place.flag("settle_second", "3");
    let message = place.load().unwrap_err().to_string();
    assert_says(
        &message,
        &[
            "--settle-second: unknown key",
            "did you mean `settle_seconds`?",
        ],
    );
    place.around.flags.clear();
    place.var("PENTIMENTO_SETTLE_SECOND", "3");
    let message = place.load().unwrap_err().to_string();
    assert_says(
        &message,
        &["PENTIMENTO_SETTLE_SECOND: unknown key", "`settle_seconds`?"],
    );
    place.around.vars.remove("PENTIMENTO_SETTLE_SECOND");
    place.var("PENTIMENTO_LOG", "debug");
    place.load().expect("another part's variable is no setting");
    place.var("PENTIMENTO_SETTLE_SECONDS", "soon");
    let message = place.load().unwrap_err().to_string();
    assert_says(
        &message,
        &[
            "PENTIMENTO_SETTLE_SECONDS: `settle_seconds` takes a number",
            "soon",
        ],
    );
}

#[test]
fn the_users_file_cannot_lay_out_a_studio() {
    let place = Place::new();
    place.write(USER, "settle_seconds = 3\nwatch = \"in\"\n");
    let message = place.load().unwrap_err().to_string();
    assert_says(
        &message,
        &["config.toml:2:1", "`watch`", "studio's pentimento.toml"],
    );
}

#[test]
fn an_unreadable_file_is_named() {
    let place = Place::new();
    fs::create_dir(place.at(USER)).unwrap();
    let message = place.load().unwrap_err().to_string();
    assert_says(&message, &["cannot read the settings", "config.toml"]);
}

#[test]
fn settings_hold_outside_a_studio_too() {
    let mut place = Place::new();
    place.write(USER, "max_pixels = 1000\n");
    let settings = Settings::load(None, &place.around).unwrap();
    assert_eq!((settings.max_pixels, settings.studio.clone()), (1000, None));
    assert_eq!(
        settings.model_folders(),
        [place.at("home/.local/share/pentimento/models")]
    );
    place.around.vars.clear();
    let message = Settings::load(None, &place.around).unwrap_err().to_string();
    assert_says(&message, &["HOME", "XDG_DATA_HOME"]);
    let in_studio = place.load().unwrap().data_dir;
    assert_eq!(in_studio, place.at("studio/.pentimento/data"));
    assert_says(
        &place.refusal("ort_lib = \"~/x\""),
        &["`ort_lib` begins with ~", "HOME"],
    );
}

#[test]
fn the_xdg_variables_are_followed_if_absolute() {
    let mut place = Place::new();
    let config = place.at("config").to_string_lossy().into_owned();
    fs::create_dir_all(place.at("config/pentimento")).unwrap();
    place.write("config/pentimento/config.toml", "settle_seconds = 9\n");
    place.var("XDG_CONFIG_HOME", &config);
    place.var("XDG_DATA_HOME", "relative");
    let settings = place.load().unwrap();
    assert_eq!(settings.settle, Duration::from_secs(9));
    assert_eq!(settings.data_dir, place.at("home/.local/share/pentimento"));
}

#[test]
fn a_dropped_profile_may_name_files_in_the_studios_folders() {
    let place = Place::new();
    place.write(STUDIO, "profile_roots = \"sketches\"\n");
    let bundle = place.at("studio/watch/harbour");
    for folder in [
        "studio/watch/harbour",
        "studio/models",
        "studio/sketches",
        "studio/done",
    ] {
        fs::create_dir_all(place.at(folder)).unwrap();
        place.write(&format!("{folder}/a.png"), "x");
    }
    let roots = place.load().unwrap().roots(&bundle);
    for path in ["a.png", "models/a.png", "sketches/a.png"] {
        roots
            .locate("init", path)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let refusal = |path: &str| roots.locate("init", path).expect_err(path).to_string();
    assert_says(
        &refusal("../../done/a.png"),
        &["outside", "../../done/a.png"],
    );
    for path in ["done/a.png", "pentimento.toml"] {
        assert_says(&refusal(path), &["no such file", path]);
    }
}

#[test]
fn profiles_have_names_in_the_studio_and_at_the_users() {
    let place = Place::new();
    for folder in ["studio/profiles", "home/.config/pentimento/profiles"] {
        fs::create_dir_all(place.at(folder)).unwrap();
        place.write(&format!("{folder}/both.toml"), "");
    }
    place.write("home/.config/pentimento/profiles/mine.toml", "");
    let folders = place.load().unwrap().profile_folders();
    assert_eq!(folders.names().unwrap(), ["both", "mine"]);
    assert_eq!(
        folders.file("both").unwrap(),
        Some(place.at("studio/profiles/both.toml"))
    );
    assert_eq!(folders.file("other").unwrap(), None);
}
