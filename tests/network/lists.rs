//! Layer lists with weights: what each kind of layer computes, and what is refused.

use pentimento::engine::{Device, SessionOptions};
use pentimento::network::layer_list::{LayerList, Weights};
use pentimento::onnx::{self, Constant, Dim, Model};
use pentimento::tensor::Tensor;

use super::reference::{Map, Tensors, assert_near, values};
use crate::support::engine;

/// Sizes of the picture, height and width: even and odd ones, so that windows overhang or not.
const SIZES: [(usize, usize); 4] = [(12, 13), (13, 15), (14, 12), (15, 17)];

/// A list of one convolution to `channels`, 1×1, and `layers` over it.
fn list(channels: usize, layers: &str) -> LayerList {
    let text = format!(
        "layers = [{{ name = \"first\", kind = \"conv\", out = {channels}, kernel = 1 }}, {layers}]"
    );
    LayerList::parse(&text).unwrap()
}

fn uneven(count: usize, seed: usize) -> impl Iterator<Item = f32> {
    let mixed = move |i: usize| (i * 7919 + seed * 104_729 + 13) % 2003;
    (0..count).map(move |i| mixed(i) as f32 / 1001.5 - 1.0)
}

/// Returns uneven tensors of these names and shapes; variances are above 0.
fn tensors(shapes: &[(&str, &[usize])]) -> Tensors {
    let tensor = |(seed, (name, shape)): (usize, &(&str, &[usize]))| {
        let values = uneven(shape.iter().product(), seed);
        let values = values.map(|v| {
            if name.ends_with("var") {
                v.abs() + 0.1
            } else {
                v
            }
        });
        ((*name).to_owned(), (shape.to_vec(), values.collect()))
    };
    shapes.iter().enumerate().map(tensor).collect()
}

fn weights(tensors: &Tensors) -> Weights {
    let constant = |(name, (shape, data)): (&String, &(Vec<usize>, Vec<f32>))| {
        (
            name.clone(),
            Constant::f32s(shape.clone(), data.clone()).unwrap(),
        )
    };
    tensors.iter().map(constant).collect()
}

fn run(model: &Model, input: &Map) -> Vec<f32> {
    onnx::check(model).unwrap();
    let [channels, height, width] = input.shape;
    #[allow(clippy::cast_possible_truncation, reason = "made of f32")]
    let data = input.data.iter().map(|&v| v as f32).collect();
    let picture = Tensor::new(vec![1, channels, height, width], data).unwrap();
    let options = SessionOptions::new(Device::Cpu, 1);
    let mut session = engine().session(model, &options).unwrap();
    let mut outputs = session.run(&[("input", &picture)]).unwrap();
    outputs.remove(0).into_parts().1
}

fn picture((height, width): (usize, usize)) -> Map {
    let values: Vec<f32> = uneven(3 * height * width, 99).collect();
    Map {
        shape: [3, height, width],
        data: values.into_iter().map(f64::from).collect(),
    }
}

/// Holds that `layers` over a convolution to `channels` compute what they are defined as.
fn check(channels: usize, layers: &str, more: &[(&str, &[usize])]) {
    let list = list(channels, layers);
    let first: [(&str, &[usize]); 2] = [
        ("first.weight", &[channels, 3, 1, 1]),
        ("first.bias", &[channels]),
    ];
    let tensors = tensors(&[&first, more].concat());
    let model = list.graph("case", &weights(&tensors)).unwrap();
    for size in SIZES {
        let input = picture(size);
        let expected = values(&list, &tensors, &input);
        let expected = &expected[&list.layers.last().unwrap().name];
        let what = format!("{layers} over {channels} channels, {size:?}");
        assert_near(&run(&model, &input), expected, 1e-5, &what);
    }
}

#[test]
fn convolutions() {
    let cases: [(&str, &[usize]); 5] = [
        ("out = 6, kernel = 3, pad = 1", &[6, 4, 3, 3]),
        ("out = 6, kernel = [1, 5], pad = [0, 2]", &[6, 4, 1, 5]),
        ("out = 6, kernel = 3, stride = [2, 3]", &[6, 4, 3, 3]),
        (
            "out = 6, kernel = 3, dilation = 2, pad = [2, 1]",
            &[6, 4, 3, 3],
        ),
        ("out = 6, kernel = 3, groups = 2", &[6, 2, 3, 3]),
    ];
    for (keys, shape) in cases {
        let layer = format!("{{ name = \"c\", kind = \"conv\", {keys} }}");
        check(4, &layer, &[("c.weight", shape), ("c.bias", &[6])]);
        let bare = format!("{{ name = \"c\", kind = \"conv\", bias = false, {keys} }}");
        check(4, &bare, &[("c.weight", shape)]);
    }
}

/// Every way in which windows can overhang: 16 channels take ONNX Runtime's blocked layout, 5 the
/// plain one.
#[test]
fn poolings() {
    let windows = [
        "kernel = 2, stride = 2",
        "kernel = 3, stride = 2",
        "kernel = 3, stride = 2, pad = 1",
        "kernel = 2, stride = 2, pad = 1",
        "kernel = 3, stride = 3, pad = 1",
        "kernel = 3, pad = 1",
        "kernel = 5, stride = 2, pad = 2",
        "kernel = [2, 3], stride = [2, 3], pad = [1, 0]",
        "kernel = 4, stride = 3, pad = 2",
        "kernel = 6",
    ];
    let cases = windows
        .iter()
        .flat_map(|w| [5, 16].map(|channels| (w, channels)));
    for (window, channels) in cases {
        for ceil in [false, true] {
            let pool = |kind: &str, more: &str| {
                let layer =
                    format!("{{ name = \"p\", kind = \"{kind}\", {window}, ceil = {ceil}{more} }}");
                check(channels, &layer, &[]);
            };
            pool("max_pool", "");
            pool("average_pool", "");
            pool("average_pool", ", count_include_pad = true");
        }
    }
    check(
        5,
        "{ name = \"p\", kind = \"max_pool\", kernel = 3, dilation = 2, pad = 1 }",
        &[],
    );
    check(5, "{ name = \"p\", kind = \"global_average_pool\" }", &[]);
}

#[test]
fn activations() {
    for kind in [
        "relu\"",
        "leaky_relu\", slope = 0.3",
        "sigmoid\"",
        "tanh\"",
        "elu\", alpha = 0.7",
        "softmax\"",
    ] {
        check(5, &format!("{{ name = \"a\", kind = \"{kind} }}"), &[]);
    }
    let prelu = "{ name = \"a\", kind = \"prelu\" }";
    check(5, prelu, &[("a.weight", &[5])]);
    check(5, prelu, &[("a.weight", &[1])]);
}

#[test]
fn normalisations() {
    let across =
        "{ name = \"n\", kind = \"lrn_across\", size = 3, alpha = 0.9, beta = 0.75, k = 2 }";
    check(7, across, &[]);
    for size in [1, 3, 5] {
        let within = format!(
            "{{ name = \"n\", kind = \"lrn_within\", size = {size}, alpha = 0.9, beta = 0.75 }}"
        );
        check(5, &within, &[]);
    }
    let norm = "{ name = \"n\", kind = \"batch_norm\", epsilon = 1e-3 }";
    let moments: [(&str, &[usize]); 2] = [("n.running_mean", &[5]), ("n.running_var", &[5])];
    let factors: [(&str, &[usize]); 2] = [("n.weight", &[5]), ("n.bias", &[5])];
    check(5, norm, &moments);
    check(5, norm, &[moments, factors].concat());
    let scale = "{ name = \"n\", kind = \"scale\" }";
    check(5, scale, &factors);
    check(5, scale, &factors[..1]);
}

#[test]
fn layers_read_together() {
    let second = "{ name = \"s\", kind = \"tanh\" }, { name = \"d\", kind = \"dropout\" }, ";
    for (kind, from) in [
        ("concat\"", "[\"first\", \"d\", \"input\"]"),
        ("sum\"", "[\"first\", \"d\"]"),
        (
            "sum\", coefficients = [1, -0.5, 2]",
            "[\"first\", \"d\", \"s\"]",
        ),
        ("product\"", "[\"first\", \"d\"]"),
        ("product\"", "[\"first\", \"d\", \"d\"]"),
        ("product\"", "[\"d\"]"),
        ("maximum\"", "[\"first\", \"d\", \"s\"]"),
    ] {
        check(
            5,
            &format!("{second}{{ name = \"t\", from = {from}, kind = \"{kind} }}"),
            &[],
        );
    }
}

#[test]
fn a_linear_layer_fits_its_size_and_slides_over_larger_ones() {
    let list = list(
        4,
        "{ name = \"l\", kind = \"linear\", out = 6 }, { name = \"m\", kind = \"linear\", out = 2, bias = false }",
    );
    let tensors = tensors(&[
        ("first.weight", &[4, 3, 1, 1]),
        ("first.bias", &[4]),
        ("l.weight", &[6, 4 * 49]),
        ("l.bias", &[6]),
        ("m.weight", &[2, 6]),
    ]);
    let model = list.graph("linear", &weights(&tensors)).unwrap();
    let whole = picture((9, 8));
    let found = run(&model, &whole);
    let (rows, columns) = (3, 2);
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        let part = Map::of([3, 7, 7], |c, y, x| whole.at(c, y + row, x + column));
        let expected = &values(&list, &tensors, &part)["m"];
        let here: Vec<f32> = (0..2)
            .map(|c| found[(c * rows + row) * columns + column])
            .collect();
        assert_near(&here, expected, 1e-5, "linear");
    }
    let mut wrong = tensors.clone();
    wrong.insert(
        "l.weight".to_owned(),
        (vec![6, 4 * 48], vec![0.0; 6 * 4 * 48]),
    );
    let said = list
        .graph("linear", &weights(&wrong))
        .unwrap_err()
        .to_string();
    let expected =
        "tensor `l.weight` has shape [6, 192], but [6, 4 · s · s] for a whole number s is needed";
    assert_eq!(said, expected);
}

/// Two convolutions with a pooling between.
fn two() -> (LayerList, Tensors) {
    let list = list(
        4,
        "{ name = \"p\", kind = \"max_pool\", kernel = 2, stride = 2 }, \
         { name = \"second\", tensors = \"features.3\", kind = \"conv\", out = 5, kernel = 3 }, \
         { name = \"r\", kind = \"relu\" }, \
         { name = \"third\", kind = \"conv\", out = 2, kernel = 1 }",
    );
    let tensors = tensors(&[
        ("first.weight", &[4, 3, 1, 1]),
        ("first.bias", &[4]),
        ("features.3.weight", &[5, 4, 3, 3]),
        ("features.3.bias", &[5]),
        ("third.weight", &[2, 5, 1, 1]),
        ("third.bias", &[2]),
    ]);
    (list, tensors)
}

#[test]
fn extents_stay_open_and_values_bear_the_layers_names() {
    let (list, tensors) = two();
    let graph = list.graph("two", &weights(&tensors)).unwrap().graph;
    let names: Vec<&str> = graph.nodes.iter().map(|n| n.outputs[0].as_str()).collect();
    assert_eq!(names, ["first", "p", "second", "r", "third"]);
    let open = |name: &str| Dim::Named(name.to_owned());
    let expected = [Dim::Fixed(1), Dim::Fixed(3), open("height"), open("width")];
    assert_eq!(graph.inputs[0].shape, expected);
    let constants: Vec<&str> = graph.initializers.keys().map(String::as_str).collect();
    let expected = [
        "first.bias",
        "first.weight",
        "second.bias",
        "second.weight",
        "third.bias",
        "third.weight",
    ];
    assert_eq!(constants, expected);
}

#[test]
fn a_tensor_may_bear_the_layers_own_name() {
    let (list, tensors) = two();
    let expected = list.graph("two", &weights(&tensors)).unwrap();
    let renamed: Tensors = tensors
        .into_iter()
        .map(|(name, tensor)| (name.replace("features.3", "second"), tensor))
        .collect();
    assert_eq!(list.graph("two", &weights(&renamed)).unwrap(), expected);
}

#[test]
fn the_network_ends_where_the_weights_do() {
    let (list, mut tensors) = two();
    let last = |tensors: &Tensors| {
        let graph = list.graph("two", &weights(tensors)).unwrap().graph;
        graph.outputs[0].name.clone()
    };
    tensors.retain(|name, _| !name.starts_with("third"));
    assert_eq!(last(&tensors), "r");
    tensors.retain(|name, _| !name.starts_with("features"));
    assert_eq!(last(&tensors), "p");
    let said = list.graph("two", &Weights::new()).unwrap_err().to_string();
    let expected = "there is no tensor `first.weight` of the list's first layer with weights";
    assert_eq!(said, expected);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let (list, tensors) = two();
    let said = |change: &dyn Fn(&mut Tensors)| {
        let mut changed = tensors.clone();
        change(&mut changed);
        list.graph("two", &weights(&changed))
            .unwrap_err()
            .to_string()
    };
    let without = |name: &'static str| said(&|tensors| drop(tensors.remove(name)));
    assert_eq!(without("first.bias"), "tensor `first.bias` is missing");
    let gap = "tensor `features.3.weight` is missing, but `third.weight` of a later layer is there";
    assert_eq!(without("features.3.weight"), gap);
    let reshaped = |name: &'static str, shape: &'static [usize]| {
        said(&|tensors| {
            let count = shape.iter().product();
            tensors.insert(name.to_owned(), (shape.to_vec(), vec![0.0; count]));
        })
    };
    for (name, shape, needed) in [
        ("features.3.weight", &[5, 3, 3, 3][..], "[5, 4, 3, 3]"),
        ("features.3.weight", &[5, 4, 9][..], "[5, 4, 3, 3]"),
        ("features.3.bias", &[4][..], "[5]"),
        ("third.weight", &[0, 5, 1, 1][..], "[2, 5, 1, 1]"),
    ] {
        let expected = format!("tensor `{name}` has shape {shape:?}, but {needed} is needed");
        assert_eq!(reshaped(name, shape), expected);
    }
    let mut whole = weights(&tensors);
    whole.insert("third.bias".to_owned(), Constant::i64s(vec![1, 2]));
    let said = list.graph("two", &whole).unwrap_err().to_string();
    assert_eq!(
        said,
        "tensor `third.bias` does not hold floating-point numbers"
    );
}

#[test]
fn layers_that_do_not_fit_each_other_are_refused_by_name() {
    let refused = |layers: &str| {
        let list = list(4, layers);
        let tensors = tensors(&[("first.weight", &[4, 3, 1, 1]), ("first.bias", &[4])]);
        let error = list.graph("case", &weights(&tensors)).unwrap_err();
        format!("{:#}", anyhow::Error::from(error))
    };
    for (layers, expected) in [
        (
            "{ name = \"s\", kind = \"sum\", from = [\"first\", \"input\"] }",
            "layer `s` reads [4, 3] channels, but it needs the same number of each",
        ),
        (
            "{ name = \"g\", kind = \"conv\", out = 6, kernel = 1, groups = 3 }",
            "layer `g` reads [4] channels, but it has 3 groups",
        ),
        (
            "{ name = \"first.weight\", kind = \"relu\" }",
            "layer `first.weight` has the name of another value of the graph",
        ),
        (
            "{ name = \"p\", kind = \"max_pool\", kernel = 2, stride = 2 }, \
             { name = \"s\", kind = \"sum\", from = [\"first\", \"p\"] }",
            "put the layers together: node Sum `s`: shapes",
        ),
    ] {
        let said = refused(layers);
        assert!(said.starts_with(expected), "{said}");
    }
}
