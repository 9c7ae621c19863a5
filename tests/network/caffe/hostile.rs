//! Files that are cut, damaged or made to hurt.

use pentimento::network::import::caffe::{CaffeError, CaffeOptions};

use super::writer::{
    Bytes, Form, Generation, Layer, bare, blob, block, conv, int, linear, max_pool, model, noise,
    relu, text, varint,
};
use super::{all, chain, import, import_with, names};

fn small() -> Vec<Layer> {
    vec![
        conv(("c", "data"), [3, 2], [1, 0, 1], noise),
        relu("r", "c"),
        max_pool("p", "c", [2, 2]),
        linear(("ip", "p"), [8, 2], noise),
    ]
}

/// A layer of the newer generation around the bytes of an array.
fn with_blobs(blobs: &[Bytes]) -> Bytes {
    let mut fields = conv(("c", "data"), [3, 4], [1, 0, 1], noise);
    fields.blobs.clear();
    let mut layer = fields.bytes(Generation::New, Form::Packed);
    layer.extend(blobs.iter().flat_map(|b| block(7, b)));
    [text(3, "data"), block(100, &layer)].concat()
}

fn refused(bytes: &[u8]) -> String {
    chain(&import(bytes, &all()).unwrap_err())
}

#[test]
fn a_file_cut_anywhere_is_refused_or_a_shorter_network() {
    for (generation, form) in [
        (Generation::New, Form::Packed),
        (Generation::Old, Form::Old),
    ] {
        let whole = model(3, &small(), generation, form);
        let expected = import(&whole, &all()).unwrap();
        let mut cuts = 0;
        for length in 0..whole.len() {
            match import(&whole[..length], &all()) {
                // Behind a layer the cut cannot be told from the end.
                Ok(found) => {
                    cuts += 1;
                    assert!(
                        names(&expected).starts_with(&names(&found)),
                        "cut at {length}"
                    );
                    assert!(found.layers.layers.len() < 4, "cut at {length}");
                }
                Err(error) => {
                    assert!(
                        matches!(
                            error,
                            CaffeError::Binary { .. } | CaffeError::NoLayers { .. }
                        ),
                        "cut at {length}: {}",
                        chain(&error)
                    );
                }
            }
        }
        assert_eq!(cuts, 3);
    }
}

#[test]
fn no_byte_that_is_changed_does_harm() {
    let whole = model(3, &small(), Generation::New, Form::Single);
    let mut refused = 0;
    for at in 0..whole.len() {
        for change in [0x01, 0x08, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            match import(&bytes, &all()) {
                Ok(network) => assert!(network.weights.len() <= 4),
                Err(error) => {
                    refused += 1;
                    assert!(chain(&error).len() < 2000, "{at} {change}");
                }
            }
        }
    }
    assert!(refused > whole.len(), "only {refused} changes were noticed");
}

#[test]
fn lengths_and_numbers_that_lie_are_refused() {
    let huge =
        |number: u32, length: u64| [varint(u64::from(number << 3 | 2)), varint(length)].concat();
    let cases: Vec<(Bytes, &str)> = vec![
        (
            huge(100, 1 << 40),
            "1099511627776 bytes are needed, but only 0 are left",
        ),
        (huge(100, u64::MAX), "bytes are needed"),
        (block(100, &huge(7, 1 << 62)), "bytes are needed"),
        (with_blobs(&[huge(5, 1 << 50)]), "bytes are needed"),
        (with_blobs(&[block(5, &[0; 7])]), "no multiple of 4"),
        (with_blobs(&[block(8, &[0; 12])]), "no multiple of 8"),
        (
            with_blobs(&[block(7, &block(1, &[1; 40]))]),
            "more than 32 axes",
        ),
        (vec![0xff; 11], "more than 64 bits"),
        (vec![0x03; 9], "no field of a message"),
        (vec![0x00; 9], "no field of a message"),
        (block(100, &int(1, 5)), "`name`"),
        (
            block(100, &block(106, &block(2, &[0xff]))),
            "bytes are needed",
        ),
        (int(100, 3), "`layer`"),
    ];
    for (bytes, problem) in cases {
        let message = refused(&bytes);
        assert!(message.contains(problem), "{problem}: {message}");
        assert!(message.contains("made.caffemodel"), "{message}");
    }
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let kernel = blob(&[4, 3, 1, 1], &[0.5; 12], Form::Packed);
    let bias = blob(&[4], &[0.5; 4], Form::Packed);
    let shaped = |dims: &[i64], count: usize| {
        let dims: Bytes = dims
            .iter()
            .flat_map(|&n| varint(n.cast_unsigned()))
            .collect();
        [block(7, &block(1, &dims)), block(5, &vec![0; 4 * count])].concat()
    };
    let cases: Vec<(Vec<Bytes>, &str)> = vec![
        (
            vec![],
            "asks for 2 (weight, bias), the caffemodel holds 0 arrays",
        ),
        (vec![kernel.clone()], "holds 1 arrays"),
        (
            vec![kernel.clone(), bias.clone(), bias.clone()],
            "holds 3 arrays",
        ),
        (
            vec![bias.clone(), kernel.clone()],
            "asks for weight of shape [4, …, 1, 1]",
        ),
        (
            vec![shaped(&[4, 3, 1, 1], 5), bias.clone()],
            "has shape [4, 3, 1, 1] and 5 numbers",
        ),
        (
            vec![shaped(&[4, 3, 1, 1], 0), bias.clone()],
            "and 0 numbers",
        ),
        (
            vec![shaped(&[4, -3, 1, 1], 6), bias.clone()],
            "holds [4, -3, 1, 1]",
        ),
        (
            vec![shaped(&[4, 0, 1, 1], 0), bias.clone()],
            "holds [4, 0, 1, 1]",
        ),
        (
            vec![shaped(&[4, i64::MAX, 1, 1], 6), bias.clone()],
            "has shape [4, 9223372036854775807, 1, 1] and 6 numbers",
        ),
        (vec![shaped(&[4, 1 << 62, 1, 1], 6), bias], "numbers"),
        (
            vec![kernel, shaped(&[3], 3)],
            "asks for bias of shape [4], the caffemodel holds [3]",
        ),
    ];
    for (blobs, problem) in cases {
        let message = refused(&with_blobs(&blobs));
        assert!(message.contains(problem), "{problem}: {message}");
    }
}

#[test]
fn what_is_no_caffe_network_is_refused() {
    let cases: Vec<(Bytes, &str)> = vec![
        (Vec::new(), "lists no layers"),
        (text(1, "only a name"), "lists no layers"),
        (b"\xff\xd8\xff\xe0 a photograph".to_vec(), "no Caffe model"),
        (b"layer { name: \"conv\" }".to_vec(), "no Caffe model"),
        (
            [block(100, &text(1, "a")), block(2, &text(4, "b"))].concat(),
            "layers of both generations",
        ),
        (block(2, &block(1, &text(1, "conv1"))), "oldest generation"),
        (block(100, &text(1, "a")), "has no convolution"),
    ];
    for (bytes, problem) in cases {
        let message = refused(&bytes);
        assert!(message.contains(problem), "{problem}: {message}");
    }
}

#[test]
fn layers_that_read_what_is_not_there_are_refused() {
    let one = |name: &str, bottom: &str| conv((name, bottom), [3, 3], [1, 0, 1], noise);
    let cases: Vec<(Vec<Layer>, &str)> = vec![
        (
            vec![one("a", "nowhere")],
            "layer `a` of the caffemodel reads `nowhere`, which no layer",
        ),
        (
            vec![one("a", "b"), one("b", "a")],
            "reads `b`, which only layer `b`",
        ),
        (
            vec![one("a", "a")],
            "reads `a`, which only layer `a`, at or behind it",
        ),
        (
            vec![
                Layer::new("lost", "SoftmaxWithLoss", "data", "lost"),
                one("a", "lost"),
            ],
            "`lost`",
        ),
        (
            vec![
                Layer::new("only", "ReLU", "data", "only").more(&[block(8, &int(1, 0))]),
                one("a", "only"),
            ],
            "reads `only`, which only layer `only`, used in training alone",
        ),
        (
            vec![
                Layer::new("more", "Input", "", "second").reads(&[]),
                one("a", "data"),
                Layer::new("sum", "Eltwise", "", "sum").reads(&["a", "second"]),
                one("b", "sum"),
            ],
            "reads `second`, an input beside the picture `data`",
        ),
    ];
    for (layers, problem) in cases {
        let message = refused(&model(3, &layers, Generation::New, Form::Packed));
        assert!(message.contains(problem), "{problem}: {message}");
    }
}

#[test]
fn a_file_of_nothing_but_descriptions_is_bounded() {
    let empty = block(100, &[]);
    let many: Bytes = empty
        .iter()
        .copied()
        .cycle()
        .take(empty.len() * 3_000_000)
        .collect();
    let message = refused(&many);
    assert!(message.contains("passes 8388608 bytes"), "{message}");
    let name = block(100, &text(1, &"x".repeat(9 << 20)));
    assert!(refused(&name).contains("passes 8388608 bytes"));
}

#[test]
fn a_prototxt_that_nests_without_end_is_refused() {
    let weights = model(3, &small(), Generation::New, Form::Packed);
    for opening in ["x {", "x: [", "x <", "x { y: [ "] {
        let text = opening.repeat(100_000);
        let message = chain(&import_with(&weights, &text, false).unwrap_err());
        assert!(
            message.contains("nested more than 64 deep"),
            "{opening}: {message}"
        );
    }
    let text = format!("x: {}1", "-".repeat(100_000));
    let message = chain(&import_with(&weights, &text, false).unwrap_err());
    assert!(message.contains("nested"), "{message}");
    let text = "layer { ".repeat(100_000);
    assert!(import_with(&weights, &text, false).is_err());
    let text = " ".repeat(5 << 20);
    let message = chain(&import_with(&weights, &text, false).unwrap_err());
    assert!(message.contains("a prototxt has at most"), "{message}");
}

#[test]
fn a_prototxt_cut_or_changed_anywhere_does_no_harm() {
    let weights = model(3, &small(), Generation::New, Form::Packed);
    let text = "input: \"data\" input_dim: [1, 3, 8, 8] layer { name: \"c\" type: \"Convolution\" \
        bottom: \"data\" top: \"c\" convolution_param { num_output: 2 kernel_size: 1 } } # end";
    import_with(&weights, text, false).unwrap();
    let mut refused = 0;
    for at in 0..text.len() {
        refused += usize::from(import_with(&weights, &text[..at], false).is_err());
        for other in ["{", "}", "\"", "\\", "-", "[", "0", "é", "\0"] {
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            refused += usize::from(import_with(&weights, &changed, false).is_err());
        }
    }
    assert!(refused > text.len(), "only {refused} changes were noticed");
}

#[test]
fn a_long_chain_takes_no_time_that_grows_with_its_square() {
    // As many layers as the description may have, each reading all names of the one before.
    let mut layers = vec![conv(("c", "data"), [3, 2], [1, 0, 1], noise)];
    layers.extend(
        (0..15_000).map(|i| Layer::new("s", "Split", "c", "c").makes(&["c", &format!("{i}")])),
    );
    layers.push(conv(("d", "c"), [2, 2], [1, 0, 1], noise));
    let bytes = bare(&layers, Generation::New, Form::Packed);
    let network = import(&[text(3, "data"), bytes].concat(), &CaffeOptions::default()).unwrap();
    assert_eq!(names(&network), ["c", "d"]);
}
