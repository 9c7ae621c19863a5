//! The graphs of training: one step (loss, gradients, statistics) and one look at held-out crops.
//!
//! Both read the crops as pictures are (`[N, 3, H, W]`, RGB, 0–255) and every learned tensor as an
//! input, so that one session serves all steps. Training normalises by the batch and drops
//! features; the look at held-out crops uses the running statistics and drops nothing.

use super::parameters::{
    HEAD_BIAS, HEAD_WEIGHT, Parameters, bias, mean, scale, shift, variance, weight,
};
use super::plan::{Kind, Plan, PlannedLayer, PoolKind};
use crate::autodiff::winograd::rewrite_varying;
use crate::autodiff::{self, GradientError, Target, write_out_statistics};
use crate::network::layer_list::WindowSpec;
use crate::onnx::{Attribute, Attributes, Builder, Constant, InferError, Model, Node};

/// Input: the crops.
pub(super) const PICTURES: &str = "pictures";
/// Input of a step: what the probabilities of the classes ought to be, `[N, classes]`.
pub(super) const WANTED: &str = "wanted";
/// Input of a step: factors of the head's features, `[N, features]`.
pub(super) const HEAD_MASK: &str = "head.mask";
/// Output: the logarithms of the classes' probabilities, up to a constant, `[N, classes]`.
pub(super) const LOGITS: &str = "logits";
/// Output of a step: mean cross-entropy.
pub(super) const LOSS: &str = "loss";

/// Least variance of a feature: below it the square root would be too steep, and rounding shows.
const LEAST_SPREAD: f32 = 1e-4;

/// Sizes of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Crops in a batch.
    pub(super) batch: usize,
    /// Height and width of a crop.
    pub(super) crop: usize,
    /// Classes to tell apart.
    pub(super) classes: usize,
}

/// Why no graph could be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GraphError {
    /// The layers do not fit the crop, or each other.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// No gradient could be appended.
    #[error(transparent)]
    Gradient(#[from] GradientError),
}

/// A mask that a step wants: name of the input, its shape, and the share that is dropped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mask {
    /// Name of the input.
    pub(super) name: String,
    /// Its shape.
    pub(super) shape: Vec<usize>,
    /// Share of its elements that are 0.
    pub(super) ratio: f32,
}

/// The graph of one step.
#[derive(Debug)]
pub(super) struct StepGraph {
    /// Outputs: [`LOSS`], [`LOGITS`], the gradients of the learned tensors in order, then mean and
    /// variance of each normalised layer in order.
    pub(super) model: Model,
    /// The masks it reads.
    pub(super) masks: Vec<Mask>,
}

/// Returns how many features the head reads.
pub(super) fn features(plan: &Plan, crop: usize) -> Result<usize, GraphError> {
    let mut body = Body::new(plan, "features", 1, crop);
    body.append(Use::Looking)?;
    let features = body.features()?;
    Ok(body.graph.shape(&features)[1])
}

/// Returns the graph of one step.
pub(super) fn step(
    plan: &Plan,
    parameters: &Parameters,
    sizes: Sizes,
    head_dropout: f32,
    target: Target,
) -> Result<StepGraph, GraphError> {
    let mut body = Body::new(plan, "step", sizes.batch, sizes.crop);
    body.append(Use::Training)?;
    let features = body.features()?;
    let Body {
        mut graph,
        mut masks,
        statistics,
        ..
    } = body;
    let shape = graph.shape(&features).to_vec();
    graph.input(HEAD_MASK, &shape);
    masks.push(Mask {
        name: HEAD_MASK.to_owned(),
        shape,
        ratio: head_dropout,
    });
    let kept = graph.node("Mul", &[&features, HEAD_MASK], [])?;
    head(&mut graph, &kept, sizes.classes)?;
    let seed = cross_entropy(&mut graph, sizes)?;
    let wanted: Vec<&str> = parameters
        .learned
        .iter()
        .map(|learned| learned.name.as_str())
        .collect();
    let seeds = [(LOGITS.to_owned(), seed)];
    let gradients = autodiff::backward(&mut graph, &seeds, &wanted, target)?;
    for output in [LOSS, LOGITS] {
        graph.output(output);
    }
    for value in gradients.iter().chain(&statistics) {
        graph.output(value);
    }
    let mut graph = write_out_statistics(graph.finish())?;
    if target == Target::Planar {
        graph = rewrite_varying(graph)?;
    }
    Ok(StepGraph {
        model: Model::new(graph),
        masks,
    })
}

/// Returns the graph that gives [`LOGITS`] by the running statistics.
pub(super) fn look(plan: &Plan, sizes: Sizes) -> Result<Model, GraphError> {
    let mut body = Body::new(plan, "look", sizes.batch, sizes.crop);
    body.append(Use::Looking)?;
    let features = body.features()?;
    head(&mut body.graph, &features, sizes.classes)?;
    body.graph.output(LOGITS);
    Ok(Model::new(body.graph.finish()))
}

/// What a graph is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Training,
    Looking,
}

/// The layers of a plan in a graph under construction.
struct Body<'a> {
    graph: Builder,
    plan: &'a Plan,
    /// What the next layer reads.
    value: String,
    masks: Vec<Mask>,
    statistics: Vec<String>,
}

impl<'a> Body<'a> {
    fn new(plan: &'a Plan, name: &str, batch: usize, crop: usize) -> Self {
        let mut graph = Builder::new(name);
        let value = graph.input(PICTURES, &[batch, 3, crop, crop]);
        Self {
            graph,
            plan,
            value,
            masks: Vec::new(),
            statistics: Vec::new(),
        }
    }

    fn append(&mut self, purpose: Use) -> Result<(), InferError> {
        // As the manifest says it: (v / 255 − 0.5) / 0.25.
        let factor = self.graph.scalar(4.0 / 255.0);
        let middle = self.graph.scalar(2.0);
        let scaled = self.graph.node("Mul", &[&self.value, &factor], [])?;
        self.value = self.graph.node("Sub", &[&scaled, &middle], [])?;
        let plan = self.plan;
        for layer in &plan.layers {
            self.layer(layer, purpose)?;
        }
        Ok(())
    }

    fn layer(&mut self, layer: &PlannedLayer, purpose: Use) -> Result<(), InferError> {
        match layer.kind {
            Kind::Conv {
                out,
                window,
                groups,
                bias,
                norm,
            } => {
                self.convolution(&layer.name, out, &window, groups, bias)?;
                if let Some(epsilon) = norm {
                    self.normalisation(&layer.name, out, epsilon, purpose)?;
                }
            }
            Kind::Activation { slope } => {
                append_activation(&mut self.graph, &self.value, &layer.name, slope)?;
                self.value.clone_from(&layer.name);
            }
            Kind::Pool { window, ceil, over } => {
                append_pool(
                    &mut self.graph,
                    &self.value,
                    &layer.name,
                    &window,
                    ceil,
                    over,
                )?;
                self.value.clone_from(&layer.name);
            }
            Kind::Dropout { ratio } => {
                if purpose == Use::Training {
                    let [batch, channels] = [0, 1].map(|axis| self.graph.shape(&self.value)[axis]);
                    let mask = Mask {
                        name: format!("{}.mask", layer.name),
                        shape: vec![batch, channels, 1, 1],
                        ratio,
                    };
                    self.graph.input(&mask.name, &mask.shape);
                    self.value = self.graph.node("Mul", &[&self.value, &mask.name], [])?;
                    self.masks.push(mask);
                }
            }
        }
        Ok(())
    }

    fn convolution(
        &mut self,
        name: &str,
        out: usize,
        window: &WindowSpec,
        groups: usize,
        has_bias: bool,
    ) -> Result<(), InferError> {
        let channels = self.graph.shape(&self.value)[1];
        let [height, width] = window.kernel.0;
        let weight = self
            .graph
            .input(&weight(name), &[out, channels / groups, height, width]);
        let mut inputs = vec![self.value.clone(), weight];
        if has_bias {
            inputs.push(self.graph.input(&bias(name), &[out]));
        }
        append_convolution(&mut self.graph, &inputs, name, window, groups)?;
        name.clone_into(&mut self.value);
        Ok(())
    }

    fn normalisation(
        &mut self,
        layer: &str,
        channels: usize,
        epsilon: f32,
        purpose: Use,
    ) -> Result<(), InferError> {
        let scale = self.graph.input(&scale(layer), &[channels]);
        let shift = self.graph.input(&shift(layer), &[channels]);
        let normal = format!("{layer}.norm");
        let mut attributes = Attributes::from([("epsilon".to_owned(), epsilon.into())]);
        let mut outputs = vec![normal.clone()];
        let (mean, variance) = (mean(layer), variance(layer));
        let (old_mean, old_variance) = match purpose {
            Use::Training => {
                attributes.insert("training_mode".to_owned(), Attribute::Int(1));
                attributes.insert("momentum".to_owned(), Attribute::Float(0.0));
                outputs.extend([mean.clone(), variance.clone()]);
                self.statistics.extend([mean, variance]);
                // With a momentum of 0, nothing of these is left in what comes out.
                let mut unused = || {
                    let zeros = Constant::f32s(vec![channels], vec![0.0; channels]);
                    self.graph.constant(zeros.expect("one zero a channel"))
                };
                (unused(), unused())
            }
            Use::Looking => (
                self.graph.input(&mean, &[channels]),
                self.graph.input(&variance, &[channels]),
            ),
        };
        self.graph.push(Node {
            name: normal.clone(),
            op: "BatchNormalization".to_owned(),
            inputs: vec![self.value.clone(), scale, shift, old_mean, old_variance],
            outputs,
            attributes,
            ..Node::default()
        })?;
        self.value = normal;
        Ok(())
    }

    /// Appends what the head reads, `[N, features]`: mean and spread of the last value's channels,
    /// and the mean of the channels two poolings before, so that the middle of the network has
    /// something to say of its own.
    fn features(&mut self) -> Result<String, InferError> {
        let last = self.value.clone();
        let mean = self.graph.node("GlobalAveragePool", &[&last], [])?;
        let square = self.graph.node("Mul", &[&last, &last], [])?;
        let power = self.graph.node("GlobalAveragePool", &[&square], [])?;
        let part = self.graph.node("Mul", &[&mean, &mean], [])?;
        let spread = self.graph.node("Sub", &[&power, &part], [])?;
        let least = self.graph.scalar(LEAST_SPREAD);
        let spread = self.graph.node("Max", &[&spread, &least], [])?;
        let spread = self.graph.node("Sqrt", &[&spread], [])?;
        let mut parts = vec![mean, spread];
        if let Some(middle) = middle(self.plan) {
            parts.push(self.graph.node("GlobalAveragePool", &[middle], [])?);
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let joined = self.graph.node("Concat", &parts, [("axis", 1.into())])?;
        let shape: Vec<i64> = self.graph.shape(&joined)[..2]
            .iter()
            .map(|&d| signed(d))
            .collect();
        let shape = self.graph.ints(&shape);
        self.graph.node("Reshape", &[&joined, &shape], [])
    }
}

/// Returns the last activation of the third block from the end, where there are as many.
fn middle(plan: &Plan) -> Option<&str> {
    let blocks = plan.blocks();
    let index = blocks.len().checked_sub(3)?;
    blocks[index].last().copied()
}

/// Appends `logits = features · weightᵀ + bias`.
fn head(graph: &mut Builder, features: &str, classes: usize) -> Result<(), InferError> {
    let width = graph.shape(features)[1];
    graph.input(HEAD_WEIGHT, &[classes, width]);
    graph.input(HEAD_BIAS, &[classes]);
    graph.named_node(
        "Gemm",
        &[features, HEAD_WEIGHT, HEAD_BIAS],
        LOGITS,
        [("transB", 1.into())],
    )
}

/// Appends the mean of `−Σ wanted · ln p` with `p` the softmax of the logits, and returns its
/// gradient with respect to the logits in closed form, `(p − wanted) / N` (the wanted probabilities
/// of a crop add up to 1).
fn cross_entropy(graph: &mut Builder, sizes: Sizes) -> Result<String, InferError> {
    graph.input(WANTED, &[sizes.batch, sizes.classes]);
    let largest = graph.node(
        "ReduceMax",
        &[LOGITS],
        [("axes", vec![1].into()), ("keepdims", 1.into())],
    )?;
    let shifted = graph.node("Sub", &[LOGITS, &largest], [])?;
    let exponential = graph.node("Exp", &[&shifted], [])?;
    let axis = graph.ints(&[1]);
    let total = graph.node(
        "ReduceSum",
        &[&exponential, &axis],
        [("keepdims", 1.into())],
    )?;
    let logarithm = graph.node("Log", &[&total], [])?;
    let logarithm = graph.node("Sub", &[&shifted, &logarithm], [])?;
    let product = graph.node("Mul", &[WANTED, &logarithm], [])?;
    let axes = graph.ints(&[0, 1]);
    let sum = graph.node("ReduceSum", &[&product, &axes], [("keepdims", 0.into())])?;
    let share = one_over(sizes.batch);
    let minus = graph.scalar(-share);
    graph.named_node("Mul", &[&sum, &minus], LOSS, [])?;
    let probability = graph.node("Div", &[&exponential, &total], [])?;
    let difference = graph.node("Sub", &[&probability, WANTED], [])?;
    let share = graph.scalar(share);
    graph.node("Mul", &[&difference, &share], [])
}

/// Appends a convolution of `inputs` (value, kernel, bias if any) under the name of its layer.
pub(super) fn append_convolution(
    graph: &mut Builder,
    inputs: &[String],
    name: &str,
    window: &WindowSpec,
    groups: usize,
) -> Result<(), InferError> {
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let [top, left] = window.pad.0.map(signed);
    graph.named_node(
        "Conv",
        &inputs,
        name,
        [
            ("kernel_shape", window.kernel.0.map(signed).to_vec().into()),
            ("strides", window.stride.0.map(signed).to_vec().into()),
            ("dilations", window.dilation.0.map(signed).to_vec().into()),
            ("pads", vec![top, left, top, left].into()),
            ("group", signed(groups).into()),
        ],
    )
}

/// Appends an activation under the name of its layer.
pub(super) fn append_activation(
    graph: &mut Builder,
    value: &str,
    name: &str,
    slope: f32,
) -> Result<(), InferError> {
    if slope > 0.0 {
        graph.named_node("LeakyRelu", &[value], name, [("alpha", slope.into())])
    } else {
        graph.named_node("Relu", &[value], name, [])
    }
}

/// Appends a pooling under the name of its layer.
pub(super) fn append_pool(
    graph: &mut Builder,
    value: &str,
    name: &str,
    window: &WindowSpec,
    ceil: bool,
    over: PoolKind,
) -> Result<(), InferError> {
    let [top, left] = window.pad.0.map(signed);
    let mut attributes = Attributes::from([
        (
            "kernel_shape".to_owned(),
            window.kernel.0.map(signed).to_vec().into(),
        ),
        (
            "strides".to_owned(),
            window.stride.0.map(signed).to_vec().into(),
        ),
        ("pads".to_owned(), vec![top, left, top, left].into()),
        ("ceil_mode".to_owned(), i64::from(ceil).into()),
    ]);
    let op = match over {
        PoolKind::Max => {
            attributes.insert(
                "dilations".to_owned(),
                window.dilation.0.map(signed).to_vec().into(),
            );
            "MaxPool"
        }
        PoolKind::Average { count_include_pad } => {
            let include = i64::from(count_include_pad);
            attributes.insert("count_include_pad".to_owned(), include.into());
            "AveragePool"
        }
    };
    graph.push(Node {
        name: name.to_owned(),
        op: op.to_owned(),
        inputs: vec![value.to_owned()],
        outputs: vec![name.to_owned()],
        attributes,
        ..Node::default()
    })
}

fn signed(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[allow(clippy::cast_precision_loss, reason = "a batch has few crops")]
fn one_over(count: usize) -> f32 {
    1.0 / count as f32
}
