//! Every key of a profile with values that it takes and values that it refuses.

use super::{
    super::{RawOptions, raw::RawJob, resolve},
    assert_says, read, refusal,
};

/// For each key: values that are taken, and values that are not with a part of what is then said.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

const WEIGHT: &[(&str, &str)] = &[
    ("-1", "from 0 to 1000000000000"),
    ("nan", "= NaN is not allowed"),
    ("inf", "= inf is not allowed"),
    ("2e12", "from 0 to"),
    ("\"5\"", "takes a number, not the string \"5\""),
    ("true", "takes a number, not true"),
    ("[1]", "not a list"),
    ("2026-11-23", "not the date"),
];
const BOOLEAN: &[(&str, &str)] = &[
    ("2", "takes true or false, not the integer 2"),
    ("\"yes\"", "takes true or false"),
];
const EVERY: &[(&str, &str)] = &[
    ("-1", "from 0 to 1000000"),
    ("1000001", "from 0 to 1000000"),
];
const LAYERS: &[(&str, &str)] = &[
    ("5", "takes a list of strings"),
    ("[5]", "takes a list of strings"),
    ("[\"\"]", "each item is one name"),
    ("[\"a,b\"]", "each item is one name"),
    ("\"relu1_1,relu1_1\"", "there twice"),
];

const CASES: &[Case] = &[
    (
        "network",
        &[
            "\"vgg19\"",
            "\"models/x.onnx\"",
            "\"x.pth\"",
            "\"VGG FACE 2.0\"",
        ],
        &[
            ("\"\"", "the name of an installed network or the path"),
            ("\"..\"", "the name of an installed network"),
            ("\"a\\u001bb\"", "\\u{1b}"),
            ("3", "takes a string, not the integer 3"),
        ],
    ),
    (
        "compat",
        &["\"pt\"", "\"lua\""],
        &[
            ("\"lau\"", "did you mean `lua`"),
            ("\"torch\"", "it is one of \"pt\", \"lua\""),
        ],
    ),
    (
        "device",
        &["\"auto\"", "\"cpu\"", "\"cuda\"", "\"cuda:3\""],
        &[
            ("\"gpu\"", "\"cuda:N\""),
            ("\"cuda:\"", "\"cuda:N\""),
            ("\"cuda:-1\"", "\"cuda:N\""),
            ("0", "takes a string"),
        ],
    ),
    (
        "threads",
        &["0", "1024"],
        &[("-1", "from 0 to 1024"), ("1025", "from 0 to 1024")],
    ),
    (
        "seed",
        &["-1", "0", "4294967295"],
        &[
            ("-2", "from -1 to 4294967295"),
            ("4294967296", "from -1 to 4294967295"),
            ("1.5", "takes a whole number, not the number 1.5"),
        ],
    ),
    ("content_weight", &["0", "5", "1e12", "-0.0"], WEIGHT),
    ("style_weight", &["0", "1e2"], WEIGHT),
    ("tv_weight", &["0", "1e-3"], WEIGHT),
    (
        "num_iterations",
        &["1", "1_000_000"],
        &[
            ("0", "from 1 to 1000000"),
            ("1000001", "from 1 to 1000000"),
            ("99999999999999999999", "too large"),
            ("1e3", "takes a whole number"),
        ],
    ),
    (
        "image_size",
        &["16", "16384", "0x100"],
        &[("15", "from 16 to 16384"), ("16385", "from 16 to 16384")],
    ),
    (
        "style_scale",
        &["0.01", "100"],
        &[("0.009", "from 0.01 to 100"), ("101", "from 0.01 to")],
    ),
    (
        "style_blend_weights",
        &["[1, 2.5]", "\"1,2\"", "[]", "3"],
        &[
            ("[-1]", "from 0 to"),
            ("[0, 0.0]", "above 0"),
            ("[\"a\"]", "takes a list of numbers"),
            ("\"1,x\"", "takes a list of numbers"),
            ("\"1,nan\"", "NaN"),
            ("false", "takes a list of numbers"),
        ],
    ),
    (
        "init",
        &["\"random\"", "\"image\"", "\"sketch.png\""],
        &[
            ("\" \"", "the path of a picture"),
            ("\"a\\nb\"", "the path of a picture"),
            ("1", "takes a string"),
        ],
    ),
    (
        "optimizer",
        &["\"lbfgs\"", "\"adam\""],
        &[("\"adma\"", "did you mean `adam`")],
    ),
    (
        "learning_rate",
        &["1e-9", "10"],
        &[("0", "from 0.000000001 to"), ("-1", "finite number")],
    ),
    (
        "lbfgs_num_correction",
        &["0", "1000"],
        &[("-1", "from 0 to 1000"), ("1001", "from 0 to")],
    ),
    (
        "pooling",
        &["\"max\"", "\"avg\""],
        &[("\"average\"", "it is one of \"max\", \"avg\"")],
    ),
    (
        "content_layers",
        &["[\"relu4_2\"]", "\"relu4_2, relu5_2,\"", "[]"],
        LAYERS,
    ),
    (
        "style_layers",
        &["[\"relu1_1\", \"relu2_1\"]", "\"relu1_1\""],
        LAYERS,
    ),
    ("original_colors", &["true", "false", "0", "1"], BOOLEAN),
    ("normalize_gradients", &["true", "0"], BOOLEAN),
    ("normalize_weights", &["false", "1"], BOOLEAN),
    ("carry_optimizer", &["false"], BOOLEAN),
    ("save_iter", &["0", "1000000"], EVERY),
    ("print_iter", &["0", "1000000"], EVERY),
    (
        "output_format",
        &["\"png\"", "\"jpeg\""],
        &[("\"jpg\"", "did you mean `jpeg`")],
    ),
    (
        "png_depth",
        &["8", "16"],
        &[("12", "it is 8 or 16"), ("32", "from 8 to 16")],
    ),
    (
        "embed_params",
        &["\"full\"", "\"minimal\"", "\"off\""],
        &[("\"on\"", "it is one of")],
    ),
    (
        "matte",
        &["\"#00ff7F\""],
        &[
            ("\"white\"", "such as \"#ffffff\""),
            ("\"#fff\"", "such as"),
            ("\"#+12345\"", "such as"),
            ("\"#ffffé\"", "such as"),
        ],
    ),
    (
        "max_pixels",
        &["256", "1_000_000_000"],
        &[("255", "from 256"), ("-5", "from 256")],
    ),
];

#[test]
fn every_key_takes_its_range_and_nothing_else() {
    for (key, good, bad) in CASES {
        for value in *good {
            let raw = read(&format!("{key} = {value}\n")).unwrap();
            resolve(&raw, &|_| None).unwrap_or_else(|error| panic!("{key} = {value}: {error}"));
        }
        for (value, part) in *bad {
            let message = refusal(&format!("\n# a line\n{key} = {value}\n"));
            assert_says(
                &message,
                &["harbour.toml:3:", part, &format!("3 | {key} = "), "^"],
            );
            if !part.contains("large") {
                assert_says(&message, &[&format!("`{key}`")]);
            }
        }
    }
}

#[test]
fn every_key_has_cases() {
    for key in RawJob::KEYS.into_iter().chain(RawOptions::KEYS) {
        assert!(
            CASES.iter().any(|(case, ..)| *case == key),
            "{key} has no case"
        );
    }
}
