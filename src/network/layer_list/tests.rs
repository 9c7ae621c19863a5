//! Lists in TOML: what is read, written back, and refused.

use std::error::Error;

use super::keys::KINDS;
use super::{KNOWN, LayerList, LayerListError, LayerOp, LayerSpec};

fn parse(layers: &str) -> Result<LayerList, LayerListError> {
    LayerList::parse(&format!("layers = [{layers}]"))
}

/// Returns an error with its causes.
fn refusal(layers: &str) -> String {
    told(&parse(layers).unwrap_err())
}

/// Returns an error with its causes, in one line.
fn told(error: &dyn Error) -> String {
    let (mut words, mut cause) = (Vec::new(), Some(error));
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    words.join(": ").replace('\n', " ")
}

/// A value that makes sense for a key.
fn value(key: &str) -> &'static str {
    match key {
        "kernel" | "size" => "3",
        "dilation" | "pad" | "stride" | "groups" => "1",
        "out" => "4",
        "bias" | "ceil" | "count_include_pad" => "true",
        "from" => "[\"input\"]",
        "tensors" => "\"features.0\"",
        "coefficients" => "[0.5]",
        _ => "0.25",
    }
}

#[test]
fn every_kind_is_read_with_every_key_and_written_back() {
    for (kind, windows, own) in KINDS {
        let windows = if *windows { super::keys::WINDOW } else { &[] };
        let keys = own.iter().chain(windows).chain(&["from", "tensors"]);
        let keys: Vec<String> = keys
            .map(|key| format!(", {key} = {}", value(key)))
            .collect();
        let keys = keys.concat();
        let list = parse(&format!("{{ name = \"a\", kind = \"{kind}\"{keys} }}")).unwrap();
        let text = list.to_toml().unwrap();
        assert_eq!(LayerList::parse(&text).unwrap(), list, "{text}");
        let said = refusal(&format!(
            "{{ name = \"a\", kind = \"{kind}\"{keys}, other = 1 }}"
        ));
        let expected =
            "`a` of the layer list has no key `other`; its keys are name, kind, from, tensors";
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn the_known_lists_are_written_as_they_are_read() {
    for name in KNOWN {
        let list = LayerList::known(name).unwrap();
        assert_eq!(LayerList::parse(&list.to_toml().unwrap()).unwrap(), list);
    }
}

#[test]
fn what_is_not_written_has_its_default() {
    let list = parse("{ name = \"a\", kind = \"conv\", out = 2, kernel = [1, 3] }").unwrap();
    let LayerOp::Conv {
        window,
        groups,
        bias,
        ..
    } = &list.layers[0].op
    else {
        panic!("{list:?}");
    };
    assert_eq!((window.kernel.0, window.stride.0), ([1, 3], [1, 1]));
    assert_eq!((window.pad.0, window.dilation.0), ([0, 0], [1, 1]));
    assert_eq!((*groups, *bias), (1, true));
    assert_eq!(list.to_toml().unwrap().matches("kernel").count(), 1);
}

#[test]
fn files_that_are_no_list_are_refused() {
    for (text, expected) in [
        ("", "read the layer list: missing field `layers`"),
        ("layers = 3", "read the layer list: invalid type"),
        (
            "layers = []",
            "the layer list has 0 layers; 1 to 4096 can be used",
        ),
        ("layers = [", "read the layer list: "),
        ("layers = [3]", "read layer `number 1` of the layer list: "),
        (
            "title = \"a\"",
            "`the file` of the layer list has no key `title`; its keys are layers",
        ),
    ] {
        let said = told(&LayerList::parse(text).unwrap_err());
        assert!(said.starts_with(expected), "{said}");
    }
    let relu = "{ kind = \"relu\", name = \"a\" },";
    let said = refusal(&relu.repeat(4097));
    assert_eq!(
        said,
        "the layer list has 4097 layers; 1 to 4096 can be used"
    );
}

#[test]
fn layers_that_make_no_sense_are_refused_by_name() {
    let cases = [
        (
            "kind = \"relu\"",
            "read layer `number 1` of the layer list: missing field `name`",
        ),
        (
            "name = \"a\"",
            "read layer `a` of the layer list: missing field `kind`",
        ),
        (
            "name = \"a\", kind = \"rule\"",
            "layer `a` is of the unknown kind `rule`; there are conv,",
        ),
        (
            "name = \"\", kind = \"relu\"",
            "layer 1 is named ``, which is empty",
        ),
        (
            "name = \"input\", kind = \"relu\"",
            "layer 1 is named `input`, which is the name of",
        ),
        (
            "name = \"a\\u0007\", kind = \"relu\"",
            "layer 1 is named `a\u{7}`, which holds a control",
        ),
        (
            "name = \"a\", from = [\"b\"], kind = \"relu\"",
            "layer `a` reads `b`, which is no layer",
        ),
        (
            "name = \"a\", from = [\"a\"], kind = \"relu\"",
            "layer `a` reads `a`, which is no layer",
        ),
        (
            "name = \"a\", from = [\"input\", \"input\"], kind = \"relu\"",
            "`from` of layer `a` is 2 layers, but it reads at most 1",
        ),
    ];
    for (layer, expected) in cases {
        let said = refusal(&format!("{{ {layer} }}"));
        assert!(said.starts_with(expected), "{said}");
    }
    let twice = "{ name = \"a\", kind = \"relu\" }, { name = \"a\", kind = \"relu\" }";
    let expected = "layer 2 is named `a`, which a layer before it has already";
    assert_eq!(refusal(twice), expected);
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_name() {
    let cases = [
        (
            "name = \"a\", kind = \"sum\", coefficients = [1, 2]",
            "`coefficients` of layer `a` is 2 numbers, but the layer reads 1",
        ),
        (
            "name = \"a\", kind = \"lrn_within\", size = 4, alpha = 1, beta = 1",
            "`size` of layer `a` is 4, but it must be odd",
        ),
        (
            "name = \"a\", kind = \"elu\", alpha = nan",
            "`alpha` of layer `a` is NaN, but it must be a number",
        ),
        (
            "name = \"a\", kind = \"batch_norm\", epsilon = -1",
            "`epsilon` of layer `a` is -1, but it must not be below 0",
        ),
        (
            "name = \"a\", kind = \"dropout\", ratio = 1",
            "`ratio` of layer `a` is 1, but it must be from 0 to below 1",
        ),
        (
            "name = \"a\", kind = \"linear\", out = 0",
            "`out` of layer `a` is 0, but 1 to 1048576",
        ),
        (
            "name = \"a\", kind = \"average_pool\", kernel = 3, dilation = 2",
            "`dilation` of layer `a` is 2×2, but an average is taken over neighbours: 1",
        ),
        (
            "name = \"a\", kind = \"max_pool\", kernel = [3, 2], pad = [2, 2]",
            "`pad` of layer `a` is 2×2, but it must be below the kernel, 3×2",
        ),
        (
            "name = \"a\", kind = \"conv\", out = 4, groups = 3, kernel = 1",
            "`groups` of layer `a` is 3, but `out` is 4",
        ),
    ];
    for (layer, expected) in cases {
        let said = refusal(&format!("{{ {layer} }}"));
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn windows_out_of_all_bounds_are_refused_by_name() {
    for (key, value, expected) in [
        ("kernel", "0", "is 0, but 1 to 1024 can be used"),
        ("kernel", "[3, 1025]", "is 1025, but 1 to 1024 can be used"),
        ("stride", "0", "is 0, but 1 to 1024 can be used"),
        (
            "stride",
            "[1, 9000000]",
            "is 9000000, but 1 to 1024 can be used",
        ),
        ("dilation", "0", "is 0, but 1 to 1024 can be used"),
        ("pad", "1025", "is 1025, but at most 1024 can be used"),
        ("out", "0", "is 0, but 1 to 1048576 can be used"),
        ("out", "1048577", "is 1048577, but 1 to 1048576 can be used"),
        ("groups", "0", "is 0, but 1 to 4 can be used"),
    ] {
        let keys = [("out", "4"), ("kernel", "3"), (key, value)];
        let mut keys: Vec<(&str, &str)> = keys.to_vec();
        let given = keys.pop().unwrap();
        keys.retain(|(k, _)| *k != key);
        keys.push(given);
        let keys: Vec<String> = keys.iter().map(|(k, v)| format!(", {k} = {v}")).collect();
        let keys = keys.concat();
        let said = refusal(&format!("{{ name = \"a\", kind = \"conv\"{keys} }}"));
        assert_eq!(said, format!("`{key}` of layer `a` {expected}"));
    }
    for value in ["-1", "1.5", "\"3\"", "[1]", "[1, 2, 3]"] {
        let said = refusal(&format!(
            "{{ name = \"a\", kind = \"max_pool\", kernel = {value} }}"
        ));
        assert!(
            said.contains("a number for both axes, or two numbers"),
            "{said}"
        );
    }
}

#[test]
fn a_list_made_by_a_program_is_checked_as_well() {
    let layer = LayerSpec {
        name: "a".to_owned(),
        from: vec!["b".to_owned()],
        tensors: String::new(),
        op: LayerOp::Relu,
    };
    let list = LayerList {
        layers: vec![layer],
    };
    assert!(matches!(list.check(), Err(LayerListError::From { .. })));
    assert!(matches!(
        list.graph("a", &super::Weights::new()),
        Err(LayerListError::From { .. })
    ));
}
