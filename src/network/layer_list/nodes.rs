//! The nodes of each kind of layer.

use super::graph::Tensors;
use super::tensors::side;
use super::{LayerListError, LayerOp, LayerSpec, Pair, WindowSpec};
use crate::onnx::{Attribute, Attributes, Builder, Constant, Graph, InferError, Node};

/// A graph to which layers are being added.
pub(super) struct Laying(Builder);

impl Laying {
    /// Returns a graph with nothing but its input.
    pub(super) fn new(name: &str, input: [usize; 4]) -> Self {
        let mut graph = Builder::new(name);
        graph.input(super::INPUT, &input);
        Self(graph)
    }

    /// Returns the graph with the value `output` as its output.
    pub(super) fn finish(mut self, output: &str) -> Graph {
        self.0.output(output);
        self.0.finish()
    }

    /// Adds a layer that reads the values `read`; its own value bears its name.
    pub(super) fn layer(
        &mut self,
        layer: &LayerSpec,
        read: &[&str],
        tensors: &Tensors,
    ) -> Result<(), LayerListError> {
        let name = layer.name.as_str();
        let constants = tensors.keys().map(|suffix| format!("{name}.{suffix}"));
        if [name.to_owned()]
            .into_iter()
            .chain(constants)
            .any(|value| self.0.has(&value))
        {
            return Err(LayerListError::Taken(name.to_owned()));
        }
        self.0.set_prefix(name);
        let (x, y) = (read[0], name);
        match &layer.op {
            LayerOp::Conv { window, groups, .. } => self.conv(name, x, (window, *groups), tensors),
            LayerOp::Linear { .. } => self.linear(name, x, tensors),
            LayerOp::MaxPool { window, ceil } => {
                self.push("MaxPool", [x], y, of_pool(window, *ceil))
            }
            LayerOp::AveragePool {
                window,
                ceil,
                count_include_pad,
            } => self.push(
                "AveragePool",
                [x],
                y,
                of_average(window, *ceil, *count_include_pad),
            ),
            LayerOp::GlobalAveragePool => self.plain("GlobalAveragePool", [x], y),
            LayerOp::Relu => self.plain("Relu", [x], y),
            LayerOp::LeakyRelu { slope } => self.with("LeakyRelu", x, y, [("alpha", *slope)]),
            LayerOp::Prelu => {
                let slope = self.each_channel(name, "weight", tensors);
                self.plain(
                    "PRelu",
                    [Some(x.to_owned()), slope].into_iter().flatten(),
                    y,
                )
            }
            LayerOp::Sigmoid => self.plain("Sigmoid", [x], y),
            LayerOp::Tanh => self.plain("Tanh", [x], y),
            LayerOp::Elu { alpha } => self.with("Elu", x, y, [("alpha", *alpha)]),
            LayerOp::LrnAcross {
                size,
                alpha,
                beta,
                k,
            } => {
                let numbers = [("alpha", *alpha), ("beta", *beta), ("bias", *k)];
                let numbers = numbers.map(|(key, value)| (key.to_owned(), value.into()));
                let size = [("size".to_owned(), signed(*size).into())];
                self.push("LRN", [x], y, numbers.into_iter().chain(size).collect())
            }
            LayerOp::LrnWithin { size, alpha, beta } => {
                self.lrn_within(x, y, *size, [*alpha, *beta])
            }
            LayerOp::BatchNorm { epsilon } => self.batch_norm(name, x, *epsilon, tensors),
            LayerOp::Scale => self.scale(name, x, tensors),
            LayerOp::Concat => {
                let axis = Attributes::from([("axis".to_owned(), 1.into())]);
                self.push("Concat", read.iter().copied(), y, axis)
            }
            LayerOp::Sum { coefficients } => self.sum(read, coefficients, y),
            LayerOp::Product => self.product(read, y),
            LayerOp::Maximum => self.plain("Max", read.iter().copied(), y),
            LayerOp::Dropout { .. } => self.plain("Identity", [x], y),
            LayerOp::Softmax => self.softmax(x, y),
        }
        .map_err(LayerListError::Graph)
    }

    fn conv(
        &mut self,
        name: &str,
        x: &str,
        (window, groups): (&WindowSpec, usize),
        tensors: &Tensors,
    ) -> Result<(), InferError> {
        let kernel = self.tensor(name, "weight", tensors);
        let bias = self.tensor(name, "bias", tensors);
        let mut attributes = of_window(window);
        if groups > 1 {
            attributes.insert("group".to_owned(), signed(groups).into());
        }
        let inputs = [Some(x.to_owned()), kernel, bias];
        self.push("Conv", inputs.into_iter().flatten(), name, attributes)
    }

    /// `weight · flatten(x) + bias` where the picture is as small as the weights allow, and the same
    /// at every place of a larger one.
    fn linear(&mut self, name: &str, x: &str, tensors: &Tensors) -> Result<(), InferError> {
        let channels = self.0.shape(x)[1];
        let kernel = tensors.get("weight").and_then(|weight| {
            let &[out, inputs] = weight.shape() else {
                return None;
            };
            let side = side(inputs, channels)?;
            Constant::new(vec![out, channels, side, side], weight.data().clone())
        });
        let kernel = kernel.map(|kernel| self.named(name, "weight", kernel));
        let bias = self.tensor(name, "bias", tensors);
        let inputs = [Some(x.to_owned()), kernel, bias];
        self.plain("Conv", inputs.into_iter().flatten(), name)
    }

    /// `x / (1 + alpha · mean(x²))^beta`, the mean over a window of the channel with zeros counted.
    fn lrn_within(
        &mut self,
        x: &str,
        y: &str,
        size: usize,
        [alpha, beta]: [f32; 2],
    ) -> Result<(), InferError> {
        let window = WindowSpec {
            kernel: Pair::both(size),
            stride: Pair::both(1),
            pad: Pair::both(size / 2),
            dilation: Pair::both(1),
        };
        let attributes = of_average(&window, false, true);
        let square = self.0.node("Mul", &[x, x], [])?;
        let mean = self.0.fresh("mean");
        self.push("AveragePool", [&square], &mean, attributes)?;
        let (alpha, one) = (self.0.scalar(alpha), self.0.scalar(1.0));
        let sum = self.0.node("Mul", &[&mean, &alpha], [])?;
        let sum = self.0.node("Add", &[&sum, &one], [])?;
        let exponent = self.0.scalar(-beta);
        let factor = self.0.node("Pow", &[&sum, &exponent], [])?;
        self.plain("Mul", [x, &factor], y)
    }

    fn batch_norm(
        &mut self,
        name: &str,
        x: &str,
        epsilon: f32,
        tensors: &Tensors,
    ) -> Result<(), InferError> {
        let channels = self.0.shape(x)[1];
        let mut inputs = vec![x.to_owned()];
        let absent = [("weight", 1.0), ("bias", 0.0)];
        for (suffix, value) in absent
            .into_iter()
            .chain(["running_mean", "running_var"].map(|s| (s, 0.0)))
        {
            let tensor = tensors.get(suffix).cloned().unwrap_or_else(|| {
                Constant::f32s(vec![channels], vec![value; channels])
                    .expect("one number a channel fills the channels")
            });
            inputs.push(self.named(name, suffix, tensor));
        }
        let attributes = Attributes::from([("epsilon".to_owned(), epsilon.into())]);
        self.push("BatchNormalization", inputs, name, attributes)
    }

    fn scale(&mut self, name: &str, x: &str, tensors: &Tensors) -> Result<(), InferError> {
        let weight = self.each_channel(name, "weight", tensors);
        let bias = self.each_channel(name, "bias", tensors);
        let product = match &bias {
            Some(_) => self.0.fresh("product"),
            None => name.to_owned(),
        };
        let inputs = [Some(x.to_owned()), weight].into_iter().flatten();
        self.plain("Mul", inputs, &product)?;
        match bias {
            Some(bias) => self.plain("Add", [product, bias], name),
            None => Ok(()),
        }
    }

    fn sum(&mut self, read: &[&str], coefficients: &[f32], y: &str) -> Result<(), InferError> {
        let mut parts = Vec::with_capacity(read.len());
        for (index, x) in read.iter().enumerate() {
            parts.push(match coefficients.get(index) {
                Some(&coefficient) if coefficient.to_bits() != 1.0_f32.to_bits() => {
                    let factor = self.0.scalar(coefficient);
                    self.0.node("Mul", &[x, &factor], [])?
                }
                _ => (*x).to_owned(),
            });
        }
        self.plain("Sum", parts, y)
    }

    fn product(&mut self, read: &[&str], y: &str) -> Result<(), InferError> {
        let Some((last, rest)) = read[1..].split_last() else {
            return self.plain("Identity", [read[0]], y);
        };
        let mut product = read[0].to_owned();
        for x in rest {
            product = self.0.node("Mul", &[&product, x], [])?;
        }
        self.plain("Mul", [product.as_str(), last], y)
    }

    /// `exp(x − m) / Σ exp(x − m)`, `m` the maximum over the channels, in operators that have a
    /// gradient.
    fn softmax(&mut self, x: &str, y: &str) -> Result<(), InferError> {
        let most = self.0.node("ReduceMax", &[x], [("axes", vec![1].into())])?;
        let below = self.0.node("Sub", &[x, &most], [])?;
        let power = self.0.node("Exp", &[&below], [])?;
        let axes = self.0.ints(&[1]);
        let sum = self.0.node("ReduceSum", &[&power, &axes], [])?;
        self.plain("Div", [&power, &sum], y)
    }

    /// Adds a tensor of the layer, if there is one, and returns its name in the graph.
    fn tensor(&mut self, layer: &str, suffix: &str, tensors: &Tensors) -> Option<String> {
        let tensor = tensors.get(suffix).cloned();
        tensor.map(|tensor| self.named(layer, suffix, tensor))
    }

    /// As [`Laying::tensor`], in a shape that meets a picture's channels.
    fn each_channel(&mut self, layer: &str, suffix: &str, tensors: &Tensors) -> Option<String> {
        let tensor = tensors.get(suffix).and_then(|tensor| {
            let count = tensor.shape().iter().product();
            Constant::new(vec![count, 1, 1], tensor.data().clone())
        });
        tensor.map(|tensor| self.named(layer, suffix, tensor))
    }

    fn named(&mut self, layer: &str, suffix: &str, tensor: Constant) -> String {
        let name = format!("{layer}.{suffix}");
        self.0.named_constant(&name, tensor);
        name
    }

    fn plain(
        &mut self,
        op: &str,
        inputs: impl IntoIterator<Item = impl Into<String>>,
        output: &str,
    ) -> Result<(), InferError> {
        self.push(op, inputs, output, Attributes::new())
    }

    fn with<const N: usize>(
        &mut self,
        op: &str,
        input: &str,
        output: &str,
        numbers: [(&str, f32); N],
    ) -> Result<(), InferError> {
        let numbers = numbers.map(|(key, value)| (key.to_owned(), value.into()));
        self.push(op, [input], output, numbers.into_iter().collect())
    }

    fn push(
        &mut self,
        op: &str,
        inputs: impl IntoIterator<Item = impl Into<String>>,
        output: &str,
        attributes: Attributes,
    ) -> Result<(), InferError> {
        self.0.push(Node {
            name: output.to_owned(),
            op: op.to_owned(),
            domain: String::new(),
            inputs: inputs.into_iter().map(Into::into).collect(),
            outputs: vec![output.to_owned()],
            attributes,
        })
    }
}

/// Returns what differs from the operators' defaults in a convolution's windows.
fn of_window(window: &WindowSpec) -> Attributes {
    let mut attributes = Attributes::new();
    let [above, left] = window.pad.0;
    let lists = [
        ("strides", window.stride.0.to_vec(), 1),
        ("dilations", window.dilation.0.to_vec(), 1),
        ("pads", vec![above, left, above, left], 0),
    ];
    for (key, values, default) in lists {
        if values.iter().any(|&value| value != default) {
            let values: Vec<i64> = values.into_iter().map(signed).collect();
            attributes.insert(key.to_owned(), values.into());
        }
    }
    attributes
}

fn of_pool(window: &WindowSpec, ceil: bool) -> Attributes {
    let mut attributes = of_window(window);
    let kernel: Vec<i64> = window.kernel.0.into_iter().map(signed).collect();
    attributes.insert("kernel_shape".to_owned(), Attribute::Ints(kernel));
    if ceil {
        attributes.insert("ceil_mode".to_owned(), 1.into());
    }
    attributes
}

/// Returns the attributes of an average. ONNX Runtime divides as `PyTorch` and Caffe do: by the places
/// of a window that are on the picture or, where padding counts, on its padding, never by those beyond.
fn of_average(window: &WindowSpec, ceil: bool, padding_counts: bool) -> Attributes {
    let mut attributes = of_pool(window, ceil);
    if padding_counts && window.pad != Pair::default() {
        attributes.insert("count_include_pad".to_owned(), 1.into());
    }
    attributes
}

/// Returns an extent as the format writes it.
fn signed(extent: usize) -> i64 {
    i64::try_from(extent).unwrap_or(i64::MAX)
}
