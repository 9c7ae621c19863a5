//! The text form: what it may look like, what is wrong with it and where, and where it disagrees
//! with the weights.

use pentimento::network::layer_list::{LayerOp, Pair};

use super::writer::{Form, Generation, bare, conv, linear, noise};
use super::{chain, import_with, names, op};

/// The weights of `conv` (3 → 4, 3×3), and of `other` (4 → 2, 1×1).
fn model() -> Vec<u8> {
    let layers = [
        conv(("conv", "data"), [3, 4], [3, 1, 1], noise),
        conv(("other", "conv"), [4, 2], [1, 0, 1], noise),
    ];
    bare(&layers, Generation::New, Form::Packed)
}

const PLAIN: &str = r#"
input: "data"
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 }
}
"#;

#[test]
fn every_way_of_writing_is_read() {
    let written = [
        // Colons before messages, lists, marks between fields, angles, comments, no blanks.
        "input:'data'layer:{name:\"conv\",type:\"Convolution\";bottom:[\"data\"],top:[\"conv\"]\
         convolution_param<num_output:0x4,kernel_size:[3,3],pad:01>}",
        "# a comment\ninput: \"data\" # another\r\nlayer {\n name: \"co\" 'nv' # split\n \
         type: \"Convo\\154ution\" bottom: \"d\\x61ta\"\n top: \"conv\"\n convolution_param \
         { num_output: 4 kernel_h: 3 kernel_w: 3 pad_h: 1 pad_w: 1 } }",
        // Unknown fields of every kind.
        "input: \"data\" force_backward: true other { a: 1 b { c: -1.5e-3f } } \
         list: [1, -2, [3]] many: [{ a: 1 }, < b: 2 >] [google.ext/x] { y: 1 } word: UNKNOWN \
         layer { name: \"conv\" type: \"Convolution\" bottom: \"data\" top: \"conv\" \
         param { lr_mult: 1 } convolution_param { num_output: 4 kernel_size: 3 pad: 1 engine: CUDNN \
         weight_filler { type: \"xavier\" } } blobs { data: 1 data: [2, 3] } }",
        // Several layers in a list.
        "input: \"data\" layer: [{ name: \"conv\" type: \"Convolution\" bottom: \"data\" top: \"conv\" \
         convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }]",
    ];
    let expected = import_with(&model(), PLAIN, false).unwrap();
    let LayerOp::Conv { window, .. } = op(&expected, "conv") else {
        panic!("no convolution");
    };
    assert_eq!((window.kernel, window.pad), (Pair::both(3), Pair::both(1)));
    for text in written {
        let found = import_with(&model(), text, false).unwrap_or_else(|e| panic!("{}", chain(&e)));
        assert_eq!(found.layers, expected.layers, "{text}");
        assert_eq!(found.weights, expected.weights, "{text}");
    }
}

#[test]
fn both_ways_of_naming_constants_are_read() {
    let text = |pool: &str| {
        format!(
            "{PLAIN} layer {{ name: \"p\" type: \"Pooling\" bottom: \"conv\" top: \"p\" \
             pooling_param {{ pool: {pool} kernel_size: 2 round_mode: FLOOR }} }}"
        )
    };
    let found = |pool: &str| import_with(&model(), &text(pool), false).unwrap().layers;
    assert_eq!(found("AVE"), found("1"));
    assert_ne!(found("MAX"), found("AVE"));
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_column() {
    let cases = [
        (
            "layer {\n  name: conv\n}",
            "line 2, column 9",
            "a text in quotes for `name` is expected, not `conv`",
        ),
        (
            "layer {\n  name \"conv\"\n}",
            "line 2, column 8",
            "`:` behind `name`",
        ),
        (
            "layer {\n  name: \"conv\n}",
            "line 2, column 9",
            "does not end on its line",
        ),
        (
            "layer {\n\tname: \"a\\qb\"\n}",
            "line 2, column 10",
            "`\\q` is no escape",
        ),
        ("layer {", "line 1, column 8", "not the end of the file"),
        (
            "layer { }\n}",
            "line 2, column 1",
            "the name of a field is expected, not `}`",
        ),
        (
            "layer: 3",
            "line 1, column 8",
            "a message in braces for `layer`",
        ),
        (
            "input_dim: 1.5",
            "line 1, column 12",
            "a whole number for `input_dim`",
        ),
        (
            "input_dim: ten",
            "line 1, column 12",
            "a whole number for `input_dim` is expected, not `ten`",
        ),
        (
            "input_dim: 99999999999999999999",
            "line 1, column 12",
            "a whole number",
        ),
        (
            "layer { lrn_param { alpha: high } }",
            "line 1, column 28",
            "a number for `alpha` is expected, not `high`",
        ),
        (
            "layer { convolution_param { bias_term: 2 } }",
            "line 1, column 40",
            "true or false for `bias_term`",
        ),
        ("input_dim: [1, 2", "line 1, column 17", "`,` or `]`"),
        ("x: }", "line 1, column 4", "a value is expected"),
        (
            "\u{feff}# é\n  é: 1",
            "line 2, column 3",
            "not `é`: `  é: 1`",
        ),
        ("[never", "line 1, column 1", "`]` behind a name"),
    ];
    for (text, place, problem) in cases {
        let message = chain(&import_with(&model(), text, false).unwrap_err());
        assert!(message.contains(place), "{text}: {message}");
        assert!(message.contains(problem), "{text}: {message}");
        assert!(message.contains("made.prototxt"), "{text}: {message}");
    }
    let long = format!("{}oops", "input_dim: 1 ".repeat(1000));
    let message = chain(&import_with(&model(), &long, false).unwrap_err());
    assert!(message.len() < 400, "{message}");
    assert!(message.contains("line 1, column 13005"), "{message}");
}

#[test]
fn a_prototxt_that_disagrees_with_the_weights_is_refused() {
    let changed = |from: &str, to: &str| PLAIN.replace(from, to);
    let behind = |layer: &str| format!("{PLAIN} layer {{ bottom: \"conv\" {layer} }}");
    let cases = [
        (
            changed("num_output: 4", "num_output: 8"),
            "`conv`: the prototxt asks for weight of shape [8, …, 3, 3] (of 1 groups), the caffemodel \
             holds [4, 3, 3, 3]",
        ),
        (
            changed("kernel_size: 3", "kernel_size: 5"),
            "asks for weight of shape [4, …, 5, 5] (of 1 groups), the caffemodel holds [4, 3, 3, 3]",
        ),
        (
            changed("pad: 1", "pad: 1 bias_term: false"),
            "`conv`: the prototxt asks for 1 (weight), the caffemodel holds 2 arrays",
        ),
        (
            changed("name: \"conv\"", "name: \"unknown\""),
            "layer `unknown` of the prototxt needs weights, but the caffemodel has none of that name; \
             it has weights for conv, other",
        ),
        (
            changed("input: \"data\"", "input: \"data\" input_dim: [1, 4, 9, 9]"),
            "asks for weight of shape [4, 4 / 1, 3, 3]",
        ),
        (
            behind(
                "name: \"other\" type: \"Convolution\" top: \"o\" convolution_param { num_output: 2 kernel_size: 1 group: 2 }",
            ),
            "`other`: the prototxt asks for weight of shape [2, 4 / 2, 1, 1] (of 2 groups), the \
             caffemodel holds [2, 4, 1, 1]",
        ),
        (
            behind("name: \"other\" type: \"BatchNorm\" top: \"o\""),
            "`other`: the prototxt asks for 3 (mean, variance, factor), the caffemodel holds 2 arrays",
        ),
        (
            behind("name: \"other\" type: \"Scale\" top: \"o\" scale_param { bias_term: true }"),
            "asks for weight of shape [4], the caffemodel holds [2, 4, 1, 1]",
        ),
        (
            behind("name: \"j\" type: \"Eltwise\" top: \"j\" bottom: \"data\""),
            "layer `j` of the prototxt joins layers of [4, 3] channels",
        ),
    ];
    for (text, problem) in cases {
        let message = chain(&import_with(&model(), &text, false).unwrap_err());
        let problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(message.contains(&problem), "{text}: {message}");
    }
}

#[test]
fn weights_that_the_prototxt_does_not_know_are_noted() {
    let network = import_with(&model(), PLAIN, false).unwrap();
    assert_eq!(names(&network), ["conv"]);
    let note = "the caffemodel has weights for layers that the prototxt does not have: other";
    assert_eq!(network.notes, [note]);
}

#[test]
fn layers_of_one_name_share_the_weights_in_order() {
    let layers = [
        conv(("same", "data"), [3, 4], [1, 0, 1], noise),
        conv(("same", "same"), [4, 2], [1, 0, 1], noise),
    ];
    let bytes = bare(&layers, Generation::New, Form::Packed);
    let text = "input: \"data\"
        layer { name: \"same\" type: \"Convolution\" bottom: \"data\" top: \"a\" convolution_param { num_output: 4 kernel_size: 1 } }
        layer { name: \"same\" type: \"Convolution\" bottom: \"a\" top: \"b\" convolution_param { num_output: 2 kernel_size: 1 } }";
    let network = import_with(&bytes, text, false).unwrap();
    assert_eq!(names(&network), ["same", "same_2"]);
    assert_eq!(network.weights["same_2.weight"].shape(), [2, 4, 1, 1]);
}

#[test]
fn the_size_of_a_matrix_is_checked() {
    let layers = [linear(("ip", "data"), [12, 4], noise)];
    let bytes = bare(&layers, Generation::New, Form::Packed);
    let text = |out: usize, more: &str| {
        format!(
            "input: \"data\" layer {{ name: \"ip\" type: \"InnerProduct\" bottom: \"data\" top: \"ip\" \
             inner_product_param {{ num_output: {out} {more} }} }}"
        )
    };
    assert!(import_with(&bytes, &text(4, ""), true).is_ok());
    let message = chain(&import_with(&bytes, &text(5, ""), true).unwrap_err());
    assert!(
        message.contains("asks for weight of shape [5, …], the caffemodel holds [4, 12]"),
        "{message}"
    );
    let message = chain(&import_with(&bytes, &text(4, "transpose: true"), true).unwrap_err());
    assert!(
        message.contains("asks for weight of shape […, 4]"),
        "{message}"
    );
    // Left out, it leaves nothing.
    let message = chain(&import_with(&bytes, &text(4, ""), false).unwrap_err());
    assert!(
        message.contains("the prototxt has no convolution"),
        "{message}"
    );
}
