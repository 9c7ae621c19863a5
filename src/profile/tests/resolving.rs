//! From a raw profile to a resolved one, and back through its text.

use proptest::{option, prelude::*};

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
            &["stages.0", "content_weight or style_weight"],
        );
    }
    assert_says(
        &refused("style_weight = 0\n[[stages]]\n[[stages]]\ncontent_weight = 0"),
        &["stages.1"],
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
    assert_says(&message, &["stages.0", "2 weights", "3 style"]);
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

fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(1e-300),
        Just(1e12),
        0.0..1e12f64,
        0.0..1.0f64
    ]
}

fn names() -> impl Strategy<Value = Vec<String>> {
    let name = r#"[a-zA-Z0-9_"\\'é/-]{1,9}"#;
    proptest::collection::btree_set(name, 1..4).prop_map(|names| names.into_iter().collect())
}

prop_compose! {
    fn loss()(
        network in option::of(prop_oneof!["[a-z0-9][a-z0-9_. -]{0,8}[a-z]", "[a-z\"\\\\ ]{1,9}/x.onnx"]),
        content_weight in option::of(1e-9..1e12f64),
        style_weight in option::of(weight()),
        tv_weight in option::of(weight()),
        style_scale in option::of(0.01..100.0f64),
        blend in option::of(proptest::collection::vec(1e-9..1e12f64, 0..4)),
        content_layers in option::of(names()),
        style_layers in option::of(names()),
        pooling in option::of(prop_oneof![Just(Pooling::Max), Just(Pooling::Average)]),
        normalize in any::<(Option<bool>, Option<bool>)>(),
    ) -> RawOptions {
        RawOptions {
            network: network.map(|text| NetworkRef::parse(&text).unwrap()),
            content_weight, style_weight, tv_weight, style_scale,
            style_blend_weights: blend,
            content_layers, style_layers, pooling,
            normalize_gradients: normalize.0,
            normalize_weights: normalize.1,
            ..RawOptions::default()
        }
    }
}

prop_compose! {
    fn options()(
        loss in loss(),
        num_iterations in option::of(1..=1_000_000u32),
        image_size in option::of(16..=16_384u32),
        init in option::of(prop_oneof![
            Just(Init::Random),
            Just(Init::Image),
            r#"[a-z"\\'é ]{1,9}\.png"#.prop_map(Init::File),
        ]),
        optimizer in option::of(prop_oneof![
            Just(OptimizerKind::Lbfgs),
            Just(OptimizerKind::Adam),
        ]),
        learning_rate in option::of(1e-9..1e6f64),
        lbfgs_num_correction in option::of(0..=1000u32),
        every in any::<(Option<u16>, Option<u16>)>(),
    ) -> RawOptions {
        RawOptions {
            num_iterations, image_size, init, optimizer, learning_rate, lbfgs_num_correction,
            save_iter: every.0.map(u32::from),
            print_iter: every.1.map(u32::from),
            ..loss
        }
    }
}

prop_compose! {
    fn job()(
        compat in option::of(prop_oneof![Just(Compat::Pt), Just(Compat::Lua)]),
        device in option::of(prop_oneof!["auto", "cpu", "cuda", "cuda:[1-9]?[0-9]"]),
        threads in option::of(0..=1024u32),
        seed in option::of(-1..=i64::from(u32::MAX)),
        original_colors in any::<Option<bool>>(),
        jpeg in any::<Option<bool>>(),
        deep in any::<Option<bool>>(),
        embed in option::of(prop_oneof![
            Just(EmbedParams::Full),
            Just(EmbedParams::Minimal),
            Just(EmbedParams::Off),
        ]),
        matte in any::<Option<[u8; 3]>>(),
        max_pixels in option::of(256..=1_000_000_000u64),
    ) -> RawJob {
        RawJob {
            compat,
            device: device.map(|text| DeviceRequest::parse(&text).unwrap()),
            threads, seed, original_colors,
            output_format: jpeg.map(|j| if j { OutputFormat::Jpeg } else { OutputFormat::Png }),
            png_depth: deep.map(|d| if d { PngDepth::Sixteen } else { PngDepth::Eight }),
            embed_params: embed,
            matte: matte.map(Colour),
            max_pixels,
        }
    }
}

proptest! {
    #[test]
    fn a_resolved_profile_reads_back_equal_whatever_the_presets_are(
        job in job(),
        options in options(),
        stages in proptest::collection::vec(options(), 0..4),
    ) {
        let raw = RawProfile { job, options, stages };
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
