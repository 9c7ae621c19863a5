//! From a raw profile to a resolved one, and back through its text.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    super::{
        Colour, Compat, DeviceRequest, EmbedParams, Init, NetworkRef, OptimizerKind, OutputFormat,
        PngDepth, Pooling, Profile, RawOptions, RawProfile, raw::RawJob, resolve,
    },
    assert_says, read,
};

fn resolved(text: &str) -> Profile {
    resolve(&read(text).unwrap(), &|_| None).unwrap()
}

fn refused(text: &str) -> String {
    resolve(&read(text).unwrap(), &|_| None)
        .expect_err(text)
        .to_string()
}

/// Presets that differ from every default.
fn strange_presets() -> RawOptions {
    let text = "content_weight = 77\nstyle_weight = 78\ntv_weight = 79\nnum_iterations = 80\n\
                image_size = 81\nstyle_scale = 8.2\noptimizer = \"adam\"\nlearning_rate = 83\n\
                lbfgs_num_correction = 84\npooling = \"avg\"\ncontent_layers = [\"c\"]\n\
                style_layers = [\"s\"]\nnormalize_gradients = true\nnormalize_weights = true\n\
                save_iter = 85\nprint_iter = 86";
    RawOptions::from_presets("models/strange.toml", &text.parse().unwrap()).unwrap()
}

#[test]
fn the_defaults_are_those_of_neural_style_pt() {
    let profile = resolved("");
    assert_eq!(profile.compat, None);
    assert_eq!(profile.device, DeviceRequest::auto());
    assert_eq!(
        (profile.threads, profile.seed, profile.max_pixels),
        (0, None, None)
    );
    assert!(!profile.original_colors);
    assert_eq!(
        (profile.output_format, profile.png_depth),
        (OutputFormat::Png, PngDepth::Eight)
    );
    assert_eq!(
        (profile.embed_params, profile.matte),
        (EmbedParams::Full, Colour([255; 3]))
    );
    let [stage] = profile.stages() else {
        panic!("one stage")
    };
    assert_eq!(stage.network, NetworkRef::builtin());
    assert_eq!(
        (stage.content_weight, stage.style_weight, stage.tv_weight),
        (5.0, 100.0, 1e-3)
    );
    assert_eq!(
        (stage.num_iterations, stage.image_size, stage.style_scale),
        (1000, 512, 1.0)
    );
    assert_eq!(
        (&stage.init, stage.optimizer),
        (&Init::Random, OptimizerKind::Lbfgs)
    );
    assert_eq!(
        (stage.learning_rate, stage.lbfgs_num_correction),
        (1.0, 100)
    );
    assert_eq!(
        (stage.pooling, stage.save_iter, stage.print_iter),
        (Pooling::Max, 100, 50)
    );
    assert_eq!(stage.content_layers, ["relu4_2"]);
    assert_eq!(
        stage.style_layers,
        ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    );
    assert!(!stage.normalize_gradients && !stage.normalize_weights && !stage.carry_optimizer);
    assert!(stage.style_blend_weights.is_empty());
}

#[test]
fn lua_differs_in_its_learning_rate() {
    let lua = resolved("compat = \"lua\"");
    assert_eq!(
        (lua.compat, lua.stages()[0].learning_rate),
        (Some(Compat::Lua), 10.0)
    );
    let pt = resolved("compat = \"pt\"");
    assert_eq!(
        (pt.compat, pt.stages()[0].learning_rate),
        (Some(Compat::Pt), 1.0)
    );
}

#[test]
fn a_stage_goes_before_the_profile_before_the_presets_before_the_defaults() {
    let text = "network = \"n\"\nstyle_weight = 7\n[[stages]]\nstyle_weight = 8\n[[stages]]\n";
    let presets =
        |network: &NetworkRef| (*network == NetworkRef::Named("n".into())).then(strange_presets);
    let profile = resolve(&read(text).unwrap(), &presets).unwrap();
    let [first, second] = profile.stages() else {
        panic!("two stages")
    };
    assert_eq!((first.style_weight, second.style_weight), (8.0, 7.0));
    assert_eq!(
        (first.content_weight, first.pooling),
        (77.0, Pooling::Average)
    );
    assert_eq!(first.style_layers, ["s"]);
    let other = resolve(&read("network = \"m\"").unwrap(), &presets).unwrap();
    let stage = &other.stages()[0];
    assert_eq!(
        (stage.content_weight, stage.image_size),
        (5.0, 512),
        "another network's presets"
    );
}

#[test]
fn each_stage_has_the_presets_of_its_own_network() {
    let text = "[[stages]]\nnetwork = \"n\"\n[[stages]]\nnetwork = \"m\"\n";
    let presets = |network: &NetworkRef| {
        let size = if network.to_string() == "n" { 64 } else { 128 };
        Some(RawOptions {
            image_size: Some(size),
            ..RawOptions::default()
        })
    };
    let profile = resolve(&read(text).unwrap(), &presets).unwrap();
    let sizes: Vec<_> = profile
        .stages()
        .iter()
        .map(|stage| stage.image_size)
        .collect();
    assert_eq!(sizes, [64, 128]);
}

#[test]
fn with_compat_no_presets_apply() {
    let raw = read("compat = \"pt\"\nnetwork = \"n\"").unwrap();
    let with = resolve(&raw, &|_| Some(strange_presets())).unwrap();
    assert_eq!(with, resolve(&raw, &|_| None).unwrap());
}

#[test]
fn what_has_no_loss_is_refused() {
    for text in [
        "content_weight = 0\nstyle_weight = 0",
        "content_layers = []\nstyle_weight = 0",
        "content_layers = []\nstyle_layers = []",
    ] {
        assert_says(
            &refused(text),
            &["stage 1", "content_weight or style_weight"],
        );
    }
    assert_says(
        &refused("style_weight = 0\n[[stages]]\n[[stages]]\ncontent_weight = 0"),
        &["stage 2"],
    );
    resolved("content_weight = 0\ncontent_layers = []");
}

#[test]
fn later_stages_go_on_from_the_picture_before() {
    let profile =
        resolved("init = \"image\"\n[[stages]]\n[[stages]]\n[[stages]]\ninit = \"a.png\"");
    let inits: Vec<_> = profile
        .stages()
        .iter()
        .map(|stage| stage.init.clone())
        .collect();
    assert_eq!(
        inits,
        [Init::Image, Init::Previous, Init::File("a.png".into())]
    );
    assert_says(
        &refused("init = \"previous\""),
        &["stages.0", "init = \"previous\"", "first"],
    );
}

#[test]
fn the_optimizer_is_carried_where_the_function_is_the_same() {
    let cases = [
        ("", true),
        ("style_weight = 3", true),
        ("num_iterations = 3", true),
        ("carry_optimizer = false", false),
        ("image_size = 64", false),
        ("optimizer = \"adam\"", false),
        ("network = \"n\"", false),
        ("pooling = \"avg\"", false),
        ("style_layers = \"relu1_1\"", false),
        ("content_layers = \"relu1_1\"", false),
        ("init = \"image\"", false),
        ("network = \"n\"\ncarry_optimizer = true", true),
        ("style_layers = \"relu1_1\"\ncarry_optimizer = true", true),
    ];
    for (second, carried) in cases {
        let profile = resolved(&format!("[[stages]]\n[[stages]]\n{second}\n"));
        let carry: Vec<_> = profile
            .stages()
            .iter()
            .map(|stage| stage.carry_optimizer)
            .collect();
        assert_eq!(carry, [false, carried], "{second}");
    }
}

#[test]
fn an_optimizer_is_not_carried_where_it_does_not_fit() {
    let second = |text: &str| refused(&format!("[[stages]]\n[[stages]]\n{text}\n"));
    for (change, key) in [
        ("image_size = 64", "image_size"),
        ("optimizer = \"adam\"", "optimizer"),
        ("init = \"random\"", "init"),
    ] {
        let message = second(&format!("carry_optimizer = true\n{change}"));
        assert_says(
            &message,
            &["stages.1", "carry_optimizer", &format!("but {key} differs")],
        );
    }
    assert_says(
        &refused("carry_optimizer = true"),
        &["stages.0", "carry_optimizer = true"],
    );
}

#[test]
fn blend_weights_are_as_many_as_the_styles() {
    let equal = resolved("");
    equal.check_styles(3).unwrap();
    assert_eq!(equal.stages()[0].style_shares(4), [0.25; 4]);
    let blend = resolved("style_blend_weights = [1, 3]");
    blend.check_styles(2).unwrap();
    assert_eq!(blend.stages()[0].style_shares(2), [0.25, 0.75]);
    let message = blend.check_styles(3).unwrap_err().to_string();
    assert_says(&message, &["stage 1", "2 weights", "is 3"]);
}

#[test]
fn zero_corrections_are_a_hundred() {
    assert_eq!(
        resolved("lbfgs_num_correction = 0").stages()[0].lbfgs_num_correction,
        100
    );
    assert_eq!(
        resolved("lbfgs_num_correction = 5").stages()[0].lbfgs_num_correction,
        5
    );
}

/// Returns a value that `key` takes, chosen by `pick`; names are made of `word`.
fn value_for(key: &str, pick: u32, word: &str) -> String {
    let fraction = f64::from(pick) / f64::from(u32::MAX);
    let one_of = |values: &[&str]| format!("\"{}\"", values[pick as usize % values.len()]);
    let string = |text: String| toml::Value::String(text).to_string();
    let within = |range: std::ops::RangeInclusive<u32>| {
        let span = u64::from(range.end() - range.start()) + 1;
        (u64::from(*range.start()) + u64::from(pick) % span).to_string()
    };
    match key {
        "network" if pick.is_multiple_of(2) => one_of(&["vgg19", "builtin", "VGG FACE 2.0"]),
        "network" => string(format!("{word}/x.onnx")),
        "init" if pick.is_multiple_of(2) => one_of(&["random", "image"]),
        "init" => string(format!("{word}.png")),
        "compat" => one_of(&["pt", "lua"]),
        "device" => one_of(&["auto", "cpu", "cuda", "cuda:12"]),
        "optimizer" => one_of(&["lbfgs", "adam"]),
        "pooling" => one_of(&["max", "avg"]),
        "output_format" => one_of(&["png", "jpeg"]),
        "embed_params" => one_of(&["full", "minimal", "off"]),
        "png_depth" => (8 << (pick % 2)).to_string(),
        "matte" => format!("\"#{:06x}\"", pick >> 8),
        "seed" if pick.is_multiple_of(7) => "-1".to_owned(),
        "seed" => pick.to_string(),
        "threads" => within(0..=1024),
        "max_pixels" => within(256..=1_000_000_000),
        "num_iterations" => within(1..=1_000_000),
        "image_size" => within(16..=16_384),
        "lbfgs_num_correction" => within(0..=1000),
        "save_iter" | "print_iter" => within(0..=1_000_000),
        "style_scale" => format!("{:?}", 0.01 + fraction * 99.9),
        "learning_rate" => format!("{:?}", 1e-9 + fraction * fraction.powi(20) * 9e5),
        // Above zero, so that there is always something to paint towards.
        "content_weight" => format!("{:?}", 1e-300 + fraction.powi(40) * 9e11),
        "style_weight" | "tv_weight" if pick.is_multiple_of(5) => "0".to_owned(),
        "style_weight" | "tv_weight" => format!("{:?}", fraction.powf(1.0 + f64::from(pick % 90))),
        "style_blend_weights" => format!("[1, {fraction:?}, {:?}]", fraction * 1e12),
        "content_layers" | "style_layers" if pick.is_multiple_of(2) => {
            "[\"relu1_1\", \"a b\"]".to_owned()
        }
        "content_layers" | "style_layers" => format!("[{}]", string(word.to_owned())),
        _ => pick.is_multiple_of(2).to_string(),
    }
}

/// Keys out of `keys`, each at most once, with a value.
fn section(keys: &'static [&'static str]) -> impl Strategy<Value = BTreeMap<&'static str, String>> {
    let word = r#"[a-z"\\'é-]{1,9}"#;
    let pair = (proptest::sample::select(keys), any::<u32>(), word)
        .prop_map(|(key, pick, word)| (key, value_for(key, pick, &word)));
    proptest::collection::vec(pair, 0..30).prop_map(|pairs| pairs.into_iter().collect())
}

fn spelled(section: &BTreeMap<&str, String>) -> String {
    section
        .iter()
        .map(|(key, value)| [key, " = ", value, "\n"].concat())
        .collect()
}

const STAGE_KEYS: &[&str] = RawOptions::KEYS.split_last().unwrap().1;

#[test]
fn the_keys_left_out_of_the_round_trip_are_those_tested_above() {
    assert_eq!(RawOptions::KEYS.split_last().unwrap().0, &"carry_optimizer");
}

proptest! {
    #[test]
    fn a_resolved_profile_reads_back_equal_whatever_the_presets_are(
        job in section(&RawJob::KEYS),
        options in section(STAGE_KEYS),
        stages in proptest::collection::vec(section(STAGE_KEYS), 0..4),
    ) {
        let mut written = spelled(&job) + &spelled(&options);
        for stage in &stages {
            written += "[[stages]]\n";
            written += &spelled(stage);
        }
        let raw = read(&written).unwrap();
        let profile = resolve(&raw, &|_| None).unwrap();
        let text = profile.to_toml();
        let again = resolve(&read(&text).unwrap(), &|_| Some(strange_presets())).unwrap();
        prop_assert_eq!(&again, &profile, "{}", text);
        prop_assert_eq!(again.to_toml(), text);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "(([a-z_]{1,9}|image_size|seed|stages|extends)? ?[=\\[\\]]{0,2} ?[0-9a-z\"é#.,-]{0,9}\r?\n?){0,6}") {
        let _result = read(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let bases = super::ProfileFolders::default();
        let result = RawProfile::parse("x", &bytes, &bases);
        let _message = result.map_err(|error| error.to_string());
    }
}
