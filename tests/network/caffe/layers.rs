//! Every layer type, its fields and their defaults; wiring; what is left out.

use pentimento::network::import::caffe::CaffeOptions;
use pentimento::network::layer_list::{LayerOp, Pair, WindowSpec};

use super::direct::{Map, assert_computes};
use super::writer::{
    Bytes, Form, Generation, Layer, bare, block, conv, float, int, linear, max_pool, model, noise,
    relu, text,
};
use super::{all, chain, import, layer, names, op, weights};

/// A picture of three channels.
fn picture() -> Map {
    Map::of([3, 12, 13], |c, y, x| {
        f64::from(noise(c * 7919 + y * 131 + x)) * 4.0
    })
}

/// A layer `x` over a convolution `c` of 5 channels, and a convolution behind it.
fn over(kind: &'static str, param: &[Bytes]) -> Layer {
    Layer::new("x", kind, "c", "x").param(param)
}

fn between(layer: Layer) -> Bytes {
    let layers = [
        conv(("c", "data"), [3, 5], [3, 1, 1], noise),
        layer,
        conv(("behind", "x"), [5, 4], [1, 0, 1], noise),
    ];
    model(3, &layers, Generation::New, Form::Packed)
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table, one entry a layer type")]
fn every_type_becomes_its_operation() {
    let square = |kernel, stride, pad| WindowSpec {
        kernel: Pair::both(kernel),
        stride: Pair::both(stride),
        pad: Pair::both(pad),
        dilation: Pair::both(1),
    };
    let window = square(3, 2, 1);
    let across = |size, alpha, beta, k| LayerOp::LrnAcross {
        size,
        alpha,
        beta,
        k,
    };
    let cases: Vec<(Layer, LayerOp)> = vec![
        (over("ReLU", &[]), LayerOp::Relu),
        (
            over("ReLU", &[float(1, 0.1)]),
            LayerOp::LeakyRelu { slope: 0.1 },
        ),
        (over("PReLU", &[]).blob(&[5], noise), LayerOp::Prelu),
        (over("PReLU", &[int(2, 1)]).blob(&[], noise), LayerOp::Prelu),
        (over("Sigmoid", &[]), LayerOp::Sigmoid),
        (over("TanH", &[]), LayerOp::Tanh),
        (over("ELU", &[]), LayerOp::Elu { alpha: 1.0 }),
        (over("ELU", &[float(1, 0.5)]), LayerOp::Elu { alpha: 0.5 }),
        (over("LRN", &[]), across(5, 1.0, 0.75, 1.0)),
        (
            over(
                "LRN",
                &[int(1, 3), float(2, 1e-4), float(3, 0.5), float(5, 2.0)],
            ),
            across(3, 1e-4, 0.5, 2.0),
        ),
        (
            over("LRN", &[int(1, 3), int(4, 1)]),
            LayerOp::LrnWithin {
                size: 3,
                alpha: 1.0,
                beta: 0.75,
            },
        ),
        (
            over("Pooling", &[int(2, 3), int(3, 2), int(4, 1)]),
            LayerOp::MaxPool { window, ceil: true },
        ),
        (
            over(
                "Pooling",
                &[int(1, 1), int(2, 3), int(3, 2), int(4, 1), int(13, 1)],
            ),
            LayerOp::AveragePool {
                window,
                ceil: false,
                count_include_pad: true,
            },
        ),
        (
            over("Pooling", &[int(1, 1), int(12, 1)]),
            LayerOp::GlobalAveragePool,
        ),
        (
            over("BatchNorm", &[])
                .blob(&[5], noise)
                .blob(&[5], |i| 1.0 + noise(i))
                .blob(&[1], |_| 2.0),
            LayerOp::BatchNorm { epsilon: 1e-5 },
        ),
        (
            over("Scale", &[int(4, 1)])
                .blob(&[5], noise)
                .blob(&[5], noise),
            LayerOp::Scale,
        ),
        (over("Scale", &[]).blob(&[5], noise), LayerOp::Scale),
        (over("Dropout", &[]), LayerOp::Dropout { ratio: 0.5 }),
        (
            over("Dropout", &[float(1, 0.2)]),
            LayerOp::Dropout { ratio: 0.2 },
        ),
        (
            over("Power", &[float(2, 0.25)]),
            LayerOp::Sum {
                coefficients: vec![0.25],
            },
        ),
        (
            over("Eltwise", &[int(1, 0)]).reads(&["c", "c"]),
            LayerOp::Product,
        ),
        (
            over("Eltwise", &[int(1, 2)]).reads(&["c", "c"]),
            LayerOp::Maximum,
        ),
        (
            over("Eltwise", &[]).reads(&["c", "c"]),
            LayerOp::Sum {
                coefficients: Vec::new(),
            },
        ),
        (
            over("Eltwise", &[float(2, 1.0), float(2, -0.5)]).reads(&["c", "c"]),
            LayerOp::Sum {
                coefficients: vec![1.0, -0.5],
            },
        ),
    ];
    for (layer, expected) in cases {
        let kind = layer.kind;
        let network =
            import(&between(layer), &all()).unwrap_or_else(|e| panic!("{kind}: {}", chain(&e)));
        assert_eq!(op(&network, "x"), &expected, "{kind}");
        assert_computes(&network, &picture());
    }
}

#[test]
fn what_cannot_be_computed_is_named_with_its_reason() {
    let cases: Vec<(Layer, &str)> = vec![
        (over("Deconvolution", &[]), "not known"),
        (over("Pooling", &[int(1, 2), int(2, 2)]), "STOCHASTIC"),
        (
            over("Pooling", &[int(1, 0), int(12, 1)]),
            "MAX over the whole extent",
        ),
        (
            over("Pooling", &[int(2, 2), int(4, 2)]),
            "pad [2, 2] is not below the kernel",
        ),
        (over("Pooling", &[]), "no kernel_size"),
        (over("Pooling", &[int(2, 3), int(5, 3)]), "beside kernel_h"),
        (over("Pooling", &[int(5, 3)]), "only one is given"),
        (over("Pooling", &[int(2, 0)]), "kernel_size is 0"),
        (over("Pooling", &[int(2, 2), int(3, 0)]), "stride is 0"),
        (over("Pooling", &[int(2, -3)]), "kernel_size is -3"),
        (
            over("Pooling", &[int(2, 1 << 40)]),
            "kernel_size is 1099511627776",
        ),
        (over("LRN", &[int(1, 4)]), "local_size 4 is even"),
        (over("LRN", &[float(2, f32::NAN)]), "alpha is NaN"),
        (over("Concat", &[int(2, 2)]), "axis is 2"),
        (over("Eltwise", &[]), "reads 1 blobs, not at least 2"),
        (
            over("Eltwise", &[float(2, 1.0)]).reads(&["c", "c"]),
            "1 coefficients",
        ),
        (over("Scale", &[]).reads(&["c", "c"]), "reads 2 blobs"),
        (over("Scale", &[int(2, 3)]), "num_axes is 3"),
        (over("Power", &[float(1, 2.0)]), "^2"),
        (over("Convolution", &[]), "no kernel_size"),
        (over("Convolution", &[int(4, 3)]), "no num_output"),
        (
            over("Convolution", &[int(4, 3), int(1, 5), int(5, 2)]),
            "does not divide into 2 groups",
        ),
        (
            over("Convolution", &[int(4, 3), int(1, 0)]),
            "num_output is 0",
        ),
        (
            over("Convolution", &[int(1, 5), int(4, 3), int(4, 3), int(4, 3)]),
            "given 3 times",
        ),
        (over("Flatten", &[]), "flattened"),
        (over("", &[]), "no type"),
    ];
    for (layer, reason) in cases {
        let error = import(&between(layer.clone()), &CaffeOptions::default()).unwrap_err();
        let message = chain(&error);
        let culprit = if layer.kind == "Flatten" {
            "`behind`"
        } else {
            "`x`"
        };
        assert!(message.contains(reason), "{reason}: {message}");
        assert!(message.contains(culprit), "{culprit}: {message}");
    }
}

#[test]
fn every_layer_that_cannot_be_computed_is_named_at_once() {
    let layers = [
        conv(("c", "data"), [3, 5], [3, 1, 1], noise),
        Layer::new("up", "Deconvolution", "c", "up"),
        Layer::new("cut", "Crop", "up", "cut").reads(&["up", "data"]),
        conv(("behind", "cut"), [5, 4], [1, 0, 1], noise),
        Layer::new("out", "ArgMax", "behind", "out"),
    ];
    let bytes = model(3, &layers, Generation::New, Form::Packed);
    let message = chain(&import(&bytes, &all()).unwrap_err());
    assert!(message.contains("`up` (Deconvolution"), "{message}");
    assert!(message.contains("`cut` (Crop"), "{message}");
    assert!(!message.contains("ArgMax"), "{message}");
    // Without the convolution behind them nothing needs them.
    let bytes = model(3, &layers[..3], Generation::New, Form::Packed);
    let network = import(&bytes, &all()).unwrap();
    assert_eq!(names(&network), ["c"]);
    assert!(
        network.notes[0].contains("up (Deconvolution"),
        "{:?}",
        network.notes
    );
}

#[test]
fn generations_and_forms_of_numbers_are_one_network() {
    let layers = [
        conv(("c", "data"), [3, 4], [3, 1, 2], noise),
        relu("r", "c"),
        max_pool("p", "c", [3, 2]),
        linear(("ip", "p"), [4 * 9, 6], noise),
    ];
    let expected = import(&model(3, &layers, Generation::New, Form::Packed), &all()).unwrap();
    assert_eq!(names(&expected), ["c", "r", "p", "ip"]);
    assert_eq!(weights(&expected, "ip.weight").1, layers[3].blobs[0].1);
    for generation in [Generation::Old, Generation::New] {
        for form in [Form::Packed, Form::Single, Form::Old, Form::Double] {
            let found = import(&model(3, &layers, generation, form), &all()).unwrap();
            assert_eq!(found, expected, "{generation:?} {form:?}");
        }
    }
}

#[test]
fn a_layer_that_writes_over_what_it_reads_has_its_own_value() {
    let layers = [
        conv(("c", "data"), [3, 4], [3, 1, 1], noise),
        relu("r1", "c"),
        Layer::new("drop", "Dropout", "c", "c"),
        Layer::new("t", "TanH", "c", "c"),
        conv(("d", "c"), [4, 4], [3, 1, 1], noise),
        Layer::new("sum", "Eltwise", "c", "sum").reads(&["c", "d"]),
    ];
    for generation in [Generation::Old, Generation::New] {
        let network = import(&model(3, &layers, generation, Form::Old), &all()).unwrap();
        assert_eq!(names(&network), ["c", "r1", "drop", "t", "d", "sum"]);
        assert_eq!(layer(&network, "sum").from, ["t", "d"]);
        assert!(layer(&network, "d").from.is_empty());
        assert_computes(&network, &picture());
    }
}

#[test]
fn splits_concats_and_flattened_heads_are_wired() {
    let split = Layer::new("s", "Split", "c", "s0").makes(&["s0", "s1"]);
    let layers = [
        conv(("c", "data"), [3, 4], [3, 1, 1], noise),
        split,
        conv(("left", "s0"), [4, 2], [1, 0, 1], noise),
        conv(("right", "s1"), [4, 3], [3, 1, 1], noise),
        Layer::new("both", "Concat", "left", "both").reads(&["left", "right", "s0"]),
        conv(("mix", "both"), [9, 4], [1, 0, 1], noise),
        Layer::new("mean", "Pooling", "mix", "mean").param(&[int(1, 1), int(12, 1)]),
        Layer::new("flat", "Flatten", "mean", "flat"),
        Layer::new("prob", "Softmax", "flat", "prob"),
    ];
    let network = import(&model(3, &layers, Generation::New, Form::Packed), &all()).unwrap();
    assert_eq!(
        names(&network),
        ["c", "left", "right", "both", "mix", "mean", "prob"]
    );
    assert_eq!(layer(&network, "right").from, ["c"]);
    assert_eq!(layer(&network, "both").from, ["left", "right", "c"]);
    assert_computes(&network, &picture());
}

#[test]
fn a_transposed_matrix_is_turned() {
    let mut turned = linear(("ip", "c"), [4 * 4, 3], noise).param(&[int(6, 1)]);
    let plain = linear(("ip", "c"), [4 * 4, 3], noise);
    let (shape, data) = &mut turned.blobs[0];
    *shape = vec![16, 3];
    *data = (0..48)
        .map(|at| plain.blobs[0].1[(at % 3) * 16 + at / 3])
        .collect();
    let read = |ip: Layer| {
        let layers = [conv(("c", "data"), [3, 4], [3, 0, 1], noise), ip];
        import(&model(3, &layers, Generation::New, Form::Packed), &all()).unwrap()
    };
    assert_eq!(
        read(turned).weights["ip.weight"],
        read(plain).weights["ip.weight"]
    );
}

#[test]
fn batch_norm_is_divided_by_its_factor() {
    let norm = |factor: f32| {
        over("BatchNorm", &[float(3, 1e-3)])
            .blob(&[5], |_| 6.0)
            .blob(&[5], |_| 3.0)
            .blob(&[1], move |_| factor)
    };
    let network = import(&between(norm(2.0)), &all()).unwrap();
    assert_eq!(weights(&network, "x.running_mean").1, [3.0; 5]);
    assert_eq!(weights(&network, "x.running_var").1, [1.5; 5]);
    assert_eq!(op(&network, "x"), &LayerOp::BatchNorm { epsilon: 1e-3 });
    let network = import(&between(norm(0.0)), &all()).unwrap();
    assert_eq!(weights(&network, "x.running_mean").1, [0.0; 5]);
}

#[test]
fn the_layers_of_training_are_left_out() {
    let phase = |field: u32, phase: i64| block(field, &int(1, phase));
    let data = |name: &str, phase_rule: Bytes, mean: f32| {
        Layer::new(name, "Data", "", "data")
            .reads(&[])
            .makes(&["data", "label"])
            .more(&[
                phase_rule,
                block(100, &[float(5, mean), int(3, 20)].concat()),
            ])
    };
    let layers = [
        data("train", phase(8, 0), 1.0),
        data("test", phase(8, 1), 2.0),
        conv(("c", "data"), [3, 4], [3, 1, 1], noise),
        Layer::new("noise", "Dropout", "c", "c").more(&[phase(8, 0)]),
        Layer::new("also", "TanH", "c", "c").more(&[phase(9, 1)]),
        Layer::new("staged", "TanH", "c", "c").more(&[block(8, &text(4, "special"))]),
        relu("r", "c"),
        Layer::new("loss", "SoftmaxWithLoss", "c", "loss").reads(&["c", "label"]),
        Layer::new("accuracy", "Accuracy", "c", "a").reads(&["c", "label"]),
        Layer::new("quiet", "Silence", "label", "q").makes(&[]),
    ];
    let network = import(&bare(&layers, Generation::New, Form::Packed), &all()).unwrap();
    assert_eq!(names(&network), ["c", "r"]);
    assert_eq!(
        network.input.mean,
        [2.0],
        "the data for use goes before that for training"
    );
    assert_eq!(network.input.size, Some([20, 20]));
    // A file that was saved in training has only the training's data.
    let saved = [layers[0].clone(), layers[2].clone(), layers[6].clone()];
    let network = import(&bare(&saved, Generation::New, Form::Packed), &all()).unwrap();
    assert_eq!(names(&network), ["c", "r"]);
    assert_eq!(network.input.mean, [1.0]);
}

#[test]
fn inputs_say_their_size_in_every_form() {
    let dims =
        |shape: [i64; 4]| block(1, &shape.iter().flat_map(|&n| int(1, n)).collect::<Bytes>());
    let input = Layer::new("data", "Input", "", "data").reads(&[]);
    let conv = conv(("c", "data"), [3, 4], [3, 1, 1], noise);
    let memory: Bytes = [(1, 10), (2, 3), (3, 227), (4, 224)]
        .iter()
        .flat_map(|&(f, n)| int(f, n))
        .collect();
    let forms = [
        input.clone().param(&[dims([10, 3, 227, 224])]),
        Layer {
            kind: "MemoryData",
            ..input.clone()
        }
        .param(&[memory]),
    ];
    for form in forms {
        let layers = [form, conv.clone()];
        let network = import(&bare(&layers, Generation::New, Form::Packed), &all()).unwrap();
        assert_eq!(network.input.size, Some([227, 224]));
        assert_eq!(network.input.channels, Some(3));
    }
    let network = import(&model(3, &[conv], Generation::New, Form::Packed), &all()).unwrap();
    assert_eq!(network.input.size, Some([32, 32]));
}

#[test]
fn names_are_made_to_serve() {
    let layers = [
        conv(("conv", "data"), [3, 4], [1, 0, 1], noise),
        relu("act", "conv"),
        Layer::new("conv", "Convolution", "conv", "second")
            .param(&[int(1, 4), int(4, 1)])
            .blob(&[4, 4, 1, 1], |i| noise(i + 5))
            .blob(&[4], noise),
        relu("act", "second"),
        relu("a, b=\u{7}", "second"),
        relu("input", "second"),
        relu("", "second"),
    ];
    let network = import(&model(3, &layers, Generation::New, Form::Packed), &all()).unwrap();
    let expected = [
        "conv",
        "act",
        "conv_2",
        "act_2",
        "a__b__",
        "input_layer",
        "relu",
    ];
    assert_eq!(names(&network), expected);
    assert_eq!(network.notes.len(), 5, "{:?}", network.notes);
    assert_eq!(weights(&network, "conv_2.weight").1[0], noise(5));
    assert_computes(&network, &picture());
}
